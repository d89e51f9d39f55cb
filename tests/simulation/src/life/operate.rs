//! What the two applications do.

use super::{
    events::has_reason_to_end,
    faults, settle,
    world::{World, payload},
};
use crate::script::{Kind, Step};
use bytes::{BufMut, Bytes, BytesMut};
use farcall_http2::{Field, KnownName, Name, OpenError, Part, Reason, SendError};
use farcall_testkit::{Rng, sim::Side};
use std::{sync::Arc, time::Duration};

/// One step of a script; what it leaves open is drawn from its salt.
pub(crate) fn perform(world: &mut World, step: Step) {
    world.rng = Rng::new(step.salt);
    nibble(world);
    wake_up(world);
    match step.kind {
        Kind::Open => open(world),
        Kind::Message => on_some_stream(world, send_message),
        Kind::Finish => on_some_stream(world, finish),
        Kind::Head => on_some_stream(world, send_head),
        Kind::Reset => reset(world),
        Kind::Ping => ping(world),
        Kind::Stall => stall(world),
        Kind::Settle => settle::pause(world),
        Kind::Drain => {
            let side = world.rng.pick(&Side::BOTH);
            if !world.draining[side as usize] {
                drain(world, side);
            }
        }
        Kind::Shutdown => shutdown(world),
        _ => faults::perform(world, step.kind),
    }
    world.pass_some_time();
}

fn shutdown(world: &mut World) {
    let side = world.rng.pick(&Side::BOTH);
    world.tell(side, "shuts down");
    world.tally.shutdowns += 1;
    world.shut_down[side as usize] = true;
    let instant = world.pair.now();
    let connection = &mut world.pair.end(side).connection;
    connection.shutdown(instant, Reason::INTERNAL_ERROR, "test");
}

pub(crate) fn drain(world: &mut World, side: Side) {
    world.tell(side, "drains");
    world.tally.drains += 1;
    // The machine may be at its end before the event that says so was taken.
    let ending = has_reason_to_end(world);
    world.draining[side as usize] = true;
    let now = world.pair.now();
    let connection = &mut world.pair.end(side).connection;
    connection.drain(now, "test");
    assert!(connection.is_draining() || ending);
}

fn open(world: &mut World) {
    let alive = world.alive(|stream| stream.is_alive(Side::Client)).len();
    if alive >= world.plan.breadth {
        return;
    }
    let path = format!("/pkg.Service/Method{}", world.rng.range(0..5));
    let lead = Arc::new(vec![
        Field::new(KnownName::Method, "POST"),
        Field::new(KnownName::Scheme, "http"),
        Field::new(KnownName::Path, path),
    ]);
    let rest = random_fields(world);
    let end_stream = world.rng.chance(15);
    let now = world.pair.now();
    let head = [Part::Shared(&lead), Part::Fields(&rest)];
    match world.pair.client.connection.open(now, &head, end_stream) {
        Ok(key) => {
            world.tell(
                Side::Client,
                format_args!("opens {}, end: {end_stream}", key.id()),
            );
            world.enter(key, [&lead[..], &rest].concat(), end_stream);
        }
        Err(OpenError::TooManyStreams) => {
            let limit = world
                .plan
                .server
                .max_concurrent_streams
                .min(world.plan.client.initial_max_send_streams);
            assert!(
                alive >= limit as usize,
                "refused with {alive} of {limit} open"
            );
            world.wants_open = true;
            world.refusals += 1;
            world.tally.queued_opens += 1;
        }
        Err(OpenError::GoingAway) => {
            // The machine may know before its event was taken.
            assert!(has_reason_to_end(world), "no reason to refuse");
        }
        Err(other) => panic!("{other}"),
    }
}

fn on_some_stream(world: &mut World, action: fn(&mut World, Side, u32)) {
    let side = world.rng.pick(&Side::BOTH);
    let streams = world.sendable(side);
    if !streams.is_empty() {
        let id = world.rng.pick(&streams);
        action(world, side, id);
    }
}

/// A server's response head, if it is still to be sent.
pub(crate) fn send_head(world: &mut World, side: Side, id: u32) {
    if side == Side::Server && world.streams[&id].directions[1].head.is_none() {
        let mut head = vec![Field::new(KnownName::Status, "200")];
        head.extend(random_fields(world));
        send_list(world, side, id, head, false);
    }
}

/// A message, cut into one to three commands; sometimes the last one.
fn send_message(world: &mut World, side: Side, id: u32) {
    let key = world.streams[&id].keys[side as usize].unwrap();
    let high_water = world.plan.config(side).send_high_water;
    if world.pair.end(side).connection.buffered(key) >= high_water && world.rng.chance(90) {
        return;
    }
    send_head(world, side, id);
    let largest = world.plan.largest_message;
    let len = match world.rng.range(0..20) {
        0..3 => 0,
        3..10 => world.rng.range(1..300),
        10..17 => world.rng.range(1..20_000),
        _ => world.rng.range(1..300_000),
    };
    let body = payload(&mut world.rng, len.min(largest));
    let mut prefix = BytesMut::new();
    prefix.put_u8(0);
    prefix.put_u32(body.len() as u32);
    let last = world.rng.chance(10);
    if world.rng.chance(50) {
        prefix.extend_from_slice(&body);
        send(world, side, id, prefix.freeze(), last);
    } else {
        send(world, side, id, prefix.freeze(), false);
        send(world, side, id, body, last);
    }
}

fn send(world: &mut World, side: Side, id: u32, data: Bytes, end: bool) {
    let now = world.pair.now();
    let stream = world.streams.get_mut(&id).unwrap();
    let key = stream.keys[side as usize].unwrap();
    let connection = &mut world.pair.end(side).connection;
    let result = connection.send_data(now, key, data.clone(), end);
    let (paused, high_water) = (
        connection.buffered(key),
        world.plan.config(side).send_high_water,
    );
    world.tell(
        side,
        format_args!("sends {} on {id}, end: {end}: {result:?}", data.len()),
    );
    match result {
        Ok(()) => {
            let direction = world.streams.get_mut(&id).unwrap().of(side);
            if !data.is_empty() {
                direction.under_way.push_back(data);
            }
            direction.finished |= end;
            if paused >= high_water {
                direction.blocked = true;
                direction.pauses += 1;
                world.tally.pauses += 1;
            }
        }
        // The event that says so is still to be taken.
        Err(SendError::StreamGone) => world.excuse_dead_stream(side, id),
        Err(other) => panic!("{other}"),
    }
}

/// Half-close, last message, or trailers; a server may answer with nothing but trailers.
pub(crate) fn finish(world: &mut World, side: Side, id: u32) {
    match (side, world.rng.range(0..3)) {
        (Side::Client, 0..2) => send(world, side, id, Bytes::new(), true),
        (Side::Server, 0) => {
            send_head(world, side, id);
            if world.streams[&id].can_send(side) {
                send(world, side, id, Bytes::new(), true);
            }
        }
        (Side::Server, _) if world.streams[&id].directions[1].head.is_none() => {
            let mut head = vec![Field::new(KnownName::Status, "200")];
            head.extend(random_fields(world));
            send_list(world, side, id, head, true);
        }
        _ => {
            let trailers = random_fields(world);
            send_list(world, side, id, trailers, true);
        }
    }
}

/// A header list: head or trailers.
fn send_list(world: &mut World, side: Side, id: u32, list: Vec<Field>, end: bool) {
    let now = world.pair.now();
    let key = world.streams[&id].keys[side as usize].unwrap();
    let result =
        world
            .pair
            .end(side)
            .connection
            .send_headers(now, key, &[Part::Fields(&list)], end);
    world.tell(
        side,
        format_args!(
            "sends {} fields on {id}, end: {end}: {result:?}",
            list.len()
        ),
    );
    match result {
        Ok(()) => {
            let direction = world.streams.get_mut(&id).unwrap().of(side);
            let place = if direction.head.is_none() {
                &mut direction.head
            } else {
                &mut direction.trailers
            };
            *place = Some(list);
            direction.finished |= end;
        }
        Err(SendError::StreamGone) => world.excuse_dead_stream(side, id),
        Err(other) => panic!("{other}"),
    }
}

fn reset(world: &mut World) {
    let side = world.rng.pick(&Side::BOTH);
    let streams = world.alive(|stream| stream.is_alive(side));
    if streams.is_empty() {
        return;
    }
    let id = world.rng.pick(&streams);
    let reason = world.rng.pick(&[
        Reason::CANCEL,
        Reason::NO_ERROR,
        Reason::INTERNAL_ERROR,
        Reason(77),
    ]);
    world.tell(side, format_args!("resets {id} with {reason}"));
    let now = world.pair.now();
    let stream = world.streams.get_mut(&id).unwrap();
    stream.reset_by[side as usize] = Some(reason);
    let (key, unread) = (
        stream.keys[side as usize].unwrap(),
        stream.of(side.other()).reader.discard(),
    );
    let connection = &mut world.pair.end(side).connection;
    connection.reset(now, key, reason);
    assert_eq!(connection.buffered(key), 0, "what was buffered is dropped");
    connection.release(now, key, unread);
}

fn ping(world: &mut World) {
    let side = world.rng.pick(&Side::BOTH);
    let now = world.pair.now();
    let payload = world.rng.next_u64();
    if !world.closed[side as usize] {
        world.pings[side as usize].push_back(payload);
        world.pair.end(side).connection.ping(now, payload);
    }
}

/// One side stops reading from its socket, or goes on.
fn stall(world: &mut World) {
    let side = world.rng.pick(&Side::BOTH);
    set_stalled(world, side, world.stalled[side as usize].is_none());
}

pub(crate) fn set_stalled(world: &mut World, side: Side, stalled: bool) {
    world.tell(side, format_args!("stalls: {stalled}"));
    world.stalled[side as usize] = stalled.then(|| world.pair.now());
    world.pair.stall(side, stalled);
}

/// Nobody stalls so long that the other end gives up.
fn wake_up(world: &mut World) {
    let now = world.pair.now();
    for side in Side::BOTH {
        if world.stalled[side as usize].is_some_and(|since| now - since > Duration::from_secs(4)) {
            set_stalled(world, side, false);
        }
    }
}

/// Slow readers take some of what is there.
fn nibble(world: &mut World) {
    let now = world.pair.now();
    for stream in world.streams.values_mut() {
        for side in Side::BOTH {
            let taken = stream.of(side.other()).reader.nibble(&mut world.rng);
            if let Some(key) = stream.keys[side as usize].filter(|_| taken > 0) {
                world.pair.end(side).connection.release(now, key, taken);
            }
        }
    }
}

/// Metadata as users send it: some of it again and again, some of it new, some of it secret.
fn random_fields(world: &mut World) -> Vec<Field> {
    let rng = &mut world.rng;
    (0..rng.range(0..6))
        .map(|_| match rng.range(0..5) {
            0 => Field::new(
                KnownName::Authorization,
                format!("token {}", rng.range(0..3)),
            ),
            1 => Field::new(
                Name::from_static("x-request-id"),
                format!("{:x}", rng.next_u64()),
            ),
            2 => Field::new(KnownName::GrpcStatus, "0"),
            3 => {
                let len = rng.range(0..400);
                let text: String = (0..len)
                    .map(|_| rng.range(0x20..0x7f) as u8 as char)
                    .collect();
                Field::new(Name::from_static("x-long"), text)
            }
            _ => Field::new(Name::from_static("x-tenant"), "a".repeat(rng.range(1..4))),
        })
        .collect()
}
