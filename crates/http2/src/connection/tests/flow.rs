//! Windows: what they hold back, what they never hold back.

use super::pair::{Pair, pattern, response};
use crate::{Event, Part, flow::Window};
use bytes::Bytes;
use std::time::Duration;

#[test]
fn a_message_larger_than_the_window_arrives_when_the_reader_expects_it() {
    let mut pair = Pair::new();
    pair.server.auto_release = false;
    let (call, served) = pair.opened(false);
    let message = pattern(1_000_000);
    pair.client
        .machine
        .send_data(pair.now, call, message.clone(), true)
        .unwrap();
    pair.run();
    let (mut body, _) = pair.server.body(served);
    assert_eq!(body.len(), 65_535, "the window");
    // The reader has looked at the length prefix and holds on to what it has.
    pair.server
        .machine
        .expect(pair.now, served, message.len() - body.len());
    pair.run();
    let (rest, ended) = pair.server.body(served);
    body.extend(rest);
    assert!(body == message && ended);
    pair.server.machine.release(pair.now, served, message.len());
    pair.run();
    pair.assert_windows_add_up();
}

#[test]
fn a_reader_that_does_not_read_stops_its_own_stream_only() {
    let mut pair = Pair::new();
    pair.server.auto_release = false;
    let (slow, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, slow, pattern(1_000_000), false)
        .unwrap();
    pair.run();
    assert_eq!(pair.server.body(served).0.len(), 65_535);
    pair.server.auto_release = true;
    for _ in 0..30 {
        let (call, served) = pair.opened(false);
        pair.client
            .machine
            .send_data(pair.now, call, pattern(200_000), true)
            .unwrap();
        pair.run();
        assert_eq!(pair.server.body(served).0.len(), 200_000);
    }
    assert_eq!(pair.client.machine.buffered(slow), 1_000_000 - 65_535);
}

#[test]
fn unread_data_of_all_streams_stays_within_the_budget_and_release_sets_it_free() {
    let budget = 300_000;
    let mut pair = Pair::with(|_| (), |config| config.receive_budget = budget);
    pair.server.auto_release = false;
    let calls: Vec<_> = (0..20).map(|_| pair.opened(false)).collect();
    for &(call, _) in &calls {
        pair.client
            .machine
            .send_data(pair.now, call, pattern(60_000), true)
            .unwrap();
    }
    pair.run();
    let mut arrived: Vec<_> = calls
        .iter()
        .map(|&(_, served)| pair.server.body(served).0.len())
        .collect();
    let unread: usize = arrived.iter().sum();
    assert!((budget - 70_000..=budget).contains(&unread), "{unread}");
    // The readers wake up; keys may be dead by then.
    for _ in 0..20 {
        for (&(_, served), len) in calls.iter().zip(&mut arrived) {
            pair.server
                .machine
                .release(pair.now, served, std::mem::take(len));
        }
        pair.run();
        for (&(_, served), len) in calls.iter().zip(&mut arrived) {
            *len = pair.server.body(served).0.len();
        }
    }
    assert_eq!(
        (
            pair.client.machine.schedule.has_ready(),
            pair.server.machine.credit.unread()
        ),
        (false, 0)
    );
    assert!(
        calls
            .iter()
            .all(|&(call, _)| pair.client.machine.buffered(call) == 0)
    );
    pair.assert_windows_add_up();
}

#[test]
fn data_of_a_stream_that_was_reset_gives_its_credit_back() {
    let mut pair = Pair::new();
    pair.server.auto_release = false;
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(60_000), false)
        .unwrap();
    pair.run();
    let held = pair.server.body(served).0.len();
    pair.server
        .machine
        .reset(pair.now, served, crate::Reason::CANCEL);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(5_000), true)
        .unwrap(); // crosses
    pair.run();
    assert_eq!(
        pair.server.machine.credit.unread(),
        held as u64,
        "what the reader still holds"
    );
    pair.server.machine.release(pair.now, served, held);
    pair.run();
    pair.assert_windows_add_up();
}

#[test]
fn a_stream_reset_in_the_middle_of_a_frame_settles_the_whole_frame() {
    let mut pair = Pair::new();
    pair.server.auto_release = false;
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(16_000), false)
        .unwrap();
    pair.client.flush(pair.now, usize::MAX);
    let half = pair.client.wire.split_to(9 + 9000);
    pair.server.receive(pair.now, &half);
    assert_eq!(
        pair.server.body(served).0.len(),
        9000,
        "handed on before the frame is whole"
    );
    pair.server
        .machine
        .reset(pair.now, served, crate::Reason::CANCEL);
    pair.run();
    assert_eq!(pair.server.machine.credit.unread(), 9000);
    pair.server.machine.release(pair.now, served, 9000);
    pair.server.no_event();
    pair.assert_windows_add_up();
}

#[test]
fn settings_can_make_a_window_negative_and_the_stream_goes_on_when_it_is_positive_again() {
    let mut pair = Pair::new();
    pair.server.auto_release = false;
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(100_000), true)
        .unwrap();
    pair.run();
    assert_eq!(pair.server.body(served).0.len(), 65_535);
    let mut raw = super::raw::Raw::new();
    raw.settings(&[crate::frame::Setting::InitialWindowSize(0)]);
    pair.client.receive(pair.now, &raw.bytes);
    assert_eq!(window(&mut pair).value(), -65_535);
    raw.bytes.clear();
    raw.window_update(call.id(), 65_535);
    pair.client.receive(pair.now, &raw.bytes);
    pair.client.flush(pair.now, usize::MAX);
    assert_eq!(
        pair.client.machine.buffered(call),
        34_465,
        "a window of zero"
    );
    raw.bytes.clear();
    raw.window_update(call.id(), 1);
    pair.client.receive(pair.now, &raw.bytes);
    assert!(pair.client.machine.wants_write());
    pair.client.flush(pair.now, usize::MAX);
    assert_eq!(pair.client.machine.buffered(call), 34_464);
    raw.bytes.clear();
    raw.settings(&[crate::frame::Setting::InitialWindowSize(100_000)]);
    pair.client.receive(pair.now, &raw.bytes);
    pair.client.flush(pair.now, usize::MAX);
    assert_eq!(pair.client.machine.buffered(call), 0);
}

fn window(pair: &mut Pair) -> Window {
    let (_, stream) = pair.client.machine.streams.iter_mut().next().unwrap();
    stream.window
}

#[test]
fn an_ending_needs_no_window() {
    let mut pair = Pair::new();
    pair.client.auto_release = false;
    let (call, served) = pair.opened(true);
    let machine = &mut pair.server.machine;
    machine
        .send_headers(pair.now, served, &[Part::Fields(&response())], false)
        .unwrap();
    machine
        .send_data(pair.now, served, pattern(65_535), false)
        .unwrap();
    machine
        .send_headers(
            pair.now,
            served,
            &[Part::Fields(&super::pair::trailers())],
            true,
        )
        .unwrap();
    let (_, other) = pair.opened(true);
    let machine = &mut pair.server.machine;
    machine
        .send_headers(pair.now, other, &[Part::Fields(&response())], false)
        .unwrap();
    machine
        .send_data(pair.now, other, Bytes::new(), true)
        .unwrap();
    pair.run();
    assert_eq!(pair.client.body(call).0.len(), 65_535);
    assert_eq!(pair.client.machine.open_streams(), 0);
}

#[test]
fn padding_is_credited_at_once() {
    let mut pair = Pair::new();
    pair.server.auto_release = false;
    let (call, served) = pair.opened(false);
    let mut payload = vec![255, b'x'];
    payload.resize(257, 0);
    let mut raw = super::raw::Raw::new();
    for _ in 0..1000 {
        // Four times the stream's window: only its credit for padding lets this pass.
        raw.frame(
            crate::frame::Kind::DATA,
            crate::frame::flags::PADDED,
            call.id(),
            &payload,
        );
    }
    for piece in raw.bytes.chunks(777) {
        pair.server.receive(pair.now, piece);
    }
    assert_eq!(pair.server.body(served), (vec![b'x'; 1000], false));
    assert_eq!(pair.server.machine.credit.unread(), 1000);
}

#[test]
fn the_connection_window_holds_all_streams_and_lets_them_go_in_turn() {
    let mut pair = Pair::with(
        |_| (),
        |config| {
            (config.initial_connection_window, config.receive_budget) = (65_535, 65_535);
        },
    );
    pair.server.auto_release = false;
    let calls: Vec<_> = (0..3).map(|_| pair.opened(false)).collect();
    for &(call, _) in &calls {
        pair.client
            .machine
            .send_data(pair.now, call, pattern(50_000), true)
            .unwrap();
    }
    pair.run();
    assert!(
        !pair.client.machine.wants_write(),
        "parked streams want nothing"
    );
    let mut total = 0;
    for _ in 0..10 {
        let arrived: Vec<_> = calls
            .iter()
            .map(|&(_, served)| pair.server.body(served).0.len())
            .collect();
        for (&(_, served), len) in calls.iter().zip(arrived) {
            total += len;
            pair.server.machine.release(pair.now, served, len);
        }
        pair.run();
    }
    assert_eq!(total, 150_000);
}

#[test]
fn windows_grow_with_the_path_up_to_the_budget() {
    let mut pair = Pair::with(
        |_| (),
        |config| {
            (config.adaptive_window, config.receive_budget) = (true, 4 << 20);
        },
    );
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, Bytes::from(vec![7; 200 << 20]), true)
        .unwrap();
    // A round trip of 10 ms: each step takes five.
    while pair.step(usize::MAX) {
        pair.now += Duration::from_millis(5);
    }
    assert_eq!(pair.server.body(served).0.len(), 200 << 20);
    assert_eq!(
        pair.server.machine.local.stream_window,
        2 << 20,
        "half of the budget"
    );
    assert!(((2 << 20)..=4 << 20).contains(&pair.server.machine.credit.target()));
    pair.assert_windows_add_up();
}

#[test]
fn small_calls_cost_no_pings_for_bandwidth() {
    let mut pair = Pair::with(
        |config| config.adaptive_window = true,
        |config| config.adaptive_window = true,
    );
    for _ in 0..2000 {
        let (call, served) = pair.opened(false);
        pair.client
            .machine
            .send_data(pair.now, call, pattern(20), true)
            .unwrap();
        pair.run();
        pair.server.body(served);
        pair.server
            .machine
            .send_headers(pair.now, served, &[Part::Fields(&response())], true)
            .unwrap();
        pair.server.machine.fill(pair.now, usize::MAX);
        let output = pair.server.machine.output();
        assert!(bytes::Buf::remaining(output) < 30);
        pair.run();
        assert!(matches!(pair.client.event(), Event::Headers { .. }));
    }
}
