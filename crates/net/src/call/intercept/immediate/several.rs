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
        let states = mem::take(&mut self.states);
        end_several(self.immediates, states, (self.side, &self.method), of);
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
    match &**immediates {
        [only] => only.end(state.0, &mut End::new(method, side, of)),
        several => end_all(several, state, (side, method), of),
    }
}

/// Apart, so that one alone pays nothing for it.
#[inline(never)]
fn end_all(
    immediates: &[Arc<dyn Erased>],
    state: State,
    of_call: (Side, &MethodDescriptor),
    of: EndOf<'_>,
) {
    if let Ok(states) = state.0.downcast() {
        end_several(immediates, *states, of_call, of);
    }
}

/// From the innermost that has begun to the outermost.
fn end_several(
    immediates: &[Arc<dyn Erased>],
    states: Several,
    (side, method): (Side, &MethodDescriptor),
    of: EndOf<'_>,
) {
    let mut untold = Untold {
        immediates,
        states,
        side,
        method,
    };
    let mut end = End::new(method, side, of);
    while untold.tell_next(&mut end) {}
}

/// Those who have begun and have still to hear of the end.
struct Untold<'a> {
    immediates: &'a [Arc<dyn Erased>],
    states: Several,
    side: Side,
    method: &'a MethodDescriptor,
}

impl Untold<'_> {
    /// Tells the innermost. False: all have heard.
    fn tell_next(&mut self, end: &mut End<'_>) -> bool {
        let Some(state) = self.states.pop() else {
            return false;
        };
        if let Some(immediate) = self.immediates.get(self.states.len()) {
            immediate.end(state, end);
        }
        true
    }
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        // One of them has panicked as it heard; so may the others, each for itself.
        while !self.states.is_empty() {
            unfinished(None, |of| {
                self.tell_next(&mut End::new(self.method, self.side, of));
            });
        }
    }
}
