//! The end of a life: everybody finishes, then the books are closed.

use super::{faults, operate, world::World};
use farcall_testkit::sim::Side;
use std::time::Duration;

pub(crate) fn finish(world: &mut World) {
    faults::give_up(world);
    for side in Side::BOTH {
        operate::set_stalled(world, side, false);
    }
    // Streams are opened and finished until none is left; requests that arrive late are answered too.
    for _ in 0..50 {
        hurry(world);
        for side in Side::BOTH {
            for id in world.sendable(side) {
                if world.streams[&id].can_send(side) {
                    operate::finish(world, side, id);
                }
            }
        }
        world.run();
        hurry(world);
        world.run();
        if is_over(world) {
            break;
        }
    }
    books(world);
    goodbye(world);
}

/// All readers take everything.
fn hurry(world: &mut World) {
    let now = world.pair.now();
    for stream in world.streams.values_mut() {
        for side in Side::BOTH {
            let unread = stream.of(side.other()).reader.hurry();
            if let Some(key) = stream.keys[side as usize].filter(|_| unread > 0) {
                world.pair.end(side).connection.release(now, key, unread);
            }
        }
    }
}

fn is_over(world: &World) -> bool {
    let over = |side: Side| {
        world.alive(|stream| {
            let [mine, theirs] = [side, side.other()].map(|side| &stream.directions[side as usize]);
            stream.is_alive(side) && !(mine.finished && (theirs.got_end || side == Side::Server))
        })
    };
    Side::BOTH.into_iter().all(|side| over(side).is_empty())
}

/// Every stream has ended, in the books and in the machines; nothing is left over.
fn books(world: &mut World) {
    for (id, stream) in &world.streams {
        for side in Side::BOTH {
            let (i, o) = (side as usize, side.other() as usize);
            // A server that is done does not wait for the rest of the request.
            let done = stream.directions[i].finished
                && (stream.directions[o].got_end || side == Side::Server);
            let ended = stream.told[i] || stream.reset_by[i].is_some() || done;
            let unknown = side == Side::Server && stream.keys[i].is_none();
            assert!(
                ended || unknown,
                "stream {id} has not ended at the {side:?}: {stream:#?}"
            );
            let blocked = stream.directions[i].blocked && stream.is_alive(side);
            assert!(!blocked, "stream {id}: the sender still waits for Writable");
            assert_eq!(stream.directions[o].reader.unread(), 0);
        }
        if let (None, false) = (
            stream.keys[1],
            stream.told[0] || stream.reset_by[0].is_some(),
        ) {
            panic!("stream {id} never reached the server");
        }
    }
    let alive = world.closed == [false; 2];
    for side in Side::BOTH {
        let end = world.pair.end(side);
        assert_eq!(end.connection.open_streams(), 0, "{side:?}");
        assert!(
            !end.connection.wants_write(),
            "{side:?} still has something to say"
        );
        assert!(end.connection.output().is_empty());
        if alive {
            assert_eq!(
                end.unparsed(),
                0,
                "{side:?} has bytes that it does not understand"
            );
            assert!(
                world.pings[side as usize].is_empty(),
                "{side:?} has an unanswered PING"
            );
            assert!(world.ready[side as usize]);
        }
    }
    if alive {
        assert!(!world.wants_open, "CanOpen did not come");
        windows(world);
    }
}

/// What one end may send is what the other is ready to take.
fn windows(world: &mut World) {
    let (client, server) = (
        world.pair.client.connection.windows(),
        world.pair.server.connection.windows(),
    );
    assert_eq!(client.send, server.receive, "client to server");
    assert_eq!(server.send, client.receive, "server to client");
    for (side, windows) in [(Side::Client, client), (Side::Server, server)] {
        assert_eq!(windows.unread, 0, "{side:?}");
        let least = i64::from(
            world
                .plan
                .config(side)
                .initial_connection_window
                .min(65_535),
        ) / 2;
        let room = (world.plan.config(side).receive_budget as i64 / 2).min(least);
        assert!(
            windows.receive >= room,
            "{side:?} keeps back credit: {windows:?}"
        );
    }
    world.tally.settled_windows += 1;
}

/// In the middle of a life, when nothing is under way: the machines know the same streams as the books, and for each of
/// them both ends have the same windows.
pub(crate) fn pause(world: &mut World) {
    if world.stalled.iter().any(Option::is_some) || world.is_broken() {
        return;
    }
    world.run();
    if world.closed != [false; 2] {
        return;
    }
    let mut open = [0; 2];
    for (id, stream) in &world.streams {
        let windows = Side::BOTH.map(|side| {
            stream.keys[side as usize]
                .and_then(|key| world.pair.end(side).connection.stream_windows(key))
        });
        for side in Side::BOTH {
            let (mine, theirs) = (
                &stream.directions[side as usize],
                &stream.directions[side.other() as usize],
            );
            let buffered = stream.keys[side as usize]
                .map_or(0, |key| world.pair.end(side).connection.buffered(key));
            let over = mine.finished && buffered == 0 && (theirs.got_end || side == Side::Server);
            let alive = stream.is_alive(side) && !over;
            assert_eq!(
                windows[side as usize].is_some(),
                alive,
                "stream {id} at the {side:?}"
            );
            open[side as usize] += usize::from(alive);
            if let Some(windows) = windows[side as usize] {
                assert_eq!(
                    windows.unread,
                    theirs.reader.unread() as u64,
                    "stream {id} at the {side:?}"
                );
            }
        }
        if let [Some(client), Some(server)] = windows {
            let (request, response) = (&stream.directions[0], &stream.directions[1]);
            assert!(
                request.got_end || client.send == server.receive,
                "stream {id}: {client:?}, {server:?}"
            );
            assert!(
                response.got_end || server.send == client.receive,
                "stream {id}: {client:?}, {server:?}"
            );
            world.tally.live_windows += 1;
        }
    }
    for side in Side::BOTH {
        assert_eq!(
            world.pair.end(side).connection.open_streams(),
            open[side as usize],
            "{side:?}"
        );
    }
}

/// A graceful end, if there was no other, and nothing after it.
fn goodbye(world: &mut World) {
    if world.closed == [false; 2] {
        let side = world.rng.pick(&Side::BOTH);
        if !world.draining[side as usize] {
            operate::drain(world, side);
        }
        world.run_for(Duration::from_secs(30));
    }
    assert_eq!(world.closed, [true; 2], "both ends are closed");
    world.run_for(Duration::from_secs(100));
    for side in Side::BOTH {
        let connection = &mut world.pair.end(side).connection;
        assert!(
            !connection.wants_write() && connection.poll_timeout().is_none(),
            "{side:?} has not let go"
        );
    }
}
