//! What a channel needs to know of a call to find it a connection, and what its service config says about it.

use super::{Mailbox, Preparation};
use crate::transport::deadline::{Awaited, exceeded};
use farcall_core::{
    Attributes, Code, Metadata, MethodDescriptor, Status, message::PREFIX, retry::RetryPlan,
    service_config::MethodConfig,
};
use farcall_lb::selector::{CallConfig, Commit};
use std::{
    any::Any,
    mem,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Instant,
};

static NO_METADATA: Metadata = Metadata::new();

/// See the module.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: MethodDescriptor,
    /// The request's, as the caller has it; read it by the method of this name.
    pub(crate) metadata: Metadata,
    pub(crate) wait_for_ready: bool,
    /// Bytes of a unary response that the driver gathers at most: its message's limit and prefix.
    pub(crate) receive_limit: usize,
    pub(crate) config: Configured,
    /// What few calls have.
    pub(crate) kept: Option<Box<Kept>>,
}

/// What few calls keep until they are over.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Such as its place among those in flight, until nobody waits for it any more.
    pub(crate) place: Mutex<Option<Box<dyn Any + Send + Sync>>>,
    /// What has to be done before each of its attempts.
    pub(crate) preparation: Option<Box<dyn Preparation>>,
}

/// What the service config says about a call. Deadline and limits of a known one are in the mailbox already.
#[derive(Debug, Default)]
pub(crate) enum Configured {
    /// Nothing.
    #[default]
    None,
    Known(Arc<MethodConfig>),
    /// The call is configured when it is picked for: the resolver has not answered yet, or each call has a config of its own.
    Late(Box<Late>),
}

/// See [`Configured::Late`].
#[derive(Debug)]
pub(crate) struct Late {
    started: Instant,
    /// The caller's own word about waiting.
    wait_for_ready: Option<bool>,
    /// The deadline so far is the channel's default: a timeout of the config takes its place.
    default: bool,
    /// No later deadline is allowed.
    latest: Option<Instant>,
    settled: OnceLock<Settled>,
}

#[derive(Debug)]
struct Settled {
    config: Option<Arc<MethodConfig>>,
    deadline: Option<Instant>,
    /// In place of the caller's.
    metadata: Option<Metadata>,
    /// What pickers are told.
    attributes: Attributes,
    /// Behind a lock that is held to take it out.
    commit: Mutex<Commit>,
}

impl Late {
    pub(crate) fn new(started: Instant, wait_for_ready: Option<bool>) -> Late {
        Late {
            started,
            wait_for_ready,
            default: false,
            latest: None,
            settled: OnceLock::new(),
        }
    }

    /// The same with what the channel's limits say about the deadline.
    pub(crate) fn limited(mut self, default: bool, latest: Option<Instant>) -> Late {
        (self.default, self.latest) = (default, latest);
        self
    }

    /// Of an attempt of a call that has been configured.
    pub(crate) fn of_attempt(
        wait_for_ready: bool,
        deadline: Option<Instant>,
        started: Instant,
        attributes: Attributes,
    ) -> Late {
        let late = Late::new(started, Some(wait_for_ready));
        let settled = Settled {
            config: None,
            deadline,
            metadata: None,
            attributes,
            commit: Mutex::default(),
        };
        late.settled.set(settled).ok();
        late
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled.get().is_some()
    }

    fn config(&self) -> Option<&MethodConfig> {
        self.settled.get()?.config.as_deref()
    }
}

/// When a call that started at `started` must be over: the earlier of its own deadline and the config's timeout.
pub(crate) fn earlier(
    own: Option<Instant>,
    started: Instant,
    config: &MethodConfig,
) -> Option<Instant> {
    let configured = config
        .timeout
        .and_then(|timeout| started.checked_add(timeout));
    [own, configured].into_iter().flatten().min()
}

impl Route {
    /// Whether the call waits while nothing is reachable.
    pub(crate) fn waits(&self) -> bool {
        match &self.config {
            Configured::Late(late) => {
                let config = late.config().and_then(|config| config.wait_for_ready);
                late.wait_for_ready.or(config).unwrap_or(false)
            }
            _ => self.wait_for_ready,
        }
    }

    /// The metadata that the request goes out with.
    #[inline]
    pub(crate) fn metadata(&self) -> &Metadata {
        let chosen = match &self.config {
            Configured::Late(late) => late.settled.get().and_then(|s| s.metadata.as_ref()),
            _ => None,
        };
        chosen.unwrap_or(&self.metadata)
    }

    /// What has to be done before each attempt.
    #[inline]
    pub(crate) fn preparation(&self) -> Option<&dyn Preparation> {
        self.kept.as_ref()?.preparation.as_deref()
    }

    /// What pickers are told about the call, by its config selector.
    pub(crate) fn attributes(&self) -> Option<&Attributes> {
        match &self.config {
            Configured::Late(late) => late.settled.get().map(|settled| &settled.attributes),
            _ => None,
        }
    }

    fn late(&self) -> Option<&MethodConfig> {
        match &self.config {
            Configured::Late(late) => late.config(),
            _ => None,
        }
    }
}

impl Mailbox {
    /// (client) Whether this is a call of the channel's users, and not one that the channel makes for itself.
    #[inline]
    pub(crate) fn is_users(&self) -> bool {
        self.route.is_some()
    }

    /// (client) The metadata that the request goes out with.
    #[inline]
    pub(crate) fn metadata(&self) -> &Metadata {
        self.route.as_ref().map_or(&NO_METADATA, Route::metadata)
    }

    /// Whether somebody waits for the call to be committed.
    #[inline]
    pub(crate) fn has_commit(&self) -> bool {
        match &self.route {
            Some(Route {
                config: Configured::Late(late),
                ..
            }) => late.settled.get().is_some_and(|settled| {
                let commit = settled.commit.lock();
                !commit.unwrap_or_else(PoisonError::into_inner).is_nothing()
            }),
            _ => false,
        }
    }

    /// No further pick is made for the call.
    #[cold]
    pub(crate) fn commit(&self) {
        if let Some(Route {
            config: Configured::Late(late),
            ..
        }) = &self.route
            && let Some(settled) = late.settled.get()
        {
            let commit = {
                let mut place = settled
                    .commit
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                mem::take(&mut *place)
            };
            // Run here, where the lock is free.
            drop(commit);
        }
    }

    /// When the call must be over.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.route {
            Some(Route {
                config: Configured::Late(late),
                ..
            }) => late
                .settled
                .get()
                .map_or(self.deadline, |settled| settled.deadline),
            _ => self.deadline,
        }
    }

    /// Bytes of a unary response that are gathered at most.
    pub(crate) fn receive_limit(&self) -> usize {
        let Some(route) = &self.route else {
            return usize::MAX;
        };
        let late = self.late_receive_limit();
        late.map_or(route.receive_limit, |limit| {
            route.receive_limit.min(limit.saturating_add(PREFIX))
        })
    }

    /// The largest response message by a config that came after the start.
    pub(crate) fn late_receive_limit(&self) -> Option<usize> {
        self.route.as_ref()?.late()?.max_response_message_bytes
    }

    /// The largest request message by the service config.
    pub(crate) fn send_limit(&self) -> usize {
        let config = match &self.route {
            Some(Route { config, .. }) => match config {
                Configured::None => None,
                Configured::Known(config) => Some(&**config),
                Configured::Late(late) => late.config(),
            },
            None => None,
        };
        let limit = config.and_then(|config| config.max_request_message_bytes);
        limit.unwrap_or(usize::MAX)
    }

    /// Gives a late call what the service config, which has come now, or its selector says about it.
    ///
    /// # Errors
    /// What is wrong with the call by this config.
    #[cold]
    pub(crate) fn settle(
        &self,
        chosen: CallConfig,
        plan: Option<Arc<RetryPlan>>,
        now: Instant,
    ) -> Result<(), Status> {
        let Some(route) = &self.route else {
            return Ok(());
        };
        let Configured::Late(late) = &route.config else {
            return Ok(());
        };
        let CallConfig {
            method_config: config,
            metadata,
            attributes,
            commit,
            ..
        } = chosen;
        if let Some(metadata) = &metadata {
            metadata.check()?;
        }
        let deadline = match &config {
            Some(config) if late.default && config.timeout.is_some() => {
                let configured = earlier(None, late.started, config);
                [configured, late.latest].into_iter().flatten().min()
            }
            Some(config) => earlier(self.deadline, late.started, config),
            None => self.deadline,
        };
        // Only whoever holds the queue of waiting calls settles one.
        let settled = Settled {
            config,
            deadline,
            metadata,
            attributes,
            commit: Mutex::new(commit),
        };
        late.settled.set(settled).ok();
        if let Some(plan) = plan {
            self.plan(plan);
        }
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Err(exceeded(Awaited::Resolution));
        }
        let limit = self.send_limit();
        match self.lock().outgoing.data.largest_message() {
            Some(size) if size > limit => Err(too_large(size, limit)),
            _ => Ok(()),
        }
    }
}

/// The status of a call whose request message the service config does not allow.
pub(crate) fn too_large(size: usize, limit: usize) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!(
            "the request message is {size} bytes; the service config allows {limit} (maxRequestMessageBytes)"
        ),
    )
}
