//! What a channel was about when a call's time was over: the local cause of its DEADLINE_EXCEEDED.

use farcall_core::Status;
use farcall_lb::Address;
use std::{error::Error, fmt, time::Duration};

/// More addresses than this are counted, not listed.
const LISTED: usize = 5;

/// See the module.
#[derive(Debug)]
pub(crate) struct UnderWay {
    /// The attempts to connect that run, and since when.
    pub(crate) attempts: Vec<(Address, Duration)>,
    /// What went wrong before.
    pub(crate) last_error: Option<Status>,
}

impl UnderWay {
    /// As a cause; what there is nothing to say about needs none.
    pub(crate) fn explain(self, status: Status) -> Status {
        match (self.attempts.is_empty(), self.last_error) {
            (true, None) => status,
            (true, Some(error)) => status.with_cause(error),
            (false, last_error) => status.with_cause(UnderWay {
                attempts: self.attempts,
                last_error,
            }),
        }
    }
}

impl fmt::Display for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (address, since)) in self.attempts.iter().take(LISTED).enumerate() {
            let before = if index == 0 { "connecting to" } else { "," };
            let since = Duration::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
            write!(f, "{before} {address} for {since:?}")?;
        }
        match self.attempts.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, " and to {more} more"),
        }
    }
}

impl Error for UnderWay {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.last_error.as_ref().map(|error| error as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lists_what_is_tried_and_what_went_wrong_before() {
        let attempts = (1..=7).map(|i| {
            (
                Address::from(([10, 0, 0, i], 1)),
                Duration::from_micros(1_500_300),
            )
        });
        let last_error = Some(Status::unavailable("refused"));
        let under_way = UnderWay {
            attempts: attempts.collect(),
            last_error: last_error.clone(),
        };
        let text = under_way
            .explain(Status::deadline_exceeded("late"))
            .to_string();
        assert!(
            text.starts_with(
                "DEADLINE_EXCEEDED: late: connecting to 10.0.0.1:1 for 1.5s, 10.0.0.2:1"
            ),
            "{text}"
        );
        assert!(
            text.ends_with("and to 2 more: UNAVAILABLE: refused"),
            "{text}"
        );
        let quiet = UnderWay {
            attempts: vec![],
            last_error,
        };
        let text = quiet.explain(Status::deadline_exceeded("late")).to_string();
        assert_eq!(text, "DEADLINE_EXCEEDED: late: UNAVAILABLE: refused");
    }
}
