//! The machine of one direction of a call, fed from its mailbox.

use crate::transport::{
    Mailbox,
    mailbox::{End, Incoming},
};
use bytes::Bytes;
use farcall_core::call::{Progress, client::ResponseMachine, server::RequestMachine};
use farcall_http2::Reason;
use std::ops::Range;

/// What judges what arrives: responses on a client, requests on a server.
pub(crate) enum Machine {
    Response(Box<ResponseMachine>),
    Request(Box<RequestMachine>),
}

impl Machine {
    pub(crate) fn feed(&mut self, mailbox: &Mailbox, incoming: Incoming) -> Option<Reason> {
        match self {
            Machine::Response(machine) => {
                if let Some(limit) = mailbox.late_receive_limit() {
                    machine.lower_max_message_size(limit);
                }
                feed_response(machine, incoming)
            }
            Machine::Request(machine) => feed_request(machine, incoming),
        }
    }

    #[inline]
    pub(crate) fn next_in_place<R>(
        &mut self,
        look: impl FnOnce(&Bytes, Range<usize>) -> R,
    ) -> Option<R> {
        match self {
            Machine::Response(machine) => machine.next_in_place(look),
            Machine::Request(machine) => machine.next_in_place(look),
        }
    }

    pub(crate) fn poll(&mut self) -> Progress {
        match self {
            Machine::Response(machine) => machine.poll(),
            Machine::Request(machine) => machine.poll(),
        }
    }
}

/// Tells the machine of one attempt what has arrived. `Some`: it is illegal, the stream must be reset.
pub(crate) fn feed_response(
    machine: &mut ResponseMachine,
    mut incoming: Incoming,
) -> Option<Reason> {
    let eof = matches!(incoming.end, Some(End::Eof)) && incoming.trailers.is_none();
    if let Some(head) = &incoming.head {
        machine.on_headers(head, eof && incoming.data.is_empty());
    }
    if eof && incoming.data.is_empty() && incoming.head.is_none() {
        machine.on_data(Bytes::new(), true);
    }
    while let Some(data) = incoming.data.pop() {
        machine.on_data(data, eof && incoming.data.is_empty());
    }
    if let Some(trailers) = &incoming.trailers {
        machine.on_trailers(trailers);
    }
    if let Some(status) = incoming.end.as_ref().and_then(End::status) {
        machine.on_failure(status);
    }
    machine.must_reset()
}

fn feed_request(machine: &mut RequestMachine, mut incoming: Incoming) -> Option<Reason> {
    while let Some(data) = incoming.data.pop() {
        machine.on_data(data, false);
    }
    match incoming.end {
        None => {}
        Some(End::Eof) => machine.on_end(),
        Some(End::Reset(reason, _)) => machine.on_reset(reason),
        Some(End::Failed(status)) => machine.on_failure(status),
    }
    None
}
