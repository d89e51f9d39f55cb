//! `ChannelBuilder`: everything that can be said about a channel, checked before anything is connected.

mod balancing;
mod connections;
mod retries;

use super::{
    attempts::{AttemptInterceptor, PerAttempt},
    channel::{Channel, Surroundings},
    connector::Connector,
    credentials::{self, CallCredentials, SecurityLevel},
    limits::CallLimits,
    plans::{Retries, RetrySettings},
    shared::Settings,
};
use crate::clock;
use crate::{
    call::{
        Encoding,
        intercept::{Chain, IntoInterceptor},
    },
    error::{ConfigError, check_windows},
    proxy::{Proxy, Routes},
    resolver::{ResolverTask, TaskFactory},
    transport::connect::Security,
};
use farcall_core::{
    ServiceConfig,
    backoff::BackoffConfig,
    call::client::user_agent,
    message::Compressors,
    service_config::{Json, ServiceConfigError},
};
use farcall_http2::Config;
use farcall_lb::{
    Registry, Target,
    balancer::PolicyConfig,
    channel::{Channel as Machine, ChannelConfig, ConfigError as MachineError},
    resolver::PacerConfig,
    selector::ConfigSelector,
    subchannel::SubchannelConfig,
    target::DnsTarget,
};
use std::{
    mem,
    sync::{Arc, LazyLock},
    time::Duration,
};

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
    proxy: Proxy,
    authority: Option<String>,
    user_agent: Option<String>,
    encoding: Encoding,
    compressors: Compressors,
    max_receive: usize,
    max_send: usize,
    /// The rules of the machine, unless the user has said something else.
    connect_timeout: Option<Duration>,
    connect_backoff: BackoffConfig,
    idle_timeout: Option<Duration>,
    limits: CallLimits,
    connections_per_backend: usize,
    max_queued: usize,
    registry: Registry,
    resolvers: Vec<Arc<dyn ResolverTask>>,
    policy: String,
    policy_config: Option<String>,
    service_config: Option<String>,
    config_selector: Option<Arc<dyn ConfigSelector>>,
    resolver_service_config: bool,
    health_checks: bool,
    pacer: PacerConfig,
    http2: Config,
    polling: Duration,
    interceptors: Chain,
    per_attempt: PerAttempt,
    /// The registry is not the built-in one.
    own_registry: bool,
    retries: RetrySettings,
}

impl Channel {
    /// A channel to `target`: `dns:///host:port` (also plain `host:port`), `ipv4:…`, `ipv6:…`, `unix:/path`,
    /// `passthrough:///address`.
    pub fn builder(target: impl Into<String>) -> ChannelBuilder {
        ChannelBuilder {
            target: target.into(),
            credentials: Credentials::Unsaid,
            connector: None,
            proxy: Proxy::environment(),
            authority: None,
            user_agent: None,
            encoding: Encoding::Identity,
            compressors: Compressors::default(),
            max_receive: 4 << 20,
            max_send: i32::MAX as usize,
            connect_timeout: None,
            connect_backoff: BackoffConfig::default(),
            idle_timeout: Some(Duration::from_secs(30 * 60)),
            limits: CallLimits::default(),
            connections_per_backend: 1,
            max_queued: usize::MAX,
            registry: Registry::built_in(),
            resolvers: Vec::new(),
            policy: "pick_first".into(),
            policy_config: None,
            service_config: None,
            config_selector: None,
            resolver_service_config: true,
            health_checks: true,
            pacer: PacerConfig::default(),
            http2: Config::default(),
            polling: Duration::ZERO,
            interceptors: Chain::default(),
            per_attempt: PerAttempt::default(),
            own_registry: false,
            retries: RetrySettings::default(),
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

    /// The proxy that connections go through. Default: what the environment says ([`Proxy::environment`]), unless the channel
    /// has a connector of its own, which does without. See the chapter on connecting in the guide.
    ///
    /// A proxy and a connector exclude each other: [`build`](ChannelBuilder::build) fails.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
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

    /// The compressors that the channel knows, announces and understands. Default: those that are built in. See the guide's chapter
    /// on compression.
    pub fn compressors(mut self, compressors: Compressors) -> Self {
        self.compressors = compressors;
        self
    }

    /// How calls compress what they send, unless they say otherwise. Default: not at all. An encoding without a compressor is an
    /// error of [`build`](ChannelBuilder::build).
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

    /// How long one attempt to connect to one address may take: TCP, TLS and the server's settings. Default 20 s, or as long as the
    /// [pause](ChannelBuilder::connect_backoff) that counts from its start, if that is longer.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout.min(clock::FOREVER));
        self
    }

    /// How many connections are made to each backend, over which its calls take turns. Default 1, which serves all but the busiest
    /// clients best: more make more work for both sides, but several cores can work on them.
    ///
    /// A call whose turn falls on a connection that carries all the streams that the server allows goes over another one. A
    /// service config can also allow connections that are made only when that happens to all of them
    /// (`connectionScaling.maxConnectionsPerSubchannel`, gRFC A105, at most 10).
    ///
    /// ```
    /// use farcall::Channel;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let busy = Channel::builder("dns:///store:50051").connections_per_backend(4).insecure().build()?;
    /// let limited = Channel::builder("dns:///store:50051")
    ///     .default_service_config(r#"{"connectionScaling": {"maxConnectionsPerSubchannel": 10}}"#)
    ///     .insecure()
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn connections_per_backend(mut self, connections: usize) -> Self {
        self.connections_per_backend = connections;
        self
    }

    /// The timeout of calls that have no deadline: neither their own, nor one from the service config, nor that of the call that
    /// is being handled. Default none: such calls may wait for ever.
    ///
    /// ```
    /// use farcall::Channel;
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let channel = Channel::builder("dns:///shop:50051")
    ///     .default_timeout(Duration::from_secs(10))
    ///     .max_timeout(Duration::from_secs(60))
    ///     .max_queued_calls(1000)
    ///     .max_calls_in_flight(5000)
    ///     .insecure()
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn default_timeout(mut self, timeout: Duration) -> Self {
        self.limits.default_timeout = Some(timeout);
        self
    }

    /// The longest that any call may take, streams too: a deadline that is later, or none, becomes this. Default none.
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.limits.max_timeout = Some(timeout);
        self
    }

    /// Calls that may wait for a connection, or for the name to be resolved; one more fails with `RESOURCE_EXHAUSTED`. Default
    /// unlimited: while a service is gone, calls that wait for readiness, each with its message, gather in this process.
    ///
    /// Calls of an attempt that goes back to the queue, and those that a connection keeps until the server allows another
    /// stream, do not count. Nor do those whose credentials or [attempt interceptors](crate::interceptor::AttemptInterceptor) have to
    /// wait: with a source of tokens that hangs, calls without a deadline gather there. [`max_calls_in_flight`](Self::max_calls_in_flight)
    /// bounds all of them.
    pub fn max_queued_calls(mut self, calls: usize) -> Self {
        self.max_queued = calls;
        self
    }

    /// Calls that may be in flight at a time; one more fails with `RESOURCE_EXHAUSTED`. Default unlimited. A call counts from its
    /// start until its response has been taken, or until the halves of its stream are dropped.
    pub fn max_calls_in_flight(mut self, calls: usize) -> Self {
        self.limits.max_in_flight = Some(calls);
        self
    }

    /// The time without calls after which the channel goes idle: its connections are drained, its resolver stops, and
    /// nothing of it wakes up any more. The next call, or [`connect`](Channel::connect), begins anew. Default 30 minutes;
    /// zero or `None`: never.
    ///
    /// ```
    /// use farcall::Channel;
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rare = Channel::builder("dns:///audit:50051").idle_timeout(Duration::from_secs(60)).insecure().build()?;
    /// let warm = Channel::builder("dns:///shop:50051").idle_timeout(None).insecure().build()?;
    /// # Ok(()) }
    /// ```
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        let timeout = timeout.into().filter(|timeout| !timeout.is_zero());
        self.idle_timeout = timeout.map(|timeout| timeout.min(clock::FOREVER));
        self
    }

    /// Puts an interceptor around all calls, inside of those that were put before, outside of those of a call. See [`Interceptor`](crate::interceptor::Interceptor).
    pub fn interceptor<K>(mut self, interceptor: impl IntoInterceptor<K>) -> Self {
        self.interceptors.push(interceptor);
        self
    }

    /// Asks an interceptor before and behind each attempt of all calls, behind those that were put before, in front of those of a call. See
    /// [`AttemptInterceptor`].
    pub fn attempt_interceptor(mut self, interceptor: impl AttemptInterceptor) -> Self {
        self.per_attempt.interceptors.push(interceptor);
        self
    }

    /// Never asks backends for their health, whatever `healthCheckConfig` the service config has (gRFC A17). Default: they are
    /// asked if it has one and the policy is one that heeds it, such as `round_robin`.
    pub fn disable_health_checks(mut self) -> Self {
        self.health_checks = false;
        self
    }

    /// Proves on whose behalf calls are made; in addition to those given before. Each attempt of a call is authorized anew. See
    /// [`CallCredentials`].
    ///
    /// [`build`](ChannelBuilder::build) fails if the channel does not protect them as they need: tokens need TLS.
    pub fn call_credentials(mut self, credentials: impl CallCredentials) -> Self {
        self.per_attempt.credentials.push(credentials);
        self
    }

    /// The channel; nothing is connected yet.
    ///
    /// # Errors
    /// The target cannot be parsed or its scheme is unknown; neither `insecure` nor `tls` was said; the TLS settings
    /// are unusable; call credentials need more security than the channel has; the proxy or its URL in the environment is unusable; the policy is unknown; it or the service config cannot be used; the authority or the user agent is not valid in a
    /// header; a static window, or a pause or the factor of the connection backoff, is out of range.
    pub fn build(mut self) -> Result<Channel, ConfigError> {
        check_windows(&mut self.http2)?;
        self.encoding.check(&self.compressors)?;
        let machine = self.machine()?;
        let target = machine.target().clone();
        let mut resolvers = mem::take(&mut self.resolvers).into_iter().rev();
        let resolver = resolvers.find(|r| r.scheme().eq_ignore_ascii_case(target.scheme()));
        let security = self.credentials.security()?;
        let has_own_authority = self.authority.is_some();
        let authority = self
            .authority
            .take()
            .unwrap_or_else(|| default_authority(&security, &machine));
        let proxy = routes(
            mem::take(&mut self.proxy),
            self.connector.is_some(),
            &target,
        )?;
        let user_agent = user_agent(self.user_agent.as_deref());
        check_printable("authority", authority.as_bytes())?;
        check_printable("user agent", &user_agent)?;
        let stays_here = matches!(target.scheme(), "unix" | "unix-abstract")
            && self.connector.is_none()
            && resolver.is_none()
            && !self.own_registry;
        let security_level = match &security {
            Security::Plaintext if stays_here => SecurityLevel::PrivacyAndIntegrity,
            Security::Plaintext => SecurityLevel::None,
            #[cfg(feature = "tls")]
            Security::Tls(_) => SecurityLevel::PrivacyAndIntegrity,
        };
        credentials::check(&self.per_attempt.credentials, security_level)
            .map_err(ConfigError::new)?;
        let settings = Settings {
            target,
            authority,
            has_own_authority,
            security,
            security_level,
            connector: self.connector,
            proxy,
            resolver,
            resolver_service_config: self.resolver_service_config,
            pacer: self.pacer,
            percentile: fastrand::u8(..100),
            user_agent,
            encoding: self.encoding,
            max_receive: self.max_receive,
            max_send: self.max_send,
            compressors: self.compressors,
            http2: shared(self.http2),
            idle_timeout: self.idle_timeout,
            limits: (!self.limits.is_none()).then(|| Box::new(self.limits.apart())),
            max_queued: self.max_queued,
            connections_per_backend: self.connections_per_backend.max(1),
            polling: self.polling,
            retries: Arc::new(Retries::new(self.retries)),
            log: Arc::default(),
        };
        let around = Surroundings {
            chain: Arc::new(self.interceptors),
            per_attempt: match self.per_attempt.is_empty() {
                true => None,
                false => Some(Arc::new(self.per_attempt)),
            },
        };
        Ok(Channel::new(settings, machine, around))
    }

    /// The channel's machine, with everything that concerns names, policies and the service config.
    fn machine(&mut self) -> Result<Machine, ConfigError> {
        let mut subchannel = SubchannelConfig::default();
        subchannel.backoff = connections::checked_backoff(self.connect_backoff)?;
        if let Some(timeout) = self.connect_timeout {
            subchannel.min_connect_timeout = timeout;
            subchannel.max_connect_timeout = Some(timeout);
        }
        let mut registry = mem::take(&mut self.registry);
        for resolver in &self.resolvers {
            registry = registry.with_resolver(TaskFactory(Arc::clone(resolver)));
        }
        let policy_config = policy_config(&registry, &self.policy, self.policy_config.take())?;
        let mut config = ChannelConfig::new(fastrand::u64(..))
            .with_registry(registry)
            .with_policy(mem::take(&mut self.policy), policy_config)
            .with_subchannel(subchannel);
        config.resolver_service_config = self.resolver_service_config;
        config.health_checks = self.health_checks;
        config.config_selector = self.config_selector.take();
        if let Some(text) = &self.service_config {
            let parsed = ServiceConfig::parse(text);
            config.default_service_config = Some(parsed.map_err(unusable)?);
        }
        Machine::new(&self.target, config).map_err(|error| match error {
            MachineError::ServiceConfig(error) => unusable(error),
            error => ConfigError::target(error),
        })
    }
}

/// The `:authority` of a channel whose user has named none.
fn default_authority(security: &Security, machine: &Machine) -> String {
    let named = match security {
        #[cfg(feature = "tls")]
        Security::Tls(connector) => connector.server_name(),
        Security::Plaintext => None,
    };
    named.unwrap_or_else(|| machine.authority().to_owned())
}

/// Whether a value can stand in a header list of every request.
fn check_printable(what: &str, value: &[u8]) -> Result<(), ConfigError> {
    match !value.is_empty() && value.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        true => Ok(()),
        false => Err(ConfigError::new(format!(
            "the {what} \"{}\" is not printable ASCII",
            value.escape_ascii()
        ))),
    }
}

/// The knobs of the channel's connections; most channels turn none and have them together.
fn shared(config: Config) -> Arc<Config> {
    static DEFAULT: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);
    match config == **DEFAULT {
        true => Arc::clone(&DEFAULT),
        false => Arc::new(config),
    }
}

/// The way of the channel's connections.
fn routes(
    proxy: Proxy,
    has_connector: bool,
    target: &Target,
) -> Result<Option<Box<Routes>>, ConfigError> {
    if has_connector {
        return match proxy.is_chosen() {
            true => Err(ConfigError::new(
                "a channel with a connector of its own has no proxy: the connector can speak to one",
            )),
            false => Ok(None),
        };
    }
    let spared = |routes: &Routes| DnsTarget::parse(target).is_ok_and(|name| routes.spares(&name));
    let is_name = target.scheme() == "dns";
    Ok(proxy
        .routes()?
        .filter(|routes| !(is_name && spared(routes)))
        .map(Box::new))
}

fn unusable(error: ServiceConfigError) -> ConfigError {
    ConfigError::new(format!("the default {error}"))
}

/// Reads the configuration of the channel's own policy.
fn policy_config(
    registry: &Registry,
    policy: &str,
    text: Option<String>,
) -> Result<Option<PolicyConfig>, ConfigError> {
    let (Some(text), Some(factory)) = (text, registry.policy(policy)) else {
        return Ok(None);
    };
    let config = Json::parse(&text).and_then(|json| {
        json.fields()?;
        factory.parse_config(&json, registry)
    });
    config.map_err(|error| {
        let (path, problem) = (error.path(), error.problem());
        ConfigError::new(format!("the configuration of {policy}: {path}: {problem}"))
    })
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
}
