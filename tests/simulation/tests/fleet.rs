//! Several connections at a time.

use farcall_simulation::fleet;

#[test]
fn no_call_is_executed_twice_and_each_ends_once_however_connections_overtake_each_other() {
    let mut retries = 0;
    for seed in 0..500 {
        match std::panic::catch_unwind(|| fleet::live(seed)) {
            Ok(more) => retries += more,
            Err(cause) => {
                eprintln!("in seed {seed}");
                std::panic::resume_unwind(cause);
            }
        }
    }
    assert!(retries > 100, "{retries} retries say nothing");
}
