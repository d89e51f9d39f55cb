//! Calls with a stream of responses.

use super::{
    cancel::{self, Cancel},
    error, failed,
    plan::{Plan, Planned, Unusable},
};
use crate::{
    headers,
    pb::{
        BidiStreamRequest, BidiStreamResponse, ClientResponseResult, ConformancePayload,
        ServerStreamRequest, ServerStreamResponse,
    },
};
use farcall::{
    Request, Sender, Streaming,
    client::{BidiCall, ServerStreamingCall},
};
use std::mem;

pub(super) async fn server_stream(
    plan: &Plan<'_>,
    start: impl FnOnce(
        Request<ServerStreamRequest>,
    ) -> ServerStreamingCall<ServerStreamRequest, ServerStreamResponse>,
) -> Result<ClientResponseResult, Unusable> {
    let call = start(plan.only_message()?).planned(plan);
    let replies = match call.await {
        Ok(replies) => replies,
        Err(status) => return Ok(failed(&status)),
    };
    let mut seen = Seen::new(replies, |response| response.payload.unwrap_or_default());
    match plan.cancel {
        Cancel::Never => while seen.receive().await {},
        Cancel::AfterClose(delay) => {
            tokio::time::sleep(delay).await;
            seen.drop_call();
        }
        Cancel::AfterResponses(count) => {
            while seen.result.payloads.len() < count && seen.receive().await {}
            if !seen.over {
                seen.drop_call();
            }
        }
        Cancel::BeforeClose => {
            return Err(Unusable(
                "a call with one request is half-closed from the start".to_owned(),
            ));
        }
    }
    Ok(seen.result)
}

pub(super) async fn bidi_stream(
    plan: &Plan<'_>,
    call: BidiCall<BidiStreamRequest, BidiStreamResponse>,
) -> Result<ClientResponseResult, Unusable> {
    let mut messages = plan.messages()?.into_iter();
    let (mut sender, replies) = call.planned(plan).split();
    let mut seen = Seen::new(replies, |response| response.payload.unwrap_or_default());
    while let Some(message) = messages.next() {
        plan.pause().await;
        if sender.send(message).await.is_err() {
            // The call is over; the responses say why.
            seen.unsent(1 + messages.len());
            break;
        }
        if plan.is_full_duplex() {
            seen.receive().await;
            cancel_after_responses(plan, &seen, &mut sender);
            if seen.over {
                seen.unsent(messages.len());
                break;
            }
        }
    }
    match plan.cancel {
        Cancel::BeforeClose => sender.cancel(),
        Cancel::AfterClose(delay) => {
            sender.half_close();
            tokio::time::sleep(delay).await;
            sender.cancel();
        }
        Cancel::Never | Cancel::AfterResponses(_) => sender.half_close(),
    }
    while seen.receive().await {
        cancel_after_responses(plan, &seen, &mut sender);
    }
    Ok(seen.result)
}

fn cancel_after_responses<T>(
    plan: &Plan<'_>,
    seen: &Seen<T>,
    sender: &mut Sender<BidiStreamRequest>,
) {
    if plan.cancel == Cancel::AfterResponses(seen.result.payloads.len()) {
        sender.cancel();
    }
}

/// The responses of a call, and what they amount to.
struct Seen<T> {
    replies: Option<Streaming<T>>,
    payload: fn(T) -> ConformancePayload,
    result: ClientResponseResult,
    over: bool,
}

impl<T> Seen<T> {
    fn new(replies: Streaming<T>, payload: fn(T) -> ConformancePayload) -> Seen<T> {
        Seen {
            replies: Some(replies),
            payload,
            result: ClientResponseResult::default(),
            over: false,
        }
    }

    /// Waits for a response; false at the end.
    async fn receive(&mut self) -> bool {
        let Some(replies) = self.replies.as_mut().filter(|_| !self.over) else {
            return false;
        };
        // A failure without headers is told by the stream itself.
        if let Ok(metadata) = replies.metadata().await
            && self.result.response_headers.is_empty()
        {
            self.result.response_headers = headers::of_metadata(metadata);
        }
        match replies.message().await {
            Ok(Some(response)) => self.result.payloads.push((self.payload)(response)),
            Ok(None) => self.over = true,
            Err(status) => {
                self.result.error = Some(error(&status));
                self.over = true;
            }
        }
        if self.over
            && let Some(trailers) = replies.trailers()
        {
            self.result.response_trailers = headers::of_metadata(trailers);
        }
        !self.over
    }

    /// Cancels the call as users do that have no sender: by dropping it.
    fn drop_call(&mut self) {
        drop(mem::take(&mut self.replies));
        self.result.error = Some(error(&cancel::dropped()));
        self.over = true;
    }

    fn unsent(&mut self, requests: usize) {
        self.result.num_unsent_requests = i32::try_from(requests).unwrap_or(i32::MAX);
    }
}
