//! Servers with a thread per core: all threads serve, and a shutdown reaches all of them.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_net::{Channel, Code, Server};
use farcall_testkit::stub_server::{RunningStub, StubServer, calls};
use std::{
    collections::BTreeSet,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

const SHARDS: usize = 3;
/// The system spreads connections by a hash: that one of three threads gets none of so many happens once in 10^8 runs.
const CONNECTIONS: usize = 48;

/// Handlers that answer with the name of their thread.
fn threads() -> StubServer {
    StubServer::unary("/t.T/Thread", |_| async {
        let name = thread::current().name().unwrap_or_default().to_owned();
        Ok(Bytes::from(name))
    })
    .configure(|server| server.shards(SHARDS))
}

/// Handlers that end when they get a permit.
async fn gated(drain: Duration) -> (RunningStub, Probe, Arc<Semaphore>) {
    let (probe, gate) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let (inside, door) = (probe.clone(), Arc::clone(&gate));
    let stub = StubServer::unary("/t.T/Wait", move |_| {
        let (guard, door) = (inside.enter(), Arc::clone(&door));
        async move {
            let _guard = guard;
            door.acquire().await.unwrap().forget();
            Ok(Bytes::from("done"))
        }
    });
    let stub = stub.configure(|server| server.shards(SHARDS));
    (stub.drain(drain).start().await, probe, gate)
}

async fn name(channel: &Channel) -> String {
    let call = calls::unary(channel, "/t.T/Thread", Bytes::new()).into_future();
    let response = within(PATIENCE, "the call", call).await.unwrap();
    String::from_utf8(response.into_inner().into()).unwrap()
}

#[tokio::test]
async fn every_shard_serves_and_a_connection_stays_on_its_own() {
    let stub = threads().start().await;
    let mut seen = BTreeSet::new();
    for _ in 0..CONNECTIONS {
        let channel = stub.channel();
        let first = name(&channel).await;
        for _ in 0..70 {
            // Also once the method has earned to be polled by the connection's own task.
            assert_eq!(name(&channel).await, first);
        }
        seen.insert(first);
    }
    let all: Vec<_> = (0..SHARDS).map(|n| format!("farcall-shard-{n}")).collect();
    assert_eq!(Vec::from_iter(seen), all);
}

#[tokio::test]
async fn the_calls_of_all_shards_finish_within_the_drain() {
    let (mut stub, probe, gate) = gated(PATIENCE).await;
    let channels: Vec<_> = (0..CONNECTIONS).map(|_| stub.channel()).collect();
    let call = |channel: &Channel| {
        tokio::spawn(calls::unary(channel, "/t.T/Wait", Bytes::new()).into_future())
    };
    let open: Vec<_> = channels.iter().map(call).collect();
    within(PATIENCE, "the handlers", probe.begun(CONNECTIONS)).await;
    let address = stub.address();
    stub.begin_shutdown();
    within(PATIENCE, "the listeners' end", async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.add_permits(CONNECTIONS);
    for call in open {
        let answer = within(PATIENCE, "a call", call).await.unwrap().unwrap();
        assert_eq!(*answer, "done");
    }
    let report = within(PATIENCE, "the shutdown", stub.wait()).await;
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
}

#[tokio::test]
async fn the_report_counts_what_was_cut_on_all_shards() {
    let (mut stub, probe, _gate) = gated(Duration::from_millis(50)).await;
    let channels: Vec<_> = (0..CONNECTIONS).map(|_| stub.channel()).collect();
    let call = |channel: &Channel| {
        tokio::spawn(calls::unary(channel, "/t.T/Wait", Bytes::new()).into_future())
    };
    let open: Vec<_> = channels.iter().flat_map(|c| [call(c), call(c)]).collect();
    within(PATIENCE, "the handlers", probe.begun(2 * CONNECTIONS)).await;
    stub.begin_shutdown();
    let report = within(PATIENCE, "the shutdown", stub.wait()).await;
    let cut = (report.connections_cut, report.calls_cut);
    assert_eq!(cut, (CONNECTIONS, 2 * CONNECTIONS));
    for call in open {
        let status = within(PATIENCE, "a call's end", call).await.unwrap();
        assert_eq!(status.unwrap_err().code(), Code::Unavailable);
    }
    within(PATIENCE, "the handlers' end", probe.ended(2 * CONNECTIONS)).await;
}

#[tokio::test]
async fn dropping_the_server_cuts_the_connections_of_all_shards() {
    let server = Server::builder().shards(SHARDS);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let serving = tokio::spawn(server.serve());
    let connect = || {
        Channel::builder(format!("ipv4:{address}"))
            .insecure()
            .build()
    };
    let channels: Vec<_> = (0..CONNECTIONS).map(|_| connect().unwrap()).collect();
    for channel in &channels {
        within(PATIENCE, "a connection", channel.connect())
            .await
            .unwrap();
    }
    serving.abort();
    let start = Instant::now();
    for channel in &channels {
        while channel.state() == farcall_net::ConnectivityState::Ready {
            assert!(start.elapsed() < PATIENCE, "a connection was not cut");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_an_error_though_the_sockets_could_share_it() {
    let sharded = || Server::builder().shards(2);
    let first = sharded().bind("127.0.0.1:0").await.unwrap();
    let address = first.local_addr().unwrap().to_string();
    let error = sharded().bind(&address).await.unwrap_err();
    assert!(error.bind_error().unwrap().is_in_use(), "{error}");
    drop(first);
}

#[cfg(unix)]
#[tokio::test]
async fn shards_share_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("farcall-shards-{}", std::process::id()));
    let address = format!("unix:{}", path.display());
    let server = Server::builder().shards(2).bind(&address).await.unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let ended = async { ended.await.unwrap_or_default() };
    let serving = tokio::spawn(server.serve_with_shutdown(ended, PATIENCE));
    for _ in 0..8 {
        let channel = Channel::builder(&address).insecure().build().unwrap();
        within(PATIENCE, "a connection", channel.connect())
            .await
            .unwrap();
    }
    end.send(()).unwrap();
    let report = within(PATIENCE, "the end", serving).await.unwrap();
    assert_eq!(report.connections_cut, 0);
    assert!(!path.exists(), "the socket's file stays behind");
}

#[tokio::test]
async fn a_server_that_listens_nowhere_has_no_shards() {
    assert!(
        Server::builder()
            .shards(2)
            .unbound()
            .unwrap_err()
            .is_config()
    );
}
