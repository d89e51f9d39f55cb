//! Interceptors: code around calls, the same on either end and for all four kinds.

mod adapter;
mod answer;
mod begin;
mod call;
mod chain;
mod client_end;
mod end;
mod immediate;
mod install;
mod interceptor;
mod link;
mod outgoing;
mod parts;
mod server_end;
mod server_immediate;

pub(crate) use answer::OutcomeFuture;
pub use answer::{Answer, Outcome};
pub use begin::Begin;
pub(crate) use begin::{ClientBegin, Of};
pub use call::Call;
pub(crate) use chain::Chain;
pub(crate) use client_end::{ClientEnd, Outlet, answer, is_under_way, set_under_way};
pub use end::End;
pub(crate) use end::{EndOf, Side, unfinished};
pub use immediate::Immediate;
pub(crate) use immediate::{State, begin, end};
pub use install::{AnyInterceptor, IntoInterceptor, kind};
pub use interceptor::{Interceptor, Next, Repeat, Run};
pub(crate) use link::{Around, Gate, Link, Opened};
pub(crate) use parts::{Parts, Rare};
pub(crate) use server_end::{Inside, ServerEnd};
pub(crate) use server_immediate::{Handling, Surroundings, until};
