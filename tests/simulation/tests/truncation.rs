//! A conversation that breaks off after each of its bytes, in either direction.

use bytes::{Buf, Bytes, BytesMut};
use farcall_http2::{
    Config, Connection, Event, Field, KnownName, Name, Part, ResetCause, StreamKey,
};
use std::{collections::BTreeMap, time::Instant};

const CALLS: u32 = 3;

/// What one end has seen of a stream.
#[derive(Default, Debug)]
struct Seen {
    head: bool,
    data: Vec<u8>,
    ended: bool,
    reset: bool,
}

struct End {
    machine: Connection,
    input: BytesMut,
    /// How many of its bytes arrive in all.
    limit: usize,
    written: Vec<u8>,
    streams: BTreeMap<u32, Seen>,
    closed: bool,
    ready: bool,
}

impl End {
    fn new(machine: Connection, limit: usize) -> End {
        End {
            machine,
            input: BytesMut::new(),
            limit,
            written: Vec::new(),
            streams: BTreeMap::new(),
            closed: false,
            ready: false,
        }
    }

    /// Carries what there is to `other`, as far as the line reaches. False: there was nothing.
    fn write(&mut self, now: Instant, other: &mut End) -> bool {
        self.machine.fill(now, usize::MAX);
        let output = self.machine.output();
        let bytes = output.copy_to_bytes(output.remaining());
        let room = self.limit.saturating_sub(self.written.len());
        other
            .input
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.written.extend_from_slice(&bytes);
        !bytes.is_empty()
    }

    fn is_cut(&self) -> bool {
        self.written.len() > self.limit
    }

    /// The streams that have ended with what has just come.
    fn read(&mut self, now: Instant) -> Vec<StreamKey> {
        let mut done = Vec::new();
        while let Some(event) = self.machine.poll_event(now, &mut self.input) {
            assert!(!self.closed, "after Closed: {event:?}");
            let seen = |streams: &mut BTreeMap<u32, Seen>, key: StreamKey| {
                let seen = streams.remove(&key.id()).unwrap_or_default();
                assert!(!seen.ended && !seen.reset, "after the end of {key:?}");
                seen
            };
            match event {
                Event::Ready => assert!(!std::mem::replace(&mut self.ready, true)),
                Event::Headers {
                    stream, end_stream, ..
                } => {
                    let mut entry = seen(&mut self.streams, stream);
                    (entry.head, entry.ended) = (true, end_stream);
                    done.extend(end_stream.then_some(stream));
                    self.streams.insert(stream.id(), entry);
                }
                Event::Data {
                    stream,
                    data,
                    end_stream,
                } => {
                    let mut entry = seen(&mut self.streams, stream);
                    assert!(entry.head);
                    entry.data.extend_from_slice(&data);
                    entry.ended = end_stream;
                    done.extend(end_stream.then_some(stream));
                    self.streams.insert(stream.id(), entry);
                    self.machine.release(now, stream, data.len());
                }
                Event::Reset { stream, cause, .. } => {
                    assert_eq!(cause, ResetCause::Connection);
                    // A request that has come whole is reset while it is being answered.
                    self.streams.entry(stream.id()).or_default().reset = true;
                }
                Event::GoAway { .. } => {}
                Event::Closed(_) => self.closed = true,
                other => panic!("{other:?}"),
            }
        }
        done
    }
}

/// What the n-th call sends, and gets back.
fn body(stream: u32) -> Bytes {
    (0..20 * stream).map(|at| (at % 251) as u8).collect()
}

/// Three calls at a time, echoed with trailers; then the client drains. `limits`: how many bytes of the client's and of the
/// server's arrive. Answers what both have written.
fn converse(limits: [usize; 2], long: usize) -> [Vec<u8>; 2] {
    let now = Instant::now();
    let mut config = Config::default();
    config.max_header_list_size = 64 << 10;
    let [up, down] = limits;
    let mut client = End::new(Connection::client(config.clone(), now), up);
    let mut server = End::new(Connection::server(config, now), down);
    let mut opened = 0;
    let mut eof = [false; 2];
    loop {
        while client.ready && opened < CALLS {
            opened += 1;
            let head = [
                Field::new(KnownName::Method, "POST"),
                Field::new(KnownName::Scheme, "http"),
                Field::new(KnownName::Path, "/a.B/C"),
                // A tilde is longer in Huffman's code: these octets go out as they are.
                Field::new(Name::from_static("x-long"), "~".repeat(long)),
            ];
            let Ok(key) = client.machine.open(now, &[Part::Fields(&head)], false) else {
                break;
            };
            client.streams.insert(key.id(), Seen::default());
            client
                .machine
                .send_data(now, key, body(key.id()), true)
                .unwrap();
        }
        let mut busy = client.write(now, &mut server) | server.write(now, &mut client);
        for key in server.read(now) {
            answer(&mut server, now, key);
            busy = true;
        }
        client.read(now);
        let answered = client.streams.values().filter(|seen| seen.ended).count();
        if answered == CALLS as usize && !client.machine.is_draining() {
            client.machine.drain(now, "done");
            busy = true;
        }
        if busy {
            continue;
        }
        // Nothing moves any more: whoever's peer is cut off or done is told, and then the other.
        let over = [
            server.is_cut() || server.closed,
            client.is_cut() || client.closed,
        ];
        let broken = over.contains(&true);
        assert!(broken, "the two ends stand still");
        if !eof[0] && broken {
            eof[0] = true;
            client.machine.handle_eof(now);
            client.read(now);
        } else if !eof[1] {
            eof[1] = true;
            server.machine.handle_eof(now);
            server.read(now);
        } else {
            break;
        }
    }
    check(&client, &server);
    [client.written, server.written]
}

fn answer(server: &mut End, now: Instant, key: StreamKey) {
    let body = Bytes::from(server.streams[&key.id()].data.clone());
    let head = [Field::new(KnownName::Status, "200")];
    let trailers = [Field::new(KnownName::GrpcStatus, "0")];
    let machine = &mut server.machine;
    machine
        .send_headers(now, key, &[Part::Fields(&head)], false)
        .unwrap();
    machine.send_data(now, key, body, false).unwrap();
    machine
        .send_headers(now, key, &[Part::Fields(&trailers)], true)
        .unwrap();
}

fn check(client: &End, server: &End) {
    for end in [client, server] {
        assert!(end.closed && end.machine.is_closed());
        assert_eq!(end.machine.open_streams(), 0);
        for (id, seen) in &end.streams {
            // What came is what was sent, as far as it came.
            assert!(body(*id).starts_with(&seen.data));
            assert!(!seen.ended || seen.data.len() == body(*id).len());
        }
    }
    for (id, seen) in &client.streams {
        assert!(seen.ended != seen.reset, "stream {id} ends once: {seen:?}");
        // An answer is the answer to a whole request.
        assert!(!seen.head || server.streams[id].ended);
    }
    for (id, seen) in &server.streams {
        assert!(seen.ended || seen.reset, "stream {id}: {seen:?}");
        assert!(client.streams.contains_key(id));
    }
}

#[test]
fn a_conversation_may_break_off_after_each_of_its_bytes() {
    let all = usize::MAX;
    let [up, down] = converse([all, all], 10).map(|written| written.len());
    assert!(up > 300 && down > 300, "{up} and {down}");
    for at in 0..up {
        converse([at, all], 10);
    }
    for at in 0..down {
        converse([all, at], 10);
    }
    // Both, at different places.
    for at in 0..up.max(down) {
        converse([at, at * 7 % down], 10);
    }
}

#[test]
fn a_long_header_list_may_break_off_at_the_borders_of_its_frames() {
    let all = usize::MAX;
    let [written, _] = converse([all, all], 20_000);
    let mut at = 24;
    let mut borders = vec![at];
    while let Some(head) = written.get(at..at + 9) {
        at += 9 + usize::from(head[0]) * 65_536 + usize::from(head[1]) * 256 + usize::from(head[2]);
        borders.push(at);
    }
    assert_eq!(at, written.len());
    assert!(borders.len() > 10, "{borders:?}");
    for border in borders {
        for at in border.saturating_sub(12)..(border + 12).min(written.len()) {
            converse([at, all], 20_000);
        }
    }
}
