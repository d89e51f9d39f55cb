//! How connections end.

use super::pair::{Pair, pattern, request, response};
use super::raw::{Raw, server_hears};
use crate::{
    ConnectionError, Event, Initiator, OpenError, Part, Reason, ResetCause, frame::MAX_STREAM_ID,
};
use std::time::Duration;

#[test]
fn a_server_drains_in_two_steps_and_loses_no_call() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(true);
    pair.server.machine.drain(pair.now, "maintenance");
    let late = pair.open(true); // crosses the first GOAWAY
    pair.run();
    assert_eq!(pair.server.headers().0.id(), late.id(), "still accepted");
    for _ in 0..2 {
        let Event::GoAway {
            reason: Reason::NO_ERROR,
            debug,
        } = pair.client.event()
        else {
            panic!()
        };
        assert_eq!(debug, "maintenance");
    }
    pair.client.no_event();
    let head = request();
    let refused = pair
        .client
        .machine
        .open(pair.now, &[Part::Fields(&head)], true);
    assert_eq!(refused, Err(OpenError::GoingAway));
    assert!(pair.client.machine.is_draining() && pair.server.machine.is_draining());
    for id in [served.id(), late.id()] {
        let key = pair.server.machine.streams.find(id).unwrap();
        pair.server
            .machine
            .send_headers(pair.now, key, &[Part::Fields(&response())], true)
            .unwrap();
    }
    pair.run();
    assert_eq!(pair.client.headers().0, call);
    assert_eq!(pair.client.headers().0, late);
    let Event::Closed(ConnectionError::GoAway(Reason::NO_ERROR, _)) = pair.client.event() else {
        panic!()
    };
    assert!(matches!(
        pair.server.event(),
        Event::Closed(ConnectionError::Eof(Initiator::Local))
    ));
    assert!(pair.client.machine.is_closed() && pair.server.machine.is_closed());
}

#[test]
fn a_drain_ends_on_a_connection_whose_stream_ids_are_used_up() {
    let mut pair = Pair::new();
    let mut raw = Raw::new();
    raw.request(crate::frame::MAX_STREAM_ID, true);
    pair.server.receive(pair.now, &raw.bytes);
    let (served, _) = pair.server.headers();
    pair.server.machine.drain(pair.now, "");
    pair.pass(Duration::from_secs(10));
    pair.server.machine.handle_timeout(pair.now);
    pair.server.flush(pair.now, usize::MAX);
    pair.server.wire.clear();
    assert!(
        pair.server
            .machine
            .poll_timeout()
            .is_none_or(|at| at > pair.now)
    );
    pair.pass(Duration::from_secs(1));
    pair.server.machine.handle_timeout(pair.now);
    pair.server.flush(pair.now, usize::MAX);
    assert_eq!(
        pair.server.wire.len(),
        0,
        "it has said what there is to say"
    );
    pair.server
        .machine
        .send_headers(pair.now, served, &[Part::Fields(&response())], true)
        .unwrap();
    pair.server.poll(pair.now);
    assert!(pair.server.machine.is_closed());
}

#[test]
fn a_drain_does_not_wait_for_ever_for_the_answer_to_its_ping() {
    let mut pair = Pair::new();
    let (_, served) = pair.opened(true);
    pair.server.machine.drain(pair.now, "");
    pair.server.flush(pair.now, usize::MAX);
    pair.server.wire.clear(); // lost
    pair.pass(Duration::from_secs(10));
    pair.run();
    assert!(matches!(pair.client.event(), Event::GoAway { .. }));
    // The client's next stream is too late now: ignored, and retried elsewhere by the client.
    let mut raw = Raw::new();
    raw.request(served.id() + 2, false)
        .data(served.id() + 2, b"x", true);
    pair.server.receive(pair.now, &raw.bytes);
    pair.server.no_event();
    assert_eq!(pair.server.machine.open_streams(), 1);
    pair.server
        .machine
        .send_headers(pair.now, served, &[Part::Fields(&response())], true)
        .unwrap();
    pair.server.poll(pair.now);
    assert!(matches!(pair.server.event(), Event::Closed(_)));
}

#[test]
fn streams_that_the_server_will_not_look_at_are_given_back() {
    let mut pair = Pair::new();
    let calls: Vec<_> = (0..3).map(|_| pair.open(false)).collect();
    let mut raw = Raw::new();
    raw.goaway(MAX_STREAM_ID).goaway(3);
    pair.client.receive(pair.now, &raw.bytes);
    assert!(matches!(pair.client.event(), Event::GoAway { .. }));
    assert_eq!(
        pair.client.reset(),
        (calls[2], Reason::REFUSED_STREAM, ResetCause::GoAway)
    );
    assert!(matches!(pair.client.event(), Event::GoAway { .. }));
    pair.client.no_event();
    raw.bytes.clear();
    raw.goaway(1);
    pair.client.receive(pair.now, &raw.bytes);
    assert_eq!(
        pair.client.reset(),
        (calls[1], Reason::REFUSED_STREAM, ResetCause::GoAway)
    );
    assert!(matches!(pair.client.event(), Event::GoAway { .. }));
    raw.bytes.clear();
    raw.reset(1);
    pair.client.receive(pair.now, &raw.bytes);
    assert_eq!(pair.client.reset().2, ResetCause::Peer);
    assert!(matches!(
        pair.client.event(),
        Event::Closed(ConnectionError::GoAway(..))
    ));
}

#[test]
fn an_idle_client_ends_at_once_when_the_server_goes() {
    let mut pair = Pair::new();
    pair.server.machine.drain(pair.now, "bye");
    pair.run();
    assert!(matches!(pair.client.event(), Event::GoAway { .. }));
    assert!(matches!(
        pair.client.event(),
        Event::Closed(ConnectionError::GoAway(..))
    ));
}

#[test]
fn a_client_drains_by_finishing_what_it_has() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(true);
    pair.client.machine.drain(pair.now, "done");
    pair.client.machine.drain(pair.now, "done");
    let head = request();
    let refused = pair
        .client
        .machine
        .open(pair.now, &[Part::Fields(&head)], true);
    assert_eq!(refused, Err(OpenError::GoingAway));
    pair.run();
    assert!(matches!(pair.server.event(), Event::GoAway { .. }));
    pair.server
        .machine
        .send_headers(pair.now, served, &[Part::Fields(&response())], true)
        .unwrap();
    pair.run();
    assert_eq!(pair.client.headers().0, call);
    assert!(matches!(
        pair.client.event(),
        Event::Closed(ConnectionError::Eof(Initiator::Local))
    ));
    pair.server.no_event();
    pair.server.machine.handle_eof(pair.now);
    pair.server.poll(pair.now);
    assert!(matches!(
        pair.server.event(),
        Event::Closed(ConnectionError::GoAway(..))
    ));
}

#[test]
fn a_shutdown_resets_what_is_open_on_both_sides() {
    let mut pair = Pair::new();
    let (call, served) = pair.opened(false);
    pair.client
        .machine
        .send_data(pair.now, call, pattern(500_000), true)
        .unwrap();
    pair.client
        .machine
        .shutdown(pair.now, Reason::INTERNAL_ERROR, "enough");
    pair.client.poll(pair.now);
    assert_eq!(
        pair.client.reset(),
        (call, Reason::NO_ERROR, ResetCause::Connection)
    );
    assert!(matches!(
        pair.client.event(),
        Event::Closed(ConnectionError::Eof(Initiator::Local))
    ));
    assert!(pair.client.machine.is_closed());
    pair.run();
    pair.server.body(served);
    let Event::GoAway {
        reason: Reason::INTERNAL_ERROR,
        debug,
    } = pair.server.event()
    else {
        panic!()
    };
    assert_eq!(debug, "enough");
    pair.server.machine.handle_eof(pair.now);
    pair.server.machine.handle_eof(pair.now);
    pair.server.poll(pair.now);
    assert_eq!(
        pair.server.reset(),
        (served, Reason::INTERNAL_ERROR, ResetCause::Connection)
    );
    let error = ConnectionError::GoAway(Reason::INTERNAL_ERROR, "enough".into());
    assert!(matches!(pair.server.event(), Event::Closed(e) if e == error));
    pair.server.no_event();
}

#[test]
fn the_end_of_the_transport_is_reported_once() {
    let mut pair = Pair::new();
    let (call, _) = pair.opened(false);
    pair.client.machine.handle_eof(pair.now);
    assert!(!pair.client.machine.is_closed(), "events are waiting");
    pair.client.poll(pair.now);
    assert_eq!(
        pair.client.reset(),
        (call, Reason::NO_ERROR, ResetCause::Connection)
    );
    assert!(matches!(
        pair.client.event(),
        Event::Closed(ConnectionError::Eof(Initiator::Peer))
    ));
    assert!(pair.client.machine.is_closed());
    assert_eq!(pair.client.machine.poll_timeout(), None);
    pair.client.machine.drain(pair.now, "");
    pair.client.machine.shutdown(pair.now, Reason::NO_ERROR, "");
    pair.client.machine.ping(pair.now, 1);
    pair.client.poll(pair.now);
    pair.client.no_event();
    assert!(!pair.client.machine.wants_write());
}

#[test]
fn goaway_names_the_last_stream_that_was_looked_at() {
    let heard = server_hears(|raw| {
        raw.request(1, true).request(7, true).window_update(0, 0);
    });
    assert_eq!(heard.goaways(), [(7, Reason::PROTOCOL_ERROR)]);
}

#[test]
fn a_last_id_never_rises_in_what_we_send() {
    let mut pair = Pair::new();
    pair.opened(true);
    pair.server.machine.drain(pair.now, "");
    pair.run();
    pair.server.machine.shutdown(pair.now, Reason::NO_ERROR, "");
    let mut raw = Raw::new();
    raw.request(99, true);
    pair.server.receive(pair.now, &raw.bytes);
    pair.run();
    // The client checks it: it would have ended with a crime of the server.
    let crime = pair
        .client
        .events
        .iter()
        .find(|event| matches!(event, Event::Closed(ConnectionError::Misbehaved(_))));
    assert!(crime.is_none());
}

#[test]
fn ids_run_out() {
    let mut pair = Pair::new();
    pair.client.machine.streams.note_opened(MAX_STREAM_ID - 2);
    let last = pair.open(true);
    assert_eq!(last.id(), MAX_STREAM_ID);
    let head = request();
    let error = pair
        .client
        .machine
        .open(pair.now, &[Part::Fields(&head)], true);
    assert_eq!(error, Err(OpenError::GoingAway));
}

#[test]
fn what_is_released_after_the_end_is_not_told_to_the_peer() {
    let mut pair = Pair::with(|_| (), |config| config.receive_budget = 70_000);
    pair.server.auto_release = false;
    let (call, served) = pair.opened(false);
    let body = pattern(60_000);
    pair.client
        .machine
        .send_data(pair.now, call, body, false)
        .unwrap();
    pair.run();
    pair.server
        .machine
        .shutdown(pair.now, Reason::INTERNAL_ERROR, "");
    pair.server.poll(pair.now);
    pair.server.flush(pair.now, usize::MAX);
    pair.server.wire.clear(); // a GOAWAY
    pair.server.machine.release(pair.now, served, 60_000);
    assert!(!pair.server.machine.wants_write());
    assert_eq!(pair.server.machine.windows().unread, 0);
}
