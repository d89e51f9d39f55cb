//! Unary calls among interceptors that never wait.

use super::super::{
    channel::Attached,
    options::{CallOptions, Extras},
    start,
};
use crate::{
    call::{
        Awaited, Payload, Response,
        intercept::{
            Answer, Begin, ClientBegin, EndOf, Of, Outcome, Rare, Side, State, answer, begin, end,
            unfinished,
        },
    },
    transport::mailbox::{Finish, Interest},
};
use bytes::Bytes;
use farcall_core::{MethodDescriptor, Status};
use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// A call that they have let go on.
pub(crate) struct ImmediateCall {
    awaited: Awaited,
    begun: Begun,
    /// With hooks for the response.
    rare: Option<Box<Rare>>,
}

/// Those who are to hear of the end.
struct Begun {
    attached: Arc<Attached>,
    method: MethodDescriptor,
    state: Option<State>,
}

impl ImmediateCall {
    /// Shows a call to the interceptors, and starts it.
    ///
    /// # Errors
    /// How it has ended: they do not let it go on, or it cannot be started.
    pub(super) fn start(
        attached: Arc<Attached>,
        (method, content_subtype): (&MethodDescriptor, &'static str),
        message: Payload,
        options: &mut CallOptions,
    ) -> Result<ImmediateCall, Box<Outcome>> {
        let knobs = &mut options.knobs;
        (knobs.deadline, knobs.timeout) = (start::own_deadline(knobs), None);
        let mut message = message;
        let mut rare = None;
        if let Some(extras) = &mut options.extras {
            extensions(extras, &mut rare);
        }
        let Some(immediates) = attached.around.chain.immediates() else {
            return Err(Box::new(Err(Status::internal(
                "nothing stands around the call",
            ))));
        };
        let mut shown = Begin::new(Of::Client(ClientBegin {
            outlet: &*attached,
            method,
            knobs,
            message: &mut message,
            rare: &mut rare,
        }));
        let state = begin(immediates, &mut shown)?;
        let mut begun = Begun {
            attached,
            method: method.clone(),
            state: Some(state),
        };
        if let Some(rare) = &mut rare
            && let Err(status) = rare.hooks.apply_to_request(&mut message)
        {
            return Err(begun.over(status));
        }
        let channel = &begun.attached.channel;
        let started = channel.to_wire(message, knobs).and_then(|data| {
            begun.attached.prepare(method, knobs)?;
            start::start(
                channel,
                method,
                content_subtype,
                knobs,
                Interest::End,
                Some(data),
                Finish::HalfClose,
            )
        });
        match started {
            Ok(opened) => Ok(ImmediateCall {
                awaited: Awaited::new(opened.mailbox, opened.max_receive),
                begun,
                rare,
            }),
            Err(status) => Err(begun.over(status)),
        }
    }

    /// Waits for the end of the call, and shows it to the interceptors.
    #[inline(always)]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<Bytes>, Status>> {
        let channel = &self.begun.attached.channel;
        let options = |max_receive| channel.receive_options(max_receive);
        let mut response = ready!(self.awaited.poll(cx, options));
        if let Some(rare) = &mut self.rare {
            answered(rare, &mut response);
        }
        self.begun.end(EndOf::Response(&mut response));
        Poll::Ready(response)
    }
}

/// Shows the response to the hooks.
#[cold]
fn answered(rare: &mut Rare, response: &mut Result<Response<Bytes>, Status>) {
    let received = mem::replace(response, Err(Status::OK));
    let outcome = received.and_then(|received| answer(Some(rare), received));
    *response = outcome.and_then(Answer::into_response);
}

/// What the caller tells its interceptors.
#[cold]
fn extensions(extras: &mut Extras, rare: &mut Option<Box<Rare>>) {
    if !extras.extensions.is_empty() {
        let told = mem::take(&mut extras.extensions);
        rare.get_or_insert_default().extensions = told;
    }
}

impl Begun {
    #[inline]
    fn end(&mut self, of: EndOf<'_>) {
        if let (Some(immediates), Some(state)) =
            (self.attached.around.chain.immediates(), self.state.take())
        {
            end(immediates, state, Side::Client, &self.method, of);
        }
    }

    /// A call that could not be started.
    #[cold]
    fn over(&mut self, status: Status) -> Box<Outcome> {
        let mut outcome = Err(status);
        self.end(EndOf::Outcome(&mut outcome));
        Box::new(outcome)
    }
}

impl Drop for Begun {
    #[inline]
    fn drop(&mut self) {
        if self.state.is_some() {
            unfinished(None, |of| self.end(of));
        }
    }
}
