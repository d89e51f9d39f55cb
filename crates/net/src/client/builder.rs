//! `ChannelBuilder`: everything that can be said about a channel, checked before anything is connected.

use super::{channel::Channel, connector::Connector, shared::Settings};
use crate::clock;
use crate::{call::Encoding, error::ConfigError, transport::connect::Security};
use farcall_core::{call::client::user_agent, message::Compressors};
use farcall_http2::Config;
use farcall_lb::{
    Registry, Target,
    channel::{Channel as Machine, ChannelConfig},
    subchannel::SubchannelConfig,
    target::DnsTarget,
};
use std::{sync::Arc, time::Duration};

/// What was said about security: nothing is guessed.
#[derive(Clone, Debug)]
enum Credentials {
    Unsaid,
    Insecure,
    #[cfg(feature = "tls")]
    Tls(Box<crate::tls::ClientTls>),
}

impl Credentials {
    fn security(&self) -> Result<Security, ConfigError> {
        match self {
            Credentials::Unsaid => Err(ConfigError::new(
                "the channel has no credentials: say .tls(ClientTls::system_roots()), or .insecure() for plaintext",
            )),
            Credentials::Insecure => Ok(Security::Plaintext),
            #[cfg(feature = "tls")]
            Credentials::Tls(tls) => tls.connector().map(Security::Tls).map_err(ConfigError::tls),
        }
    }
}

/// Settings of a [`Channel`] to be. Made by [`Channel::builder`].
///
/// ```
/// use farcall::Channel;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let channel = Channel::builder("ipv4:127.0.0.1:50051")
///     .insecure()
///     .connect_timeout(Duration::from_secs(5))
///     .build()?;
/// assert!(Channel::builder("ipv4:not-an-address").insecure().build().is_err());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until build()"]
pub struct ChannelBuilder {
    target: String,
    credentials: Credentials,
    connector: Option<Arc<dyn Connector>>,
    authority: Option<String>,
    user_agent: Option<String>,
    encoding: Encoding,
    max_receive: usize,
    max_send: usize,
    connect_timeout: Duration,
    registry: Registry,
    policy: String,
    http2: Config,
    polling: Duration,
}

impl Channel {
    /// A channel to `target`: `dns:///host:port` (also plain `host:port`), `ipv4:…`, `ipv6:…`, `unix:/path`,
    /// `passthrough:///address`.
    pub fn builder(target: impl Into<String>) -> ChannelBuilder {
        ChannelBuilder {
            target: target.into(),
            credentials: Credentials::Unsaid,
            connector: None,
            authority: None,
            user_agent: None,
            encoding: Encoding::Identity,
            max_receive: 4 << 20,
            max_send: i32::MAX as usize,
            connect_timeout: Duration::from_secs(20),
            registry: Registry::built_in(),
            policy: "pick_first".into(),
            http2: Config::default(),
            polling: Duration::ZERO,
        }
    }
}

impl ChannelBuilder {
    /// Plaintext. Credentials are explicit: a channel without this or `tls` is an error.
    pub fn insecure(mut self) -> Self {
        self.credentials = Credentials::Insecure;
        self
    }

    /// TLS with these settings.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::tls::ClientTls) -> Self {
        self.credentials = Credentials::Tls(Box::new(tls));
        self
    }

    /// Connects in another way than by the built-in sockets: `connector` turns addresses into streams, which the
    /// channel secures as it was told and speaks HTTP/2 on.
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Some(Arc::new(connector));
        self
    }

    /// The `:authority` of calls and the name that a certificate is checked against. Default: from the target.
    pub fn authority(mut self, authority: impl Into<String>) -> Self {
        self.authority = Some(authority.into());
        self
    }

    /// Put before `grpc-rust-farcall/<version>` in `user-agent`.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// How calls compress what they send, unless they say otherwise. Default: not at all.
    pub fn compress(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Largest message that calls accept, in bytes, after decompression; `RESOURCE_EXHAUSTED` beyond it. Default 4 MiB.
    /// A call can hold that much memory, and so can each of its concurrent companions.
    pub fn max_receive_message_size(mut self, bytes: usize) -> Self {
        self.max_receive = bytes;
        self
    }

    /// Largest message that calls send, in bytes; `RESOURCE_EXHAUSTED` beyond it. Default 2^31−1.
    pub fn max_send_message_size(mut self, bytes: usize) -> Self {
        self.max_send = bytes;
        self
    }

    /// How long one attempt to connect to one address may take: TCP, TLS and the server's settings. Default 20 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.min(clock::FOREVER);
        self
    }

    /// Resolvers and load-balancing policies. Default: the built-in ones.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// The load-balancing policy, by the name that it has in the registry. Default `pick_first`. An unknown name is an error of
    /// [`build`](ChannelBuilder::build).
    pub fn load_balancing_policy(mut self, name: impl Into<String>) -> Self {
        self.policy = name.into();
        self
    }

    /// Size of received header lists (names, values and 32 bytes per field), in bytes; advertised to servers.
    /// Default 8 KiB.
    pub fn max_header_list_size(mut self, bytes: u32) -> Self {
        self.http2.max_header_list_size = bytes;
        self
    }

    /// Receive windows of streams and connections in bytes, fixed: the bandwidth-delay product is not estimated.
    /// Default: 64 KiB and 1 MiB at the start, growing with the estimate.
    pub fn static_windows(mut self, stream: u32, connection: u32) -> Self {
        self.http2.initial_stream_window = stream;
        self.http2.initial_connection_window = connection;
        self.http2.adaptive_window = false;
        self
    }

    /// Checks a silent server with a PING after `interval` and gives it `timeout` to answer; else the connection ends
    /// and its calls fail with `UNAVAILABLE`. Only while calls are open, unless `without_calls`. Default off. Values of
    /// `interval` below 10 s are raised to 10 s (gRFC A8): servers end connections that ping more often.
    pub fn keepalive(mut self, interval: Duration, timeout: Duration, without_calls: bool) -> Self {
        self.http2.keepalive_interval =
            Some(interval.clamp(Duration::from_secs(10), clock::FOREVER));
        self.http2.keepalive_timeout = timeout.min(clock::FOREVER);
        self.http2.keepalive_without_streams = without_calls;
        self
    }

    /// Trades CPU for latency: a connection with nothing to do asks for input again and again for at most `limit` before
    /// its task goes to sleep. Default zero: it sleeps at once. At most 1 ms; 25 µs is a good value.
    ///
    /// For calls that are answered faster than a core falls asleep and is woken, which takes tens of microseconds on many
    /// virtual machines. Best when the server does it too.
    /// The price is CPU: up to `limit` of a core for each wait that is longer than that. It is bounded for each worker
    /// thread: one connection at a time polls, and after a time in vain the next eight waits of that thread are
    /// without. Of no use where waits are long or connections many.
    pub fn poll_before_sleeping(mut self, limit: Duration) -> Self {
        self.polling = limit;
        self
    }

    /// The channel; nothing is connected yet.
    ///
    /// # Errors
    /// The target cannot be parsed or its scheme is unknown; neither `insecure` nor `tls` was said; the TLS settings
    /// are unusable; the authority or the user agent is not valid in a header.
    pub fn build(self) -> Result<Channel, ConfigError> {
        let mut subchannel = SubchannelConfig::default();
        subchannel.min_connect_timeout = self.connect_timeout;
        subchannel.max_connect_timeout = Some(self.connect_timeout);
        let config = ChannelConfig::new(fastrand::u64(..))
            .with_registry(self.registry)
            .with_policy(self.policy, None)
            .with_subchannel(subchannel);
        let machine = Machine::new(&self.target, config).map_err(ConfigError::target)?;
        let target = machine.target().clone();
        refuse_name_server(&target)?;
        let security = self.credentials.security()?;
        let authority = match (self.authority, &security) {
            (Some(authority), _) => authority,
            #[cfg(feature = "tls")]
            (None, Security::Tls(connector)) if connector.server_name().is_some() => {
                connector.server_name().unwrap_or_default()
            }
            (None, _) => machine.authority().to_owned(),
        };
        let user_agent = user_agent(self.user_agent.as_deref());
        for (what, value) in [
            ("authority", authority.as_bytes()),
            ("user agent", &user_agent),
        ] {
            if value.is_empty() || !value.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
                return Err(ConfigError::new(format!(
                    "the {what} \"{}\" is not printable ASCII",
                    value.escape_ascii()
                )));
            }
        }
        let settings = Settings {
            target,
            authority,
            security,
            connector: self.connector,
            user_agent,
            encoding: self.encoding,
            max_receive: self.max_receive,
            max_send: self.max_send,
            compressors: Compressors::default(),
            http2: self.http2,
            polling: self.polling,
        };
        Ok(Channel::new(settings, machine))
    }
}

/// Asking a name server of one's choice is not built yet: better an error than another server's answer.
fn refuse_name_server(target: &Target) -> Result<(), ConfigError> {
    match DnsTarget::parse(target) {
        Ok(dns) if target.scheme() == "dns" && dns.server().is_some() => {
            Err(ConfigError::target(format!(
                "{target}: dns: targets with a name server are not supported yet; leave it out to use the system's resolver"
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::Channel;

    #[test]
    fn an_unknown_policy_is_an_error_that_names_it() {
        let builder = Channel::builder("ipv4:127.0.0.1:1").insecure();
        let error = builder
            .load_balancing_policy("by_horoscope")
            .build()
            .unwrap_err();
        assert!(error.to_string().contains("by_horoscope"), "{error}");
    }

    #[test]
    fn a_channel_without_credentials_is_an_error_that_says_what_to_do() {
        let error = Channel::builder("ipv4:127.0.0.1:1").build().unwrap_err();
        assert!(error.to_string().contains(".insecure()"), "{error}");
    }

    #[test]
    fn a_name_server_in_the_target_is_refused_and_not_ignored() {
        let builder = Channel::builder("dns://10.0.0.53/greeter:50051").insecure();
        assert!(builder.build().unwrap_err().is_target());
    }
}
