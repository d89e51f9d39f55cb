//! Calls over several connections at a time. What a GOAWAY or a refusal gives back goes out again on another connection, while
//! octets of the first are still on their way: whatever overtakes what, no call is executed twice, and each ends once.

use farcall_http2::{
    Config, Event, Field, KnownName, Name, OpenError, Part, Reason, ResetCause, StreamKey,
};
use farcall_testkit::{
    Rng,
    sim::{NetConfig, Pair, Side},
};
use std::{collections::HashMap, time::Duration};

/// How a call ended, for its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Answered,
    /// Nobody knows whether it was executed.
    Failed,
}

#[derive(Debug, Default)]
struct Call {
    executed: u32,
    end: Option<End>,
}

struct Line {
    pair: Pair,
    /// The call of each stream.
    calls: HashMap<u32, usize>,
    /// Requests that were not answered.
    pending: Vec<StreamKey>,
    takes_calls: bool,
    closed: bool,
}

struct Fleet {
    rng: Rng,
    lines: Vec<Line>,
    calls: Vec<Call>,
    again: Vec<usize>,
    /// Attempts after the first.
    retries: usize,
}

/// Lives through a seed; how many calls went out a second time.
///
/// # Panics
/// Something does not hold that must.
pub fn live(seed: u64) -> usize {
    let mut fleet = Fleet {
        rng: Rng::new(seed),
        lines: Vec::new(),
        calls: Vec::new(),
        again: Vec::new(),
        retries: 0,
    };
    for _ in 0..fleet.rng.range(50..200) {
        fleet.operate();
        fleet.hear();
    }
    fleet.finish();
    fleet.retries
}

impl Fleet {
    fn operate(&mut self) {
        let open = self.lines.iter().filter(|line| line.takes_calls).count();
        if open < 2 {
            return self.connect();
        }
        let at = self.rng.range(0..self.lines.len());
        match self.rng.range(0..100) {
            0..40 => self.call(at),
            40..80 => {
                let steps = self.rng.range(1..40);
                let line = &mut self.lines[at];
                for _ in 0..steps {
                    if !line.pair.step() {
                        let soon = line.pair.now() + Duration::from_millis(5);
                        line.pair.wait(soon);
                    }
                }
            }
            80..92 => self.answer(at),
            92..97 => {
                let line = &mut self.lines[at];
                let now = line.pair.now();
                line.pair.server.connection.drain(now, "test");
            }
            97 => {
                let line = &mut self.lines[at];
                let now = line.pair.now();
                let server = &mut line.pair.server.connection;
                server.shutdown(now, Reason::NO_ERROR, "test");
            }
            98 => {
                let (side, bytes) = (self.rng.pick(&Side::BOTH), self.rng.range(0..2000));
                self.lines[at].pair.cut(side, bytes);
            }
            _ => self.lines[at].pair.lose_connection(),
        }
    }

    fn connect(&mut self) {
        let mut server = Config::default();
        server.max_concurrent_streams = self.rng.pick(&[1, 5, 1000]);
        let net = NetConfig {
            delay: Duration::from_micros(self.rng.pick(&[0, 100, 5000])),
            ..NetConfig::default()
        };
        self.lines.push(Line {
            pair: Pair::new(self.rng.next_u64(), net, Config::default(), server),
            calls: HashMap::new(),
            pending: Vec::new(),
            takes_calls: true,
            closed: false,
        });
    }

    /// A call that was given back, or a new one.
    fn call(&mut self, at: usize) {
        if !self.lines[at].takes_calls {
            return;
        }
        let retried = self.again.pop();
        let call = retried.unwrap_or_else(|| {
            self.calls.push(Call::default());
            self.calls.len() - 1
        });
        let head = [
            Field::new(KnownName::Method, "POST"),
            Field::new(KnownName::Scheme, "http"),
            Field::new(KnownName::Path, "/p.S/M"),
            Field::new(Name::from_static("x-call"), call.to_string()),
        ];
        let line = &mut self.lines[at];
        let now = line.pair.now();
        match line
            .pair
            .client
            .connection
            .open(now, &[Part::Fields(&head)], true)
        {
            Ok(key) => {
                line.calls.insert(key.id(), call);
                self.retries += usize::from(retried.is_some());
            }
            Err(error) => {
                line.takes_calls &= error == OpenError::TooManyStreams;
                self.again.push(call);
            }
        }
    }

    fn answer(&mut self, at: usize) {
        let line = &mut self.lines[at];
        let now = line.pair.now();
        for key in std::mem::take(&mut line.pending) {
            let head = [Field::new(KnownName::Status, "200")];
            // The stream may be gone with its connection.
            let server = &mut line.pair.server.connection;
            let _ = server.send_headers(now, key, &[Part::Fields(&head)], true);
        }
    }

    fn hear(&mut self) {
        for at in 0..self.lines.len() {
            while let Some(event) = self.lines[at].pair.server.next_event() {
                self.on_server_event(at, event);
            }
            while let Some(event) = self.lines[at].pair.client.next_event() {
                self.on_client_event(at, event);
            }
        }
    }

    fn on_server_event(&mut self, at: usize, event: Event) {
        if let Event::Headers {
            stream, headers, ..
        } = event
        {
            let field = headers
                .fields
                .iter()
                .find(|field| field.name.as_bytes() == b"x-call");
            let text = field.map(|field| String::from_utf8_lossy(&field.value).into_owned());
            let call: usize = text
                .and_then(|text| text.parse().ok())
                .expect("a call's number");
            self.calls[call].executed += 1;
            assert_eq!(
                self.calls[call].executed, 1,
                "call {call} is executed again"
            );
            assert!(!self.again.contains(&call), "call {call} was given back");
            self.lines[at].pending.push(stream);
        }
    }

    fn on_client_event(&mut self, at: usize, event: Event) {
        let line = &mut self.lines[at];
        assert!(!line.closed, "after Closed: {event:?}");
        let (stream, end) = match event {
            Event::Headers {
                stream,
                end_stream: true,
                ..
            } => (stream, Some(End::Answered)),
            Event::Reset {
                stream,
                cause: ResetCause::GoAway,
                ..
            } => (stream, None),
            Event::Reset {
                stream,
                cause: ResetCause::Peer,
                reason: Reason::REFUSED_STREAM,
            } => (stream, None),
            Event::Reset { stream, .. } => (stream, Some(End::Failed)),
            Event::GoAway { .. } | Event::Closed(_) => {
                line.takes_calls = false;
                line.closed = matches!(event, Event::Closed(_));
                return;
            }
            _ => return,
        };
        let number = line
            .calls
            .remove(&stream.id())
            .expect("a stream that has not ended");
        let call = &mut self.calls[number];
        match end {
            None => {
                assert_eq!(
                    call.executed, 0,
                    "call {number} was executed and is given back"
                );
                self.again.push(number);
            }
            Some(end) => {
                assert!(end == End::Failed || call.executed == 1);
                assert_eq!(call.end.replace(end), None, "call {number} ends twice");
            }
        }
    }

    /// All connections come to their ends, and what was given back is answered by a last one.
    fn finish(&mut self) {
        for round in 0.. {
            for at in 0..self.lines.len() {
                for _ in 0..3 {
                    self.answer(at);
                    self.lines[at].pair.run_for(Duration::from_secs(1));
                    self.hear();
                }
                self.lines[at].pair.lose_connection();
                self.lines[at].pair.run_for(Duration::from_secs(1));
                self.hear();
                assert!(self.lines[at].closed && self.lines[at].calls.is_empty());
            }
            self.lines.clear();
            if self.again.is_empty() {
                break;
            }
            assert!(round < 1000, "calls are given back for ever");
            self.connect();
            for _ in 0..self.again.len() {
                self.call(0);
            }
        }
        for (number, call) in self.calls.iter().enumerate() {
            assert!(call.end.is_some(), "call {number} has no end");
        }
    }
}
