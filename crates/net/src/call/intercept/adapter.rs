//! An interceptor that never waits, as one among others that may.

use super::{
    super::context::Context,
    answer::Outcome,
    begin::{Begin, Of},
    call::Call,
    end::{End, EndOf, Side, unfinished},
    immediate::Immediate,
    interceptor::{Interceptor, Next},
};
use farcall_core::MethodDescriptor;
use std::sync::Arc;

/// See the module.
pub(super) struct Adapter<I>(Arc<I>);

impl<I: Immediate> Adapter<I> {
    pub(super) fn new(immediate: Arc<I>) -> Adapter<I> {
        Adapter(immediate)
    }
}

impl<I: Immediate> Interceptor for Adapter<I> {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        let state = self.0.begin(&mut Begin::new(Of::Call(call)))?;
        let mut begun = Begun {
            immediate: &*self.0,
            state: Some(state),
            method: call.method().clone(),
            side: call.side(),
            context: call.context(),
        };
        let mut outcome = next.run(call).await;
        begun.end(EndOf::Outcome(&mut outcome));
        outcome
    }
}

/// Between its begin and its end.
struct Begun<'a, I: Immediate> {
    immediate: &'a I,
    state: Option<I::State>,
    method: MethodDescriptor,
    side: Side,
    context: Option<Context>,
}

impl<I: Immediate> Begun<'_, I> {
    fn end(&mut self, of: EndOf<'_>) {
        if let Some(state) = self.state.take() {
            let mut end = End::new(&self.method, self.side, of);
            self.immediate.end(state, &mut end);
        }
    }
}

impl<I: Immediate> Drop for Begun<'_, I> {
    fn drop(&mut self) {
        if self.state.is_some() {
            let context = self.context.take();
            unfinished(context.as_ref(), |of| self.end(of));
        }
    }
}
