//! The calls with which a channel watches the health of its backends (gRFC A17): one on each connection that the machine
//! wants watched, made on that connection and no other.

use super::{inbox::Reporter, news::News, shared::Shared};
use crate::{
    call::{Encoding, Streaming},
    transport::{
        Mailbox, Submit,
        mailbox::{Finish, Head, Interest, Outgoing},
    },
};
use bytes::{BufMut, Bytes};
use farcall_core::{
    Code, Codec, MethodDescriptor, MethodKind, Raw, Status, call::ReceiveOptions,
    message::encode_message,
};
use farcall_lb::health::{HealthEvent, ServingStatus};
use std::sync::Arc;
use tokio::task::AbortHandle;

static WATCH: MethodDescriptor =
    MethodDescriptor::from_static("/grpc.health.v1.Health/Watch", MethodKind::ServerStreaming);

/// The largest answer that is taken, in bytes; one that says what there is to say has two.
const MAX_ANSWER: usize = 1 << 10;

/// A call that watches a backend's health. Dropping it cancels the call.
#[derive(Debug)]
pub(super) struct HealthCall {
    number: u64,
    task: AbortHandle,
}

impl HealthCall {
    /// Watches `service` on the connection of `submit`; what comes of it is told to `reporter`.
    pub(super) fn start(
        shared: &Arc<Shared>,
        submit: &Arc<Submit<Mailbox>>,
        reporter: Reporter,
        number: u64,
        service: &str,
    ) -> HealthCall {
        let answers = watch(shared, submit, service);
        let task = tokio::spawn(async move {
            let tell = |event| reporter.tell(News::Health(number, event));
            let mut answers = match answers {
                Ok(answers) => answers,
                Err(status) => return tell(HealthEvent::Ended(status)),
            };
            let end = loop {
                match answers.message().await {
                    Ok(Some(answer)) => tell(HealthEvent::Status(read(&answer))),
                    Ok(None) => break Status::from_static(Code::Ok, ""),
                    Err(status) => break status,
                }
            };
            tell(HealthEvent::Ended(end));
        });
        HealthCall {
            number,
            task: task.abort_handle(),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for HealthCall {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn watch(
    shared: &Shared,
    submit: &Arc<Submit<Mailbox>>,
    service: &str,
) -> Result<Streaming<Bytes>, Status> {
    let subtype = Codec::<Bytes>::content_subtype(&Raw);
    let start = shared.heads.start(&WATCH, subtype, Encoding::Identity);
    let data = encode_message(&Raw, &request(service), None, usize::MAX)?;
    let outgoing = Outgoing {
        head: Some(Head::Request {
            template: start.template,
            own_authority: false,
            // One that the server refuses is not sent again by the transport: there are rules for when it is.
            refused: true,
            retry: None,
            picked: None,
        }),
        data: data.into(),
        finish: Finish::HalfClose,
        ..Outgoing::default()
    };
    let mailbox = Mailbox::new(None, Interest::Any, outgoing, None);
    if !mailbox.attach(submit) {
        return Err(Status::unavailable("the connection is gone"));
    }
    let options = ReceiveOptions::new(MAX_ANSWER, shared.settings.compressors.clone());
    Ok(Streaming::of_responses(
        &Raw,
        mailbox,
        options,
        Arc::new(()),
    ))
}

/// An encoded `grpc.health.v1.HealthCheckRequest`: field 1 is the service.
fn request(service: &str) -> Bytes {
    let mut request = Vec::with_capacity(service.len() + 11);
    if !service.is_empty() {
        request.put_u8(1 << 3 | LENGTH_DELIMITED);
        let mut length = service.len();
        while length >= 0x80 {
            request.put_u8(length as u8 | 0x80);
            length >>= 7;
        }
        request.put_u8(length as u8);
        request.put_slice(service.as_bytes());
    }
    request.into()
}

const VARINT: u8 = 0;
const LENGTH_DELIMITED: u8 = 2;

/// What an encoded `grpc.health.v1.HealthCheckResponse` says: field 1 is the status. One that cannot be read says nothing.
fn read(answer: &[u8]) -> ServingStatus {
    let mut status = 0;
    let mut rest = answer;
    while !rest.is_empty() {
        let Some(value) = field(&mut rest) else {
            return ServingStatus::Unknown;
        };
        if let Some(value) = value {
            status = value;
        }
    }
    ServingStatus::from(status)
}

/// The next field: its value if it is the status, the last of which counts. `None`: that is no message.
fn field(rest: &mut &[u8]) -> Option<Option<i32>> {
    let key = varint(rest)?;
    let skip = match (key & 7) as u8 {
        VARINT => {
            // Enums are numbers of 32 bits, whatever is sent (proto3).
            let value = varint(rest)? as i32;
            return Some((key >> 3 == 1).then_some(value));
        }
        1 => 8,
        LENGTH_DELIMITED => usize::try_from(varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    *rest = rest.get(skip..)?;
    Some(None)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_service_unless_that_is_empty() {
        assert_eq!(request("shop"), &b"\x0a\x04shop"[..]);
        assert_eq!(request(""), &b""[..]);
        let long = "s".repeat(300);
        assert_eq!(request(&long)[..3], [0x0a, 0xac, 0x02]);
        assert_eq!(request(&long).len(), 303);
    }

    #[test]
    fn an_answer_is_read_whatever_else_is_in_it() {
        assert_eq!(read(b""), ServingStatus::Unknown);
        assert_eq!(read(b"\x08\x01"), ServingStatus::Serving);
        assert_eq!(read(b"\x08\x02"), ServingStatus::NotServing);
        assert_eq!(read(b"\x08\x03"), ServingStatus::ServiceUnknown);
        assert_eq!(read(b"\x08\x63"), ServingStatus::Unknown);
        assert_eq!(
            read(b"\x08\x02\x08\x01"),
            ServingStatus::Serving,
            "the last counts"
        );
        let others = b"\x12\x02ab\x19\0\0\0\0\0\0\0\0\x25\0\0\0\0\x30\x05\x08\x01";
        assert_eq!(read(others), ServingStatus::Serving);
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        for answer in [
            &b"\x08"[..],
            b"\x08\xff",
            b"\x08\x01\x12\x05ab",
            b"\x08\x01\x0b",
            b"\x08\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(read(answer), ServingStatus::Unknown, "{answer:?}");
        }
    }
}
