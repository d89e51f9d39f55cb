//! The wall around user code.

use farcall_core::{Code, Status};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Runs user code; a panic becomes `INTERNAL`, and the connection lives.
pub(super) fn guarded<T>(f: impl FnOnce() -> T) -> Result<T, Status> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        // What it says is for the log; the caller has no business with it.
        let status = Status::from_static(Code::Internal, "the handler panicked");
        match panic_text(&*panic) {
            Some(text) => status.with_cause(text.to_owned()),
            None => status,
        }
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}
