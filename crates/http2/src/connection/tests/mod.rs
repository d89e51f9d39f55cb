//! Whole connections: pairs of machines and machines against raw octets.

mod calls;
mod crimes;
mod endings;
mod flow;
mod keepalive;
mod pair;
mod random;
mod raw;
mod settings;
