//! The start of a call's stream, in three steps: which lists it begins with, how the request is sent, what is kept of it.

use super::{
    super::{gather::Gathered, held::Held, news::News},
    ClientRole,
    call::Call,
};
use crate::transport::{
    Mailbox, Picked,
    mailbox::{End, Finish, Head, Interest, Outgoing, Unsent},
};
use farcall_core::{
    Code, Status,
    call::client::{RequestHead, RequestTemplate},
};
use farcall_http2::{Connection, OpenError, Part, StreamKey};
use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

/// A stream that has been opened.
struct Opened {
    key: StreamKey,
    /// All messages that there are so far went with its head.
    whole: bool,
}

/// Why there is none.
enum NotOpened {
    /// The call is at fault, and over.
    Refused(Status),
    Open(OpenError),
}

impl ClientRole {
    /// Opens a stream for a mailbox that has none.
    pub(super) fn open(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        mailbox: Arc<Mailbox>,
        request: &mut Unsent,
    ) {
        let outgoing = &mut request.outgoing;
        let Some(Head::Request {
            template,
            own_authority: own,
            picked,
            ..
        }) = &outgoing.head
        else {
            return self.freed();
        };
        let deadline = mailbox.deadline();
        let opened = match *own || picked.is_some() || self.naming.renames() {
            false => begin(connection, now, &mailbox, deadline, template, outgoing),
            true => match self.naming.template(template, *own, picked.as_deref()) {
                Ok(renamed) => begin(connection, now, &mailbox, deadline, &renamed, outgoing),
                Err(status) => Err(NotOpened::Refused(status)),
            },
        };
        match opened {
            Ok(opened) => {
                self.note_deadline(deadline);
                self.keep(connection, now, mailbox, request, opened);
            }
            Err(reason) => self.not_opened(connection, now, mailbox, request, reason),
        }
    }

    /// Remembers the call of a stream that has just been opened, and sends what did not go with its head.
    #[inline]
    fn keep(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        mailbox: Arc<Mailbox>,
        request: &mut Unsent,
        Opened { key, whole }: Opened,
    ) {
        if mailbox.is_users() {
            self.used = now;
        } else if let Some((gauge, _)) = &self.gauge {
            // A health check needs a stream as calls do.
            gauge.take();
        }
        self.follow_limit(connection);
        self.make_place(key.slot());
        mailbox.set_slot(Some(key.slot()));
        let limit = self.call_buffer;
        let outgoing = &mut request.outgoing;
        let Some(Head::Request {
            template,
            own_authority,
            refused,
            mut retry,
            mut picked,
        }) = outgoing.head.take()
        else {
            return; // it was there a moment ago
        };
        if let Some(retry) = &mut retry {
            self.note_deadline(retry.begin_attempt(now));
        }
        let size = if whole { outgoing.data.size() } else { 0 };
        if mailbox.has_commit() {
            picked.get_or_insert_default();
        }
        if let Some(picked) = &mut picked {
            picked.was_sent = true;
            picked.peer = Some(Arc::clone(&self.naming.peer));
            picked.bytes_sent = size as u64;
        }
        let half_closed = whole && matches!(outgoing.finish, Finish::HalfClose);
        let is_kept = Held::is_kept(refused, size, retry.as_mut(), limit);
        if !is_kept && picked.is_some() {
            mailbox.commit();
        }
        let held = is_kept.then(|| Held {
            template,
            own_authority,
            data: match whole {
                true => mem::take(&mut outgoing.data),
                false => Default::default(),
            },
            bytes: size,
            half_closed,
            refused,
        });
        let place = &mut self.calls[key.slot()];
        *place = Some(Call {
            key,
            mailbox,
            sending: !half_closed,
            gathered: (request.interest == Interest::End).then(Gathered::default),
            held,
            retry,
            picked,
        });
        if !half_closed {
            let outgoing = mem::take(&mut request.outgoing);
            self.go_on(connection, now, key, outgoing, whole);
        }
    }

    /// Sends what did not go with the head of a request whose end has not been sent.
    fn go_on(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        outgoing: Outgoing,
        whole: bool,
    ) {
        if !whole {
            return self.transmit(connection, now, key, outgoing);
        }
        if let Some(call) = self.call(key) {
            let buffered = connection.buffered(key);
            call.mailbox.set_outstanding(buffered, Vec::new());
        }
    }

    /// Room for the call of this slot.
    #[inline]
    fn make_place(&mut self, slot: usize) {
        if self.calls.len() > slot {
            return;
        }
        if self.calls.is_empty() {
            // Many connections carry one call at a time.
            self.calls.reserve_exact(slot + 1);
        }
        self.calls.resize_with(slot + 1, || None);
    }

    /// What becomes of a call that has no stream.
    #[cold]
    fn not_opened(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        mailbox: Arc<Mailbox>,
        request: &mut Unsent,
        reason: NotOpened,
    ) {
        let outgoing = mem::take(&mut request.outgoing);
        match reason {
            NotOpened::Refused(status) => {
                self.freed();
                refuse(&mailbox, outgoing, status);
            }
            NotOpened::Open(OpenError::HeaderListTooLarge { size, limit }) => {
                self.freed();
                let status = Status::new(
                    Code::Internal,
                    format!(
                        "the request's metadata is {size} bytes; the server accepts {limit} (SETTINGS_MAX_HEADER_LIST_SIZE)"
                    ),
                );
                refuse(&mailbox, outgoing, status);
            }
            NotOpened::Open(OpenError::TooManyStreams) => {
                mailbox.restore_outgoing(outgoing);
                self.note_deadline(mailbox.deadline());
                self.waiting.push_front(mailbox);
            }
            NotOpened::Open(_) => {
                self.leave(connection, now);
                mailbox.restore_outgoing(outgoing);
                // What the pick said goes with it: the next connection is picked anew.
                mailbox.unattach();
                self.reporter.tell(News::Unsent(vec![mailbox]));
            }
        }
    }
}

/// Sends the head of a request, and with it all messages if there is one and nothing else is to be done.
#[inline]
fn begin(
    connection: &mut Connection,
    now: Instant,
    mailbox: &Mailbox,
    deadline: Option<Instant>,
    template: &RequestTemplate,
    outgoing: &Outgoing,
) -> Result<Opened, NotOpened> {
    let Some(Head::Request { retry, picked, .. }) = &outgoing.head else {
        return Err(NotOpened::Open(OpenError::GoingAway));
    };
    let timeout = deadline.map(|deadline| deadline.saturating_duration_since(now));
    let previous = retry.as_ref().map_or(0, |retry| retry.previous_attempts());
    let bare = mailbox.metadata().is_unused() && previous == 0 && picked.is_none();
    let send = |connection: &mut Connection, parts: &[Part<'_>]| {
        start(connection, now, parts, outgoing).map_err(NotOpened::Open)
    };
    match timeout {
        None if bare => send(connection, &template.parts()),
        Some(timeout) if bare && !timeout.is_zero() => {
            send(connection, &template.parts_within(timeout))
        }
        _ => {
            let picked = picked.as_deref();
            let head = completed(template, timeout, mailbox, picked).map_err(NotOpened::Refused)?;
            send(connection, &head.with_previous_attempts(previous).parts())
        }
    }
}

/// The head of a request that has something of its own to say.
fn completed<'a>(
    template: &'a RequestTemplate,
    timeout: Option<Duration>,
    mailbox: &Mailbox,
    picked: Option<&Picked>,
) -> Result<RequestHead<'a>, Status> {
    let Some(picked) = picked else {
        return RequestHead::new(template, timeout, mailbox.metadata());
    };
    let metadata = picked.in_place().unwrap_or(mailbox.metadata());
    let head = RequestHead::new(template, timeout, metadata)?;
    let mut added = picked.added();
    added.try_fold(head, RequestHead::with_metadata)
}

/// Opens the stream.
#[inline]
fn start(
    connection: &mut Connection,
    now: Instant,
    parts: &[Part<'_>],
    outgoing: &Outgoing,
) -> Result<Opened, OpenError> {
    let plain = outgoing.release == 0 && outgoing.expect == 0;
    // A request without messages ends with an empty DATA frame, never on its headers (PROTOCOL-HTTP2, "EOS");
    // grpc-go's server waits for it.
    let (key, whole) = match outgoing.data.only().filter(|_| plain) {
        Some(message) => {
            let half_close = matches!(outgoing.finish, Finish::HalfClose);
            let key = connection.request(now, parts, message, half_close)?;
            (key, true)
        }
        None => (connection.open(now, parts, false)?, false),
    };
    Ok(Opened { key, whole })
}

/// Ends a call whose head, taken out of its mailbox already, cannot be sent.
fn refuse(mailbox: &Mailbox, outgoing: Outgoing, status: Status) {
    if let Some(Head::Request { retry, picked, .. }) = outgoing.head {
        if let Some(picked) = picked {
            picked.done(&status);
        }
        if let Some(retry) = retry {
            mailbox.set_previous(retry.previous());
        }
    }
    mailbox.deliver_end(None, End::Failed(status), Some(StreamKey::NONE));
}
