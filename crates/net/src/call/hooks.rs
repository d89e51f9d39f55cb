//! What interceptors want to see of a call while it goes on: its messages and its initial metadata.

use super::payload::Payload;
use farcall_core::{Metadata, Status};

/// Looks at a message, may change it, may end the call.
pub(crate) type MessageHook = Box<dyn FnMut(&mut Payload) -> Result<(), Status> + Send + Sync>;
/// Looks at the initial metadata of a response, may change it.
pub(crate) type HeadHook = Box<dyn FnMut(&mut Metadata) + Send + Sync>;

/// The hooks of a call, from the outermost interceptor to the innermost.
#[derive(Default)]
pub(crate) struct Hooks {
    requests: Vec<(usize, MessageHook)>,
    responses: Vec<(usize, MessageHook)>,
    heads: Vec<(usize, HeadHook)>,
}

impl Hooks {
    /// `inside`: how many interceptors stand inside the one that asks.
    pub(crate) fn on_request(&mut self, inside: usize, hook: MessageHook) {
        self.requests.push((inside, hook));
    }

    pub(crate) fn on_response(&mut self, inside: usize, hook: MessageHook) {
        self.responses.push((inside, hook));
    }

    pub(crate) fn on_head(&mut self, inside: usize, hook: HeadHook) {
        self.heads.push((inside, hook));
    }

    /// Forgets what those have asked for who stand inside an interceptor: they will be asked again.
    pub(crate) fn forget_inside(&mut self, inside: usize) {
        self.requests.retain(|(own, _)| *own >= inside);
        self.responses.retain(|(own, _)| *own >= inside);
        self.heads.retain(|(own, _)| *own >= inside);
    }

    /// Shows a request message to all.
    ///
    /// # Errors
    /// What the first of them has against it.
    pub(crate) fn apply_to_request(&mut self, payload: &mut Payload) -> Result<(), Status> {
        let mut hooks = self.requests.iter_mut();
        hooks.try_for_each(|(_, hook)| hook(payload))
    }

    /// Shows the one response message and what comes before it to all.
    ///
    /// # Errors
    /// What the first of them has against it.
    pub(crate) fn apply_to_response(
        &mut self,
        metadata: &mut Metadata,
        payload: &mut Payload,
    ) -> Result<(), Status> {
        let heads = self.heads.iter_mut().rev();
        heads.for_each(|(_, hook)| hook(metadata));
        let mut hooks = self.responses.iter_mut().rev();
        hooks.try_for_each(|(_, hook)| hook(payload))
    }

    /// The hooks of a stream of requests, in the order in which they apply.
    pub(crate) fn take_requests(&mut self) -> MessageHooks {
        let hooks = self.requests.drain(..);
        MessageHooks(hooks.map(|(_, hook)| hook).collect())
    }

    /// The hooks of a stream of responses, in the order in which they apply.
    pub(crate) fn take_responses(&mut self) -> MessageHooks {
        let hooks = self.responses.drain(..).rev();
        MessageHooks(hooks.map(|(_, hook)| hook).collect())
    }

    /// The hooks of what comes before a stream of responses, in the order in which they apply.
    pub(crate) fn take_heads(&mut self) -> HeadHooks {
        let hooks = self.heads.drain(..).rev();
        HeadHooks(hooks.map(|(_, hook)| hook).collect())
    }
}

/// Those who look at the streams of a call.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) requests: MessageHooks,
    pub(crate) responses: MessageHooks,
    pub(crate) heads: HeadHooks,
}

/// Those who look at messages of one direction.
#[derive(Default)]
pub(crate) struct MessageHooks(Vec<MessageHook>);

impl MessageHooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows a message to all of them.
    ///
    /// # Errors
    /// What the first of them has against it.
    pub(crate) fn apply(&mut self, payload: &mut Payload) -> Result<(), Status> {
        self.0.iter_mut().try_for_each(|hook| hook(payload))
    }
}

/// Those who look at the initial metadata, once.
#[derive(Default)]
pub(crate) struct HeadHooks(Vec<HeadHook>);

impl HeadHooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn apply(&mut self, metadata: &mut Metadata) {
        self.0.drain(..).for_each(|mut hook| hook(metadata));
    }
}
