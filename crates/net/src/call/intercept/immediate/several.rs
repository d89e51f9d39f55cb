//! Interceptors that never wait, one inside the other.

use super::{
    super::{
        answer::Outcome,
        begin::Begin,
        end::{End, EndOf, Side, unfinished},
    },
    Erased,
};
use farcall_core::MethodDescriptor;
use std::{any::Any, mem, sync::Arc};

/// The outermost first.
pub(crate) type Immediates = Arc<[Arc<dyn Erased>]>;

/// What the begins of a call have left for the ends: that of the one interceptor, or all of them as `Several`.
pub(crate) struct State(Box<dyn Any + Send + Sync>);

type Several = Vec<Box<dyn Any + Send + Sync>>;

/// Shows a call to all of them before it goes on.
///
/// # Errors
/// How the call has ended: one of them does not let it go on, and those outside of it have heard that.
#[inline(always)]
pub(crate) fn begin(immediates: &Immediates, call: &mut Begin<'_>) -> Result<State, Box<Outcome>> {
    match &**immediates {
        [only] => match only.begin(call) {
            Ok(state) => Ok(State(state)),
            Err(status) => Err(Box::new(Err(status))),
        },
        several => begin_several(several, call),
    }
}

fn begin_several(
    immediates: &[Arc<dyn Erased>],
    call: &mut Begin<'_>,
) -> Result<State, Box<Outcome>> {
    let mut begun = Begun {
        immediates,
        states: Several::with_capacity(immediates.len()),
        side: call.side(),
        method: call.method().clone(),
    };
    for immediate in immediates {
        match immediate.begin(call) {
            Ok(state) => begun.states.push(state),
            Err(status) => {
                let mut outcome = Err(status);
                begun.end(EndOf::Outcome(&mut outcome));
                return Err(Box::new(outcome));
            }
        }
    }
    Ok(State(Box::new(mem::take(&mut begun.states))))
}

/// Those who have begun while others have still to.
struct Begun<'a> {
    immediates: &'a [Arc<dyn Erased>],
    states: Several,
    side: Side,
    method: MethodDescriptor,
}

impl Begun<'_> {
    fn end(&mut self, of: EndOf<'_>) {
        let mut end = End::new(&self.method, self.side, of);
        end_several(self.immediates, mem::take(&mut self.states), &mut end);
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        // One of the others has panicked.
        if !self.states.is_empty() {
            unfinished(None, |of| self.end(of));
        }
    }
}

/// Shows the end of a call to all of them.
#[inline(always)]
pub(crate) fn end(
    immediates: &Immediates,
    state: State,
    side: Side,
    method: &MethodDescriptor,
    of: EndOf<'_>,
) {
    let mut end = End::new(method, side, of);
    match &**immediates {
        [only] => only.end(state.0, &mut end),
        several => {
            if let Ok(states) = state.0.downcast() {
                end_several(several, *states, &mut end);
            }
        }
    }
}

/// From the innermost that has begun to the outermost.
fn end_several(immediates: &[Arc<dyn Erased>], states: Several, end: &mut End<'_>) {
    for (immediate, state) in immediates.iter().zip(states).rev() {
        immediate.end(state, end);
    }
}
