//! What the connections of a server share.

use super::{cut::Cut, router::Router, tap::Tap};
use crate::{
    call::{Draining, Encoding, Terms},
    log::Log,
    peer::{Peer, PeerReports},
};
use farcall_core::{call::server::ResponseTemplate, message::Compressors};

/// What was said about compression.
#[derive(Default)]
pub(crate) struct Compression {
    pub(crate) compressors: Compressors,
    /// `None`: as the request was.
    pub(crate) responses: Option<Encoding>,
    /// Methods, or services with a slash at the end, that have their own.
    pub(crate) of_methods: Vec<(String, Encoding)>,
}

/// What the connections of a server share.
pub(crate) struct Shared {
    pub(crate) router: Router,
    compressors: Compressors,
    compression: Option<Encoding>,
    template: ResponseTemplate,
    /// Looks at calls first.
    pub(super) tap: Option<Box<Tap>>,
    pub(crate) log: Log,
    /// Calls that a shutdown has cut.
    pub(super) cut: Cut,
}

impl Shared {
    pub(crate) fn new(
        router: Router,
        compression: Compression,
        tap: Option<Box<Tap>>,
        reports: PeerReports,
    ) -> Shared {
        let compressors = compression.compressors;
        Shared {
            compression: compression.responses,
            router,
            template: ResponseTemplate::new(&compressors),
            compressors,
            tap,
            log: Log::with(reports),
            cut: Cut::default(),
        }
    }

    /// What the calls of a connection get.
    pub(crate) fn terms(&self, peer: Peer) -> Terms {
        Terms {
            peer,
            compressors: self.compressors.clone(),
            template: self.template.clone(),
            compression: self.compression,
            draining: Draining::default(),
        }
    }
}
