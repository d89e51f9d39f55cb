//! Interceptors: code around calls, the same on either end and for all four kinds.

mod answer;
mod call;
mod chain;
mod client_end;
mod link;
mod parts;
mod server_end;

pub(crate) use answer::OutcomeFuture;
pub use answer::{Answer, Outcome};
pub use call::Call;
pub(crate) use chain::Chain;
pub use chain::{Interceptor, Next, Repeat, Run};
pub(crate) use client_end::{ClientEnd, Outlet, is_under_way, set_under_way};
pub(crate) use link::{Around, Gate, Link, Opened};
pub(crate) use parts::Parts;
pub(crate) use server_end::{Inside, ServerEnd};
