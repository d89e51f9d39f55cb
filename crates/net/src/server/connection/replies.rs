//! What leaves: replies of handlers, refusals, the ends of calls whose time is up.

use super::{
    super::calls::{Call, State},
    ServerRole,
};
use crate::{
    call::{Reply, reply::broken},
    log::Trouble,
    transport::{
        Mailbox,
        mailbox::{Cancelled, End, Finish, Head, Outgoing},
    },
};
use farcall_core::{
    Metadata, Status,
    call::{
        HeaderList,
        server::{self, Rejection},
    },
};
use farcall_http2::{Connection, Part, Reason, SendError, StreamKey};
use std::time::Instant;

impl ServerRole {
    /// Sends what a streaming handler that is done already has put into its mailbox. Answers whether that began the
    /// response.
    pub(super) fn flush_finished(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        mailbox: &Mailbox,
    ) -> bool {
        let outgoing = mailbox.take_outgoing();
        if let Some(Head::Response(head)) = &outgoing.head
            && let Err(SendError::HeaderListTooLarge { size, limit }) =
                connection.send_headers(now, key, &head.parts(), false)
        {
            send_shortened(
                connection,
                now,
                key,
                &head_too_large(size, limit),
                SendError::HeaderListTooLarge { size, limit },
            );
        }
        // A stream that has gone meanwhile has an event on its way that says so.
        outgoing.data.send(connection, now, key, false);
        connection.release(now, key, outgoing.release + mailbox.detach(key));
        outgoing.head.is_some()
    }

    /// Sends the end of a call.
    pub(super) fn send(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        reply: Reply,
    ) {
        let Reply {
            head,
            mut data,
            trailers,
            ..
        } = reply;
        if let (Some(head), Some(whole)) = (&head, data.take()) {
            match connection.respond(now, key, &head.parts(), whole, &trailers.parts()) {
                Ok(()) => return self.answered(connection, now, key),
                Err(whole) => data = Some(whole),
            }
        }
        if let Some(head) = &head
            && let Err(SendError::HeaderListTooLarge { size, limit }) =
                connection.send_headers(now, key, &head.parts(), false)
        {
            return self.send_trailers(connection, now, key, &head_too_large(size, limit));
        }
        // Of a stream that has gone meanwhile nothing is left to do but what `send_trailers` does.
        if let Some(data) = data {
            connection.send_data(now, key, data, false).ok();
        }
        self.send_trailers(connection, now, key, &trailers);
    }

    pub(super) fn send_trailers(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        trailers: &HeaderList,
    ) {
        match connection.send_headers(now, key, &trailers.parts(), true) {
            Ok(()) | Err(SendError::StreamGone) => {}
            Err(error) => {
                self.report(Trouble::Request, &format_args!("trailers: {error}"));
                send_shortened(connection, now, key, trailers, error);
            }
        }
        self.answered(connection, now, key);
    }

    /// The call's last word has been given to the connection.
    pub(super) fn answered(&mut self, connection: &mut Connection, now: Instant, key: StreamKey) {
        self.answered += 1;
        self.on_call_end(now);
        let Some(call) = self.calls.find(key) else {
            return;
        };
        let waiting = connection.buffered(key) > 0;
        if let State::Running { mailbox, .. } = &call.state {
            mailbox.set_slot(None);
            let unreported = mailbox.detach(key);
            connection.release(now, key, unreported);
        }
        if waiting {
            call.state = State::Answered;
        } else {
            self.calls.remove(key);
        }
    }

    /// What the handler asked for.
    pub(super) fn transmit(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        outgoing: Outgoing,
    ) {
        if outgoing.release > 0 {
            connection.release(now, key, outgoing.release);
        }
        let Some(call) = self.calls.find(key) else {
            return;
        };
        let State::Running {
            mailbox, head_sent, ..
        } = &mut call.state
        else {
            return;
        };
        if outgoing.expect > 0 {
            connection.expect(now, key, outgoing.expect);
        }
        if let Some(reason) = outgoing.reset {
            connection.reset(now, key, reason);
            if let Some(call) = self.calls.remove(key) {
                self.on_call_end(now);
                let status = Status::cancelled("the handler cancelled the call");
                let unreported = call.cancel(Cancelled::Cancelled, End::Failed(status));
                connection.release(now, key, unreported);
            }
            return;
        }
        if let Some(Head::Response(head)) = &outgoing.head {
            let sent = connection.send_headers(now, key, &head.parts(), false);
            if let Err(SendError::HeaderListTooLarge { size, limit }) = sent {
                return self.give_up(connection, now, key, &head_too_large(size, limit));
            }
            // A stream that has gone meanwhile has an event on its way that says so.
            *head_sent = true;
        }
        if !outgoing.data.is_empty() {
            let spare = outgoing.data.send(connection, now, key, false);
            mailbox.set_outstanding(connection.buffered(key), spare);
        }
        let head_sent = *head_sent;
        match &outgoing.finish {
            Finish::Trailers(trailers) => self.send_trailers(connection, now, key, trailers),
            Finish::Broken(status) => {
                let trailers = broken(status, head_sent);
                self.send_trailers(connection, now, key, &trailers);
            }
            Finish::Open | Finish::HalfClose => {}
        }
    }

    /// Ends a call in the place of its handler, which goes on for nobody.
    #[cold]
    pub(super) fn give_up(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        trailers: &HeaderList,
    ) {
        let Some(call) = self.calls.remove(key) else {
            return;
        };
        if let Err(error) = connection.send_headers(now, key, &trailers.parts(), true) {
            send_shortened(connection, now, key, trailers, error);
        }
        let status = Status::cancelled("the caller does not take response headers of this size");
        let unreported = call.cancel(Cancelled::Cancelled, End::Failed(status));
        connection.release(now, key, unreported);
    }

    /// A call's time is up.
    pub(super) fn expire(&mut self, connection: &mut Connection, now: Instant, call: Call) {
        let key = call.key;
        self.on_call_end(now);
        let (status, none) = (deadline_exceeded(), Metadata::new());
        let trailers = match &call.state {
            State::Gathering { .. }
            | State::Running {
                head_sent: false, ..
            } => Some(server::trailers_only(b"", &status, &none)),
            State::Running { .. } if connection.buffered(key) == 0 => {
                Some(server::trailers(&status, &none))
            }
            State::Rejected(rejection) => return reject(connection, now, key, rejection),
            State::Running { .. } | State::Answered => None,
        };
        match trailers {
            Some(trailers) => {
                connection
                    .send_headers(now, key, &trailers.parts(), true)
                    .ok();
            }
            None => connection.reset(now, key, Reason::CANCEL),
        }
        let unreported = call.cancel(Cancelled::Deadline, End::Failed(status));
        connection.release(now, key, unreported);
    }
}

/// The list that ends a response did not go out as it was: the caller's limit on header lists leaves room for less.
#[cold]
fn send_shortened(
    connection: &mut Connection,
    now: Instant,
    key: StreamKey,
    list: &HeaderList,
    error: SendError,
) {
    let sent = match error {
        SendError::HeaderListTooLarge { limit, .. } => {
            let list = server::shortened(list, limit);
            connection.send_headers(now, key, &list.parts(), true)
        }
        error => Err(error),
    };
    if sent.is_err_and(|error| error != SendError::StreamGone) {
        // Not even the code fits.
        connection.reset(now, key, Reason::INTERNAL_ERROR);
    }
}

/// The response in place of one whose initial metadata the caller does not take.
#[cold]
fn head_too_large(size: usize, limit: usize) -> HeaderList {
    let text = format!(
        "the response's initial metadata is {size} bytes; the caller accepts {limit} (SETTINGS_MAX_HEADER_LIST_SIZE)"
    );
    server::trailers_only(b"", &Status::internal(text), &Metadata::new())
}

/// Answers what is not a request of gRPC's.
pub(super) fn reject(
    connection: &mut Connection,
    now: Instant,
    key: StreamKey,
    rejection: &Rejection,
) {
    let (head, body) = (rejection.head(), rejection.body());
    let sent = connection.send_headers(now, key, &[Part::Fields(&head)], body.is_none());
    if let (Ok(()), Some(body)) = (sent, body) {
        // A stream that has gone meanwhile needs no answer.
        connection.send_data(now, key, body, true).ok();
    }
}

fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline passed before the handler was done")
}
