//! Config selectors: which one counts, and with which service config.

use std::sync::Arc;

use farcall_core::service_config::{Json, ServiceConfigError};
use farcall_core::{Metadata, ServiceConfig, Status};

use super::sim::{Sim, address};
use crate::channel::ChannelConfig;
use crate::resolver::ResolverUpdate;
use crate::selector::{CallConfig, CallInfo, ConfigSelector, select};

/// Tells its name as an attribute of each call.
#[derive(Debug)]
struct Named(&'static str);

impl ConfigSelector for Named {
    fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig, Status> {
        Ok(call.by_name().with_attribute(self.0))
    }
}

/// Which selector a call would be decided by.
fn chosen(sim: &Sim) -> Option<&'static str> {
    let metadata = Metadata::new();
    let service = sim.config.clone().unwrap_or_default();
    let call = CallInfo::new("/s/m", &metadata, &service);
    let config = select(sim.selector.as_deref(), &call).unwrap();
    config.attributes.find().copied()
}

fn update() -> ResolverUpdate {
    ResolverUpdate::endpoints([address("10.0.0.1:1").into()])
}

fn broken() -> Result<ServiceConfig, ServiceConfigError> {
    Err(Json::empty_object("timeout").error("it is broken"))
}

fn connecting(config: ChannelConfig) -> Sim {
    let mut sim = Sim::with("dns:///svc", config);
    sim.channel.connect(sim.now);
    sim.drain();
    sim
}

fn give(sim: &mut Sim, update: ResolverUpdate) -> Result<(), Status> {
    let verdict = sim.channel.handle_resolver_update(sim.now, update);
    sim.drain();
    verdict
}

#[test]
fn the_resolvers_selector_comes_before_the_channels_which_counts_without_one() {
    let config = ChannelConfig::new(1).with_config_selector(Arc::new(Named("channel")));
    let mut sim = connecting(config);
    give(&mut sim, update()).unwrap();
    assert_eq!(chosen(&sim), Some("channel"));
    let with_one = update().with_config_selector(Arc::new(Named("resolver")));
    give(&mut sim, with_one).unwrap();
    assert_eq!(chosen(&sim), Some("resolver"));
    give(&mut sim, update()).unwrap();
    assert_eq!(chosen(&sim), Some("channel"));
}

#[test]
fn calls_are_told_of_another_selector_and_not_of_the_same_one_again() {
    let mut sim = connecting(ChannelConfig::new(1));
    let selector: Arc<dyn ConfigSelector> = Arc::new(Named("a"));
    for _ in 0..3 {
        let again = update().with_config_selector(Arc::clone(&selector));
        give(&mut sim, again).unwrap();
        assert_eq!((chosen(&sim), sim.configs), (Some("a"), 1));
    }
    let other = update().with_config_selector(Arc::new(Named("b")));
    give(&mut sim, other).unwrap();
    assert_eq!((chosen(&sim), sim.configs), (Some("b"), 2));
    give(&mut sim, update()).unwrap();
    assert_eq!((chosen(&sim), sim.configs), (None, 3));
}

#[test]
fn a_selector_is_refused_together_with_its_service_config() {
    let mut sim = connecting(ChannelConfig::new(1));
    let first = update().with_config_selector(Arc::new(Named("first")));
    give(&mut sim, first).unwrap();
    let bad = update()
        .with_config_selector(Arc::new(Named("second")))
        .with_service_config(broken());
    assert!(give(&mut sim, bad).is_err());
    assert_eq!(chosen(&sim), Some("first"));
}

#[test]
fn a_channel_that_does_not_listen_to_configs_does_not_listen_to_selectors() {
    let config = ChannelConfig::new(1).without_resolver_service_config();
    let mut sim = connecting(config);
    let deaf = update().with_config_selector(Arc::new(Named("resolver")));
    give(&mut sim, deaf).unwrap();
    assert_eq!(chosen(&sim), None);
}
