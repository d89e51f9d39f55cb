//! Second implementations of what `farcall-simulation` has none of.

pub(crate) mod messages;
