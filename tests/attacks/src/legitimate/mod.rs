//! `attacks legitimate`: what honest peers do, for a while. Nothing may come of it: no GOAWAY, no failed call, no line in the
//! log.

mod channels;
mod raw_peers;

use crate::{
    process::{Process, free_port, until_listening},
    suite::{Against, start},
    victim::server::Options,
};
use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    pin::Pin,
    time::{Duration, Instant},
};

/// What a pattern did, or what came of it.
type Outcome = Result<u64, String>;
type Pattern = fn(SocketAddr, Duration) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Patterns against our server, and what is counted.
const ON_SERVERS: &[(&str, &str, Pattern)] = &[
    (
        "small messages to a slow handler",
        "messages",
        |addr, time| Box::pin(channels::to_slow_handler(addr, time)),
    ),
    (
        "small messages to a slow client",
        "messages",
        |addr, time| Box::pin(channels::to_slow_client(addr, time)),
    ),
    (
        "1,000 cancelled calls a second, busy",
        "calls",
        |addr, time| Box::pin(channels::cancels(addr, time)),
    ),
    ("a PING with each response", "PINGs", |addr, time| {
        Box::pin(raw_peers::pings(addr, time))
    }),
    (
        "a proxy that resets every other stream",
        "streams",
        |addr, time| Box::pin(raw_peers::proxy(addr, time)),
    ),
    (
        "a peer with an HPACK table of 64 KiB",
        "calls",
        |addr, time| Box::pin(raw_peers::large_table(addr, time)),
    ),
];

/// Runs the patterns whose names contain `only`, for so long each. `peers`: where the programs of `benches/peers` are. False: there was a reaction.
pub(crate) async fn run(time: Duration, only: &str, peers: Option<&Path>) -> Result<bool, String> {
    let mut well = true;
    println!("     {:<52} {:>12} {:>12}", "pattern", "total", "a second");
    let chosen = ON_SERVERS.iter().filter(|(name, ..)| name.contains(only));
    for (name, what, pattern) in chosen {
        let (mut server, addr) = start(&Options::default(), &Against::Ours)
            .await
            .map_err(|error| error.to_string())?;
        let begin = Instant::now();
        let outcome = pattern(addr, time).await;
        // Calls of unknown methods may be told of; connections have nothing to be told.
        let log: String = server
            .log()
            .lines()
            .filter(|line| !line.contains("UNIMPLEMENTED"))
            .collect();
        let outcome = match outcome {
            Ok(_) if !log.is_empty() => Err(format!("the server logged: {log}")),
            Ok(_) if !server.is_alive() => Err("the server has died".into()),
            outcome => outcome,
        };
        well &= row(name, what, begin.elapsed(), outcome);
    }
    let name = "a server of 16-byte messages, a frame each";
    if name.contains(only) {
        let begin = Instant::now();
        let outcome = raw_peers::streaming_server(time).await;
        well &= row(name, "messages", begin.elapsed(), outcome);
    }
    if let Some(folder) = peers {
        for slow in [false, true] {
            let name = match slow {
                false => "grpc-go's server of 16-byte messages",
                true => "grpc-go's server of 16-byte messages, slow reader",
            };
            if !name.contains(only) {
                continue;
            }
            let begin = Instant::now();
            let outcome = grpc_go(folder, time, slow).await;
            well &= row(name, "messages", begin.elapsed(), outcome);
        }
    }
    Ok(well)
}

fn row(name: &str, what: &str, time: Duration, outcome: Outcome) -> bool {
    match outcome {
        Ok(count) => {
            let rate = count as f64 / time.as_secs_f64();
            println!("ok   {name:<52} {count:>12} {rate:>12.0}  {what}");
            count > 0
        }
        Err(reaction) => {
            println!("MISS {name:<52} {reaction}");
            false
        }
    }
}

/// Our client reads from grpc-go's server at full speed: one DATA frame for each message.
async fn grpc_go(folder: &Path, time: Duration, slow: bool) -> Outcome {
    let say = |error: std::io::Error| error.to_string();
    let port = free_port().map_err(say)?;
    let args = ["--port".to_owned(), port.to_string()];
    let program = folder.join("grpc-go-server");
    let _server = Process::start(&program, &args, None).map_err(say)?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    until_listening(addr).await.map_err(say)?;
    let pause = if slow {
        Duration::from_millis(1)
    } else {
        Duration::ZERO
    };
    channels::read(addr, time, 16, pause).await
}
