//! The command `farcall`, run as users run it.

mod calls;
mod chapter;
mod running;
