//! What the service config and the channel's own settings make of the attempts of calls.

use farcall_core::{
    Metadata, ServiceConfig, Status,
    retry::{DEFAULT_CALL_BUFFER, DEFAULT_MAX_ATTEMPTS, Repeat, ReplayMemory, RetryPlan, Throttle},
    service_config::MethodConfig,
};
use farcall_lb::selector::{CallConfig, CallInfo, ConfigSelector, select};
use std::{sync::Arc, time::Duration};

/// What the builder of a channel was told about retries.
#[derive(Clone, Debug)]
pub(crate) struct RetrySettings {
    /// Whether policies of service configs count.
    pub(crate) enabled: bool,
    pub(crate) max_attempts: u32,
    pub(crate) call_buffer: usize,
    pub(crate) memory: usize,
    pub(crate) attempt_timeout: Option<Duration>,
}

impl Default for RetrySettings {
    fn default() -> RetrySettings {
        RetrySettings {
            enabled: true,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            call_buffer: DEFAULT_CALL_BUFFER,
            memory: ReplayMemory::DEFAULT,
            attempt_timeout: None,
        }
    }
}

/// The settings of a channel, with the memory that its calls share.
#[derive(Debug)]
pub(crate) struct Retries {
    settings: RetrySettings,
    memory: Arc<ReplayMemory>,
}

impl Retries {
    pub(crate) fn new(settings: RetrySettings) -> Retries {
        let memory = Arc::new(ReplayMemory::new(settings.memory));
        Retries { settings, memory }
    }

    /// Bytes of messages that a call keeps at most, unless it says otherwise.
    pub(crate) fn call_buffer(&self) -> usize {
        self.settings.call_buffer
    }

    /// The plan of a call of which no service config is known.
    #[cold]
    pub(crate) fn plan(&self, repeat: Repeat, throttle: Option<Arc<Throttle>>) -> Arc<RetryPlan> {
        Arc::new(RetryPlan {
            repeat,
            throttle,
            memory: Arc::clone(&self.memory),
            call_buffer: self.settings.call_buffer,
            attempt_timeout: self.settings.attempt_timeout,
        })
    }
}

/// A service config as calls obey it.
#[derive(Debug)]
pub(crate) struct Configuration {
    service: Arc<ServiceConfig>,
    /// What decides about each call.
    selector: Option<Arc<dyn ConfigSelector>>,
    throttle: Option<Arc<Throttle>>,
    retries: Arc<Retries>,
}

impl Configuration {
    /// The successor of `old`, whose bucket of tokens goes on.
    pub(crate) fn new(
        service: Arc<ServiceConfig>,
        selector: Option<Arc<dyn ConfigSelector>>,
        retries: Arc<Retries>,
        old: Option<&Configuration>,
    ) -> Configuration {
        let throttling = service
            .retry_throttling()
            .filter(|_| retries.settings.enabled);
        let old = old.and_then(|old| old.throttle.as_ref());
        let throttle = throttling.map(|throttling| match old {
            Some(old) if old.throttling() == throttling => Arc::clone(old),
            Some(old) => Arc::new(old.adjusted(throttling)),
            None => Arc::new(Throttle::new(throttling)),
        });
        Configuration {
            service,
            selector,
            throttle,
            retries,
        }
    }

    /// What it says of the method with this path, if that is the same for all its calls.
    pub(crate) fn method(&self, path: &str) -> Option<&Arc<MethodConfig>> {
        match self.selector {
            None => self.service.method(path),
            Some(_) => None,
        }
    }

    /// Whether each call has a config of its own, made when it is picked for.
    pub(crate) fn has_selector(&self) -> bool {
        self.selector.is_some()
    }

    /// What it says of one call.
    ///
    /// # Errors
    /// The selector refuses the call.
    pub(crate) fn select(&self, path: &str, metadata: &Metadata) -> Result<CallConfig, Status> {
        let call = CallInfo::new(path, metadata, &self.service);
        select(self.selector.as_deref(), &call)
    }

    /// What calls of a method with this config do about failed attempts. `None`: nothing, and nobody counts them.
    pub(crate) fn plan(&self, method: Option<&MethodConfig>) -> Option<Arc<RetryPlan>> {
        let settings = &self.retries.settings;
        let repeat = match method {
            Some(method) if settings.enabled => Repeat::new(method, settings.max_attempts),
            _ => Repeat::No,
        };
        let needed =
            repeat != Repeat::No || self.throttle.is_some() || settings.attempt_timeout.is_some();
        needed.then(|| self.retries.plan(repeat, self.throttle.clone()))
    }

    /// More attempts than the channel allows, if some policy asks for them; and what it allows.
    pub(crate) fn excess(&self) -> Option<(u32, u32)> {
        let (asked, cap) = (
            self.service.max_attempts(),
            self.retries.settings.max_attempts,
        );
        (self.retries.settings.enabled && asked > cap).then_some((asked, cap))
    }
}
