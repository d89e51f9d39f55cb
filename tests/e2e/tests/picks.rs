//! What a pick says about its attempt, and what it hears of it.

use bytes::Bytes;
use farcall_core::{Metadata, service_config::Json};
use farcall_net::{
    ChannelBuilder, Code, Registry, Request, Response, Status,
    lb::{
        Authority,
        balancer::{
            Context, LoadBalancingPolicy, Pick, PickInfo, PickObserver, PickOutcome, Picker,
            Policies, PolicyAction, PolicyConfig, PolicyFactory, PolicyUpdate, WakeId,
        },
        policy::PickFirst,
        selector::{CallConfig, CallInfo, ConfigSelector},
        subchannel::{SubchannelId, SubchannelState},
    },
};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const PATH: &str = "/t.T/Any";
const TALK: &str = "/t.T/Talk";

/// A method and a tenant.
type SeenCall = (String, Option<String>);

/// What pickers have seen of calls, and observers of the ends of attempts.
#[derive(Debug, Default, Clone)]
struct Notes {
    seen: Arc<Mutex<Vec<SeenCall>>>,
    ends: Arc<Mutex<Vec<End>>>,
    routes: Arc<Mutex<Vec<&'static str>>>,
    picks: Arc<AtomicUsize>,
}

/// What the config selector says about calls.
#[derive(Debug, PartialEq)]
struct Route(&'static str);

#[derive(Debug)]
struct ToCanary;

impl ConfigSelector for ToCanary {
    fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig, Status> {
        Ok(call.by_name().with_attribute(Route("canary")))
    }
}

#[derive(Debug, Clone, PartialEq)]
struct End {
    code: Code,
    load: Option<String>,
    sent: Option<u64>,
    received: Option<u64>,
}

impl Notes {
    fn ends(&self) -> Vec<End> {
        self.ends.lock().unwrap().clone()
    }

    fn codes(&self) -> Vec<Code> {
        self.ends().iter().map(|end| end.code).collect()
    }
}

impl PickObserver for Notes {
    fn on_done(&self, outcome: &PickOutcome<'_>) {
        let load = outcome.trailers.and_then(|trailers| trailers.get("load"));
        self.ends.lock().unwrap().push(End {
            code: outcome.status.code(),
            load: load.map(str::to_owned),
            sent: outcome.was_sent.then_some(outcome.bytes_sent),
            received: outcome.was_answered.then_some(outcome.bytes_received),
        });
    }
}

/// Picks as its child does, with a number, a name and an observer for each attempt.
struct Talkative {
    child: PickFirst,
    notes: Notes,
    name: Option<Authority>,
}

struct TalkativePicker {
    child: Arc<dyn Picker>,
    notes: Notes,
    name: Option<Authority>,
}

impl Picker for TalkativePicker {
    fn pick(&self, info: &PickInfo<'_>) -> Pick {
        let Pick::Subchannel(picked) = self.child.pick(info) else {
            return self.child.pick(info);
        };
        let tenant = info.metadata().and_then(|metadata| metadata.get("tenant"));
        let seen = (info.method().to_owned(), tenant.map(str::to_owned));
        self.notes.seen.lock().unwrap().push(seen);
        if let Some(Route(name)) = info.attribute() {
            self.notes.routes.lock().unwrap().push(name);
        }
        let mut metadata = Metadata::new();
        metadata.insert("pick", self.notes.picks.fetch_add(1, SeqCst).to_string());
        let mut picked = picked
            .with_metadata(metadata)
            .with_observer(Arc::new(self.notes.clone()));
        if let Some(name) = &self.name {
            picked = picked.with_authority(name.clone());
        }
        Pick::Subchannel(picked)
    }
}

impl Talkative {
    fn run<R>(
        &mut self,
        cx: &mut Context<'_>,
        run: impl FnOnce(&mut PickFirst, &mut Context<'_>) -> R,
    ) -> R {
        let child = &mut self.child;
        let (result, actions) = cx.child(|cx| run(child, cx));
        for action in actions {
            match action {
                PolicyAction::Publish { state, picker } => {
                    let (notes, name) = (self.notes.clone(), self.name.clone());
                    let child = picker;
                    cx.publish(state, TalkativePicker { child, notes, name });
                }
                other => cx.record(other),
            }
        }
        result
    }
}

impl LoadBalancingPolicy for Talkative {
    fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: PolicyUpdate,
    ) -> Result<(), Status> {
        self.run(cx, |child, cx| child.on_resolver_update(cx, update))
    }

    fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) {
        self.run(cx, |child, cx| child.on_subchannel_state(cx, id, state));
    }

    fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) {
        self.run(cx, |child, cx| child.on_wake(cx, id));
    }

    fn exit_idle(&mut self, cx: &mut Context<'_>) {
        self.run(cx, |child, cx| child.exit_idle(cx));
    }
}

#[derive(Debug, Clone)]
struct Factory(Notes, Option<&'static str>);

impl PolicyFactory for Factory {
    fn name(&self) -> &str {
        "talkative"
    }

    fn parse_config(
        &self,
        _: &Json,
        _: &dyn Policies,
    ) -> Result<Option<PolicyConfig>, farcall_core::service_config::ServiceConfigError> {
        Ok(None)
    }

    fn build(&self) -> Box<dyn LoadBalancingPolicy> {
        Box::new(Talkative {
            child: PickFirst::default(),
            notes: self.0.clone(),
            name: self.1.map(|name| Authority::new(name).unwrap()),
        })
    }
}

/// A channel to the stub on simulated time whose picks are noted.
fn simulated(stub: StubServer, config: &str, name: Option<&'static str>) -> (SimulatedStub, Notes) {
    let (notes, config) = (Notes::default(), config.to_owned());
    let factory = Factory(notes.clone(), name);
    let stub = stub.simulated_with(7, NetConfig::default(), |channel: ChannelBuilder| {
        channel
            .registry(Registry::built_in().with_policy(factory))
            .load_balancing_policy("talkative")
            .default_service_config(config)
    });
    (stub, notes)
}

#[tokio::test(start_paused = true)]
async fn pickers_are_told_what_the_config_selector_says_for_each_attempt_hedged_or_not() {
    let hedging = r#"{"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "0s"}}]}"#;
    for (config, picks) in [("{}", 1), (hedging, 2)] {
        let notes = Notes::default();
        let factory = Factory(notes.clone(), None);
        let stub = telling(0).simulated_with(7, NetConfig::default(), |channel| {
            channel
                .registry(Registry::built_in().with_policy(factory))
                .load_balancing_policy("talkative")
                .default_service_config(config)
                .config_selector(ToCanary)
        });
        stub.channel().connect().await.unwrap();
        calls::unary(stub.channel(), PATH, Bytes::new())
            .await
            .unwrap();
        assert_eq!(*notes.routes.lock().unwrap(), vec!["canary"; picks]);
    }
}

/// Answers with what the caller's pick and the authority are; `fails`: so many times with UNAVAILABLE before.
fn telling(fails: usize) -> StubServer {
    let count = Arc::new(AtomicUsize::new(0));
    StubServer::unary(PATH, move |request: Request<Bytes>| {
        let index = count.fetch_add(1, SeqCst);
        async move {
            let picks: Vec<_> = request.metadata().get_all("pick").collect();
            let text = format!("{} {}", picks.join(","), request.authority());
            if index < fails {
                return Err(Status::unavailable("not yet"));
            }
            let mut response = Response::new(Bytes::from(text));
            response.trailers_mut().insert("load", "0.7");
            Ok(response)
        }
    })
}

const RETRIES: &str = r#"{"methodConfig": [{"name": [{}], "retryPolicy": {
    "maxAttempts": 4, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1,
    "retryableStatusCodes": ["UNAVAILABLE"]
}}]}"#;

#[tokio::test(start_paused = true)]
async fn each_attempt_goes_out_with_the_metadata_of_its_own_pick_which_sees_that_of_the_call() {
    let (stub, notes) = simulated(telling(2), RETRIES, None);
    for (tenant, pick) in [("blue", "2"), ("red", "3")] {
        let call = calls::unary(stub.channel(), PATH, Bytes::new()).metadata("tenant", tenant);
        let reply = call.await.unwrap();
        assert_eq!(reply[..], *format!("{pick} simulated").as_bytes());
    }
    let seen = notes.seen.lock().unwrap().clone();
    let tenants: Vec<_> = seen
        .iter()
        .filter_map(|(_, tenant)| tenant.as_deref())
        .collect();
    assert_eq!(tenants, ["blue", "blue", "blue", "red"]);
    assert!(seen.iter().all(|(method, _)| method == PATH));
}

#[tokio::test(start_paused = true)]
async fn an_observer_hears_once_of_each_attempt_its_status_its_bytes_and_the_servers_trailers() {
    let (stub, notes) = simulated(telling(2), RETRIES, None);
    let message = Bytes::from_static(b"seven b");
    calls::unary(stub.channel(), PATH, message).await.unwrap();
    let failed = End {
        code: Code::Unavailable,
        load: None,
        sent: Some(12),
        received: Some(0),
    };
    let well = End {
        code: Code::Ok,
        load: Some("0.7".into()),
        received: Some(5 + "2 simulated".len() as u64),
        ..failed.clone()
    };
    assert_eq!(notes.ends(), [failed.clone(), failed, well]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_or_late_is_told_as_such() {
    let silent = StubServer::unary(PATH, |_| pending::<Result<Bytes, _>>());
    let (stub, notes) = simulated(silent, "{}", None);
    stub.channel().connect().await.unwrap();
    let second = Duration::from_secs(1);
    let call = calls::unary(stub.channel(), PATH, Bytes::new());
    tokio::time::timeout(second, call).await.unwrap_err();
    tokio::time::sleep(second).await;
    assert_eq!(notes.codes(), [Code::Cancelled]);
    let late = calls::unary(stub.channel(), PATH, Bytes::new()).timeout(second);
    late.await.unwrap_err();
    assert_eq!(notes.codes(), [Code::Cancelled, Code::DeadlineExceeded]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_told_to_the_observers_of_all_its_attempts() {
    let silent = StubServer::unary(PATH, |_| pending::<Result<Bytes, _>>());
    let (stub, notes) = simulated(silent, "{}", None);
    let call = || tokio::spawn(calls::unary(stub.channel(), PATH, Bytes::new()).into_future());
    let all = [call(), call(), call()];
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(notes.ends().is_empty());
    stub.control().lose();
    for call in all {
        call.await.unwrap().unwrap_err();
    }
    assert_eq!(notes.codes(), [Code::Unavailable; 3]);
    assert!(
        notes.ends().iter().all(|end| end.sent == Some(5)),
        "{notes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_streams_are_counted_in_both_directions() {
    let echo = StubServer::bidi(TALK, |mut requests, replies| {
        Box::pin(async move {
            while let Some(message) = requests.message().await? {
                replies.send(message).await?;
            }
            Ok(())
        })
    });
    let (stub, notes) = simulated(echo, "{}", None);
    let (mut sender, mut replies) = calls::bidi(stub.channel(), TALK).split();
    for size in [100, 20_000, 0] {
        sender.send(Bytes::from(vec![7; size])).await.unwrap();
        assert_eq!(replies.message().await.unwrap().unwrap().len(), size);
    }
    assert!(notes.ends().is_empty());
    sender.half_close();
    assert!(replies.message().await.unwrap().is_none());
    let bytes = Some(20_100 + 3 * 5);
    let end = End {
        code: Code::Ok,
        load: None,
        sent: bytes,
        received: bytes,
    };
    assert_eq!(notes.ends(), [end]);
}

#[tokio::test(start_paused = true)]
async fn the_authority_of_a_pick_comes_before_the_channels_and_after_the_calls() {
    let (stub, _) = simulated(telling(0), "{}", Some("shard-7.example:443"));
    let reply = calls::unary(stub.channel(), PATH, Bytes::new())
        .await
        .unwrap();
    assert_eq!(&reply[..], b"0 shard-7.example:443");
    let own = calls::unary(stub.channel(), PATH, Bytes::new()).authority("mine.example");
    assert_eq!(&own.await.unwrap()[..], b"1 mine.example");
}

#[tokio::test(start_paused = true)]
async fn a_pick_that_waits_for_a_stream_is_told_of_its_end_although_it_was_never_sent() {
    let silent = StubServer::unary(PATH, |_| pending::<Result<Bytes, _>>())
        .configure(|server| server.max_concurrent_streams(1));
    let (stub, notes) = simulated(silent, "{}", None);
    let first = tokio::spawn(calls::unary(stub.channel(), PATH, Bytes::new()).into_future());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let waiting = calls::unary(stub.channel(), PATH, Bytes::new());
    waiting.timeout(Duration::from_secs(1)).await.unwrap_err();
    let never = End {
        code: Code::DeadlineExceeded,
        load: None,
        sent: None,
        received: None,
    };
    assert_eq!(notes.ends(), [never]);
    first.abort();
}
