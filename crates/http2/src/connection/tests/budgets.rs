//! Budgets against whole machines: one act too many ends the connection, one less does not.

use super::{
    pair::{Pair, pattern, request, response},
    raw::{GET, Heard, Raw, hear},
};
use crate::{
    Act, Budget, Config, Connection, ConnectionError, Event, Part, PeerMisbehaved, Reason,
    connection::Role::{self, Client, Server},
    frame::{Kind, PREFACE, Setting},
};
use std::time::{Duration, Instant};

type Write = fn(&mut Raw, u32);

/// How the peer of a machine in this role does the act `n` times.
const ACTS: &[(Act, Role, Write)] = &[
    (Act::Reset, Server, |raw, n| {
        for stream in ids(n) {
            raw.request(stream, true).reset(stream);
        }
    }),
    (Act::StreamError, Server, |raw, n| {
        for stream in ids(n) {
            raw.request(stream, true).window_update(stream, 0);
        }
    }),
    (Act::StreamError, Server, |raw, n| {
        for stream in ids(n) {
            raw.request(stream, true)
                .window_update(stream, (1 << 31) - 1);
        }
    }),
    (Act::StreamError, Server, |raw, n| {
        for stream in ids(n) {
            raw.request(stream, true)
                .frame(Kind::PRIORITY, 0, stream, &[0; 4]);
        }
    }),
    (Act::StreamError, Server, |raw, n| {
        for stream in ids(n) {
            let itself = [stream.to_be_bytes().as_slice(), &[0]].concat();
            raw.request(stream, true)
                .frame(Kind::PRIORITY, 0, stream, &itself);
        }
    }),
    (Act::StreamError, Server, |raw, n| {
        for stream in ids(n) {
            raw.request(stream, true)
                .headers(stream, &[("x", "y")], true);
        }
    }),
    (Act::StreamError, Server, |raw, n| {
        for stream in ids(n) {
            raw.request(stream, true).data(stream, b"12345", true);
        }
    }),
    (Act::StreamError, Server, |raw, n| {
        for stream in ids(n) {
            raw.headers(stream, &GET[1..], true);
        }
    }),
    (Act::Refusal, Server, |raw, n| {
        for stream in ids(n + LIMIT) {
            raw.request(stream, true);
        }
    }),
    (Act::Settings, Server, |raw, n| {
        for _ in 1..n {
            raw.settings(&[]); // the first is in the greeting
        }
    }),
    (Act::Settings, Client, |raw, n| {
        for _ in 0..n / 11 {
            raw.settings(&[Setting::Unknown(77, 0); 320]);
        }
    }),
    (Act::Ping, Client, |raw, n| {
        for _ in 0..n {
            raw.ping();
        }
    }),
    (Act::EmptyData, Server, |raw, n| {
        raw.request(1, false);
        for _ in 0..n {
            raw.data(1, b"", false);
        }
    }),
    (Act::EmptyData, Client, |raw, n| {
        raw.headers(1, &[(":status", "200")], false);
        for _ in 0..n {
            raw.frame(Kind::DATA, crate::frame::flags::PADDED, 1, &[2, 0, 0]);
        }
    }),
    (Act::Late, Server, |raw, n| {
        raw.request(1, true).window_update(1, 0);
        for _ in 0..n + 16 {
            raw.headers(1, &[("x", "y")], true);
        }
    }),
    (Act::GoAway, Client, |raw, n| {
        for _ in 0..n {
            raw.goaway(3);
        }
    }),
    (Act::GoAway, Server, |raw, n| {
        for _ in 0..n {
            raw.goaway(0);
        }
    }),
    (Act::Idle, Server, |raw, n| {
        for _ in 0..n {
            raw.frame(Kind(0x42), 0, 0, b"");
        }
    }),
    (Act::Idle, Server, |raw, n| {
        for _ in 0..n {
            raw.frame(Kind::PRIORITY, 0, 1, &[0, 0, 0, 3, 9]);
        }
    }),
    (Act::Idle, Server, |raw, n| {
        for _ in 0..n {
            raw.window_update(0, 1);
        }
    }),
];

/// Streams that a server of these tests allows.
const LIMIT: u32 = 4000;

fn ids(count: u32) -> impl Iterator<Item = u32> {
    (1..).step_by(2).take(count as usize)
}

fn config() -> Config {
    Config {
        max_concurrent_streams: LIMIT,
        max_unread_replies: u32::MAX, // these machines never flush
        ..Config::default()
    }
}

fn heard(role: Role, config: Config, write: impl FnOnce(&mut Raw)) -> Heard {
    let mut raw = Raw::greeting(role == Server);
    write(&mut raw);
    let now = Instant::now();
    match role {
        Server => hear(Connection::server(config, now), &raw.bytes, 0),
        Client => {
            let mut machine = Connection::client(config, now);
            for _ in 0..2 {
                machine
                    .open(now, &[Part::Fields(&request())], false)
                    .unwrap();
            }
            hear(machine, &raw.bytes, PREFACE.len())
        }
    }
}

fn end_of(heard: &Heard) -> Option<PeerMisbehaved> {
    match heard.events.last() {
        Some(Event::Closed(ConnectionError::Misbehaved(crime))) => Some(*crime),
        _ => None,
    }
}

/// What work (the greeting's requests) earns on the way is in the reach of this.
const SLACK: u32 = 10;

#[test]
fn one_act_too_many_ends_the_connection_and_one_less_does_not() {
    for (case, &(act, role, write)) in ACTS.iter().enumerate() {
        let burst = Config::default().budgets.of(act).burst;
        let after = |n| heard(role, config(), |raw| write(raw, n));
        let fine = after(burst);
        assert_eq!(end_of(&fine), None, "case {case}: {act:?}");
        assert!(
            u64::from(burst) <= fine.machine.counted(act),
            "case {case}: {act:?}"
        );
        let ended = after(burst + SLACK);
        assert_eq!(end_of(&ended), Some(act.crime()), "case {case}: {act:?}");
        let (_, reason) = *ended.goaways().last().unwrap();
        assert_eq!(reason, Reason::ENHANCE_YOUR_CALM, "case {case}: {act:?}");
        let text = &ended.frames.last().unwrap().3[8..];
        let named = act.crime().sentence().as_bytes();
        assert!(
            text == named || act == Act::Ping && text == b"too_many_pings",
            "case {case}: the debug text names the limit"
        );
    }
}

#[test]
fn a_budget_can_be_set() {
    let mut config = config();
    let (burst, per_second) = (3, 0);
    config.budgets.set(Act::Idle, Budget { burst, per_second });
    for (count, end) in [(3, None), (4, Some(PeerMisbehaved::TooManyIdleFrames))] {
        let heard = heard(Server, config.clone(), |raw| {
            for _ in 0..count {
                raw.frame(Kind(0x42), 0, 0, b"");
            }
        });
        assert_eq!(end_of(&heard), end);
    }
}

#[test]
fn tiny_data_has_a_budget_and_the_smallest_messages_have_none() {
    let upload = |piece: &'static [u8]| {
        heard(Server, config(), |raw| {
            raw.request(1, false);
            for _ in 0..12_000 {
                raw.data(1, piece, false);
            }
        })
    };
    assert_eq!(
        end_of(&upload(b"1234")),
        Some(PeerMisbehaved::TooManyTinyFrames)
    );
    let messages = upload(b"12345"); // an empty message of gRPC's
    assert_eq!(end_of(&messages), None);
    assert_eq!(messages.machine.counted(Act::TinyData), 0);
}

#[test]
fn interim_responses_without_end_do_not_earn_what_they_cost() {
    let heard = heard(Client, config(), |raw| {
        for _ in 0..11_000 {
            raw.headers(1, &[(":status", "103")], false);
        }
    });
    assert_eq!(end_of(&heard), Some(PeerMisbehaved::TooManyIdleFrames));
}

#[test]
fn requests_after_the_last_goaway_do_not_earn_what_they_cost() {
    let mut pair = Pair::new();
    let (_open, _) = pair.opened(false);
    pair.server.machine.drain(pair.now, "bye");
    pair.run();
    let mut raw = Raw::new();
    for stream in ids(11_000).skip(10) {
        raw.request(stream, true);
    }
    pair.server.receive(pair.now, &raw.bytes);
    let crime = PeerMisbehaved::TooManyIdleFrames;
    let error = ConnectionError::Misbehaved(crime);
    assert!(matches!(pair.server.events.back(), Some(Event::Closed(e)) if *e == error));
}

/// A server whose handlers are slow, in a second of which `count` requests are refused by its driver.
fn refused_by_the_driver(count: usize) -> Option<Event> {
    let mut pair = Pair::new();
    for _ in 0..count {
        let (_, served) = pair.opened(true);
        let machine = &mut pair.server.machine;
        machine.reset(pair.now, served, Reason::REFUSED_STREAM);
        pair.run();
        pair.client.events.clear();
    }
    pair.server.poll(pair.now);
    pair.server.events.pop_back()
}

#[test]
fn requests_that_the_driver_has_no_room_for_are_counted_too() {
    assert!(refused_by_the_driver(10_000).is_none());
    let crime = PeerMisbehaved::TooManyRefusals;
    let error = ConnectionError::Misbehaved(crime);
    let end = refused_by_the_driver(10_001);
    assert!(
        matches!(&end, Some(Event::Closed(e)) if *e == error),
        "{end:?}"
    );
}

#[test]
fn header_lists_of_open_requests_have_a_limit_together_and_give_room_back() {
    let mut pair = Pair::with(|_| (), |config| config.header_budget = 1000);
    let size: usize = request().iter().map(crate::Field::size).sum();
    let fits = 1000 / size;
    let calls: Vec<_> = (0..=fits).map(|_| pair.open(true)).collect();
    pair.run();
    assert_eq!(pair.server.machine.open_streams(), fits);
    let crime = PeerMisbehaved::HeaderMemoryExceeded;
    assert!(
        matches!(pair.server.events.back(), Some(Event::Rejected { crime: c, .. }) if *c == crime)
    );
    let (refused, reason, _) = pair.client.reset();
    assert_eq!(
        (refused, reason),
        (calls[fits], Reason::REFUSED_STREAM),
        "safe to try again"
    );
    pair.client
        .machine
        .reset(pair.now, calls[0], Reason::CANCEL);
    pair.open(true);
    pair.run();
    assert_eq!(pair.server.machine.open_streams(), fits);
}

/// A server that holds 100,000 bytes for a client that reads none of them.
fn unread(pair: &mut Pair) {
    let (_, served) = pair.opened(true);
    let machine = &mut pair.server.machine;
    machine
        .send_headers(pair.now, served, &[Part::Fields(&response())], false)
        .unwrap();
    machine
        .send_data(pair.now, served, pattern(100_000), true)
        .unwrap();
    pair.run();
}

fn slow_reader() -> Pair {
    Pair::with(
        |config| config.initial_stream_window = 1000,
        |config| config.send_budget = 150_000,
    )
}

#[test]
fn a_client_that_reads_nothing_gets_no_more_than_the_send_budget_and_one_response() {
    let mut pair = slow_reader();
    pair.client.auto_release = false;
    unread(&mut pair);
    unread(&mut pair);
    pair.open(true);
    pair.run();
    let crime = PeerMisbehaved::BacklogExceeded;
    assert!(
        matches!(pair.server.events.back(), Some(Event::Rejected { crime: c, .. }) if *c == crime)
    );
    let timeout = pair.server.machine.poll_timeout().unwrap();
    assert_eq!(timeout, pair.now + Duration::from_secs(60));
    pair.pass(Duration::from_secs(60));
    let crime = PeerMisbehaved::ResponsesUnread;
    let error = ConnectionError::Misbehaved(crime);
    assert!(matches!(pair.server.events.back(), Some(Event::Closed(e)) if *e == error));
}

#[test]
fn a_client_that_is_slow_but_reads_keeps_its_connection() {
    let mut pair = slow_reader();
    pair.client.auto_release = false;
    unread(&mut pair);
    unread(&mut pair);
    for _ in 0..10 {
        let mut windows = Raw::new();
        windows.window_update(1, 8000).window_update(3, 8000);
        pair.pass(Duration::from_secs(20));
        pair.server.receive(pair.now, &windows.bytes);
        pair.run();
    }
    pair.pass(Duration::from_secs(600));
    assert!(!pair.server.machine.is_closed());
    assert!(pair.open_and_served());
}

#[test]
fn a_slow_reader_below_the_send_budget_may_be_slow_for_ever() {
    let mut pair = slow_reader();
    pair.client.auto_release = false;
    unread(&mut pair);
    assert_eq!(pair.server.machine.poll_timeout(), None);
    pair.pass(Duration::from_secs(100_000));
    assert!(pair.open_and_served());
}

impl Pair {
    /// Whether one more request gets through.
    fn open_and_served(&mut self) -> bool {
        self.open(true);
        self.run();
        matches!(self.server.events.back(), Some(Event::Headers { .. }))
    }
}

/// A server that has 100,000 bytes for a client that opens its window byte by byte, `count` times.
fn dribbled(count: usize, earned: bool) -> Pair {
    let mut pair = Pair::with(|config| config.initial_stream_window = 0, |_| ());
    pair.client.auto_release = false;
    unread(&mut pair);
    for _ in 0..count {
        let mut raw = Raw::new();
        raw.window_update(1, 1);
        pair.server.receive(pair.now, &raw.bytes);
        pair.server.flush(pair.now, 1000);
        if earned {
            pair.server.machine.abuse.note_received();
        }
    }
    pair.server.poll(pair.now);
    pair
}

#[test]
fn a_window_that_opens_byte_by_byte_has_a_budget() {
    let crime = PeerMisbehaved::TooManyDribbles;
    let error = ConnectionError::Misbehaved(crime);
    for (count, earned, ends) in [
        (1000, false, false),
        (1010, false, true),
        (3000, true, false),
    ] {
        let pair = dribbled(count, earned);
        let end = pair.server.events.back();
        let ended = matches!(end, Some(Event::Closed(e)) if *e == error);
        assert_eq!(ended, ends, "{count}: {end:?}");
    }
}

#[test]
fn a_header_block_must_be_finished_in_time() {
    for (late, crime) in [
        (false, None),
        (true, Some(PeerMisbehaved::HeaderBlockTooSlow)),
    ] {
        let mut pair = Pair::new();
        let mut raw = Raw::new();
        let block = raw.block(&GET);
        raw.frame(Kind::HEADERS, 0, 1, &block);
        pair.server.receive(pair.now, &raw.bytes);
        let due = pair.server.machine.poll_timeout().unwrap();
        assert_eq!(due, pair.now + Duration::from_secs(20));
        if late {
            pair.pass(Duration::from_secs(20));
        } else {
            let mut raw = Raw::new();
            raw.frame(Kind::CONTINUATION, crate::frame::flags::END_HEADERS, 1, &[]);
            pair.server.receive(pair.now, &raw.bytes);
            pair.pass(Duration::from_secs(200));
        }
        let end = pair.server.events.iter().find_map(|event| match event {
            Event::Closed(ConnectionError::Misbehaved(crime)) => Some(*crime),
            _ => None,
        });
        assert_eq!(end, crime);
    }
}

#[test]
fn small_continuations_cost_and_large_ones_do_not() {
    for (len, cost) in [(0, 10), (1023, 10), (1024, 0)] {
        let heard = heard(Server, config(), |raw| {
            let block = vec![0x82; len]; // far too many fields, but the block is allowed
            raw.frame(Kind::HEADERS, 0, 1, &GET_START);
            for _ in 0..10 {
                raw.frame(Kind::CONTINUATION, 0, 1, &block);
            }
            raw.frame(Kind::CONTINUATION, crate::frame::flags::END_HEADERS, 1, &[]);
        });
        assert_eq!(end_of(&heard), None);
        assert_eq!(heard.machine.counted(Act::Idle), cost, "{len}");
    }
}

#[test]
fn as_many_continuations_are_taken_as_the_limit_says() {
    // 16, and one for each 4 KiB of the 16 KiB that are accepted.
    for (pieces, end) in [(20, None), (21, Some(PeerMisbehaved::TooManyContinuations))] {
        let heard = heard(Server, Config::default(), |raw| {
            raw.frame(Kind::HEADERS, 0, 1, &GET_START);
            for _ in 1..pieces {
                raw.frame(Kind::CONTINUATION, 0, 1, &[]);
            }
            raw.frame(Kind::CONTINUATION, crate::frame::flags::END_HEADERS, 1, &[]);
        });
        assert_eq!(end_of(&heard), end, "{pieces}");
    }
}

#[test]
fn no_duration_is_too_long() {
    let mut config = Config {
        keepalive_interval: Some(Duration::MAX),
        keepalive_timeout: Duration::MAX,
        keepalive_without_streams: true,
        settings_timeout: Duration::MAX,
        stuck_timeout: Duration::MAX,
        header_block_timeout: Duration::MAX,
        ..Config::default()
    };
    config.send_budget = 1;
    let mut heard = heard(Server, config, |raw| {
        raw.frame(Kind::HEADERS, 0, 1, &GET_START);
    });
    heard.machine.drain(Instant::now(), "");
    assert!(heard.machine.poll_timeout().is_some());
    assert_eq!(end_of(&heard), None);
}

const GET_START: [u8; 3] = [0x82, 0x86, 0x84];

#[test]
fn reading_pauses_while_replies_lie_unread_and_goes_on_when_they_are_written() {
    for role in [Client, Server] {
        let patient = |config: &mut Config| {
            let (burst, per_second) = (10_000, 0);
            config.budgets.set(Act::Ping, Budget { burst, per_second });
            config.min_ping_interval = Duration::ZERO;
            config.allow_pings_without_streams = true;
        };
        let mut pair = Pair::with(patient, patient);
        let end = match role {
            Client => &mut pair.client,
            Server => &mut pair.server,
        };
        let mut raw = Raw::new();
        for _ in 0..490 {
            raw.ping();
        }
        end.receive(pair.now, &raw.bytes);
        assert!(!end.machine.reads_paused(), "{role:?}");
        for _ in 0..10 {
            raw.settings(&[]);
        }
        end.receive(pair.now, &raw.bytes[490 * 17..]);
        let mut raw = Raw::new();
        raw.ping();
        end.receive(pair.now, &raw.bytes);
        assert!(end.machine.reads_paused(), "{role:?}");
        end.flush(pair.now, usize::MAX);
        assert!(!end.machine.reads_paused(), "{role:?}");
    }
}

#[test]
fn reading_pauses_while_a_budget_is_almost_spent_and_goes_on_with_time() {
    let mut pair = Pair::new();
    let mut raw = Raw::new();
    for _ in pair.server.machine.counted(Act::Idle)..5000 {
        raw.frame(Kind(0x42), 0, 0, b"");
    }
    pair.server.receive(pair.now, &raw.bytes);
    assert!(!pair.server.machine.reads_paused());
    let mut raw = Raw::new();
    for _ in 0..20 {
        raw.frame(Kind(0x42), 0, 0, b"");
    }
    pair.server.receive(pair.now, &raw.bytes);
    assert!(pair.server.machine.reads_paused());
    let pause = pair.server.machine.poll_timeout().unwrap() - pair.now;
    assert_eq!(pause, Duration::from_millis(20));
    pair.pass(pause);
    assert!(!pair.server.machine.reads_paused());
    assert_eq!(pair.server.machine.poll_timeout(), None);
}

#[test]
fn a_server_reads_no_more_while_its_output_is_unread_and_a_client_does() {
    let mut pair = Pair::with(
        |config| config.max_unread_output = 1000,
        |config| config.max_unread_output = 1000,
    );
    let calls: Vec<_> = (0..50).map(|_| pair.open(true)).collect();
    assert!(!pair.client.machine.reads_paused(), "its own doing");
    pair.run();
    for call in calls {
        let served = pair.server.machine.streams.find(call.id()).unwrap();
        let list = [crate::Field::new(crate::KnownName::Status, "200")];
        let machine = &mut pair.server.machine;
        machine
            .send_headers(pair.now, served, &[Part::Fields(&list)], false)
            .unwrap();
        machine
            .send_data(pair.now, served, pattern(100), true)
            .unwrap();
    }
    assert!(pair.server.machine.reads_paused());
    pair.run();
    assert!(!pair.server.machine.reads_paused());
}

#[test]
fn keepalive_pings_beyond_what_the_server_allows_end_with_the_words_that_clients_know() {
    let every = |interval: u64, streams: bool, permit: bool, count: usize| {
        let mut pair = Pair::with(|_| (), |config| config.allow_pings_without_streams = permit);
        if streams {
            pair.opened(true);
        }
        for payload in 0..count as u64 {
            pair.client.machine.ping(pair.now, payload);
            pair.run();
            pair.now += Duration::from_secs(interval);
        }
        pair.client.events.iter().any(|event| {
            matches!(event, Event::GoAway { reason: Reason::ENHANCE_YOUR_CALM, debug } if debug == "too_many_pings")
        })
    };
    assert!(!every(10, true, false, 3), "two strikes are forgiven");
    assert!(every(10, true, false, 4));
    assert!(!every(300, true, false, 1000), "5 minutes are allowed");
    assert!(every(300, false, false, 4), "not without calls");
    assert!(!every(300, false, true, 1000), "unless permitted");
    assert!(!every(7200, false, false, 100));
}
