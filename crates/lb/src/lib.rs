//! The rules of a gRPC channel, as machines without input and output: how a name becomes addresses, which of them get
//! connections, and which connection a call goes to.
//!
//! Nothing here reads a clock, opens a socket, starts a task or draws a random number of its own: time and seeds are
//! arguments, what is to be done comes back as values. The network crate drives the [`Channel`](channel::Channel)
//! machine; policies and resolvers can be written against this crate alone and tested without a runtime.
//!
//! | room | holds |
//! |---|---|
//! | [`target`] | the URI that a channel is given, and what each scheme reads from it |
//! | [`address`] | [`Address`], [`Endpoint`] |
//! | [`resolver`] | [`Resolver`](resolver::Resolver), its updates, [`ResolvePacer`](resolver::ResolvePacer) |
//! | [`selector`] | [`ConfigSelector`](selector::ConfigSelector): a config for each call |
//! | [`dns`] | questions and answers as octets, for resolvers that ask name servers |
//! | [`health`] | whether a backend that is connected is fit to take calls (gRFC A17) |
//! | [`subchannel`] | the connectivity machine of one address: deadline, backoff, connections |
//! | [`balancer`] | [`LoadBalancingPolicy`](balancer::LoadBalancingPolicy), [`Picker`](balancer::Picker), the [`Context`](balancer::Context) with its actions |
//! | [`policy`] | the policies: [`PickFirst`](policy::PickFirst), [`RoundRobin`](policy::RoundRobin) |
//! | [`channel`] | resolver, policy and subchannels as one machine |
//!
//! # A policy of one's own
//!
//! This one connects to every endpoint and sends each call to the first that is ready, so that a spare is always warm.
//! The test below it needs no runtime: a [`PolicyHost`](balancer::PolicyHost) collects what the policy wants.
//!
//! ```
//! use farcall_core::Status;
//! use farcall_lb::ConnectivityState::{Connecting, Ready, TransientFailure};
//! use farcall_lb::balancer::*;
//! use farcall_lb::subchannel::{SubchannelId, SubchannelState};
//! use farcall_lb::{Address, Registry};
//! use std::time::Instant;
//!
//! #[derive(Default)]
//! struct WarmSpare {
//!     members: Vec<(SubchannelId, SubchannelState)>,
//! }
//!
//! impl LoadBalancingPolicy for WarmSpare {
//!     fn on_resolver_update(&mut self, cx: &mut Context<'_>, update: PolicyUpdate) -> Result<(), Status> {
//!         let endpoints = match update.endpoints {
//!             Ok(endpoints) => endpoints,
//!             Err(status) if self.members.is_empty() => {
//!                 cx.publish(TransientFailure, FailPicker(status));
//!                 return Ok(());
//!             }
//!             Err(_) => return Ok(()), // what is known still serves
//!         };
//!         for (id, _) in self.members.drain(..) {
//!             cx.remove_subchannel(id);
//!         }
//!         for address in endpoints.iter().flat_map(|endpoint| endpoint.addresses()) {
//!             let id = cx.create_subchannel(address.clone());
//!             self.members.push((id, SubchannelState::Idle));
//!         }
//!         self.exit_idle(cx);
//!         self.publish(cx);
//!         Ok(())
//!     }
//!
//!     fn on_subchannel_state(&mut self, cx: &mut Context<'_>, id: SubchannelId, state: &SubchannelState) {
//!         if let Some(member) = self.members.iter_mut().find(|(member, _)| *member == id) {
//!             member.1 = state.clone();
//!             if let SubchannelState::Idle = state {
//!                 cx.connect(id); // new, lost, or its backoff is over
//!             }
//!             self.publish(cx);
//!         }
//!     }
//!
//!     fn exit_idle(&mut self, cx: &mut Context<'_>) {
//!         self.members.iter().for_each(|(id, _)| cx.connect(*id));
//!     }
//! }
//!
//! impl WarmSpare {
//!     fn publish(&self, cx: &mut Context<'_>) {
//!         let ready = self.members.iter().find(|(_, s)| matches!(s, SubchannelState::Ready));
//!         let failed = self.members.iter().find_map(|(_, s)| s.error());
//!         match (ready, failed) {
//!             (Some((id, _)), _) => cx.publish(Ready, SubchannelPicker(*id)),
//!             (None, Some(error)) => {
//!                 let status = Status::unavailable("no spare is left").with_cause(error.clone());
//!                 cx.publish(TransientFailure, FailPicker(status));
//!             }
//!             (None, None) => cx.publish(Connecting, QueuePicker),
//!         }
//!     }
//! }
//!
//! // It is used by name: `ChannelConfig::new(seed).with_registry(registry).with_policy("warm_spare", None)`.
//! #[derive(Debug)]
//! struct Factory;
//!
//! impl PolicyFactory for Factory {
//!     fn name(&self) -> &str {
//!         "warm_spare"
//!     }
//!     fn build(&self) -> Box<dyn LoadBalancingPolicy> {
//!         Box::new(WarmSpare::default())
//!     }
//! }
//!
//! let registry = Registry::built_in().with_policy(Factory);
//!
//! // The test.
//! let (mut host, now) = (PolicyHost::new(42), Instant::now());
//! let mut policy = registry.policy("warm_spare").unwrap().build();
//! let update = PolicyUpdate::endpoints([1, 2].map(|i| Address::from(([10, 0, 0, i], 443)).into()));
//! let (_, actions) = host.run(now, |cx| policy.on_resolver_update(cx, update));
//! let connects = actions.iter().filter(|action| matches!(action, PolicyAction::Connect(_)));
//! assert_eq!(connects.count(), 2);
//!
//! let PolicyAction::CreateSubchannel { id, .. } = &actions[0] else { panic!() };
//! let ready = SubchannelState::Ready;
//! let (_, actions) = host.run(now, |cx| policy.on_subchannel_state(cx, *id, &ready));
//! assert!(matches!(actions[..], [PolicyAction::Publish { state: Ready, .. }]));
//! ```
#![forbid(unsafe_code)]

pub mod address;
mod authority;
pub mod balancer;
pub mod channel;
mod connectivity;
pub mod dns;
pub mod health;
mod later;
pub mod policy;
mod registry;
pub mod resolver;
pub mod selector;
pub mod subchannel;
pub mod target;
mod timers;

pub use address::{Address, Endpoint, Location, Weight};
pub use authority::{Authority, InvalidAuthority};
pub use connectivity::ConnectivityState;
pub use registry::Registry;
pub use target::Target;
