//! Config selectors: what they decide about calls reaches the calls.

use bytes::Bytes;
use farcall_core::ServiceConfig;
use farcall_net::{
    Address, Channel, ChannelBuilder, Code, Request, Status,
    client::Connecting,
    lb::selector::{CallConfig, CallInfo, ConfigSelector},
};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::{
    future::{Future, IntoFuture, pending},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Waker},
    time::Duration,
};
use tokio::{task::JoinHandle, time::Instant};

const PATH: &str = "/t.T/Any";
const SLEEP: &str = "/t.T/Sleep";
const TALK: &str = "/t.T/Talk";
const SECOND: Duration = Duration::from_secs(1);

/// Decides by the caller's `tenant`, and counts what it was asked and which calls were committed.
#[derive(Debug, Clone, Default)]
struct ByTenant {
    asked: Arc<AtomicUsize>,
    committed: Arc<AtomicUsize>,
}

const CONFIGS: &str = r#"{"methodConfig": [
    {"name": [{"service": "short"}], "timeout": "2s"},
    {"name": [{"service": "patient"}], "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1,
        "retryableStatusCodes": ["UNAVAILABLE"]
    }},
    {"name": [{"service": "hedged"}], "hedgingPolicy": {"maxAttempts": 3, "hedgingDelay": "1s"}}
]}"#;

impl ConfigSelector for ByTenant {
    fn select(&self, call: &CallInfo<'_>) -> Result<CallConfig, Status> {
        self.asked.fetch_add(1, SeqCst);
        let Some(tenant) = call.metadata().get("tenant") else {
            return Err(Status::not_found("no route"));
        };
        let configs = ServiceConfig::parse(CONFIGS).unwrap();
        let mut metadata = call.metadata().clone();
        metadata.remove("tenant");
        metadata.insert("route", tenant.to_owned());
        let committed = Arc::clone(&self.committed);
        let config = CallConfig::default()
            .with_metadata(metadata)
            .on_commit(move || {
                committed.fetch_add(1, SeqCst);
            });
        Ok(match configs.method(&format!("/{tenant}/m")) {
            Some(method) => config.with_method_config(Arc::clone(method)),
            None => config,
        })
    }
}

impl ByTenant {
    fn counts(&self) -> (usize, usize) {
        (self.asked.load(SeqCst), self.committed.load(SeqCst))
    }
}

/// Tells its metadata; fails so many times before; sleeps; talks back what it hears.
fn stub(fails: usize) -> StubServer {
    let count = Arc::new(AtomicUsize::new(0));
    StubServer::unary(PATH, move |request: Request<Bytes>| {
        let index = count.fetch_add(1, SeqCst);
        async move {
            if index < fails {
                return Err(Status::unavailable("not yet"));
            }
            let value = |key| request.metadata().get(key).unwrap_or("none");
            Ok(Bytes::from(format!(
                "{} {}",
                value("tenant"),
                value("route")
            )))
        }
    })
    .and(StubServer::unary(SLEEP, |_| pending::<Result<Bytes, _>>()))
    .and(StubServer::bidi(TALK, |mut requests, replies| {
        Box::pin(async move {
            while let Some(message) = requests.message().await? {
                replies.send(message).await?;
            }
            Ok(())
        })
    }))
}

fn simulated(fails: usize) -> (SimulatedStub, ByTenant) {
    let selector = ByTenant::default();
    let chosen = selector.clone();
    let settings = |channel: ChannelBuilder| channel.config_selector(chosen);
    let stub = stub(fails).simulated_with(7, NetConfig::default(), settings);
    (stub, selector)
}

async fn call(channel: &Channel, path: &'static str, tenant: &str) -> Result<Bytes, Status> {
    let call = calls::unary(channel, path, Bytes::new()).metadata("tenant", tenant.to_owned());
    call.await.map(|reply| reply.into_inner())
}

#[tokio::test(start_paused = true)]
async fn the_metadata_that_it_chooses_goes_out_in_place_of_the_callers() {
    for early in [true, false] {
        let (stub, selector) = simulated(0);
        if early {
            stub.channel().connect().await.unwrap();
        }
        let reply = call(stub.channel(), PATH, "blue").await.unwrap();
        assert_eq!(&reply[..], b"none blue", "early: {early}");
        assert_eq!(selector.counts(), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn two_calls_of_a_method_can_have_different_configs() {
    let (stub, _) = simulated(0);
    stub.channel().connect().await.unwrap();
    let start = Instant::now();
    let short = call(stub.channel(), SLEEP, "short").await.unwrap_err();
    assert_eq!(short.code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed().as_secs(), 2);
    let long = call(stub.channel(), SLEEP, "long");
    tokio::time::timeout(60 * SECOND, long).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_once_for_all_attempts_of_a_call_which_is_committed_when_its_response_begins() {
    let (stub, selector) = simulated(2);
    let reply = call(stub.channel(), PATH, "patient").await.unwrap();
    assert_eq!(&reply[..], b"none patient");
    assert_eq!(selector.counts(), (1, 1));
    let (mut sender, mut replies) = calls::bidi(stub.channel(), TALK)
        .metadata("tenant", "patient")
        .split();
    tokio::time::sleep(SECOND).await;
    assert_eq!(selector.counts(), (2, 1), "it can still be repeated");
    sender.send(Bytes::from_static(b"hi")).await.unwrap();
    replies.message().await.unwrap().unwrap();
    assert_eq!(selector.counts(), (2, 2), "the response has begun");
}

#[tokio::test(start_paused = true)]
async fn a_hedged_call_of_its_choice_is_committed_with_the_first_response() {
    let (stub, selector) = simulated(0);
    let reply = call(stub.channel(), PATH, "hedged").await.unwrap();
    assert_eq!(&reply[..], b"none hedged");
    assert_eq!(selector.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_otherwise_is_committed_too() {
    let (stub, selector) = simulated(0);
    let dropped = call(stub.channel(), SLEEP, "long");
    tokio::time::timeout(SECOND, dropped).await.unwrap_err();
    tokio::time::sleep(SECOND).await;
    assert_eq!(selector.counts(), (1, 1));
    call(stub.channel(), SLEEP, "short").await.unwrap_err();
    assert_eq!(selector.counts(), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn its_refusal_ends_a_call_that_waits_for_readiness_with_a_code_that_it_may_choose() {
    let (stub, selector) = simulated(0);
    let lost = calls::unary(stub.channel(), PATH, Bytes::new()).wait_for_ready();
    let status = lost.await.unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status}");
    assert!(status.message().contains("no route"), "{status}");
    assert_eq!(selector.counts(), (1, 0));
}

/// Makes a call on the channel when the first one is committed.
#[derive(Debug, Clone, Default)]
struct Calling(Arc<Mutex<Option<Channel>>>);

impl ConfigSelector for Calling {
    fn select(&self, _: &CallInfo<'_>) -> Result<CallConfig, Status> {
        let channel = Arc::clone(&self.0);
        Ok(CallConfig::default().on_commit(move || {
            let channel = channel.lock().unwrap().take();
            if let Some(channel) = channel {
                let mut call = calls::unary(&channel, PATH, Bytes::new()).into_future();
                let mut cx = Context::from_waker(Waker::noop());
                assert!(Pin::new(&mut call).poll(&mut cx).is_pending());
            }
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_run_at_a_commit_may_use_the_channel() {
    let selector = Calling::default();
    let nowhere = |_: &Address| Box::pin(pending()) as Connecting;
    let channel = Channel::builder("passthrough:///nowhere")
        .connector(nowhere)
        .config_selector(selector.clone())
        .max_queued_calls(2)
        .insecure()
        .build()
        .unwrap();
    let start = || {
        let call = calls::unary(&channel, PATH, Bytes::new()).wait_for_ready();
        tokio::spawn(call.into_future())
    };
    let given_up = [start(), start()];
    tokio::time::sleep(SECOND).await;
    given_up.iter().for_each(JoinHandle::abort);
    tokio::time::sleep(SECOND).await;
    *selector.0.lock().unwrap() = Some(channel.clone());
    // The full queue is looked through for calls that nobody waits for: dropping them commits them.
    let next = start();
    tokio::time::sleep(SECOND).await;
    assert!(!next.is_finished());
    assert!(selector.0.lock().unwrap().is_none(), "none was committed");
}
