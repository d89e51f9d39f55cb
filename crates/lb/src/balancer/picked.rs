//! What a pick has come to: a subchannel, and what is said of the attempt there.

use std::fmt;
use std::sync::Arc;

use farcall_core::{Metadata, Status};

use crate::authority::Authority;
use crate::subchannel::SubchannelId;

/// A chosen subchannel, and what the pick says about the attempt that goes there.
///
/// One that says nothing besides costs no allocation; one that does costs one.
///
/// ```
/// use farcall_core::Metadata;
/// use farcall_lb::{balancer::Picked, subchannel::SubchannelId};
///
/// let picked = Picked::from(SubchannelId::new(3));
/// assert_eq!(picked.subchannel(), SubchannelId::new(3));
///
/// let mut metadata = Metadata::new();
/// metadata.insert("lb-token", "t7");
/// let extras = picked.with_metadata(metadata).into_extras().unwrap();
/// assert_eq!(extras.metadata.get("lb-token"), Some("t7"));
/// ```
#[derive(Debug, Clone)]
pub struct Picked {
    subchannel: SubchannelId,
    extras: Option<Box<PickExtras>>,
}

impl Picked {
    /// Chooses `subchannel`.
    pub const fn new(subchannel: SubchannelId) -> Self {
        Self {
            subchannel,
            extras: None,
        }
    }

    /// Adds metadata to the request of this attempt, behind what the call has; an invalid pair fails the call with INTERNAL.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.extras
            .get_or_insert_default()
            .metadata
            .extend(&metadata);
        self
    }

    /// The `:authority` of this attempt, unless the call itself says another: it comes before those of the address and of the channel.
    /// It is not compared with the server's certificate: a policy that chooses names must have them from somebody it trusts
    /// (gRFC A81).
    pub fn with_authority(mut self, authority: Authority) -> Self {
        self.extras.get_or_insert_default().authority = Some(authority);
        self
    }

    /// Tells `observer` how the attempt has ended, once, after those that were named before: those of children before
    /// that of their parent.
    pub fn with_observer(mut self, observer: Arc<dyn PickObserver>) -> Self {
        let place = &mut self.extras.get_or_insert_default().observer;
        *place = Some(match place.take() {
            None => observer,
            Some(first) => Arc::new(Both(first, observer)),
        });
        self
    }

    /// The chosen subchannel.
    pub const fn subchannel(&self) -> SubchannelId {
        self.subchannel
    }

    /// What is said besides; for whoever carries out picks, who must tell the observer in all cases.
    pub fn into_extras(self) -> Option<Box<PickExtras>> {
        self.extras
    }
}

impl From<SubchannelId> for Picked {
    fn from(subchannel: SubchannelId) -> Self {
        Self::new(subchannel)
    }
}

/// What a pick says about its attempt beside the subchannel; see [`Picked`].
///
/// ```
/// use farcall_lb::balancer::PickExtras;
///
/// assert!(PickExtras::default().observer.is_none());
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct PickExtras {
    /// Pairs for the request.
    pub metadata: Metadata,
    /// Its `:authority`.
    pub authority: Option<Authority>,
    /// Who wants to know how it ends.
    pub observer: Option<Arc<dyn PickObserver>>,
}

impl fmt::Debug for PickExtras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PickExtras")
            .field("metadata", &self.metadata)
            .field("authority", &self.authority)
            .field("observer", &self.observer.is_some())
            .finish()
    }
}

/// Hears how the attempts end that picks were made for: to count those under way, failures, or the load that servers report.
/// Closures are observers.
///
/// It is called once for each pick that named it, from the task of a connection or of the caller, perhaps by several at a time:
/// it must not block, and should do no more than change some atomics.
///
/// ```
/// use farcall_core::Status;
/// use farcall_lb::balancer::{PickObserver, PickOutcome};
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
///
/// /// One for each endpoint.
/// #[derive(Default)]
/// struct InFlight(AtomicUsize);
///
/// impl PickObserver for InFlight {
///     fn on_done(&self, _: &PickOutcome<'_>) {
///         self.0.fetch_sub(1, Relaxed);
///     }
/// }
///
/// let endpoint = InFlight::default();
/// endpoint.0.fetch_add(1, Relaxed); // in the pick
/// endpoint.on_done(&PickOutcome::new(&Status::OK));
/// assert_eq!(endpoint.0.into_inner(), 0);
/// ```
pub trait PickObserver: Send + Sync {
    /// The attempt is over.
    fn on_done(&self, outcome: &PickOutcome<'_>);
}

impl<F: Fn(&PickOutcome<'_>) + Send + Sync> PickObserver for F {
    fn on_done(&self, outcome: &PickOutcome<'_>) {
        self(outcome);
    }
}

struct Both(Arc<dyn PickObserver>, Arc<dyn PickObserver>);

impl PickObserver for Both {
    fn on_done(&self, outcome: &PickOutcome<'_>) {
        self.0.on_done(outcome);
        self.1.on_done(outcome);
    }
}

/// How an attempt has ended.
///
/// ```
/// use farcall_core::{Code, Status};
/// use farcall_lb::balancer::PickOutcome;
///
/// let status = Status::unavailable("the connection was lost");
/// let outcome = PickOutcome::new(&status);
/// assert_eq!(outcome.status.code(), Code::Unavailable);
/// assert!(!outcome.was_sent);
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PickOutcome<'a> {
    /// What it ended with: the server's word, or this side's reason. CANCELLED if nobody wanted the response any more.
    pub status: &'a Status,
    /// The server's trailers; `None` if there were none that say more than OK. A server that reports its load with each call does it in
    /// `endpoint-load-metrics-bin` (gRFC A51).
    pub trailers: Option<&'a Metadata>,
    /// The address of the server that the request was sent to, such as `10.0.0.1:443`; `None` if it was not sent.
    pub peer: Option<&'a str>,
    /// Whether the request has begun to leave; else the connection was lost, or the call over, before that, and the call may be picked
    /// for again.
    pub was_sent: bool,
    /// Whether the server has begun to answer.
    pub was_answered: bool,
    /// Bytes of messages, prefixes included, that were handed to the connection.
    pub bytes_sent: u64,
    /// Bytes of messages, prefixes included, that have come.
    pub bytes_received: u64,
}

impl<'a> PickOutcome<'a> {
    /// An attempt that ended with `status` before anything was sent.
    pub fn new(status: &'a Status) -> Self {
        Self {
            status,
            trailers: None,
            peer: None,
            was_sent: false,
            was_answered: false,
            bytes_sent: 0,
            bytes_received: 0,
        }
    }
}
