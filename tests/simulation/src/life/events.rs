//! Every event against the books.

use super::world::{Direction, World};
use bytes::{Buf, Bytes};
use farcall_http2::{
    ConnectionError, Event, Field, Headers, KnownName, Name, PeerMisbehaved, Reason, ResetCause,
    StreamKey,
};
use farcall_testkit::sim::Side;

/// Takes the events of `side`.
pub(crate) fn check(world: &mut World, side: Side) {
    while let Some(event) = world.pair.end(side).next_event() {
        world.tell(side, format_args!("{}", summary(&event)));
        let s = side as usize;
        assert!(!world.closed[s], "after Closed: {event:?}");
        let local = matches!(
            event,
            Event::Reset { .. } | Event::Closed(_) | Event::Writable { .. } | Event::CanOpen
        );
        if !local && !matches!(event, Event::Ready) {
            assert!(world.ready[s], "before Ready: {event:?}");
        }
        match event {
            Event::Ready => assert!(!std::mem::replace(&mut world.ready[s], true), "Ready twice"),
            Event::Headers {
                stream,
                headers,
                trailers,
                end_stream,
                ..
            } => {
                on_headers(world, side, stream, &headers, trailers, end_stream);
            }
            Event::Data {
                stream,
                data,
                end_stream,
            } => on_data(world, side, stream, data, end_stream),
            Event::Reset {
                stream,
                reason,
                cause,
            } => on_reset(world, side, stream, reason, &cause),
            Event::Writable { stream } => {
                let sender = direction(world, side, stream, side);
                assert!(sender.pauses > 0, "Writable without a pause");
                (sender.pauses, sender.blocked) = (sender.pauses - 1, false);
            }
            Event::CanOpen => {
                assert!(world.refusals > 0, "CanOpen without need");
                (world.refusals, world.wants_open) = (world.refusals - 1, false);
            }
            Event::GoAway { .. } => {
                assert!(has_reason_to_end(world), "GOAWAY without a reason");
                world.peer_gone[s] = true;
            }
            Event::Pong { payload } => {
                assert_eq!(
                    world.pings[s].pop_front(),
                    Some(payload),
                    "pongs come in order"
                );
                world.tally.pongs += 1;
            }
            Event::Rejected { id, crime } => {
                assert_eq!(crime, PeerMisbehaved::StreamLimitExceeded);
                assert!(
                    side == Side::Server && world.streams[&id].keys[1].is_none(),
                    "stream {id} was accepted before"
                );
            }
            Event::Closed(error) => on_closed(world, side, &error),
            other => panic!("unknown event {other:?}"),
        }
    }
}

fn summary(event: &Event) -> String {
    match event {
        Event::Data {
            stream,
            data,
            end_stream,
        } => {
            format!(
                "event Data {} on {}, end: {end_stream}",
                data.len(),
                stream.id()
            )
        }
        Event::Headers {
            stream,
            trailers,
            end_stream,
            ..
        } => {
            format!(
                "event Headers on {}, trailers: {trailers}, end: {end_stream}",
                stream.id()
            )
        }
        other => format!("event {other:?}"),
    }
}

/// What `sender` sends on a stream that `side` has an event for; the stream must not be over there.
fn direction(world: &mut World, side: Side, key: StreamKey, sender: Side) -> &mut Direction {
    let stream = world
        .streams
        .get_mut(&key.id())
        .expect("an event for a stream that nobody opened");
    assert_eq!(
        stream.keys[side as usize],
        Some(key),
        "the stream's key has changed"
    );
    assert!(
        stream.is_alive(side),
        "an event for stream {} after its end",
        key.id()
    );
    stream.of(sender)
}

fn on_headers(
    world: &mut World,
    side: Side,
    key: StreamKey,
    headers: &Headers,
    trailers: bool,
    end: bool,
) {
    if side == Side::Server && !trailers {
        let stream = world
            .streams
            .get_mut(&key.id())
            .expect("a request that nobody made");
        assert!(
            stream.keys[1].replace(key).is_none(),
            "a request came twice"
        );
    }
    let sent = direction(world, side, key, side.other());
    assert!(!sent.got_end, "a header list after the end");
    assert_eq!(sent.got_head, trailers, "head and trailers are confused");
    sent.got_head = true;
    let list = if trailers { &sent.trailers } else { &sent.head };
    let list = list.as_ref().expect("a header list that was not sent");
    assert_eq!(
        &flat(headers),
        list,
        "the header list is not the one that was sent"
    );
    if trailers {
        assert!(
            end && sent.under_way.is_empty(),
            "trailers before the end of the data"
        );
    }
    sent.got_end = end;
    if end {
        assert!(
            sent.finished && sent.under_way.is_empty(),
            "an end that was not sent"
        );
        assert!(trailers || sent.trailers.is_none(), "trailers were lost");
        on_end(world, key);
    }
}

fn flat(headers: &Headers) -> Vec<Field> {
    let mut list = Vec::new();
    let pseudo = [
        (KnownName::Method, headers.method.clone()),
        (KnownName::Scheme, headers.scheme.clone()),
        (KnownName::Authority, headers.authority.clone()),
        (KnownName::Path, headers.path.clone()),
        (
            KnownName::Status,
            headers.status.map(|status| status.to_string().into()),
        ),
    ];
    for (name, value) in pseudo {
        list.extend(value.map(|value| Field::new(Name::Known(name), value)));
    }
    list.extend(headers.fields.iter().cloned());
    list
}

fn on_data(world: &mut World, side: Side, key: StreamKey, mut data: Bytes, end: bool) {
    let sent = direction(world, side, key, side.other());
    assert!(
        sent.got_head && !sent.got_end,
        "data before the head or after the end"
    );
    assert!(!data.is_empty() || end, "an event without content");
    let (wish, len) = (sent.reader.on_data(&data), data.len());
    while !data.is_empty() {
        let Some(front) = sent.under_way.front_mut() else {
            panic!("{} bytes more than were sent", data.len())
        };
        let part = front.len().min(data.len());
        assert!(
            front[..part] == data[..part],
            "the data is not what was sent"
        );
        front.advance(part);
        data.advance(part);
        if front.is_empty() {
            sent.under_way.pop_front();
        }
    }
    if end {
        sent.got_end = true;
        assert!(
            sent.finished && sent.under_way.is_empty(),
            "an end that was not sent"
        );
        assert!(sent.trailers.is_none(), "trailers were lost");
    }
    world.tally.bytes += len as u64;
    let now = world.pair.now();
    let connection = &mut world.pair.end(side).connection;
    if wish.release > 0 {
        connection.release(now, key, wish.release);
    }
    if wish.expect > 0 && !end {
        connection.expect(now, key, wish.expect);
    }
    if end {
        on_end(world, key);
    }
}

/// One direction of a stream has arrived whole.
fn on_end(world: &mut World, key: StreamKey) {
    let stream = &world.streams[&key.id()];
    if stream.directions.iter().all(|direction| direction.got_end) {
        world.tally.complete += 1;
    }
}

fn on_reset(world: &mut World, side: Side, key: StreamKey, reason: Reason, cause: &ResetCause) {
    let stream = world
        .streams
        .get_mut(&key.id())
        .expect("a reset of a stream that nobody opened");
    assert_eq!(stream.keys[side as usize], Some(key));
    assert!(stream.is_alive(side), "stream {} has ended twice", key.id());
    stream.told[side as usize] = true;
    let unread = stream.of(side.other()).reader.discard();
    stream.of(side).blocked = false;
    let (by_peer, seen_by_server) = (
        stream.reset_by[side.other() as usize],
        stream.keys[1].is_some(),
    );
    let answered = stream.of(Side::Server).got_end && !stream.of(Side::Client).got_end;
    match cause {
        ResetCause::Peer if by_peer == Some(reason) => world.tally.resets += 1,
        // A server that is done before its client says so (RFC 9113, section 8.1).
        ResetCause::Peer if side == Side::Client && reason == Reason::NO_ERROR && answered => {
            world.tally.early += 1
        }
        ResetCause::Peer
            if side == Side::Client && reason == Reason::REFUSED_STREAM && !seen_by_server =>
        {
            let (limit, guess) = (
                world.plan.server.max_concurrent_streams,
                world.plan.client.initial_max_send_streams,
            );
            assert!(guess > limit, "refused although the limit was kept");
            world.tally.refused += 1;
        }
        ResetCause::GoAway => {
            assert!(
                side == Side::Client && !seen_by_server,
                "a stream that the server knows is not safe to retry"
            );
            let s = Side::Server as usize;
            assert!(
                world.draining[s] || world.shut_down[s] || world.half_open,
                "no GOAWAY was sent"
            );
            world.tally.unprocessed += 1;
        }
        ResetCause::Connection => {
            // In an orderly end the GOAWAY tells of every stream that the server did not look at.
            let orderly = !world.is_broken() && !world.shut_down[Side::Client as usize];
            assert!(
                seen_by_server || !orderly,
                "stream {} was safe to retry",
                key.id()
            );
            assert!(
                has_reason_to_end(world),
                "the connection had no reason to end"
            );
            world.tally.cut += 1;
        }
        other => panic!("nobody reset stream {}: {reason} {other:?}", key.id()),
    }
    let now = world.pair.now();
    world.pair.end(side).connection.release(now, key, unread);
}

pub(crate) fn has_reason_to_end(world: &World) -> bool {
    let told = |sides: [bool; 2]| sides.contains(&true);
    world.is_broken() || told(world.draining) || told(world.shut_down) || told(world.closed)
}

fn on_closed(world: &mut World, side: Side, error: &ConnectionError) {
    assert!(
        has_reason_to_end(world),
        "the connection had no reason to end: {error}"
    );
    assert!(!matches!(error, ConnectionError::Misbehaved(_)), "{error}");
    let late = matches!(
        error,
        ConnectionError::KeepaliveTimeout | ConnectionError::SettingsTimeout
    );
    assert!(!late || world.is_broken(), "{error}");
    world.closed[side as usize] = true;
    let connection = &world.pair.end(side).connection;
    assert!(connection.is_closed());
    assert_eq!(connection.open_streams(), 0);
    for (id, stream) in &world.streams {
        let sends = stream.can_send(side);
        let done = side == Side::Server && stream.directions[1].finished;
        let receives =
            stream.is_alive(side) && !stream.directions[side.other() as usize].got_end && !done;
        assert!(
            !sends && !receives,
            "stream {id} was not told of the end of the connection"
        );
    }
}

impl World {
    /// A command found the stream gone: there must be a reason that the next events will tell, or told just now.
    pub(crate) fn excuse_dead_stream(&mut self, side: Side, id: u32) {
        let stream = &self.streams[&id];
        let by_peer = stream.reset_by[side.other() as usize].is_some();
        let refused = side == Side::Client && stream.keys[1].is_none();
        let answered = side == Side::Client && stream.directions[1].got_end;
        assert!(
            by_peer || refused || answered || has_reason_to_end(self),
            "stream {id} is gone for no reason"
        );
    }
}
