//! What the connections of a server share.

use super::router::Router;
use crate::{
    call::{Limits, Terms},
    log::Log,
    peer::{Peer, PeerReports},
};
use farcall_core::{call::server::ResponseTemplate, message::Compressors};
use std::sync::atomic::AtomicUsize;

/// What the connections of a server share.
pub(crate) struct Shared {
    pub(crate) router: Router,
    limits: Limits,
    compressors: Compressors,
    template: ResponseTemplate,
    pub(crate) log: Log,
    /// Calls that a shutdown has cut.
    pub(crate) cut: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(router: Router, limits: Limits, reports: PeerReports) -> Shared {
        let compressors = Compressors::default();
        Shared {
            router,
            limits,
            template: ResponseTemplate::new(&compressors),
            compressors,
            log: Log::with(reports),
            cut: AtomicUsize::new(0),
        }
    }

    /// What the calls of a connection get.
    pub(crate) fn terms(&self, peer: Peer) -> Terms {
        Terms {
            peer,
            limits: self.limits,
            compressors: self.compressors.clone(),
            template: self.template.clone(),
        }
    }
}
