//! What foreign interop programs do not look at, and that our own cases can fail.

mod cases;
mod program;
mod relay;
mod server_id;
mod setup;
mod sloppy;
mod wire;
