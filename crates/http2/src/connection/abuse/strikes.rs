//! Keepalive PINGs that come too often (gRFC A8, A9).

use crate::error::PeerMisbehaved;
use std::time::{Duration, Instant};

/// A PING that comes early may have been on time where it was sent.
const MAX_JITTER: Duration = Duration::from_secs(5);

/// How often a client has pinged before its time without being sent anything in between.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strikes {
    last: Option<Instant>,
    strikes: u32,
    /// DATA and header lists that had been sent when the last PING came.
    sent: u64,
}

impl Strikes {
    /// `sent`: DATA and header lists that we have sent so far.
    pub(super) fn on_ping(
        &mut self,
        now: Instant,
        sent: u64,
        min_interval: Duration,
        max_strikes: u32,
    ) -> Result<(), PeerMisbehaved> {
        let last = self.last.replace(now);
        if self.sent != sent {
            self.sent = sent;
            self.strikes = 0;
            return Ok(());
        }
        let jitter = (min_interval / 10).min(MAX_JITTER);
        if last.is_some_and(|last| now.saturating_duration_since(last) + jitter < min_interval) {
            self.strikes += 1;
        }
        if self.strikes > max_strikes {
            return Err(PeerMisbehaved::TooManyPings);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_third_strike_is_one_too_many() {
        let (now, mut strikes) = (Instant::now(), Strikes::default());
        let survived = (0..10)
            .take_while(|&i| strikes.on_ping(now + MINUTE * i, 0, 5 * MINUTE, 2).is_ok())
            .count();
        assert_eq!(survived, 3, "the first is none, two are forgiven");
    }

    #[test]
    fn what_is_sent_wipes_the_slate() {
        let (now, mut strikes) = (Instant::now(), Strikes::default());
        for i in 0..100_u32 {
            let sent = u64::from(i / 3);
            strikes.on_ping(now, sent, 5 * MINUTE, 2).unwrap();
        }
    }

    #[test]
    fn pings_at_the_allowed_rate_go_on_for_ever_though_the_path_shakes_them() {
        let (now, mut strikes) = (Instant::now(), Strikes::default());
        for i in 0..10_000_u32 {
            let late = Duration::from_millis((i * 7919 % 4000).into());
            let at = now + 5 * MINUTE * i + late;
            strikes.on_ping(at, 0, 5 * MINUTE, 2).unwrap();
        }
    }
}
