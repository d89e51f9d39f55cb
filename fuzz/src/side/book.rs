//! What an application knows of its streams: the naive states that the machine's are compared with.

use farcall_http2::{
    Connection, ConnectionError, Event, PeerMisbehaved, Role, SendError, StreamKey,
};
use std::collections::BTreeMap;

pub(super) struct Book {
    role: Role,
    streams: BTreeMap<u32, Entry>,
    ready: bool,
    pub(super) closed: bool,
    pub(super) crime: Option<String>,
    /// `open` was refused so often, and `CanOpen` is owed at most as often.
    pub(super) refusals: usize,
    pub(super) pings: Vec<u64>,
}

#[derive(Debug)]
struct Entry {
    key: StreamKey,
    sent_head: bool,
    sent_end: bool,
    got_head: bool,
    got_end: bool,
    /// Reset by either end.
    gone: bool,
    unread: usize,
    pauses: usize,
}

impl Book {
    pub(super) fn new(role: Role) -> Book {
        Book {
            role,
            streams: BTreeMap::new(),
            ready: false,
            closed: false,
            crime: None,
            refusals: 0,
            pings: Vec::new(),
        }
    }

    pub(super) fn opened(&mut self, key: StreamKey, end: bool) {
        let client = self.role == Role::Client;
        let entry = Entry {
            key,
            sent_head: client,
            sent_end: client && end,
            got_head: !client,
            got_end: !client && end,
            gone: false,
            unread: 0,
            pauses: 0,
        };
        let newest = self.streams.last_key_value().map_or(0, |(id, _)| *id);
        assert!(
            key.id() % 2 == 1 && key.id() > newest,
            "stream {} after {newest}",
            key.id()
        );
        self.streams.insert(key.id(), entry);
    }

    pub(super) fn on_event(&mut self, machine: &Connection, event: Event) {
        assert!(!self.closed, "after Closed: {event:?}");
        let local = matches!(
            event,
            Event::Reset { .. }
                | Event::Closed(_)
                | Event::Writable { .. }
                | Event::CanOpen
                | Event::Ready
        );
        assert!(local || self.ready, "before Ready: {event:?}");
        match event {
            Event::Ready => assert!(!std::mem::replace(&mut self.ready, true)),
            Event::Headers {
                stream,
                headers,
                trailers,
                end_stream,
                ..
            } => {
                if self.role == Role::Server && !trailers {
                    assert!(headers.method.is_some() && headers.status.is_none());
                    return self.opened(stream, end_stream);
                }
                let entry = self.alive(stream);
                assert_eq!(entry.got_head, trailers);
                assert!(!entry.got_end && (end_stream || !trailers));
                assert!(
                    trailers
                        || headers
                            .status
                            .is_some_and(|status| (200..1000).contains(&status))
                );
                (entry.got_head, entry.got_end) = (true, end_stream);
            }
            Event::Data {
                stream,
                data,
                end_stream,
            } => {
                let entry = self.alive(stream);
                assert!(entry.got_head && !entry.got_end);
                assert!(end_stream || !data.is_empty());
                entry.unread += data.len();
                entry.got_end = end_stream;
            }
            Event::Reset { stream, .. } => self.alive(stream).gone = true,
            Event::Rejected { id, .. } => {
                let entry = self.streams.get(&id);
                let no_stream = self.role == Role::Server && entry.is_none();
                assert!(no_stream || entry.is_none_or(|e| e.gone || e.got_end && e.sent_end));
            }
            Event::Writable { stream } => {
                let entry = self.alive(stream);
                entry.pauses = entry
                    .pauses
                    .checked_sub(1)
                    .expect("Writable without a pause");
            }
            Event::CanOpen => {
                assert_eq!(self.role, Role::Client);
                self.refusals = self.refusals.checked_sub(1).expect("CanOpen without need");
            }
            Event::GoAway { debug, .. } => assert!(debug.len() <= 1024),
            Event::Pong { payload } => {
                let at = self.pings.iter().position(|ping| *ping == payload);
                self.pings.remove(at.expect("a pong without a ping"));
            }
            Event::Closed(error) => self.on_closed(machine, &error),
            other => panic!("{other:?}"),
        }
    }

    fn on_closed(&mut self, machine: &Connection, error: &ConnectionError) {
        self.closed = true;
        if let ConnectionError::Misbehaved(crime) = error {
            self.crime = Some(crime.to_string());
            let told: &PeerMisbehaved = crime;
            assert!(!told.to_string().is_empty());
        }
        for entry in self.streams.values() {
            let over = entry.gone || entry.sent_end && (entry.got_end || self.role == Role::Server);
            assert!(over, "not told of the end: {entry:?}");
            assert!(machine.stream_windows(entry.key).is_none());
        }
    }

    /// The stream of an event: nothing comes after its end.
    fn alive(&mut self, key: StreamKey) -> &mut Entry {
        let entry = self
            .streams
            .get_mut(&key.id())
            .expect("an event for a stream that nobody opened");
        assert!(entry.key == key && !entry.gone, "after the end: {entry:?}");
        entry
    }

    /// Compares the states; how many streams are alive.
    pub(super) fn check(&self, machine: &Connection) -> usize {
        let mut alive = 0;
        for entry in self.streams.values() {
            let lives = self.lives(machine, entry);
            assert_eq!(
                machine.stream_windows(entry.key).is_some(),
                lives,
                "{entry:?}"
            );
            alive += usize::from(lives);
        }
        alive
    }

    /// A stream lives until both ends are done, and a server's until it is done itself (RFC 9113 §8.1).
    fn lives(&self, machine: &Connection, entry: &Entry) -> bool {
        let done = entry.sent_end && machine.buffered(entry.key) == 0;
        !(self.closed || entry.gone || done && (entry.got_end || self.role == Role::Server))
    }

    fn find(&mut self, key: StreamKey) -> Option<&mut Entry> {
        self.streams
            .get_mut(&key.id())
            .filter(|entry| entry.key == key)
    }

    // --- Commands ---

    pub(super) fn may_send_data(
        &self,
        machine: &Connection,
        key: StreamKey,
    ) -> Result<(), SendError> {
        match self.streams.get(&key.id()) {
            Some(entry) if self.lives(machine, entry) && !entry.sent_end => {
                if entry.sent_head {
                    Ok(())
                } else {
                    Err(SendError::OutOfOrder)
                }
            }
            _ => Err(SendError::StreamGone),
        }
    }

    pub(super) fn may_send_headers(
        &self,
        machine: &Connection,
        key: StreamKey,
        end: bool,
    ) -> Result<(), SendError> {
        match self.streams.get(&key.id()) {
            Some(entry) if self.lives(machine, entry) && !entry.sent_end => {
                if end || !entry.sent_head {
                    Ok(())
                } else {
                    Err(SendError::OutOfOrder)
                }
            }
            _ => Err(SendError::StreamGone),
        }
    }

    pub(super) fn has_sent_head(&self, key: StreamKey) -> bool {
        self.streams
            .get(&key.id())
            .is_some_and(|entry| entry.sent_head)
    }

    pub(super) fn sent_headers(&mut self, key: StreamKey, end: bool) {
        if let Some(entry) = self.find(key) {
            (entry.sent_head, entry.sent_end) = (true, end);
        }
    }

    pub(super) fn sent_data(&mut self, key: StreamKey, end: bool, paused: bool) {
        if let Some(entry) = self.find(key) {
            entry.sent_end = end;
            entry.pauses += usize::from(paused);
        }
    }

    pub(super) fn reset(&mut self, key: StreamKey) {
        if let Some(entry) = self.find(key) {
            entry.gone = true;
        }
    }

    pub(super) fn read(&mut self, key: StreamKey, most: usize) -> usize {
        let Some(entry) = self.find(key) else {
            return 0;
        };
        let taken = entry.unread.min(most);
        entry.unread -= taken;
        taken
    }

    pub(super) fn read_all(&mut self) -> Vec<(StreamKey, usize)> {
        let entries = self.streams.values_mut().filter(|entry| entry.unread > 0);
        entries
            .map(|entry| (entry.key, std::mem::take(&mut entry.unread)))
            .collect()
    }

    pub(super) fn unread(&self) -> u64 {
        self.streams.values().map(|entry| entry.unread as u64).sum()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = StreamKey> {
        self.streams.values().map(|entry| entry.key)
    }

    pub(super) fn pick(&self, choice: u8) -> Option<StreamKey> {
        let len = self.streams.len();
        self.keys().nth(usize::from(choice) % len.max(1))
    }

    /// Streams on which END_STREAM is left to be said.
    pub(super) fn speaking(&self, machine: &Connection) -> Vec<StreamKey> {
        let open = self
            .streams
            .values()
            .filter(|entry| self.lives(machine, entry) && !entry.sent_end);
        open.map(|entry| entry.key).collect()
    }
}
