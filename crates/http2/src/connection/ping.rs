//! PING, RFC 9113 §6.7: the peer's are answered, the answers to ours find their purpose.

use super::Connection;
use crate::{budget::Act, error::PeerMisbehaved, event::Event, frame::Ping};
use std::{collections::VecDeque, time::Instant};

/// Why we sent a PING.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The driver asked for it.
    User(u64),
    /// Is the peer alive?
    Keepalive,
    /// How long is the path?
    Bandwidth,
    /// Has the peer seen our first GOAWAY?
    Drain,
}

impl Purpose {
    const fn payload(self) -> u64 {
        match self {
            Purpose::User(payload) => payload,
            Purpose::Keepalive => u64::from_be_bytes(*b"fc:alive"),
            Purpose::Bandwidth => u64::from_be_bytes(*b"fc:width"),
            Purpose::Drain => u64::from_be_bytes(*b"fc:drain"),
        }
    }
}

/// PINGs that were not answered yet, in order.
#[derive(Debug, Default)]
pub(super) struct Pings {
    outstanding: VecDeque<Purpose>,
}

impl Pings {
    /// The purpose of the oldest PING with this payload.
    fn answered(&mut self, payload: u64) -> Option<Purpose> {
        let at = self
            .outstanding
            .iter()
            .position(|purpose| purpose.payload() == payload)?;
        self.outstanding.remove(at)
    }
}

impl Connection {
    pub(super) fn send_ping(&mut self, purpose: Purpose) {
        self.pings.outstanding.push_back(purpose);
        let payload = purpose.payload();
        self.output.frames(|out| {
            Ping {
                ack: false,
                payload,
            }
            .encode(out)
        });
    }

    /// A PING frame.
    pub(super) fn on_ping(&mut self, now: Instant, ping: Ping) -> Result<(), PeerMisbehaved> {
        if !ping.ack {
            self.charge_ping(now)?;
            self.output
                .frames(|out| Ping { ack: true, ..ping }.encode(out));
            return self.charge_reply();
        }
        match self.pings.answered(ping.payload) {
            Some(Purpose::User(payload)) => self.events.push_back(Event::Pong { payload }),
            // Any frame is a sign of life; this one too.
            Some(Purpose::Keepalive) => {}
            Some(Purpose::Bandwidth) => self.on_bandwidth_sample(now),
            Some(Purpose::Drain) => self.finish_drain(),
            None => self.charge(Act::Idle, now)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_the_oldest_ping_with_their_payload() {
        let mut pings = Pings::default();
        pings
            .outstanding
            .extend([Purpose::User(1), Purpose::Drain, Purpose::User(1)]);
        assert_eq!(
            pings.answered(Purpose::Drain.payload()),
            Some(Purpose::Drain)
        );
        assert_eq!(pings.answered(1), Some(Purpose::User(1)));
        assert_eq!(pings.answered(1), Some(Purpose::User(1)));
        assert_eq!(pings.answered(1), None);
    }
}
