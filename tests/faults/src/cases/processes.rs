//! Servers that are killed, and servers that stand still.

use crate::{
    child::{Circumstances, Server, channel},
    ledger::Book,
    load::{self, Load},
    report::Report,
    resources::Resources,
};
use farcall_net::Channel;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

/// So many channels share the calls.
const CHANNELS: usize = 4;

pub(super) async fn server(book: &Book) -> Server {
    let started = Server::start("127.0.0.1:0", book, &Circumstances::default()).await;
    started.expect("the server starts")
}

pub(super) fn channels(address: SocketAddr) -> Vec<Channel> {
    (0..CHANNELS).map(|_| channel(address)).collect()
}

/// No fault: everything succeeds. What the other cases are to be compared with.
pub(super) async fn quiet(name: &'static str) -> Report {
    let (book, before) = (Book::new(), Resources::now());
    let server = server(&book).await;
    let held = server.resources().await;
    let load = Load::lasting(Duration::from_secs(1));
    let outcome = load::run(&channels(server.address), &load, &Arc::default()).await;
    let failed = outcome.failed();
    let left = server.settled(held).await;
    let audit = outcome.audit(&book);
    server.kill().await;
    let (_, leak) = Resources::settled(&before).await;
    Report::of(name, outcome, vec![leak, left])
        .expect(failed == 0, "calls failed without a fault")
        .expect(audit.is_empty(), audit.join("; "))
}

/// SIGKILL in the middle of the load, five times; the next one listens at the same address.
pub(super) async fn killed(name: &'static str) -> Report {
    let (book, before) = (Book::new(), Resources::now());
    let mut server = server(&book).await;
    let address = server.address;
    let load = Load::lasting(Duration::from_secs(4));
    let progress = Arc::new(AtomicUsize::new(0));
    let calls = tokio::spawn({
        let (load, progress) = (load.clone(), Arc::clone(&progress));
        async move { load::run(&channels(address), &load, &progress).await }
    });
    let kills = 5;
    for kill in 1..=kills {
        while progress.load(Ordering::Relaxed) < kill * load.calls / (kills + 1) {
            sleep(Duration::from_millis(5)).await;
        }
        server.kill().await;
        sleep(Duration::from_millis(100)).await;
        server = Server::start(&address.to_string(), &book, &Circumstances::default())
            .await
            .expect("the next server starts");
    }
    let outcome = calls.await.expect("the load does not panic");
    let audit = outcome.audit(&book);
    let (failed, answered) = (outcome.failed(), outcome.answered.len());
    server.kill().await;
    let (_, leak) = Resources::settled(&before).await;
    Report::of(name, outcome, vec![leak])
        .expect(failed > 0, "no call noticed the fault")
        .expect(answered > load.calls / 20, "hardly any call succeeded")
        .expect(audit.is_empty(), audit.join("; "))
        .note(format!("{kills} times"))
}

/// SIGSTOP for two seconds, twice; calls have one.
pub(super) async fn stopped(name: &'static str) -> Report {
    let (book, before) = (Book::new(), Resources::now());
    let server = server(&book).await;
    let held = server.resources().await;
    let address = server.address;
    let load = Load::lasting(Duration::from_secs(2));
    let progress = Arc::new(AtomicUsize::new(0));
    let calls = tokio::spawn({
        let (load, progress) = (load.clone(), Arc::clone(&progress));
        async move { load::run(&channels(address), &load, &progress).await }
    });
    for stop in 1..=2 {
        while progress.load(Ordering::Relaxed) < stop * load.calls / 3 {
            sleep(Duration::from_millis(5)).await;
        }
        server.signal("STOP").await;
        sleep(Duration::from_secs(2)).await;
        server.signal("CONT").await;
    }
    let outcome = calls.await.expect("the load does not panic");
    let audit = outcome.audit(&book);
    let (failed, answered) = (outcome.failed(), outcome.answered.len());
    let left = server.settled(held).await;
    server.kill().await;
    let (_, leak) = Resources::settled(&before).await;
    Report::of(name, outcome, vec![leak, left])
        .expect(failed > 0, "no call noticed the fault")
        .expect(answered > load.calls / 2, "half of the calls failed")
        .expect(audit.is_empty(), audit.join("; "))
        .note("SIGSTOP for 2 s, twice")
}
