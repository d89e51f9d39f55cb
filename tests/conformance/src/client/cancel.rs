//! When a call is to be cancelled.

use crate::pb::client_compat_request as request;
use farcall::Status;
use std::time::Duration;

/// When a call is to be cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cancel {
    Never,
    /// Instead of the half-close.
    BeforeClose,
    /// So long after the half-close.
    AfterClose(Duration),
    /// Once so many responses have come.
    AfterResponses(usize),
}

impl Cancel {
    pub(super) fn of(cancel: Option<&request::Cancel>) -> Cancel {
        use request::cancel::CancelTiming;
        let Some(cancel) = cancel else {
            return Cancel::Never;
        };
        match &cancel.cancel_timing {
            None => Cancel::AfterClose(Duration::ZERO),
            Some(CancelTiming::BeforeCloseSend(_)) => Cancel::BeforeClose,
            Some(CancelTiming::AfterCloseSendMs(millis)) => {
                Cancel::AfterClose(Duration::from_millis((*millis).into()))
            }
            Some(CancelTiming::AfterNumResponses(count)) => {
                Cancel::AfterResponses(usize::try_from(*count).unwrap_or(usize::MAX))
            }
        }
    }
}

/// What dropping a call means to its caller.
pub(super) fn dropped() -> Status {
    Status::cancelled("the call was dropped")
}

#[cfg(test)]
mod tests {
    use super::*;
    use request::cancel::CancelTiming;

    fn of(timing: Option<CancelTiming>) -> Cancel {
        Cancel::of(Some(&request::Cancel {
            cancel_timing: timing,
        }))
    }

    #[test]
    fn a_cancellation_without_a_time_comes_at_the_half_close() {
        assert_eq!(Cancel::of(None), Cancel::Never);
        assert_eq!(of(None), Cancel::AfterClose(Duration::ZERO));
        assert_eq!(
            of(Some(CancelTiming::AfterCloseSendMs(5))),
            Cancel::AfterClose(Duration::from_millis(5))
        );
        assert_eq!(
            of(Some(CancelTiming::AfterNumResponses(2))),
            Cancel::AfterResponses(2)
        );
    }
}
