//! A listener whose queue is full, because nobody accepts.

use crate::{
    ledger::{Book, Ledger},
    load::{self, Load},
    report::Report,
    resources::Resources,
    service::service,
};
use farcall_net::Channel;
use socket2::{Domain, Socket, Type};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};

/// The system's: connections beyond it are not answered at all.
const BACKLOG: i32 = 4;

/// Calls to a full queue fail in time; once somebody accepts, they succeed.
pub(super) async fn full_queue(name: &'static str) -> Report {
    let (book, before) = (Book::new(), Resources::now());
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    socket.bind(&any.into()).expect("a free port");
    socket.listen(BACKLOG).expect("it listens");
    socket.set_nonblocking(true).expect("it can");
    let listener = TcpListener::from_std(socket.into()).expect("inside the runtime");
    let address = listener.local_addr().expect("it is bound");
    let mut fillers = Vec::new();
    while let Ok(filler) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        fillers.push(filler.expect("connecting waits or works"));
        assert!(fillers.len() < 64, "the queue never fills");
    }
    let channels: Vec<_> = (0..8).map(|_| patient(address)).collect();
    let load = Load {
        first: 0,
        calls: 10_000,
        workers: 2500,
        timeout: Duration::from_millis(700),
        pause: Duration::ZERO,
    };
    let during = load::run(&channels, &load, &Arc::default()).await;
    drop(fillers);

    let ledger = Ledger::open(book.path()).expect("a temporary file");
    let server = service(ledger, Duration::ZERO).unbound();
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(server.serve(stream));
        }
    });
    for channel in &channels {
        // An attempt that began before, and the pause after it, come first.
        let connected = async {
            while channel.connect().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), connected)
            .await
            .ok();
    }
    let load = Load {
        first: during.calls as u64,
        ..Load::lasting(Duration::from_millis(200))
    };
    let after = load::run(&channels, &load, &Arc::default()).await;
    let recovered = after.answered.len();
    accepting.abort();
    drop(accepting.await);
    drop(channels);
    let (_, leak) = Resources::settled(&before).await;
    let succeeded = during.answered.len();
    let late = book
        .executed()
        .keys()
        .filter(|id| **id < load.first)
        .count();
    let mut both = during;
    both.merge(after);
    let audit = both.audit(&book);
    Report::of(name, both, vec![leak])
        .expect(audit.is_empty(), audit.join("; "))
        .expect(
            late == 0,
            format!("{late} calls were executed after their callers had gone"),
        )
        .expect(succeeded == 0, "calls succeeded before anybody accepted")
        .expect(
            recovered > 9_000,
            format!("only {recovered} of 10000 calls succeeded afterwards"),
        )
        .note(format!("{recovered} of 10000 succeeded afterwards"))
}

fn patient(address: SocketAddr) -> Channel {
    let builder = Channel::builder(format!("ipv4:{address}")).insecure();
    let builder = builder.connect_timeout(Duration::from_millis(300));
    builder.build().expect("the target is an address")
}
