//! What the connections of a server share.

use super::{
    overload::{Gate, Overload},
    router::Router,
};
use crate::{
    call::{Draining, Encoding, Limits, Terms},
    log::Log,
    peer::{Peer, PeerReports},
};
use farcall_core::{call::server::ResponseTemplate, message::Compressors};
use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

/// How long calls may take.
#[derive(Clone, Copy, Default)]
pub(crate) struct Timeouts {
    /// Of callers that say nothing.
    pub(crate) default: Option<Duration>,
    pub(crate) max: Option<Duration>,
}

impl Timeouts {
    /// What a call gets whose caller has said this.
    pub(crate) fn of(&self, timeout: Option<Duration>) -> Option<Duration> {
        let timeout = timeout.or(self.default);
        match self.max {
            Some(max) => Some(timeout.map_or(max, |timeout| timeout.min(max))),
            None => timeout,
        }
    }
}

/// What was said about load.
#[derive(Default)]
pub(crate) struct Load {
    pub(crate) overload: Option<Overload>,
    pub(crate) timeouts: Timeouts,
}

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
    limits: Limits,
    compressors: Compressors,
    compression: Option<Encoding>,
    template: ResponseTemplate,
    /// Where calls are counted and turned away, if there is a limit.
    pub(crate) gate: Option<Arc<Gate>>,
    pub(crate) timeouts: Timeouts,
    pub(crate) log: Log,
    /// Calls that a shutdown has cut.
    pub(crate) cut: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(
        router: Router,
        limits: Limits,
        compression: Compression,
        load: &Load,
        reports: PeerReports,
    ) -> Shared {
        let compressors = compression.compressors;
        Shared {
            compression: compression.responses,
            router,
            limits,
            template: ResponseTemplate::new(&compressors),
            compressors,
            gate: load.overload.as_ref().map(Gate::new),
            timeouts: load.timeouts,
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
            compression: self.compression,
            draining: Draining::default(),
        }
    }
}
