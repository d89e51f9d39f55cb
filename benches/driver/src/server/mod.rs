//! The server's end: its role and its handlers.

mod handlers;
mod listen;
mod role;

pub(crate) use listen::run;
#[cfg(test)]
pub(crate) use listen::{listen, serve};
