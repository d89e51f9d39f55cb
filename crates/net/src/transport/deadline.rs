//! The one place that puts DEADLINE_EXCEEDED into words, where this side keeps the deadline: what the call waited for.

use farcall_core::Status;
use farcall_lb::ConnectivityState;

/// What a call was waiting for when its time was over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Awaited {
    /// The resolver has not said anything yet.
    Resolution,
    /// None was ready; the channel is in this state.
    Connection(ConnectivityState),
    /// The connection carries as many streams as the server allows (SETTINGS_MAX_CONCURRENT_STREAMS).
    Stream,
    /// An attempt has failed, and the pause before the next one ran (gRFC A6).
    Attempt,
    /// An attempt interceptor, or call credentials, before it was sent.
    Preparation,
    /// It was sent, at least in part.
    Response,
}

/// The status of such a call. Addresses belong into its cause: the message may be passed on.
#[cold]
pub(crate) fn exceeded(awaited: Awaited) -> Status {
    let waited = "the deadline passed while the call waited for";
    Status::deadline_exceeded(match awaited {
        Awaited::Resolution => format!("{waited} the name to be resolved"),
        Awaited::Connection(state) => format!("{waited} a connection (the channel is {state})"),
        Awaited::Stream => format!("{waited} the server to allow another stream"),
        Awaited::Attempt => format!("{waited} its next attempt"),
        Awaited::Preparation => {
            format!("{waited} its call credentials or an attempt interceptor")
        }
        Awaited::Response => format!("{waited} the response"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use farcall_core::Code;

    #[test]
    fn each_text_says_what_the_call_waited_for() {
        for (awaited, word) in [
            (Awaited::Resolution, "resolved"),
            (
                Awaited::Connection(ConnectivityState::Connecting),
                "CONNECTING",
            ),
            (Awaited::Stream, "stream"),
            (Awaited::Attempt, "attempt"),
            (Awaited::Preparation, "credentials"),
            (Awaited::Response, "response"),
        ] {
            let status = exceeded(awaited);
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert!(status.message().contains(word), "{status}");
        }
    }
}
