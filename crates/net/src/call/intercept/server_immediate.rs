//! Interceptors that never wait, run by the handler of a unary call itself.

use super::{
    super::{
        arrival::{Accepted, IncomingCall},
        context::Context,
        payload::Payload,
        reply::Reply,
    },
    answer::Outcome,
    begin::{Begin, Of, ServerBegin},
    end::{EndOf, Side, unfinished},
    immediate::{self, Immediates, State},
    outgoing::{Progress, reply},
    parts::Rare,
};
use farcall_core::{MethodDescriptor, MethodKind, Status};
use std::{
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Instant,
};
use tokio::time::sleep_until;

/// What stands around a unary method none of whose interceptors ever waits; in [`Accepted::immediate`].
pub(crate) struct Surroundings {
    method: MethodDescriptor,
    immediates: Immediates,
}

impl Surroundings {
    /// `None`: calls of such a method go another way.
    pub(crate) fn of(method: &MethodDescriptor, immediates: &Immediates) -> Option<Surroundings> {
        (method.kind() == MethodKind::Unary).then(|| Surroundings {
            method: method.clone(),
            immediates: Arc::clone(immediates),
        })
    }
}

/// A unary call at its handler's, and the interceptors that are to hear of its end.
pub(crate) struct Handling {
    accepted: Arc<Accepted>,
    context: Context,
    /// Until they have.
    state: Option<State>,
    /// With hooks for the response.
    rare: Option<Box<Rare>>,
}

impl Handling {
    /// Shows a call to its interceptors.
    ///
    /// # Errors
    /// What goes onto the wire: one of them does not let the call go on.
    #[inline(always)]
    pub(crate) fn begin(call: &mut IncomingCall) -> Result<Handling, Box<Reply>> {
        let accepted = Arc::clone(&call.arrival.accepted);
        let Some(around) = surroundings(&accepted) else {
            return Err(Box::new(Reply::lost()));
        };
        let mut rare = None;
        let mut begin = Begin::new(Of::Server(ServerBegin {
            method: &around.method,
            call,
            rare: &mut rare,
        }));
        let state = match immediate::begin(&around.immediates, &mut begin) {
            Ok(state) => Some(state),
            Err(outcome) => return Err(refused(&accepted, *outcome)),
        };
        let context = call.arrival.context.clone();
        let mut handling = Handling {
            accepted,
            context,
            state,
            rare,
        };
        if handling.rare.is_some() {
            handling.show(call)?;
        }
        Ok(handling)
    }

    /// Shows the request to the hooks.
    #[cold]
    fn show(&mut self, call: &mut IncomingCall) -> Result<(), Box<Reply>> {
        let mut message = Payload::new(mem::take(&mut call.message));
        let shown = match &mut self.rare {
            Some(rare) => rare.hooks.apply_to_request(&mut message),
            None => Ok(()),
        };
        call.message = message.into_bytes();
        shown.map_err(|status| Box::new(self.end(Err(status))))
    }

    /// A deadline that an interceptor has brought forward.
    #[inline(always)]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.rare.as_ref()?.deadline
    }

    /// Shows the call's end to its interceptors. What goes onto the wire.
    #[inline]
    pub(crate) fn end(&mut self, mut outcome: Outcome) -> Reply {
        if let Some(rare) = &mut self.rare {
            rare.answered(&mut outcome);
        }
        if let Some(state) = self.state.take() {
            tell(&self.accepted, state, EndOf::Outcome(&mut outcome));
        }
        let (kind, unsent) = (MethodKind::Unary, Progress::Unsent);
        reply(&self.accepted, kind, unsent, outcome)
    }
}

#[cold]
fn refused(accepted: &Accepted, outcome: Outcome) -> Box<Reply> {
    let (kind, unsent) = (MethodKind::Unary, Progress::Unsent);
    Box::new(reply(accepted, kind, unsent, outcome))
}

impl Rare {
    /// Shows the response to the hooks.
    #[cold]
    fn answered(&mut self, outcome: &mut Outcome) {
        if let Ok(answer) = outcome
            && let Some(message) = &mut answer.message
            && let Err(status) = self.hooks.apply_to_response(&mut answer.metadata, message)
        {
            *outcome = Err(status);
        }
    }
}

impl Drop for Handling {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            dropped(&self.accepted, &self.context, state);
        }
    }
}

#[inline(always)]
fn surroundings(accepted: &Accepted) -> Option<&Surroundings> {
    accepted.immediate.as_deref()?.downcast_ref()
}

#[inline(always)]
fn tell(accepted: &Accepted, state: State, of: EndOf<'_>) {
    if let Some(around) = surroundings(accepted) {
        let (immediates, method) = (&around.immediates, &around.method);
        immediate::end(immediates, state, Side::Server, method, of);
    }
}

#[cold]
fn dropped(accepted: &Accepted, context: &Context, state: State) {
    unfinished(Some(context), |of| tell(accepted, state, of));
}

/// Runs a handler until a deadline that an interceptor has set.
#[cold]
pub(crate) async fn until<T>(
    deadline: Instant,
    mut handler: Pin<Box<impl Future<Output = Result<T, Status>>>>,
) -> Result<T, Status> {
    let mut timer = Box::pin(sleep_until(deadline.into()));
    poll_fn(move |cx| {
        if timer.as_mut().poll(cx).is_ready() {
            let text = "the deadline that an interceptor set passed before the handler was done";
            return Poll::Ready(Err(Status::deadline_exceeded(text)));
        }
        handler.as_mut().poll(cx)
    })
    .await
}
