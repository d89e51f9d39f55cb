//! The policy and the resolver of the examples, tested without a runtime, and as short as they say.

use farcall::lb::{
    Address, ConnectivityState, Endpoint, Registry,
    balancer::{
        LoadBalancingPolicy, Pick, PickInfo, PolicyAction, PolicyFactory, PolicyHost, PolicyUpdate,
    },
    channel::{Action, Channel, ChannelConfig},
    selector::{CallInfo, ConfigSelector},
    subchannel::{SubchannelId, SubchannelState},
};
use farcall::{Metadata, ServiceConfig};
use farcall_examples::{
    by_tenant::{ByTenant, Tenant},
    in_zone::{InZone, Zone},
    numbered::Numbered,
};
use std::{fs, time::Duration, time::Instant};

fn backend(last: u8, zone: &'static str) -> Endpoint {
    let endpoint = Endpoint::from(Address::from(([10, 0, 0, last], 1)));
    let attributes = endpoint.attributes().with(Zone(zone));
    endpoint.with_attributes(attributes)
}

/// Runs a policy and remembers what it has made and published.
struct Bench {
    host: PolicyHost,
    policy: Box<dyn LoadBalancingPolicy>,
    made: Vec<SubchannelId>,
    published: Option<PolicyAction>,
}

impl Bench {
    fn run(
        &mut self,
        input: impl FnOnce(&mut dyn LoadBalancingPolicy, &mut farcall::lb::balancer::Context),
    ) {
        let run = self
            .host
            .run(Instant::now(), |cx| input(&mut *self.policy, cx));
        for action in run.1 {
            match action {
                PolicyAction::CreateSubchannel { id, .. } => self.made.push(id),
                PolicyAction::Publish { .. } => self.published = Some(action),
                _ => {}
            }
        }
    }

    fn state(&mut self, backend: usize, state: SubchannelState) {
        let id = self.made[backend];
        self.run(|policy, cx| policy.on_subchannel_state(cx, id, &state));
    }

    /// The backends that four calls go to.
    fn picks(&self) -> Vec<usize> {
        let Some(PolicyAction::Publish { picker, state }) = &self.published else {
            panic!()
        };
        assert_eq!(*state, ConnectivityState::Ready);
        let picked = |_| match picker.pick(&PickInfo::new("/s/m")) {
            Pick::Subchannel(picked) => self
                .made
                .iter()
                .position(|id| *id == picked.subchannel())
                .unwrap(),
            other => panic!("{other:?}"),
        };
        let mut picks: Vec<_> = (0..4).map(picked).collect();
        picks.sort();
        picks
    }
}

#[test]
fn calls_stay_in_the_zone_while_a_backend_there_is_ready() {
    let mut bench = Bench {
        host: PolicyHost::new(1),
        policy: InZone(Zone("east")).build(),
        made: Vec::new(),
        published: None,
    };
    let fleet = [backend(1, "west"), backend(2, "east"), backend(3, "east")];
    bench.run(|policy, cx| {
        policy
            .on_resolver_update(cx, PolicyUpdate::endpoints(fleet))
            .unwrap()
    });
    bench.state(0, SubchannelState::Ready);
    assert_eq!(bench.picks(), [0, 0, 0, 0]);
    bench.state(1, SubchannelState::Ready);
    assert_eq!(bench.picks(), [1, 1, 1, 1]);
    bench.state(2, SubchannelState::Ready);
    assert_eq!(bench.picks(), [1, 1, 2, 2]);
    bench.state(1, SubchannelState::Idle);
    bench.state(2, SubchannelState::Idle);
    assert_eq!(bench.picks(), [0, 0, 0, 0]);
}

#[test]
fn a_numbered_target_names_its_backends() {
    let registry = Registry::built_in().with_resolver(Numbered);
    let config = || {
        let registry = registry.clone();
        ChannelConfig::new(1)
            .with_registry(registry)
            .with_policy("round_robin", None)
    };
    let mut channel = Channel::new("numbered:greeter-*.example:50051?3", config()).unwrap();
    channel.connect(Instant::now());
    let actions = std::iter::from_fn(|| channel.poll_action());
    let addresses: Vec<_> = actions
        .filter_map(|action| match action {
            Action::Connect { address, .. } => Some(address.to_string()),
            _ => None,
        })
        .collect();
    let expected = [1, 2, 3].map(|n| format!("greeter-{n}.example:50051"));
    assert_eq!(addresses, expected);
    let error = Channel::new("numbered:greeter.example", config()).unwrap_err();
    assert!(error.to_string().contains("how many"), "{error}");
}

#[test]
fn a_tenants_calls_have_the_config_of_the_tenant_or_else_that_of_the_method() {
    let config = |name: &str, timeout: &str| {
        let json = format!(
            r#"{{"methodConfig": [{{"name": [{{"service": "{name}"}}], "timeout": "{timeout}"}}]}}"#
        );
        ServiceConfig::parse(&json).unwrap()
    };
    let (service, selector) = (config("shop.Cart", "1s"), ByTenant(config("gold", "9s")));
    for (tenant, seconds) in [("gold", 9), ("other", 1)] {
        let mut metadata = Metadata::new();
        metadata.insert("tenant", tenant);
        let call = CallInfo::new("/shop.Cart/Add", &metadata, &service);
        let chosen = selector.select(&call).unwrap();
        let timeout = chosen.method_config.unwrap().timeout;
        assert_eq!(timeout, Some(Duration::from_secs(seconds)));
        assert_eq!(chosen.attributes.find(), Some(&Tenant(tenant.into())));
        assert_eq!(chosen.metadata, Some(Metadata::new()));
    }
    let nobody = Metadata::new();
    let call = CallInfo::new("/shop.Cart/Add", &nobody, &service);
    assert!(selector.select(&call).is_err());
}

#[test]
fn each_has_at_most_sixty_lines() {
    for file in ["by_tenant", "in_zone", "numbered"] {
        let path = format!("{}/src/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        // Without comments, empty lines and the imports at the top.
        let body = &text[text.find("\n/// ").expect("documented items")..];
        let own = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let lines = body.lines().filter(own).count();
        assert!(lines <= 60, "{file}: {lines}");
    }
}
