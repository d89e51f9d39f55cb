//! What arrives of a response, and how it ends.

use super::super::held::is_unprocessed;
use super::{ClientRole, call::find};
use crate::{
    clock,
    transport::{deadline::Awaited, mailbox::End},
};
use bytes::Bytes;
use farcall_core::Status;
use farcall_http2::{Connection, Headers, Reason, ResetCause, StreamKey};
use std::{sync::Arc, time::Instant};

impl ClientRole {
    pub(super) fn on_headers(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        headers: Arc<Headers>,
        trailers: bool,
        end: bool,
    ) {
        if end && !trailers {
            self.tell_refusal(key, &headers);
        }
        if end && !trailers && self.repeat_refusal(connection, now, key, &headers) {
            self.useful = true;
            return;
        }
        let Some(call) = find(&mut self.calls, key) else {
            self.useful = true;
            return;
        };
        self.useful |= call.mailbox.is_users();
        if trailers {
            return self.finish(connection, now, key, Some(headers));
        }
        call.commit();
        let plain = end || self.plain.is_head(&headers);
        match &mut call.gathered {
            Some(gathered) => {
                gathered.head = Some(headers);
                if !plain {
                    call.hand_over();
                }
            }
            None if end => call.mailbox.deliver_trailers_only(headers, key),
            None => call.mailbox.deliver_head(headers),
        }
        if end {
            self.finish(connection, now, key, None);
        }
    }

    pub(super) fn on_data(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        data: Bytes,
        end: bool,
    ) {
        let Some(call) = self.call(key) else {
            connection.release(now, key, data.len());
            return;
        };
        if let Some(picked) = &mut call.picked {
            picked.bytes_received += data.len() as u64;
        }
        match &mut call.gathered {
            Some(gathered) => {
                // At most one message within its limit is held: waiting for the reader would only deadlock.
                connection.release(now, key, data.len());
                if !gathered.push(data, call.mailbox.receive_limit()) {
                    call.hand_over();
                }
            }
            None if data.is_empty() => {}
            None => {
                let unwanted = call.mailbox.deliver_data(data);
                connection.release(now, key, unwanted);
            }
        }
        if end {
            self.finish(connection, now, key, None);
        }
    }

    /// The server has said everything.
    fn finish(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        trailers: Option<Arc<Headers>>,
    ) {
        let Some(place) = self.calls.get_mut(key.slot()) else {
            return;
        };
        let Some(call) = place.as_mut().filter(|call| call.key == key) else {
            return;
        };
        call.mailbox.set_slot(None);
        if call.mailbox.is_users() {
            self.used = now;
        }
        if call.sending {
            // The call is over; what this side still had to say is of no use (RFC 9113 §8.1).
            connection.reset(now, key, Reason::NO_ERROR);
        }
        // Looked at where it stands: a call is not moved for its end.
        let retry = call.retry.as_mut();
        if retry
            .as_ref()
            .is_none_or(|retry| retry.previous().is_empty())
            && let Some(gathered) = &call.gathered
            && let Some(trailers) = &trailers
            && let Some(message) =
                gathered.message(&mut self.plain, trailers, call.mailbox.receive_limit())
        {
            if let Some(retry) = retry {
                retry.on_success();
            }
            if let Some(picked) = call.picked.take() {
                picked.done(&Status::OK);
            }
            call.mailbox.deliver_message(message, key);
            *place = None;
            self.freed();
            return;
        }
        if let Some(call) = place.take() {
            let unreported = call.end(trailers, End::Eof);
            connection.release(now, key, unreported);
            self.freed();
        }
    }

    pub(super) fn on_reset(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        reason: Reason,
        cause: ResetCause,
    ) {
        if let ResetCause::Misbehaved(crime) = cause {
            self.log.reports.misbehaved(crime);
        }
        let Some(mut call) = self.remove(key) else {
            return;
        };
        if is_unprocessed(reason, &cause)
            && let Some(held) = call.held.take_if(|held| held.may_be_refused())
        {
            return self.send_elsewhere(call, held, cause == ResetCause::GoAway);
        }
        if call.mailbox.is_users() {
            self.used = now;
        }
        match cause {
            ResetCause::Connection | ResetCause::GoAway => self.orphans.push(call),
            cause => {
                // Both ends watch the deadline. When the server's CANCEL is read first, it is still the deadline.
                let deadline = call.mailbox.deadline();
                let over =
                    reason == Reason::CANCEL && deadline.is_some_and(|at| at <= clock::now());
                let end = match over {
                    true => End::Failed(self.late(Awaited::Response)),
                    false => End::Reset(reason, cause),
                };
                if !over {
                    let Some(last) = self.repeat_reset(now, call, &end) else {
                        return;
                    };
                    call = last;
                }
                let unreported = call.fail(end);
                connection.release(now, key, unreported);
            }
        }
    }
}
