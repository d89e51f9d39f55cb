//! `Channel`: the virtual connection that calls are made on.

use super::{
    attempts::{AttemptInterceptor, PerAttempt},
    control,
    credentials::SecurityLevel,
    heads::{Heads, Start},
    inbox::Order,
    limits::CallLimits,
    options::Extras,
    picker_cell::{Notice, PickerCell},
    shared::{Settings, Shared},
};
use crate::{
    call::{
        Encoding, Knobs,
        intercept::{Chain, IntoInterceptor},
    },
    clock,
    peer::PeerReports,
    transport::{Mailbox, connect::Security, mailbox::End},
};
use farcall_core::{
    MethodDescriptor, Status,
    call::ReceiveOptions,
    message::Compressor,
    retry::{Repeat, RetryPlan},
};
use farcall_http2::StreamKey;
use farcall_lb::channel::Channel as Machine;
use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex},
};

/// A virtual connection to a target: resolves it, connects, balances, reconnects.
///
/// Cheap to clone; all clones share the connections, which close when the last clone is gone and the calls on
/// them are over. Made by [`Channel::builder`]; nothing is connected before the first call or
/// [`connect`](Channel::connect).
///
/// ```
/// use farcall::{Channel, ConnectivityState};
/// # use farcall_examples::{greeter::MyGreeter, hello::{GreeterClient, HelloRequest}, local};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let target = local::channel(MyGreeter).await?.target();
/// let channel = Channel::builder(target).insecure().build()?;
/// assert_eq!(channel.state(), ConnectivityState::Idle);
///
/// channel.connect().await?; // if the first call is not to wait for it
/// assert_eq!(channel.state(), ConnectivityState::Ready);
/// let client = GreeterClient::new(channel.clone());
/// # client.say_hello(HelloRequest { name: "Ada".into() }).await?;
/// # Ok(()) }
/// ```
///
/// # Panics
/// Never; but calls fail with `FAILED_PRECONDITION` outside a tokio runtime. The runtime of the first call runs the connections, and
/// they end with it.
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
    /// What stands around the calls of this handle.
    attached: Option<Arc<Attached>>,
}

/// What stands around calls, and the channel inside.
pub(crate) struct Attached {
    pub(crate) around: Surroundings,
    /// A handle without anything around it.
    pub(crate) channel: Channel,
}

/// What stands around calls.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) chain: Arc<Chain>,
    /// What concerns each attempt, if anything does.
    pub(crate) per_attempt: Option<Arc<PerAttempt>>,
}

struct Inner {
    shared: Arc<Shared>,
}

impl Surroundings {
    fn is_empty(&self) -> bool {
        self.chain.is_empty() && self.per_attempt.is_none()
    }

    /// The same with more that concerns each attempt.
    fn attend(&mut self, more: &PerAttempt) {
        if !more.is_empty() {
            Arc::make_mut(self.per_attempt.get_or_insert_default()).extend(more);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.inbox.abandon();
    }
}

impl Channel {
    pub(crate) fn new(settings: Settings, machine: Machine, around: Surroundings) -> Channel {
        let secure = !matches!(settings.security, Security::Plaintext);
        let heads = Heads::new(
            settings.authority.clone().into(),
            secure,
            settings.user_agent.clone(),
            settings.compressors.clone(),
        );
        let picks = PickerCell::new(Arc::clone(machine.picker()));
        let unstarted = Mutex::new(Some(Box::new(machine)));
        let shared = Arc::new(Shared {
            settings,
            picks,
            heads,
            unstarted,
            inbox: Arc::default(),
        });
        let bare = Channel {
            inner: Arc::new(Inner { shared }),
            attached: None,
        };
        match around.is_empty() {
            true => bare,
            false => bare.with(around),
        }
    }

    /// A handle of the same channel with this around its calls, and nothing else.
    fn with(&self, around: Surroundings) -> Channel {
        let channel = Channel {
            inner: Arc::clone(&self.inner),
            attached: None,
        };
        Channel {
            inner: Arc::clone(&self.inner),
            attached: Some(Arc::new(Attached { around, channel })),
        }
    }

    fn surroundings(&self) -> Surroundings {
        let attached = self.attached.as_ref();
        attached.map_or_else(Surroundings::default, |attached| attached.around.clone())
    }

    /// A handle of the same channel whose calls pass `interceptor` too, inside of those that the calls of this handle pass. Both share all
    /// connections. See [`Interceptor`](crate::interceptor::Interceptor).
    pub fn with_interceptor<K>(&self, interceptor: impl IntoInterceptor<K>) -> Channel {
        let mut around = self.surroundings();
        Arc::make_mut(&mut around.chain).push(interceptor);
        self.with(around)
    }

    /// A handle of the same channel for whose calls' attempts `interceptor` is asked too, behind those of this handle. Both share all
    /// connections. See [`AttemptInterceptor`].
    pub fn with_attempt_interceptor(&self, interceptor: impl AttemptInterceptor) -> Channel {
        let mut around = self.surroundings();
        let mut more = PerAttempt::default();
        more.interceptors.push(interceptor);
        around.attend(&more);
        self.with(around)
    }

    /// Whether anything stands around the calls of this handle.
    #[inline]
    pub(crate) fn is_surrounded(&self) -> bool {
        self.attached.is_some()
    }

    /// What a call passes on its way out: what stands around those of this handle, inside of it what the call has itself.
    #[inline]
    pub(crate) fn attached(&self, own: Option<&Extras>) -> Arc<Attached> {
        match (&self.attached, own) {
            (Some(attached), None) => Arc::clone(attached),
            _ => self.joined(own),
        }
    }

    #[cold]
    fn joined(&self, own: Option<&Extras>) -> Arc<Attached> {
        let mut around = self.surroundings();
        if let Some(own) = own {
            around.attend(&own.per_attempt);
            if !own.chain.is_empty() {
                Arc::make_mut(&mut around.chain).extend(&own.chain);
            }
        }
        let channel = Channel {
            inner: Arc::clone(&self.inner),
            attached: None,
        };
        Arc::new(Attached { around, channel })
    }

    /// How well the connections protect what is sent on them.
    pub(crate) fn security_level(&self) -> SecurityLevel {
        self.settings().security_level
    }

    /// The `:authority` of calls.
    pub(crate) fn authority(&self) -> &str {
        &self.settings().authority
    }

    /// The canonical form of the target, such as `dns:///localhost:50051`.
    pub fn target(&self) -> String {
        self.settings().target.to_string()
    }

    /// Counters of what the servers of this channel have done wrong, and of what was done about it. Clones of the channel
    /// count together.
    pub fn peer_reports(&self) -> PeerReports {
        self.settings().log.reports.clone()
    }

    /// What keeps the channel from closing as long as it is held.
    pub(crate) fn keep_alive(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(&self.inner) as _
    }

    /// Sends a mailbox to a connection, or to the queue of those that wait for one.
    pub(crate) fn dispatch(&self, mailbox: &Arc<Mailbox>) {
        let notice = self
            .inner
            .shared
            .picks
            .dispatch(mailbox, self.settings().max_queued);
        if !notice.is_empty()
            && let Err(refused) = self.order(Order::Notice(notice))
        {
            // Only this call was made where there is no runtime.
            mailbox.deliver_end(None, End::Failed(refused), Some(StreamKey::NONE));
        }
    }

    /// Sends a mailbox out in several attempts beside each other.
    #[cold]
    pub(crate) fn hedge(&self, mailbox: &Arc<Mailbox>) {
        let notice = Notice::of(clock::now(), mailbox);
        if let Err(refused) = self.order(Order::Notice(notice)) {
            mailbox.deliver_end(None, End::Failed(refused), Some(StreamKey::NONE));
        }
    }

    pub(super) fn order(&self, order: Order) -> Result<(), Status> {
        control::order(&self.inner.shared, order)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    fn settings(&self) -> &Settings {
        &self.inner.shared.settings
    }

    /// What limits calls beyond what they say themselves.
    #[inline]
    pub(crate) fn limits(&self) -> Option<&CallLimits> {
        self.settings().limits.as_deref()
    }

    /// What a call shares with others of its method.
    pub(crate) fn start(
        &self,
        method: &MethodDescriptor,
        content_subtype: &'static str,
        encoding: Encoding,
    ) -> Start {
        self.inner
            .shared
            .heads
            .start(method, content_subtype, encoding)
    }

    /// How a call counts its attempts of whose method nothing is known.
    pub(crate) fn bare_plan(&self) -> Arc<RetryPlan> {
        self.settings().retries.plan(Repeat::No, None)
    }

    /// The compressor of an encoding.
    pub(crate) fn compressor(&self, encoding: Encoding) -> Result<Option<&dyn Compressor>, Status> {
        encoding.compressor(&self.settings().compressors)
    }

    pub(crate) fn shared_compressor(&self, encoding: Encoding) -> Option<Arc<dyn Compressor>> {
        self.settings().compressors.find(encoding.name()).cloned()
    }

    pub(crate) fn encoding(&self, knobs: &Knobs) -> Encoding {
        knobs.encoding().unwrap_or(self.settings().encoding)
    }

    pub(crate) fn max_send(&self, knobs: &Knobs) -> usize {
        knobs.max_send().unwrap_or(self.settings().max_send)
    }

    pub(crate) fn max_receive(&self, knobs: &Knobs) -> usize {
        knobs.max_receive().unwrap_or(self.settings().max_receive)
    }

    /// What calls that take messages of at most `max_receive` bytes accept.
    pub(crate) fn receive_options(&self, max_receive: usize) -> ReceiveOptions {
        ReceiveOptions::new(max_receive, self.settings().compressors.clone())
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("target", &self.target())
            .field("state", &self.inner.shared.picks.state())
            .finish()
    }
}
