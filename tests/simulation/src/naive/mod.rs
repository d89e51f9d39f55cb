//! Second implementations, written for plainness alone: to compare the machines with.

pub mod hpack;
mod hpack_tables;
mod scanner;
pub mod watch;
