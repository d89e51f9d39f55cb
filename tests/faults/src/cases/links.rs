//! Links that reset, crawl, or pass on single bytes.

use super::processes::{channels, server};
use crate::{
    ledger::Book,
    load::{self, Load, Outcome},
    relay::{Manners, Relay},
    report::Report,
    resources::Resources,
};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpStream, process::Command, time::sleep};

const WELL: Manners = Manners {
    slice: usize::MAX,
    delay: Duration::ZERO,
};

/// The load over a relay, and what the server and this process hold afterwards.
async fn over_relay(
    manners: Manners,
    load: &Load,
    resets: usize,
) -> (Outcome, Vec<String>, Vec<String>, usize) {
    let (book, before) = (Book::new(), Resources::now());
    let server = server(&book).await;
    let held = server.resources().await;
    let relay = Relay::start(server.address, manners)
        .await
        .expect("a free port");
    let progress = Arc::new(AtomicUsize::new(0));
    let channels = channels(relay.address);
    let calls = tokio::spawn({
        let (load, progress) = (load.clone(), Arc::clone(&progress));
        async move { load::run(&channels, &load, &progress).await }
    });
    for reset in 1..=resets {
        while progress.load(Ordering::Relaxed) < reset * load.calls / (resets + 1) {
            sleep(Duration::from_millis(2)).await;
        }
        relay.reset();
    }
    let outcome = calls.await.expect("the load does not panic");
    let connections = relay.connections();
    drop(relay);
    let left = server.settled(held).await;
    let audit = outcome.audit(&book);
    server.kill().await;
    let (_, leak) = Resources::settled(&before).await;
    (outcome, vec![leak, left], audit, connections)
}

/// TCP resets under load.
pub(super) async fn reset(name: &'static str) -> Report {
    let (resets, load) = (10, Load::lasting(Duration::from_secs(2)));
    let (outcome, leaks, audit, connections) = over_relay(WELL, &load, resets).await;
    let (failed, answered) = (outcome.failed(), outcome.answered.len());
    Report::of(name, outcome, leaks)
        .expect(
            failed > 0 && connections > resets,
            "no call noticed the fault",
        )
        .expect(answered > load.calls / 20, "hardly any call succeeded")
        .expect(audit.is_empty(), audit.join("; "))
        .note(format!("{resets} times, {connections} connections"))
}

/// Links of 8 KiB each 8 ms, about 1 MB/s, shared by more calls than it can carry in time.
pub(super) async fn slow(name: &'static str) -> Report {
    let manners = Manners {
        slice: 8 << 10,
        delay: Duration::from_millis(8),
    };
    let load = Load {
        timeout: Duration::from_millis(300),
        ..Load::lasting(Duration::from_secs(2))
    };
    let (outcome, leaks, audit, _) = over_relay(manners, &load, 0).await;
    let answered = outcome.answered.len();
    Report::of(name, outcome, leaks)
        .expect(answered > 0, "no call succeeded")
        .expect(audit.is_empty(), audit.join("; "))
        .note("8 KiB each 8 ms")
}

/// One to 200 bytes at a time: hardly a frame comes whole.
pub(super) async fn sliced(name: &'static str) -> Report {
    let manners = Manners {
        slice: 200,
        delay: Duration::ZERO,
    };
    let load = Load {
        timeout: Duration::from_secs(10),
        ..Load::lasting(Duration::ZERO)
    };
    let (outcome, leaks, audit, _) = over_relay(manners, &load, 0).await;
    let failed = outcome.failed();
    Report::of(name, outcome, leaks)
        .expect(failed == 0, "slices are no reason to fail")
        .expect(audit.is_empty(), audit.join("; "))
        .note("1 to 200 bytes at a time")
}

/// The same by an independent program: latency and single bytes, then a link that swallows everything.
pub(super) async fn toxiproxy(name: &'static str) -> Report {
    let tools = std::env::var_os("FARCALL_TOOLS").map(PathBuf::from);
    let tools = tools
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/farcall-tools")));
    let Some(bin) = tools
        .map(|tools| tools.join("bin"))
        .filter(|bin| bin.join("toxiproxy-cli").exists())
    else {
        return Report::skipped(
            name,
            "toxiproxy is not installed (tests/tools/get toxiproxy)",
        );
    };
    let (book, before) = (Book::new(), Resources::now());
    let server = server(&book).await;
    let held = server.resources().await;
    let (api, proxy) = (free_address(), free_address());
    let mut program = Command::new(bin.join("toxiproxy-server"));
    program.args(["-host", "127.0.0.1", "-port", &api.port().to_string()]);
    program
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut proxying = program
        .kill_on_drop(true)
        .spawn()
        .expect("toxiproxy starts");
    let cli = async |words: &[&str]| {
        let mut command = Command::new(bin.join("toxiproxy-cli"));
        command
            .args(["-host", &format!("http://{api}")])
            .args(words);
        let output = command.output().await.expect("toxiproxy-cli starts");
        assert!(output.status.success(), "{words:?}: {output:?}");
    };
    for _ in 0..500 {
        if TcpStream::connect(api).await.is_ok() {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    let (listen, upstream) = (proxy.to_string(), server.address.to_string());
    cli(&["create", "-l", &listen, "-u", &upstream, "faults"]).await;
    cli(&[
        "toxic",
        "add",
        "-t",
        "slicer",
        "-a",
        "average_size=50",
        "-a",
        "size_variation=49",
        "faults",
    ])
    .await;
    cli(&[
        "toxic",
        "add",
        "-t",
        "latency",
        "-a",
        "latency=5",
        "-a",
        "jitter=5",
        "faults",
    ])
    .await;
    let load = Load::lasting(Duration::from_secs(4));
    let progress = Arc::new(AtomicUsize::new(0));
    let calls = tokio::spawn({
        let (load, progress, channels) = (load.clone(), Arc::clone(&progress), channels(proxy));
        async move { load::run(&channels, &load, &progress).await }
    });
    while progress.load(Ordering::Relaxed) < load.calls / 2 {
        sleep(Duration::from_millis(5)).await;
    }
    // Nothing passes, then everything is reset.
    cli(&[
        "toxic",
        "add",
        "-n",
        "hole",
        "-t",
        "timeout",
        "-a",
        "timeout=0",
        "faults",
    ])
    .await;
    sleep(Duration::from_secs(2)).await;
    cli(&["toxic", "remove", "-n", "hole", "faults"]).await;
    cli(&[
        "toxic",
        "add",
        "-n",
        "reset",
        "-t",
        "reset_peer",
        "-a",
        "timeout=0",
        "faults",
    ])
    .await;
    sleep(Duration::from_millis(300)).await;
    cli(&["toxic", "remove", "-n", "reset", "faults"]).await;
    let outcome = calls.await.expect("the load does not panic");
    proxying.kill().await.ok();
    let left = server.settled(held).await;
    let audit = outcome.audit(&book);
    let (failed, answered) = (outcome.failed(), outcome.answered.len());
    server.kill().await;
    let (_, leak) = Resources::settled(&before).await;
    Report::of(name, outcome, vec![leak, left])
        .expect(failed > 0, "no call noticed the fault")
        .expect(answered > load.calls / 20, "hardly any call succeeded")
        .expect(audit.is_empty(), audit.join("; "))
        .note("slicer and latency, then timeout, then reset_peer")
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}
