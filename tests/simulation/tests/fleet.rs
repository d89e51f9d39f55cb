//! Several connections at a time.

use farcall_simulation::many;

#[test]
fn no_call_is_executed_twice_and_each_ends_once_however_connections_overtake_each_other() {
    let (retries, failed) = many::fleets(0, 500, 2);
    assert!(
        failed.is_empty(),
        "see cargo xtask simulate --fleet SEED, with each of {failed:?}"
    );
    assert!(retries > 100, "{retries} retries say nothing");
}
