//! GOAWAY, RFC 9113 §6.8: how a connection ends, slowly or at once.

use super::{Connection, Life, Role, ping::Purpose};
use crate::{
    budget::Act,
    error::{ConnectionError, Initiator, PeerMisbehaved, Reason},
    event::{Event, ResetCause},
    frame::{GoAway, MAX_STREAM_ID},
    later::later,
    stream::Cause,
};
use bytes::Bytes;
use std::time::Instant;

/// The debug text of the peer's GOAWAY that is kept.
const MAX_DEBUG: usize = 1024;

/// What either side has said about going.
#[derive(Debug, Default)]
pub(super) struct Going {
    sent: Sent,
    received: Option<Box<Received>>,
}

#[derive(Debug, Default)]
enum Sent {
    #[default]
    Nothing,
    /// GOAWAY with the highest id and a PING: the peer may still open streams until it has seen that.
    Warning { until: Instant, debug: &'static str },
    /// Streams above `last` are not looked at.
    Final { last: u32 },
}

#[derive(Debug)]
struct Received {
    last: u32,
    reason: Reason,
    debug: Bytes,
}

impl Going {
    pub(super) fn is_going(&self) -> bool {
        self.received.is_some() || !matches!(self.sent, Sent::Nothing)
    }

    /// Whether our final GOAWAY said that this stream of the peer is too late.
    #[inline]
    pub(super) fn refuses(&self, stream: u32) -> bool {
        matches!(self.sent, Sent::Final { last } if stream > last)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.sent {
            Sent::Warning { until, .. } => Some(until),
            Sent::Nothing | Sent::Final { .. } => None,
        }
    }
}

impl Connection {
    /// The highest stream of the peer that we did something about.
    pub(super) fn last_peer_stream(&self) -> u32 {
        match (self.role, &self.going.sent) {
            (Role::Client, _) => 0,
            (Role::Server, Sent::Final { last }) => *last,
            (Role::Server, _) => self.streams.last_id(),
        }
    }

    pub(super) fn send_goaway(&mut self, last_stream: u32, reason: Reason, debug: &[u8]) {
        self.output.frames(|out| {
            GoAway {
                last_stream,
                reason,
                debug,
            }
            .encode(out)
        });
        self.going.sent = Sent::Final { last: last_stream };
    }

    pub(super) fn begin_drain(&mut self, now: Instant, debug: &'static str) {
        if self.life == Life::Over || !matches!(self.going.sent, Sent::Nothing) {
            return;
        }
        match self.role {
            Role::Client => self.send_goaway(0, Reason::NO_ERROR, debug.as_bytes()),
            Role::Server => {
                self.send_goaway(MAX_STREAM_ID, Reason::NO_ERROR, debug.as_bytes());
                self.send_ping(Purpose::Drain);
                self.going.sent = Sent::Warning {
                    until: later(now, self.config.settings_timeout),
                    debug,
                };
            }
        }
        self.end_if_done();
    }

    /// The peer has seen our warning, or had time enough to.
    pub(super) fn finish_drain(&mut self) {
        if let Sent::Warning { debug, .. } = self.going.sent {
            self.send_goaway(self.last_peer_stream(), Reason::NO_ERROR, debug.as_bytes());
            self.end_if_done();
        }
    }

    pub(super) fn on_drain_timeout(&mut self, now: Instant) {
        if self.going.deadline().is_some_and(|until| until <= now) {
            self.finish_drain();
        }
    }

    /// A GOAWAY frame.
    pub(super) fn on_goaway(
        &mut self,
        now: Instant,
        frame: GoAway<'_>,
    ) -> Result<(), PeerMisbehaved> {
        self.charge(Act::GoAway, now)?;
        if self
            .going
            .received
            .as_ref()
            .is_some_and(|earlier| frame.last_stream > earlier.last)
        {
            return Err(PeerMisbehaved::GoAwayIdIncreased);
        }
        let debug = Bytes::copy_from_slice(&frame.debug[..frame.debug.len().min(MAX_DEBUG)]);
        self.going.received = Some(Box::new(Received {
            last: frame.last_stream,
            reason: frame.reason,
            debug: debug.clone(),
        }));
        if self.role == Role::Client {
            let late = self
                .streams
                .keys()
                .into_iter()
                .filter(|key| key.id > frame.last_stream);
            for stream in late.collect::<Vec<_>>() {
                let (reason, cause) = (Reason::REFUSED_STREAM, ResetCause::GoAway);
                self.events.push_back(Event::Reset {
                    stream,
                    reason,
                    cause,
                });
                self.retire(stream, Cause::LocalReset);
            }
        }
        self.events.push_back(Event::GoAway {
            reason: frame.reason,
            debug,
        });
        self.end_if_done();
        Ok(())
    }

    /// Ends the connection when one side goes and the last stream is done. A server does not end because its
    /// client says GOAWAY: that is about pushed streams, and the client closes when it is done.
    #[cold]
    pub(super) fn end_if_done(&mut self) {
        if self.life == Life::Over || self.streams.len() > 0 {
            return;
        }
        match (&self.going.sent, &self.going.received) {
            (Sent::Final { .. }, _) => self.end(ConnectionError::Eof(Initiator::Local)),
            (_, Some(received)) if self.role == Role::Client => {
                let error = ConnectionError::GoAway(received.reason, received.debug.clone());
                self.send_goaway(0, Reason::NO_ERROR, b"");
                self.end(error);
            }
            _ => {}
        }
    }

    /// The peer broke a rule of the connection.
    #[cold]
    pub(super) fn fail(&mut self, crime: PeerMisbehaved) {
        let debug = match crime {
            // gRPC clients look for these words and ask less often from then on (gRFC A8).
            PeerMisbehaved::TooManyPings => "too_many_pings",
            _ => crime.sentence(),
        };
        let reason = crime.reason();
        self.send_goaway(self.last_peer_stream(), reason, debug.as_bytes());
        self.end(ConnectionError::Misbehaved(crime));
    }

    /// The transport's end of stream.
    pub(super) fn on_eof(&mut self) {
        if self.life == Life::Over {
            return;
        }
        let error = match self.going.received.take() {
            Some(received) => ConnectionError::GoAway(received.reason, received.debug),
            None => ConnectionError::Eof(Initiator::Peer),
        };
        self.end(error);
    }

    /// Tells the driver that everything is over. What was put into the output before may still be written.
    pub(super) fn end(&mut self, error: ConnectionError) {
        if self.life == Life::Over {
            return;
        }
        self.life = Life::Over;
        let reason = match &error {
            ConnectionError::Misbehaved(crime) => crime.reason(),
            ConnectionError::GoAway(reason, _) => *reason,
            ConnectionError::SettingsTimeout => Reason::SETTINGS_TIMEOUT,
            ConnectionError::Eof(_) | ConnectionError::KeepaliveTimeout => Reason::NO_ERROR,
        };
        for stream in self.streams.keys() {
            self.events.push_back(Event::Reset {
                stream,
                reason,
                cause: ResetCause::Connection,
            });
            self.retire(stream, Cause::LocalReset);
        }
        self.events.push_back(Event::Closed(error));
    }
}
