//! Limits of calls: of the server, and of one method or service.

use super::{overload::Overload, timeouts::Timeouts};
use crate::{call::Limits, clock};
use std::time::Duration;

/// Limits of one method, or of the methods of a service, in place of those of the server; what is not said stays as it is there. See
/// [`Server::limits_of`](crate::Server::limits_of).
///
/// ```
/// use farcall::{Server, server::{MethodLimits, Overload}};
/// # use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
/// use std::time::Duration;
///
/// let server = Server::builder()
///     .add_service(GreeterServer::new(MyGreeter))
///     .limits_of("/hello.Greeter/", MethodLimits::new().max_receive_message_size(64 << 10))
///     .limits_of("/hello.Greeter/SayHello", MethodLimits::new().max_timeout(Duration::from_secs(1)).overload(Overload::fixed(20)));
/// # let _ = server;
/// ```
#[derive(Clone, Debug, Default)]
pub struct MethodLimits {
    receive: Option<usize>,
    send: Option<usize>,
    default_timeout: Option<Duration>,
    max_timeout: Option<Duration>,
    overload: Option<Overload>,
    operational: bool,
}

impl MethodLimits {
    /// Nothing but what the server says.
    pub fn new() -> MethodLimits {
        MethodLimits::default()
    }

    /// As [`Server::max_receive_message_size`](crate::Server::max_receive_message_size).
    pub fn max_receive_message_size(mut self, bytes: usize) -> Self {
        self.receive = Some(bytes);
        self
    }

    /// As [`Server::max_send_message_size`](crate::Server::max_send_message_size).
    pub fn max_send_message_size(mut self, bytes: usize) -> Self {
        self.send = Some(bytes);
        self
    }

    /// As [`Server::default_timeout`](crate::Server::default_timeout).
    pub fn default_timeout(mut self, timeout: Duration) -> Self {
        self.default_timeout = Some(timeout.min(clock::FOREVER));
        self
    }

    /// As [`Server::max_timeout`](crate::Server::max_timeout).
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.max_timeout = Some(timeout.min(clock::FOREVER));
        self
    }

    /// How many calls of the method are handled at a time, or of all the methods of the service together. The server's own
    /// [limit](crate::Server::overload) holds beside it.
    pub fn overload(mut self, overload: Overload) -> Self {
        self.overload = Some(overload);
        self
    }

    /// Calls pass the [server's limit of overload](crate::Server::overload) uncounted, as those of the health service do: for services that
    /// watch over the server, and streams that stay open for long without work. What [`overload`](Self::overload) says here holds all
    /// the same. Default: they are counted, unless the service [says otherwise](super::Service::OPERATIONAL).
    pub fn operational(mut self) -> Self {
        self.operational = true;
        self
    }

    pub(super) fn sizes(&self, before: Limits) -> Limits {
        Limits {
            receive: self.receive.unwrap_or(before.receive),
            send: self.send.unwrap_or(before.send),
        }
    }

    pub(super) fn timeouts(&self, before: Timeouts) -> Timeouts {
        Timeouts {
            default: self.default_timeout.or(before.default),
            max: self.max_timeout.or(before.max),
        }
    }

    pub(super) fn is_operational(&self) -> bool {
        self.operational
    }

    pub(super) fn of_overload(&self) -> Option<&Overload> {
        self.overload.as_ref()
    }
}

/// What was said about load.
#[derive(Default)]
pub(crate) struct Load {
    pub(crate) overload: Option<Overload>,
    pub(crate) timeouts: Timeouts,
    /// Methods, or services with a slash at the end, that have their own.
    pub(crate) of_methods: Vec<(String, MethodLimits)>,
}
