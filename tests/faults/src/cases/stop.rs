//! Graceful stops with streams open, under load of our clients and grpc-go's: handlers are told, calls end well, and what does not end
//! is cut at the deadline and listed.

use crate::{
    ledger::{Book, Ledger},
    load::{Outcome, one},
    report::Report,
    resources::Resources,
    service::service,
};
use bytes::Bytes;
use farcall_net::{Channel, Code, Streaming};
use farcall_testkit::stub_server::{RunningStub, StubServer, calls};
use std::{
    collections::BTreeMap,
    future::pending,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    task::JoinSet,
};

/// Graceful stops.
const ROUNDS: usize = 100;
const DRAIN: Duration = Duration::from_millis(300);
/// Channels of ours; grpc-go has one.
const CHANNELS: usize = 2;
/// On each channel, and of grpc-go's.
const WORKERS: u64 = 8;
/// Calls that are over before the stop begins.
const BEFORE: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Ends when its handler hears of the drain.
const WATCH: &str = "/faults.Service/Watch";
/// Never ends.
const STUBBORN: &str = "/faults.Service/Stubborn";
/// Names the program of grpc-go's client.
const GRPC_GO: &str = "GRPC_GO_STOPPED";
/// Ids of its calls begin here.
const GO_IDS: u64 = 1 << 40;

/// The service with two streams more; `open` counts those that have begun.
async fn server(book: &Book, open: &Arc<AtomicUsize>) -> RunningStub {
    let ledger = Ledger::open(book.path()).expect("a temporary file");
    let stream = |path, stubborn: bool| {
        let open = Arc::clone(open);
        StubServer::server_streaming(path, move |request, replies| {
            let open = Arc::clone(&open);
            Box::pin(async move {
                replies.send(Bytes::from_static(b"begun")).await?;
                open.fetch_add(1, Ordering::Relaxed);
                match stubborn {
                    true => pending().await,
                    false => request.draining().await,
                }
                replies.send(Bytes::from_static(b"goodbye")).await
            })
        })
    };
    service(ledger, Duration::from_millis(2))
        .and(stream(WATCH, false))
        .and(stream(STUBBORN, true))
        .drain(DRAIN)
        .start()
        .await
}

/// How streams and calls ended that began before a stop.
#[derive(Default)]
struct Ended {
    outcome: Outcome,
    problems: Vec<String>,
    /// Ids of grpc-go's calls that failed.
    refused: Vec<u64>,
}

/// Calls until one fails, which is not to be answered any more.
async fn worker(channel: Channel, ids: Arc<AtomicU64>, over: Arc<AtomicUsize>) -> Outcome {
    let mut outcome = Outcome::default();
    loop {
        let (id, start) = (ids.fetch_add(1, Ordering::Relaxed), Instant::now());
        let result = one(&channel, id, TIMEOUT).await;
        let failed = result.is_err();
        outcome.add(id, start.elapsed(), TIMEOUT, result);
        over.fetch_add(1, Ordering::Relaxed);
        if failed {
            return outcome;
        }
    }
}

/// Reads a stream to its end; how many messages came and its code.
async fn read(mut stream: Streaming<Bytes>) -> (usize, Code) {
    let mut messages = 0;
    loop {
        match stream.message().await {
            Ok(Some(_)) => messages += 1,
            Ok(None) => return (messages, Code::Ok),
            Err(status) => return (messages, status.code()),
        }
    }
}

/// grpc-go's client, if there is one: eight workers and both streams.
fn grpc_go(address: &str, first: u64) -> Option<Child> {
    let mut command = Command::new(std::env::var_os(GRPC_GO)?);
    command.args([address, &WORKERS.to_string(), &first.to_string()]);
    command.stdout(Stdio::piped()).kill_on_drop(true);
    Some(command.spawn().expect("grpc-go's client can be started"))
}

/// What it says at its end: `stream PATH MESSAGES CODE`, `good COUNT`, `bad ID CODE`.
async fn hear(mut child: Child, ended: &mut Ended) {
    let mut text = String::new();
    let output = child.stdout.as_mut().expect("it is piped");
    output.read_to_string(&mut text).await.expect("it is text");
    let mut good = None;
    for line in text.lines() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["stream", WATCH, "2", "OK"] | ["stream", STUBBORN, "1", "Unavailable"] => {}
            ["good", count] => good = count.parse::<usize>().ok(),
            ["bad", id, "Unavailable"] => ended.refused.extend(id.parse::<u64>()),
            _ => ended.problems.push(format!("grpc-go says {line}")),
        }
    }
    if text
        .lines()
        .filter(|line| line.starts_with("stream"))
        .count()
        != 2
    {
        ended.problems.push("grpc-go's streams did not end".into());
    }
    match good {
        Some(good) => ended.outcome.calls += good + ended.refused.len(),
        None => ended
            .problems
            .push("grpc-go did not say how many calls were good".into()),
    }
}

/// One server's life.
async fn round(book: &Book, ids: &Arc<AtomicU64>, first_of_go: u64) -> Ended {
    let (open, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut stub = server(book, &open).await;
    let (mut workers, mut streams) = (JoinSet::new(), JoinSet::new());
    for _ in 0..CHANNELS {
        let channel = stub.channel();
        for path in [WATCH, STUBBORN] {
            let call = calls::server_streaming(&channel, path, Bytes::new());
            let stream = call.await.expect("nothing is wrong with the request");
            streams.spawn(async move { (path, read(stream).await) });
        }
        for _ in 0..WORKERS {
            workers.spawn(worker(channel.clone(), Arc::clone(ids), Arc::clone(&over)));
        }
    }
    let go = grpc_go(&stub.address().to_string(), first_of_go);
    let clients = CHANNELS + usize::from(go.is_some());
    while over.load(Ordering::Relaxed) < BEFORE || open.load(Ordering::Relaxed) < 2 * clients {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stub.begin_shutdown();
    let report = stub.wait().await;
    let mut ended = Ended::default();
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &report.calls {
        *named.entry(&call.method).or_default() += 1;
    }
    let cut = (report.connections_cut, report.calls_cut);
    if cut != (clients, clients) || named != BTreeMap::from([(STUBBORN, clients)]) {
        ended.problems.push(format!("cut were {cut:?}: {named:?}"));
    }
    while let Some(stream) = streams.join_next().await {
        match stream.expect("a reader does not panic") {
            (WATCH, (2, Code::Ok)) | (STUBBORN, (1, Code::Unavailable)) => {}
            other => ended.problems.push(format!("a stream ended as {other:?}")),
        }
    }
    while let Some(worker) = workers.join_next().await {
        ended
            .outcome
            .merge(worker.expect("a worker does not panic"));
    }
    if let Some(child) = go {
        hear(child, &mut ended).await;
    }
    ended
}

/// 100 stops.
pub(super) async fn stop(name: &'static str) -> Report {
    let (book, before) = (Book::new(), Resources::now());
    let ids = Arc::new(AtomicU64::new(0));
    let (mut outcome, mut problems, mut refused) = (Outcome::default(), Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let first_of_go = GO_IDS + ((number as u64) << 24);
        let mut ended = round(&book, &ids, first_of_go).await;
        outcome.merge(ended.outcome);
        refused.append(&mut ended.refused);
        let told = |problem| format!("stop {number}: {problem}");
        problems.extend(ended.problems.into_iter().map(told));
    }
    let audit = outcome.audit(&book);
    let executed = book.executed();
    // Whatever ran was answered, and whatever was refused did not run.
    let ran = executed.len();
    let refused_and_ran = refused
        .iter()
        .filter(|id| executed.contains_key(id))
        .count();
    let answered = outcome.calls - outcome.failed() - refused.len();
    drop((executed, refused));
    let (_, leak) = Resources::settled(&before).await;
    let go = match std::env::var_os(GRPC_GO) {
        Some(_) => "ours and grpc-go's clients",
        None => "our clients only",
    };
    problems.truncate(5);
    Report::of(name, outcome, vec![leak])
        .expect(
            ran == answered,
            format!("{ran} calls ran, {answered} were answered"),
        )
        .expect(
            refused_and_ran == 0,
            format!("{refused_and_ran} refused calls of grpc-go ran"),
        )
        .expect(audit.is_empty(), audit.join("; "))
        .expect(problems.is_empty(), problems.join("; "))
        .note(format!("{ROUNDS} graceful stops with streams open, {go}"))
}
