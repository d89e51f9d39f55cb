//! From a handler's reply to an outcome that interceptors look at, and from there to the wire.

use super::{
    super::{
        arrival::Accepted,
        payload::Payload,
        reply::{self, Reply, Special},
    },
    answer::{Answer, Outcome},
    parts::Rare,
};
use farcall_core::{Metadata, MethodKind, Status, call::server};

/// How far the response is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing of it was sent.
    Unsent,
    HeadSent,
    /// A handler that streams was given up: only the connection knows.
    Unknown,
}

/// A handler's reply, before it is put into the form of the wire.
pub(super) struct Opened {
    pub(super) outcome: Outcome,
    /// The initial metadata has been sent.
    pub(super) head_sent: bool,
}

/// Opens a reply, and shows its message to those who asked.
#[inline]
pub(super) fn outcome(rare: Option<&mut Rare>, reply: Reply) -> Opened {
    let mut head_sent = false;
    let mut answer = Answer {
        message: reply.data.map(Payload::prefixed),
        ..Answer::default()
    };
    let mut result = Ok(());
    if !matches!(reply.special, Special::OpenMessage) {
        result = open(reply.special, &mut answer, &mut head_sent);
    }
    if result.is_ok()
        && let Some(rare) = rare
        && let Some(message) = &mut answer.message
    {
        result = rare.hooks.apply_to_response(&mut answer.metadata, message);
    }
    Opened {
        outcome: result.map(|()| answer),
        head_sent,
    }
}

/// An outcome that is more than its message.
#[cold]
fn open(special: Special, answer: &mut Answer, head_sent: &mut bool) -> Result<(), Status> {
    let open = match special {
        Special::Open(open) => *open,
        Special::Broken(status) => return Err(*status),
        Special::None | Special::OpenMessage => {
            return Err(Status::internal("the handler gave no outcome"));
        }
    };
    *head_sent = open.head_sent;
    if let Err(mut status) = open.result {
        if !open.trailers.is_empty() {
            status.metadata_mut().extend(&open.trailers);
        }
        return Err(status);
    }
    answer.metadata = open.metadata;
    answer.trailers = open.trailers;
    answer.compression = open.compression;
    Ok(())
}

/// What goes onto the wire.
#[inline(always)]
pub(super) fn reply(
    accepted: &Accepted,
    kind: MethodKind,
    progress: Progress,
    outcome: Outcome,
) -> Reply {
    let status = match outcome {
        Ok(answer) => match wire(accepted, kind, progress, answer) {
            Ok(reply) => return reply,
            Err(status) => status,
        },
        Err(status) => status,
    };
    failed(accepted, progress, status)
}

#[cold]
fn failed(accepted: &Accepted, progress: Progress, status: Status) -> Reply {
    match progress {
        Progress::Unsent => Reply::failure(&accepted.head, status, &Metadata::new()),
        Progress::HeadSent => Reply::trailers(None, Err(status), &Metadata::new()),
        Progress::Unknown => Reply::broken(status.for_wire()),
    }
}

#[inline(always)]
fn wire(
    accepted: &Accepted,
    kind: MethodKind,
    progress: Progress,
    answer: Answer,
) -> Result<Reply, Status> {
    let Answer {
        metadata,
        message,
        trailers,
        compression,
        ..
    } = answer;
    if message.is_none() && !kind.server_streams() {
        return Err(Status::internal(
            "an interceptor answered without a message",
        ));
    }
    trailers.check()?;
    if progress == Progress::Unknown {
        return Ok(Reply::broken(Status::OK.with_metadata(trailers)));
    }
    let compressor = reply::compressor(accepted, compression);
    let compressor = compressor.as_deref();
    let head = match progress {
        Progress::Unsent => Some(reply::head(accepted, compressor, &metadata)?),
        _ => None,
    };
    let limit = accepted.limits.send;
    let data = match message {
        Some(message) => Some(message.into_wire(compressor, limit)?),
        None => None,
    };
    Ok(Reply {
        head,
        data,
        trailers: server::ok_trailers(&trailers),
        special: Special::None,
    })
}
