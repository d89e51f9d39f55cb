//! The client's end: its role, its calls, and the loads that they make.

mod call;
mod load;
mod role;

pub(crate) use load::run;
pub(crate) use role::ClientRole;

#[cfg(test)]
pub(crate) use {call::unary, load::connect};
