//! A thousand lives. `cargo xtask simulate` lives through more of them.

use farcall_simulation::{many, script::Script};

#[test]
fn every_stream_of_every_seed_ends_once_and_rightly_and_all_windows_add_up() {
    let outcome = many::seeds(0, 1000, 2);
    if let Some(seed) = outcome.failed.first() {
        let script = Script::of_seed(*seed).shrink(many::fails);
        panic!(
            "{} of 1000 seeds failed, {seed} first; replay this with cargo xtask simulate --replay FILE:\n{script}",
            outcome.failed.len()
        );
    }
    // The seeds are worth something only if everything does happen in them.
    assert!(outcome.tally.is_rich(), "{:?}", outcome.tally);
    println!("{:?}", outcome.tally);
}
