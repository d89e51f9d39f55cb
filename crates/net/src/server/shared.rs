//! What the connections of a server share.

use super::{log::Log, router::Router};
use crate::call::{Limits, Terms};
use farcall_core::{call::server::ResponseTemplate, message::Compressors};
use std::sync::{Arc, atomic::AtomicUsize};

/// What the connections of a server share.
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) terms: Arc<Terms>,
    pub(crate) log: Log,
    /// Calls that a shutdown has cut.
    pub(crate) cut: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(router: Router, limits: Limits) -> Shared {
        let compressors = Compressors::default();
        let template = ResponseTemplate::new(&compressors);
        let terms = Arc::new(Terms {
            limits,
            compressors,
            template,
        });
        Shared {
            router,
            terms,
            log: Log::default(),
            cut: AtomicUsize::new(0),
        }
    }
}
