//! Runs attacks on servers, each on a fresh one, and weighs what they did.

use crate::{
    cases::{Case, SECRET},
    neighbours::{Neighbours, Phase, Secure, channel, one_call},
    pb::BenchmarkServiceClient,
    process::{Process, free_port, until_listening},
    report::{FLOOR, LATE, Row},
    seen::Verdict,
    victim::server::Options,
};
use std::{
    fs,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    pin::Pin,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

/// Memory that an attack may cost beyond what is configured.
pub(crate) const GROWTH: u64 = 32 << 20;
/// How long neighbours are watched before an attack, and during one at least.
pub(crate) const WATCHED: Duration = Duration::from_millis(300);
/// How long an attack may take.
const LIMIT: Duration = Duration::from_secs(30);
/// What one attack may make the server log.
pub(crate) const LOG: usize = 64 << 10;

/// Whose server is attacked.
#[derive(Clone, Debug)]
pub(crate) enum Against {
    Ours,
    /// The server of a peer, as `benches/peers/bench.py build` makes it.
    Peer(PathBuf),
}

/// Runs one case. A miss that another program on this machine may have caused is tried again.
pub(crate) async fn run(case: &Case, against: &Against) -> Row {
    let mut tries = 0;
    loop {
        tries += 1;
        let row = match attack(case, against).await {
            Ok(row) => row,
            Err(error) => Row::failed(case.name, case.class, &error),
        };
        if tries == TRIES || !row.is_doubtful() {
            return row;
        }
    }
}

/// How often a case is tried whose outcome is [doubtful](Row::is_doubtful).
pub(crate) const TRIES: usize = 3;

async fn attack(case: &Case, against: &Against) -> io::Result<Row> {
    let (mut server, addr) = start(&case.options, against).await?;
    let secure = match (case.options.tls, case.options.client_certificates) {
        (false, _) => Secure::Plaintext,
        (true, false) => Secure::Tls,
        (true, true) => Secure::MutualTls,
    };
    let neighbours = Neighbours::start(addr, secure)
        .await
        .map_err(io::Error::other)?;
    sleep(WATCHED / 4).await; // the first calls, of a cold server, are nobody's measure
    drop(neighbours.take());
    sleep(WATCHED).await;
    let quiet = neighbours.take();
    let (weight, cpu) = (server.weigh(), server.cpu());
    let begin = Instant::now();
    let attack = case.attack;
    let outcome = on_a_thread(move || attack(addr)).await;
    let cpu = server.cpu().saturating_sub(cpu);
    sleep(WATCHED.saturating_sub(begin.elapsed())).await;
    let during = neighbours.take();
    let growth = server.peak().saturating_sub(weight);
    let mut verdict = outcome.unwrap_or_else(|error| Verdict {
        answer: format!("failed: {error}"),
        miss: Some(format!("the attack failed: {error}")),
    });
    let mut misses: Vec<String> = verdict.miss.take().into_iter().collect();
    if growth > GROWTH + (case.limit_mib << 20) {
        misses.push(format!("memory grew by {} MiB", growth >> 20));
    }
    misses.extend(complaints(&quiet, &during));
    let mut handlers = None;
    if matches!(against, Against::Ours) {
        handlers = Some(ask(case, &mut server, &mut misses).await);
        misses.extend(read_log(&server.log()));
    }
    if !server.is_alive() {
        misses.push(format!("the server has died:\n{}", server.log()));
    } else if let Err(error) = next_connection(addr, secure).await {
        misses.push(format!("the next connection is not served: {error}"));
    }
    Ok(Row {
        name: case.name.into(),
        class: case.class.into(),
        answer: verdict.answer,
        growth,
        cpu,
        handlers,
        quiet: quiet.p99(),
        during: during.p99(),
        misses,
    })
}

pub(crate) async fn start(
    options: &Options,
    against: &Against,
) -> io::Result<(Process, SocketAddr)> {
    let localhost = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match against {
        Against::Ours => {
            let mut server = Process::again(&options.to_args(), options.open_files)?;
            let port = server.line().await?.parse().map_err(io::Error::other)?;
            Ok((server, localhost(port)))
        }
        Against::Peer(program) => {
            let port = free_port()?;
            let mut args = vec!["--port".to_owned(), port.to_string()];
            // As many threads as ours has by default: one for each core.
            let threads = thread::available_parallelism().map_or(1, usize::from);
            args.extend(["--threads".to_owned(), threads.to_string()]);
            if options.tls {
                args.push("--tls".to_owned());
            }
            let server = Process::start(program, &args, options.open_files)?;
            until_listening(localhost(port)).await?;
            Ok((server, localhost(port)))
        }
    }
}

/// Attackers run where they are not in the neighbours' way, and with a lower priority: what is measured is
/// what the server does, not what else happens on the machine.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    attack: impl FnOnce() -> Pin<Box<dyn Future<Output = io::Result<T>>>> + Send + 'static,
) -> io::Result<T> {
    let (tx, rx) = oneshot::channel();
    thread::spawn(move || {
        lower_priority();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let outcome = runtime.and_then(|runtime| {
            runtime.block_on(async {
                match timeout(LIMIT, attack()).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(io::Error::other("it does not end")),
                }
            })
        });
        tx.send(outcome).ok();
    });
    rx.await
        .unwrap_or_else(|_| Err(io::Error::other("the attacker panicked")))
}

fn lower_priority() {
    // proc(5): the id of this thread is the last part of the link. Without renice(1) it stays as it is.
    let Ok(link) = fs::read_link("/proc/thread-self") else {
        return;
    };
    if let Some(id) = link.file_name() {
        let mut renice = Command::new("renice");
        renice.args(["-n", "10", "-p"]).arg(id);
        renice.output().ok();
    }
}

/// What the neighbours have to complain of.
pub(crate) fn complaints(quiet: &Phase, during: &Phase) -> Vec<String> {
    let mut list = Vec::new();
    if let Some(failure) = during.failures.first() {
        let count = during.failures.len();
        list.push(format!("{count} calls of neighbours failed: {failure}"));
    }
    let allowed = (3 * quiet.p99()).max(FLOOR);
    if during.p99() > allowed || during.calls() == 0 {
        list.push(format!(
            "{LATE} {:?} instead of {:?} (p99 of {} calls)",
            during.p99(),
            quiet.p99(),
            during.calls()
        ));
    }
    list
}

/// Most handlers at a time, as the server says, and what is wrong with that.
async fn ask(case: &Case, server: &mut Process, misses: &mut Vec<String>) -> usize {
    let answer = match server.ask("handlers").await {
        Ok(answer) => answer,
        Err(error) => {
            misses.push(format!("the server does not answer: {error}"));
            return 0;
        }
    };
    let number = |n| answer.split(' ').nth(n)?.parse::<usize>().ok();
    let (most, started) = (number(1).unwrap_or(usize::MAX), number(2));
    if most > case.handlers {
        let allowed = case.handlers;
        misses.push(format!("{most} handlers at a time instead of {allowed}"));
    }
    if let Some(allowed) = case.starts
        && started != Some(allowed)
    {
        misses.push(format!("{started:?} handlers started instead of {allowed}"));
    }
    most
}

/// What must not be in a log that attackers can write to.
pub(crate) fn read_log(log: &str) -> Vec<String> {
    let mut misses = Vec::new();
    if log.len() > LOG {
        misses.push(format!("{} bytes were logged", log.len()));
    }
    if log.contains(SECRET) {
        misses.push("a secret of the metadata is in the log".into());
    }
    if let Some(line) = log.lines().find(|line| line.contains("panicked")) {
        misses.push(format!("a panic: {line}"));
    }
    misses
}

async fn next_connection(addr: SocketAddr, secure: Secure) -> Result<(), String> {
    let channel = channel(addr, secure).map_err(|error| error.to_string())?;
    one_call(&BenchmarkServiceClient::new(channel)).await
}
