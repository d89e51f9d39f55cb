//! Where a server waits for connections.
//!
//! Two rules keep it alive. Accepting never fails: whatever `accept(2)` says is reported and tried again, because
//! a listener that gives up takes the whole server with it (CVE-2024-47609, CVE-2023-4785). And nothing that a
//! peer can drag out happens between two accepts: the TLS handshake is a future of its own, to be run in the
//! connection's task ([`Handshake`]).

mod accept;
mod bind;
mod handshake;
mod listen;
mod places;
mod security;
mod socket;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod vsock;

pub(crate) use accept::{Accepted, Listener};
pub use bind::BindError;
pub(crate) use handshake::Handshake;
pub use listen::Listen;
pub(crate) use listen::{ListenSecurity, Site};
pub(crate) use places::Place;
pub(crate) use security::Security;
pub(crate) use socket::Socket;
