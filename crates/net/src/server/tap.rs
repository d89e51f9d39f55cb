//! A look at calls before anything is done for them.

use super::guarded::guarded;
use crate::peer::Peer;
use farcall_core::{Metadata, Status, call::server::RequestHead};
use std::fmt;

/// A call whose header list has come, and nothing else: what a [tap](crate::Server::tap) sees of it.
///
/// ```
/// use farcall::{Server, Status, server::Tapped};
///
/// /// What is internal is for this machine's own processes.
/// fn keep_out(call: &Tapped<'_>) -> Result<(), Status> {
///     let local = call.peer().unix_credentials().is_some();
///     match call.method().starts_with("/internal.") && !local {
///         true => Err(Status::permission_denied("internal")),
///         false => Ok(()),
///     }
/// }
///
/// let server = Server::builder().tap(keep_out);
/// # let _ = server;
/// ```
pub struct Tapped<'a> {
    head: &'a RequestHead,
    peer: &'a Peer,
}

/// What looks at calls.
pub(super) type Tap = dyn Fn(&Tapped<'_>) -> Result<(), Status> + Send + Sync;

impl<'a> Tapped<'a> {
    pub(super) fn new(head: &'a RequestHead, peer: &'a Peer) -> Tapped<'a> {
        Tapped { head, peer }
    }

    /// The full method name, `/package.Service/Method`; whatever the caller has sent, the server need not have it.
    pub fn method(&self) -> &str {
        std::str::from_utf8(&self.head.path).unwrap_or_default()
    }

    /// What the caller has sent beside its messages.
    pub fn metadata(&self) -> &Metadata {
        &self.head.metadata
    }

    /// The authority that the caller addressed (`:authority`); empty if it named none.
    pub fn authority(&self) -> &str {
        let authority = self.head.authority.as_deref().unwrap_or_default();
        std::str::from_utf8(authority).unwrap_or_default()
    }

    /// Who is calling.
    pub fn peer(&self) -> &Peer {
        self.peer
    }
}

impl fmt::Debug for Tapped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tapped")
            .field("method", &self.method())
            .field("peer", self.peer)
            .finish_non_exhaustive()
    }
}

/// What the tap says of a call.
///
/// # Errors
/// What the call ends with. A tap that panics says `INTERNAL`.
pub(super) fn tapped(tap: &Tap, call: &Tapped<'_>) -> Result<(), Status> {
    guarded(|| tap(call)).and_then(|verdict| verdict)
}
