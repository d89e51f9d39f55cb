//! What holds after every single step.

use super::world::World;
use bytes::Buf;
use farcall_testkit::sim::Side;

/// Output that may wait for the socket: what goes there directly, a frame more, and answers.
const MAX_OUTPUT: usize = 512 << 10;

pub(crate) fn check(world: &mut World) {
    for side in Side::BOTH {
        let (heard, said) = world.pair.end(side).take_record();
        let watch = &mut world.watches[side as usize];
        if !heard.is_empty() {
            watch.hear(&heard);
        }
        if !said.is_empty() {
            watch.say(&said);
        }
        if !world.closed[side as usize] {
            sizes(world, side);
            accounts(world, side);
        }
    }
    // What one end may send and what the other is ready to take differ by what is under way only.
    if world.closed == [false; 2] {
        let windows = Side::BOTH.map(|side| world.pair.end(side).connection.windows());
        assert!(windows[0].send <= windows[1].receive, "{windows:?}");
        assert!(windows[1].send <= windows[0].receive, "{windows:?}");
    }
}

fn sizes(world: &mut World, side: Side) {
    let config = world.plan.config(side).clone();
    let connection = &mut world.pair.end(side).connection;
    let waiting = connection.output().remaining();
    assert!(waiting <= MAX_OUTPUT, "{side:?}: {waiting} bytes of output");
    let unread = connection.windows().unread as usize;
    let room = config
        .receive_budget
        .max(config.initial_connection_window as usize)
        .max(65_535);
    assert!(unread <= room, "{side:?}: {unread} bytes unread");
    if side == Side::Server {
        let open = connection.open_streams();
        assert!(open <= config.max_concurrent_streams as usize);
    }
}

/// The windows are those that the octets on the wire add up to.
fn accounts(world: &mut World, side: Side) {
    let end = world.pair.end(side);
    if end.unparsed() > 0 || !end.connection.output().is_empty() {
        return;
    }
    let watch = &world.watches[side as usize];
    if !watch.is_exact() {
        return;
    }
    let real = end.connection.windows();
    assert_eq!((real.send, real.receive), watch.windows(), "{side:?}");
    let (open, seen) = (end.connection.open_streams(), watch.open_streams());
    assert!(open <= seen, "{side:?}: {open} streams, {seen} were seen");
    world.tally.exact_windows += 1;
}
