//! Runs attacks on clients: each on a fresh one, by a server that is honest from its second connection on.

use crate::{
    process::Process,
    raw::Raw,
    report::{FLOOR, LATE, Row},
    seen::Seen,
    servers::{Case, Does, Script, honest, tls},
    suite::{GROWTH, TRIES, WATCHED, on_a_thread, read_log},
};
use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::oneshot, time::sleep};

/// Runs one case; the client's other channels lead to `neighbour`.
pub(crate) async fn run(case: &Case, neighbour: SocketAddr) -> Row {
    let mut tries = 0;
    loop {
        tries += 1;
        let row = match attack(case, neighbour).await {
            Ok(row) => row,
            Err(error) => Row::failed(case.name, case.class, &error),
        };
        if tries == TRIES || !row.is_doubtful() {
            return row;
        }
    }
}

async fn attack(case: &Case, neighbour: SocketAddr) -> io::Result<Row> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let mut args = vec!["client".to_owned(), addr.to_string(), neighbour.to_string()];
    if case.tls {
        args.push("--tls".into());
    }
    let mut client = Process::again(&args, None)?;
    client.ask("phase").await?;
    sleep(WATCHED / 4).await; // the first calls are nobody's measure
    client.ask("phase").await?;
    sleep(WATCHED).await;
    let quiet = client.ask("phase").await?;
    let (weight, cpu, begin) = (client.weigh(), client.cpu(), Instant::now());
    // The server goes on until the client has made its last call.
    let (stop, stopped) = oneshot::channel::<()>();
    let (script, secure) = (case.script, case.tls);
    let (told, said) = oneshot::channel();
    let server = tokio::spawn(on_a_thread(move || {
        Box::pin(serve(listener, script, secure, told, stopped))
    }));
    let what = match case.does {
        Does::Calls => format!("call {}", case.expect.len()),
        Does::Stream => "stream".to_owned(),
        Does::Hold => "hold".to_owned(),
    };
    let statuses = client.ask(&what).await?;
    let cpu = client.cpu().saturating_sub(cpu);
    sleep(WATCHED.saturating_sub(begin.elapsed())).await;
    let during = client.ask("phase").await?;
    let growth = client.peak().saturating_sub(weight);
    let next = client.ask("next").await?;
    stop.send(()).ok();
    let mut misses = Vec::new();
    if let Ok(Err(error)) = server.await {
        misses.push(format!("the attack failed: {error}"));
    }
    misses.extend(unmet(case, &statuses));
    if growth > GROWTH + (case.limit_mib << 20) {
        misses.push(format!("memory grew by {} MiB", growth >> 20));
    }
    let (quiet, during) = (Watched::parse(&quiet), Watched::parse(&during));
    misses.extend(during.complaints(&quiet));
    misses.extend(read_log(&client.log()));
    if next != "OK" {
        misses.push(format!("the next connection is of no use: {next}"));
    }
    if !client.is_alive() {
        misses.push(format!("the client has died:\n{}", client.log()));
    }
    let seen = said.await.unwrap_or_default();
    Ok(Row {
        name: case.name.into(),
        class: case.class.into(),
        answer: format!("{seen}; {}", shortened(&statuses)),
        growth,
        cpu,
        handlers: None,
        quiet: quiet.p99,
        during: during.p99,
        misses,
    })
}

/// The script for the first connection, honest service for the others.
async fn serve(
    listener: std::net::TcpListener,
    script: Script,
    secure: bool,
    told: oneshot::Sender<Seen>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let all = async {
        let (first, _) = listener.accept().await?;
        let mut raw = script(first).await?;
        told.send(std::mem::take(&mut raw.seen)).ok();
        drop(raw); // and with it the connection
        loop {
            let (next, _) = listener.accept().await?;
            tokio::spawn(async move {
                if secure {
                    if let Ok(stream) = tls::good(next).await {
                        honest(Raw::server(stream)).await;
                    }
                } else {
                    honest(Raw::server(next)).await;
                }
            });
        }
    };
    tokio::select! {
        outcome = all => outcome,
        _ = stopped => Ok(()),
    }
}

/// What calls have come to instead of what they must.
fn unmet(case: &Case, statuses: &str) -> Vec<String> {
    let said: Vec<_> = statuses.split('\t').collect();
    let expected = case.expect.iter().enumerate();
    expected
        .filter_map(|(i, expect)| {
            let said = said.get(i).copied().unwrap_or_default();
            let met = expect.is_met(said);
            (!met).then(|| format!("call {i} ended with {said:?}, wanted {expect:?}"))
        })
        .collect()
}

/// Each status once.
fn shortened(statuses: &str) -> String {
    let mut all: Vec<_> = statuses.split('\t').collect();
    all.sort_unstable();
    all.dedup();
    all.join(" | ")
}

/// What the client's neighbours saw in one phase.
struct Watched {
    p99: Duration,
    calls: usize,
    failures: usize,
}

impl Watched {
    fn parse(line: &str) -> Watched {
        let mut numbers = line.split(' ').map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Watched {
            p99: Duration::from_micros(next()),
            calls: next() as usize,
            failures: next() as usize,
        }
    }

    fn complaints(&self, quiet: &Watched) -> Option<String> {
        if self.failures > 0 {
            return Some(format!("{} calls on other channels failed", self.failures));
        }
        let late = self.p99 > (3 * quiet.p99).max(FLOOR) || self.calls == 0;
        late.then(|| {
            format!(
                "{LATE} {:?} instead of {:?} (p99 of {} calls on other channels)",
                self.p99, quiet.p99, self.calls
            )
        })
    }
}
