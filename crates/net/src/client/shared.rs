//! What the handles of a channel, its control task and its connections share.

use super::{
    connector::Connector, credentials::SecurityLevel, heads::Heads, inbox::Inbox,
    limits::CallLimits, picker_cell::PickerCell, plans::Retries,
};
use crate::{
    call::Encoding,
    log::Log,
    proxy::Routes,
    resolver::ResolverTask,
    transport::{connect::Security, io::TcpOptions},
};
use bytes::Bytes;
use farcall_core::{Status, message::Compressors};
use farcall_lb::{Address, Authority, Target, channel::Channel as Machine, resolver::PacerConfig};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// The settings of a channel that calls look at.
pub(crate) struct Settings {
    pub(crate) target: Target,
    pub(crate) authority: String,
    /// The user has named it: no address has another one.
    pub(crate) has_own_authority: bool,
    pub(crate) security: Security,
    pub(crate) security_level: SecurityLevel,
    pub(crate) user_agent: Bytes,
    pub(crate) encoding: Encoding,
    pub(crate) max_receive: usize,
    pub(crate) max_send: usize,
    pub(crate) http2: Arc<farcall_http2::Config>,
    pub(crate) compressors: Compressors,
    /// What limits calls beyond what they say themselves; mostly nothing does.
    pub(crate) limits: Option<Box<CallLimits>>,
    /// How many connections each backend gets at once; 1 unless the user wants more.
    pub(crate) connections_per_backend: usize,
    /// Calls that may wait for a connection.
    pub(crate) max_queued: usize,
    /// The time without calls after which the channel goes idle.
    pub(crate) idle_timeout: Option<Duration>,
    /// For how long drivers poll before they rest.
    pub(crate) polling: Duration,
    pub(crate) retries: Arc<Retries>,
    pub(crate) log: Arc<Log>,
    pub(crate) connector: Option<Arc<dyn Connector>>,
    pub(crate) proxy: Option<Box<Routes>>,
    /// What resolves the target, if that is a task that was given to the channel.
    pub(crate) resolver: Option<Arc<dyn ResolverTask>>,
    /// Whether service configs are looked up.
    pub(crate) resolver_service_config: bool,
    /// How often names are looked up.
    pub(crate) pacer: PacerConfig,
    /// A number below 100: which new service configs this channel is among the first to get (gRFC A2).
    pub(crate) percentile: u8,
}

impl Settings {
    /// The name of the server at an address: what it must prove, and its calls' `:authority` unless they have their own.
    pub(crate) fn name_of<'a>(&'a self, address: &'a Address) -> &'a str {
        match address.attributes().find::<Authority>() {
            Some(name) if !self.has_own_authority => name.as_str(),
            _ => &self.authority,
        }
    }

    /// TCP_USER_TIMEOUT is the timeout of keepalive, where that is on (gRFC A18).
    pub(crate) fn tcp_options(&self) -> TcpOptions {
        let keepalive = self.http2.keepalive_interval;
        TcpOptions {
            user_timeout: keepalive.map(|_| self.http2.keepalive_timeout),
        }
    }
}

/// What the channel's handles and its control task share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) picks: PickerCell,
    pub(crate) heads: Heads,
    /// What the control task turns, until it is started.
    pub(crate) unstarted: Mutex<Option<Box<Machine>>>,
    pub(crate) inbox: Arc<Inbox>,
}

/// The status of calls on a channel that is no more.
pub(crate) fn closed() -> Status {
    Status::cancelled("the channel is closed")
}
