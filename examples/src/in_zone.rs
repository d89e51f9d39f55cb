//! A load-balancing policy of one's own: calls stay in the client's zone while a backend there is ready.

use farcall::{
    ConnectivityState::Ready,
    Status,
    lb::{
        Endpoint,
        balancer::*,
        policy::PickFirst,
        subchannel::{SubchannelId, SubchannelState},
    },
};
use std::sync::Arc;

/// Where a backend is: an attribute of its endpoint, given by the resolver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(pub &'static str);

/// The policy `in_zone`, for clients in this zone.
#[derive(Debug)]
pub struct InZone(pub Zone);

impl PolicyFactory for InZone {
    fn name(&self) -> &str {
        "in_zone"
    }

    fn build(&self) -> Box<dyn LoadBalancingPolicy> {
        let children = EndpointChildren::new(|| Box::new(PickFirst::default()));
        Box::new(Policy(self.0, children))
    }
}

struct Policy(Zone, EndpointChildren);

impl LoadBalancingPolicy for Policy {
    fn on_resolver_update(&mut self, cx: &mut Context, news: PolicyUpdate) -> Result<(), Status> {
        let Ok(endpoints) = news.endpoints.inspect_err(|status| {
            if self.1.is_empty() {
                cx.publish(self.1.state(), FailPicker(status.clone()));
            }
        }) else {
            return Ok(()); // what is known still serves
        };
        let verdict = self.1.update(cx, &endpoints, news.attributes, None).1;
        self.after(cx, true);
        verdict
    }

    fn on_subchannel_state(&mut self, cx: &mut Context, id: SubchannelId, state: &SubchannelState) {
        let published = self.1.on_subchannel_state(cx, id, state);
        self.after(cx, published);
    }

    fn on_timer(&mut self, cx: &mut Context, id: TimerId) {
        let published = self.1.on_timer(cx, id);
        self.after(cx, published);
    }

    fn exit_idle(&mut self, cx: &mut Context) {
        let published = self.1.exit_idle(cx);
        self.after(cx, published);
    }
}

impl Policy {
    /// Connects what is idle and publishes what has changed.
    fn after(&mut self, cx: &mut Context, published: bool) {
        if self.1.reconnect_idle(cx) | published {
            let (state, start) = (self.1.state(), cx.random());
            let able = || self.1.iter().filter(|(_, child)| child.state() == state);
            let near = |e: &Endpoint| state == Ready && e.attributes().find() == Some(&self.0);
            let any_near = able().any(|(endpoint, _)| near(endpoint));
            let chosen = able().filter(|(endpoint, _)| !any_near || near(endpoint));
            let pickers = chosen.map(|(_, child)| Arc::clone(child.picker()));
            cx.publish(state, RotatingPicker::new(pickers, start));
        }
    }
}
