//! Simulated lives of connections, and plain second implementations to compare the machines with.
#![forbid(unsafe_code)]

pub mod naive;
