//! Graceful stops under load: the clients move to the other backend, and nothing is lost.

use crate::{
    ledger::{Book, Ledger},
    load::{self, Load},
    report::Report,
    resources::Resources,
    service::service,
};
use farcall_net::Channel;
use farcall_testkit::stub_server::RunningStub;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Graceful stops.
const ROUNDS: usize = 100;
/// Calls until the next one.
const CALLS_EACH: usize = 200;
const CHANNELS: usize = 8;

async fn backend(address: SocketAddr, book: &Book) -> RunningStub {
    let ledger = Ledger::open(book.path()).expect("a temporary file");
    let stub = service(ledger, Duration::from_millis(2));
    stub.drain(Duration::from_secs(10)).start_at(address).await
}

/// Two backends; the one that is in use is stopped and started again, 100 times.
pub(super) async fn drain(name: &'static str) -> Report {
    let (book, before) = (Book::new(), Resources::now());
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let mut backends = [
        Some(backend(any, &book).await),
        Some(backend(any, &book).await),
    ];
    let addresses = backends
        .each_ref()
        .map(|backend| backend.as_ref().expect("both run").address());
    let target = format!("ipv4:{},{}", addresses[0], addresses[1]);
    let channels: Vec<_> = (0..CHANNELS)
        .map(|_| {
            Channel::builder(&target)
                .insecure()
                .build()
                .expect("addresses")
        })
        .collect();
    let load = Load {
        first: 0,
        calls: ROUNDS * CALLS_EACH,
        workers: 32,
        timeout: Duration::from_secs(10),
        pause: Duration::ZERO,
    };
    let progress = Arc::new(AtomicUsize::new(0));
    let calls = tokio::spawn({
        let (load, progress) = (load.clone(), Arc::clone(&progress));
        async move { load::run(&channels, &load, &progress).await }
    });
    let (mut cut, mut connections_cut) = (0, 0);
    for round in 0..ROUNDS {
        while progress.load(Ordering::Relaxed) < round * CALLS_EACH {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // The first address comes first again whenever a channel looks for a connection.
        let mut leaving = backends[round % 2].take().expect("it was started again");
        leaving.begin_shutdown();
        let report = leaving.wait().await;
        cut += report.calls_cut;
        connections_cut += report.connections_cut;
        backends[round % 2] = Some(backend(addresses[round % 2], &book).await);
    }
    let outcome = calls.await.expect("the load does not panic");
    drop(backends);
    let audit = outcome.audit(&book);
    let (failed, executed) = (outcome.failed(), book.executed().len());
    let calls = outcome.calls;
    let (_, leak) = Resources::settled(&before).await;
    Report::of(name, outcome, vec![leak])
        .expect(failed == 0, "a client saw a failure")
        .expect(
            cut + connections_cut == 0,
            format!("{cut} calls and {connections_cut} connections were cut"),
        )
        .expect(
            executed == calls,
            format!("{executed} of {calls} calls were executed"),
        )
        .expect(audit.is_empty(), audit.join("; "))
        .note(format!("{ROUNDS} graceful stops"))
}
