//! Whole channels on simulated time: random lives with resolver updates, backends that refuse, vanish, drain and come back, policies,
//! several connections, idleness, retries, and calls that are made meanwhile. After each life the books must balance.
//!
//! `FARCALL_SEED=n` replays one seed, `FARCALL_SEEDS=n` runs so many (default 1000).

use bytes::Bytes;
use farcall_core::ServiceConfig;
use farcall_net::{
    Address, Channel, Code, Request, Response, Status,
    client::{ByteStream, Connecting, Proxy},
    interceptor::{Attempt, AttemptInterceptor},
    lb::{balancer::PickOutcome, resolver::ResolverUpdate},
    resolver::ManualResolver,
    server::Unbound,
};
use farcall_testkit::{
    Rng,
    sim::{Control, NetConfig, Slicing, duplex},
    stub_server::{StubServer, calls},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    task::JoinSet,
    time::{Instant, sleep},
};

const WORK: &str = "/t.T/Work";
const BACKENDS: u8 = 4;
const MAX_ATTEMPTS: usize = 3;

/// What has happened, as the backends and the resolver know it.
#[derive(Default)]
struct Books {
    /// For each call, the backends that executed it, in order.
    executed: BTreeMap<u32, Vec<u8>>,
    /// The backends that were ever in the resolver's list.
    listed: BTreeSet<u8>,
    /// Connections that were attempted while their backend was never listed.
    strays: usize,
}

/// How a backend takes connections.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Accepts,
    Refuses,
    /// Does not answer.
    Hangs,
}

struct Backend {
    mood: Mood,
    server: Unbound,
    controls: Vec<Control>,
}

struct World {
    rng: Rng,
    books: Arc<Mutex<Books>>,
    backends: Arc<Mutex<Vec<Backend>>>,
    resolver: ManualResolver,
    policy: &'static str,
    retries: bool,
    next_call: u32,
    calls: JoinSet<Call>,
    /// In half of the lives.
    ledger: Option<Arc<Ledger>>,
}

/// Counts attempts, holds some up and refuses a few.
struct Ledger {
    rng: Mutex<Rng>,
    /// Those that have begun and not ended.
    open: AtomicUsize,
    sent: AtomicUsize,
}

struct Keeping(Arc<Ledger>);

impl AttemptInterceptor for Keeping {
    async fn on_start(&self, attempt: &mut Attempt) -> Result<(), Status> {
        let (pause, refused) = {
            let mut rng = self.0.rng.lock().unwrap();
            (rng.pick(&[0, 0, 0, 5, 300]), rng.chance(2))
        };
        if pause > 0 {
            sleep(Duration::from_millis(pause)).await;
        }
        if refused {
            return Err(Status::unavailable("the ledger is full"));
        }
        attempt
            .extensions_mut()
            .insert(self.0.open.fetch_add(1, Relaxed));
        Ok(())
    }

    fn on_end(&self, attempt: &Attempt, outcome: &PickOutcome<'_>) {
        assert!(attempt.extensions().find::<usize>().is_some());
        self.0.open.fetch_sub(1, Relaxed);
        self.0
            .sent
            .fetch_add(usize::from(outcome.was_sent), Relaxed);
    }
}

/// A call that is over.
struct Call {
    id: u32,
    outcome: Result<u8, Status>,
}

fn server(books: &Arc<Mutex<Books>>, backend: u8) -> Unbound {
    let books = Arc::clone(books);
    let stub = StubServer::unary(WORK, move |request: Request<Bytes>| {
        let books = Arc::clone(&books);
        async move {
            let id = u32::from_be_bytes(request[..4].try_into().expect("four bytes of id"));
            books
                .lock()
                .unwrap()
                .executed
                .entry(id)
                .or_default()
                .push(backend);
            sleep(Duration::from_millis(u64::from(request[4]))).await;
            match request[5] {
                0 => Ok(Response::new(Bytes::from(vec![backend]))),
                1 => Err(Status::unavailable("as asked")),
                _ => Err(Status::aborted("as asked")),
            }
        }
    });
    stub.configure(|server| server.max_concurrent_streams(5))
        .unbound()
}

impl World {
    fn new(seed: u64) -> (World, Channel) {
        let mut rng = Rng::new(seed);
        let books: Arc<Mutex<Books>> = Arc::default();
        let backends = (0..BACKENDS).map(|index| Backend {
            mood: Mood::Accepts,
            server: server(&books, index),
            controls: Vec::new(),
        });
        let backends = Arc::new(Mutex::new(backends.collect::<Vec<_>>()));
        let resolver = ManualResolver::new("sim");
        let policy = rng.pick(&["pick_first", "round_robin"]);
        let retries = rng.chance(50);
        let mut builder = Channel::builder("sim:///fleet")
            .resolver(resolver.clone())
            .connector(connector(&books, &backends, rng.fork()))
            .proxy(Proxy::none())
            .load_balancing_policy(policy)
            .connections_per_backend(rng.pick(&[1, 1, 3]))
            .insecure();
        if rng.chance(50) {
            builder = builder.idle_timeout(Duration::from_secs(rng.range(5..60) as u64));
        }
        let ledger = (seed / 2 % 2 == 1).then(|| {
            Arc::new(Ledger {
                rng: Mutex::new(Rng::new(seed)),
                open: AtomicUsize::new(0),
                sent: AtomicUsize::new(0),
            })
        });
        if let Some(ledger) = &ledger {
            builder = builder.attempt_interceptor(Keeping(Arc::clone(ledger)));
        }
        let channel = builder.build().expect("the settings are right");
        let world = World {
            rng,
            books,
            backends,
            resolver,
            policy,
            retries,
            next_call: 0,
            calls: JoinSet::new(),
            ledger,
        };
        (world, channel)
    }

    fn config(&self) -> String {
        let policy = self.policy;
        let methods = match self.retries {
            false => "[]".to_owned(),
            true => format!(
                r#"[{{"name": [{{}}], "retryPolicy": {{"maxAttempts": {MAX_ATTEMPTS}, "initialBackoff": "0.1s",
                "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}}}]"#
            ),
        };
        let scaling = if self.next_call.is_multiple_of(2) {
            1
        } else {
            4
        };
        format!(
            r#"{{"loadBalancingConfig": [{{"{policy}": {{}}}}], "methodConfig": {methods},
            "connectionScaling": {{"maxConnectionsPerSubchannel": {scaling}}}}}"#
        )
    }

    /// A new list of backends; not empty.
    fn update(&mut self) {
        let mut list: Vec<u8> = (0..BACKENDS).filter(|_| self.rng.chance(60)).collect();
        if list.is_empty() {
            list.push(self.rng.range(0..BACKENDS as usize) as u8);
        }
        self.books.lock().unwrap().listed.extend(&list);
        let endpoints = list.into_iter().map(|index| address(index).into());
        let update = ResolverUpdate::endpoints(endpoints.collect::<Vec<_>>());
        let config = ServiceConfig::parse(&self.config());
        self.resolver.update(update.with_service_config(config));
    }

    fn call(&mut self, channel: &Channel) {
        let id = self.next_call;
        self.next_call += 1;
        let mut message = id.to_be_bytes().to_vec();
        message.push(self.rng.pick(&[0, 1, 50, 250]));
        message.push(self.rng.pick(&[0, 0, 0, 0, 0, 0, 1, 2]));
        let timeout = Duration::from_millis(self.rng.range(50..20_000) as u64);
        let mut call = calls::unary(channel, WORK, Bytes::from(message)).timeout(timeout);
        if self.rng.chance(60) {
            call = call.wait_for_ready();
        }
        self.calls.spawn(async move {
            let outcome = call.await.map(|reply| reply[0]);
            Call { id, outcome }
        });
    }

    async fn step(&mut self, channel: &Channel) {
        let index = self.rng.range(0..BACKENDS as usize);
        match self.rng.range(0..100) {
            0..40 => self.call(channel),
            40..60 => sleep(Duration::from_millis(self.rng.range(0..500) as u64)).await,
            60..65 => sleep(Duration::from_secs(self.rng.range(1..100) as u64)).await,
            65..72 => self.update(),
            72..77 => {
                let failure = Status::unavailable("the look-up failed");
                self.resolver.update(ResolverUpdate::failure(failure));
            }
            77..85 => {
                let mood =
                    self.rng
                        .pick(&[Mood::Accepts, Mood::Accepts, Mood::Refuses, Mood::Hangs]);
                self.backends.lock().unwrap()[index].mood = mood;
            }
            85..90 => {
                for control in self.backends.lock().unwrap()[index].controls.drain(..) {
                    control.lose();
                }
            }
            90..94 => {
                // It drains, and another one takes its place.
                let fresh = server(&self.books, index as u8);
                let old =
                    std::mem::replace(&mut self.backends.lock().unwrap()[index].server, fresh);
                tokio::spawn(async move { old.shut_down(Duration::from_secs(1)).await });
            }
            94..96 => channel.reset_backoff(),
            96..98 => drop(tokio::time::timeout(Duration::from_secs(1), channel.connect()).await),
            _ => sleep(Duration::from_secs(200)).await,
        }
    }

    /// Every call has ended in time, and was executed as often as its outcome and the policy allow.
    async fn settle(&mut self, seed: u64) {
        let mut ended = 0;
        while let Some(call) = self.calls.join_next().await {
            let Call { id, outcome } = call.expect("a call does not panic");
            ended += 1;
            let book = self.books.lock().unwrap();
            let none = Vec::new();
            let executed = book.executed.get(&id).unwrap_or(&none);
            let most = if self.retries { MAX_ATTEMPTS } else { 1 };
            assert!(
                executed.len() <= most,
                "seed {seed}, call {id}: {executed:?}, {outcome:?}"
            );
            for backend in executed {
                assert!(
                    book.listed.contains(backend),
                    "seed {seed}, call {id}: {backend}"
                );
            }
            match outcome {
                Ok(backend) => {
                    assert_eq!(executed.last(), Some(&backend), "seed {seed}, call {id}")
                }
                Err(status) => {
                    let code = status.code();
                    let known = matches!(
                        code,
                        Code::Unavailable
                            | Code::DeadlineExceeded
                            | Code::Cancelled
                            | Code::Aborted
                    );
                    assert!(known, "seed {seed}, call {id}: {status}");
                    if code == Code::Aborted {
                        assert!(!executed.is_empty(), "seed {seed}, call {id}: {status}");
                    }
                }
            }
        }
        assert_eq!(ended, self.next_call, "seed {seed}: no call is lost");
        assert_eq!(self.books.lock().unwrap().strays, 0, "seed {seed}");
    }
}

fn address(index: u8) -> Address {
    Address::from(([10, 0, 0, index + 1], 50051))
}

fn connector(
    books: &Arc<Mutex<Books>>,
    backends: &Arc<Mutex<Vec<Backend>>>,
    rng: Rng,
) -> impl Fn(&Address) -> Connecting + Send + Sync + 'static {
    let (books, backends, rng) = (Arc::clone(books), Arc::clone(backends), Mutex::new(rng));
    move |wanted: &Address| {
        let mut rng = rng.lock().unwrap();
        let index = (0..BACKENDS)
            .find(|index| address(*index) == *wanted)
            .expect("a known address");
        let mut book = books.lock().unwrap();
        book.strays += usize::from(!book.listed.contains(&index));
        let backend = &mut backends.lock().unwrap()[usize::from(index)];
        match backend.mood {
            Mood::Refuses => {
                return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
            }
            Mood::Hangs => return Box::pin(std::future::pending()),
            Mood::Accepts => {}
        }
        let net = NetConfig {
            delay: Duration::from_millis(rng.pick(&[0, 1, 20])),
            slicing: rng.pick(&[Slicing::Random, Slicing::Whole]),
            ..NetConfig::default()
        };
        let (near, far, control) = duplex(rng.next_u64(), net);
        backend.controls.push(control);
        tokio::spawn(backend.server.serve(far));
        Box::pin(async move { Ok(Box::new(near) as Box<dyn ByteStream>) })
    }
}

async fn life(seed: u64) -> (u32, usize) {
    let before = Handle::current().metrics().num_alive_tasks();
    let (mut world, channel) = World::new(seed);
    world.update();
    for _ in 0..60 {
        world.step(&channel).await;
    }
    let start = Instant::now();
    world.settle(seed).await;
    let longest = start.elapsed();
    assert!(
        longest <= Duration::from_secs(25),
        "seed {seed}: a call outlived its deadline: {longest:?}"
    );
    // A backend that is there is reached in the end.
    for backend in world.backends.lock().unwrap().iter_mut() {
        backend.mood = Mood::Accepts;
    }
    world.update();
    channel.reset_backoff();
    // A connection that was lost in silence costs one call, which nobody may repeat without leave; each such one only once.
    let mut tries = 0;
    loop {
        let last = calls::unary(&channel, WORK, Bytes::from_static(&[0xff, 0, 0, 0, 0, 0]));
        let last = last
            .wait_for_ready()
            .timeout(Duration::from_secs(200))
            .await;
        tries += 1;
        match last {
            Ok(_) => break,
            Err(status) => assert!(
                tries < 20 && status.code() == Code::Unavailable,
                "seed {seed}: {status}"
            ),
        }
    }
    let executed = world.books.lock().unwrap().executed.len();
    let ledger = world.ledger.take();
    let books = Arc::clone(&world.books);
    // Nothing of it is left.
    match seed % 2 {
        0 => channel.close(),
        _ => drop(channel),
    }
    let calls = world.next_call;
    let backends = Arc::clone(&world.backends);
    drop(world);
    for backend in backends.lock().unwrap().drain(..) {
        drop(backend.server);
    }
    sleep(Duration::from_secs(3600)).await;
    let after = Handle::current().metrics().num_alive_tasks();
    assert_eq!(after, before, "seed {seed}: tasks are left");
    if let Some(ledger) = ledger {
        let open = ledger.open.load(Relaxed);
        assert_eq!(open, 0, "seed {seed}: attempts without an end");
        let done: usize = books.lock().unwrap().executed.values().map(Vec::len).sum();
        let sent = ledger.sent.load(Relaxed);
        assert!(sent >= done, "seed {seed}: {done} of {sent} attempts");
    }
    (calls, executed)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn a_thousand_random_lives_of_channels_lose_no_call_execute_none_too_often_and_leave_nothing() {
    let one = number("FARCALL_SEED");
    let seeds = one.map_or(0..number("FARCALL_SEEDS").unwrap_or(1000), |seed| {
        seed..seed + 1
    });
    let (mut calls, mut executed) = (0, 0);
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (made, done) = runtime.block_on(life(seed));
        calls += made as usize;
        executed += done;
    }
    if one.is_none() {
        assert!(
            executed * 2 > calls,
            "{executed} of {calls} calls were executed: the lives are dull"
        );
    }
}
