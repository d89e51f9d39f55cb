//! The health service behind sockets.
#![cfg(feature = "health")]

use farcall_core::Code;
use farcall_net::{Channel, Server, ShutdownReport};
use farcall_services::health::{
    self, HealthReporter, ServingStatus,
    proto::{HealthCheckRequest, HealthClient, HealthListRequest},
};
use farcall_testkit::scripted_peer::{Frame, ScriptedPeer, message};
use std::{net::SocketAddr, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

const LONG: Duration = Duration::from_secs(30);

struct Running {
    address: SocketAddr,
    reporter: HealthReporter,
    stop: oneshot::Sender<()>,
    end: JoinHandle<ShutdownReport>,
}

async fn start(change: impl FnOnce(Server) -> Server) -> Running {
    let health = health::service();
    let reporter = health.reporter();
    let server = change(Server::builder().add_service(health));
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let signal = async { stopped.await.unwrap() };
    let end = tokio::spawn(bound.serve_with_shutdown(signal, LONG));
    Running {
        address,
        reporter,
        stop,
        end,
    }
}

impl Running {
    fn client(&self) -> HealthClient {
        let channel = Channel::builder(self.address.to_string()).insecure();
        HealthClient::new(channel.build().unwrap())
    }
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.into(),
    }
}

#[tokio::test]
async fn check_tells_the_status_and_not_found_for_what_nobody_has_reported() {
    let server = start(|server| server).await;
    let client = server.client();
    server.reporter.set_not_serving("a.B");
    let status = |name: &str| client.check(of(name)).into_future();
    assert_eq!(status("").await.unwrap().status(), ServingStatus::Serving);
    assert_eq!(
        status("a.B").await.unwrap().status(),
        ServingStatus::NotServing
    );
    assert_eq!(status("a.C").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn watch_tells_the_status_at_once_and_each_change_of_it() {
    let server = start(|server| server).await;
    let mut watch = server.client().watch(of("a.B")).await.unwrap();
    let mut next = async || watch.message().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::ServiceUnknown);
    server.reporter.set_serving("a.B");
    assert_eq!(next().await, ServingStatus::Serving);
    server.reporter.set_serving("a.B"); // no change
    server.reporter.set_not_serving("a.B");
    assert_eq!(next().await, ServingStatus::NotServing);
    server.reporter.clear("a.B");
    assert_eq!(next().await, ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn list_tells_of_all_services_up_to_a_hundred() {
    let server = start(|server| server).await;
    let client = server.client();
    for number in 1..100 {
        server.reporter.set_not_serving(&format!("a.S{number}"));
    }
    // One whom only a watcher knows is not listed.
    let _watch = client.watch(of("unknown")).await.unwrap();
    let list = client.list(HealthListRequest {}).await.unwrap();
    assert_eq!(list.statuses.len(), 100);
    assert_eq!(list.statuses[""].status(), ServingStatus::Serving);
    assert_eq!(list.statuses["a.S7"].status(), ServingStatus::NotServing);
    server.reporter.set_serving("one more");
    let status = client.list(HealthListRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn watchers_beyond_the_limit_get_resource_exhausted_until_one_leaves() {
    let health = health::service().max_watchers(1);
    let server = Server::builder().add_service(health);
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    let channel = Channel::builder(bound.local_addr().unwrap().to_string()).insecure();
    let client = HealthClient::new(channel.build().unwrap());
    tokio::spawn(bound.serve());
    let mut one = client.watch(of("")).await.unwrap();
    one.message().await.unwrap();
    let mut two = client.watch(of("")).await.unwrap();
    let status = two.message().await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    drop(one);
    loop {
        // The server learns of it a little later.
        let mut two = client.watch(of("")).await.unwrap();
        match two.message().await {
            Ok(news) => break assert_eq!(news.unwrap().status(), ServingStatus::Serving),
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted),
        }
    }
}

/// Reads frames until GOAWAY, and gives the payloads of DATA before it.
async fn data_before_goaway(peer: &mut ScriptedPeer<tokio::net::TcpStream>) -> Vec<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        match peer.next_frame().await.expect("no end before GOAWAY") {
            Frame::Data { data: payload, .. } => data.push(payload.to_vec()),
            Frame::GoAway { .. } => return data,
            _ => {}
        }
    }
}

const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
const NOT_SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 2];

#[tokio::test]
async fn a_server_that_shuts_down_says_not_serving_before_goaway_and_the_watch_does_not_hold_it_up()
{
    for _ in 0..20 {
        let server = start(|server| server).await;
        let mut peer = ScriptedPeer::connect(server.address).await.unwrap();
        peer.handshake().await;
        peer.request(1, "/grpc.health.v1.Health/Watch", &[]).await;
        peer.data(1, &message(b""), true).await;
        peer.expect_headers(1).await;
        assert_eq!(peer.expect_data(1).await.0, SERVING);
        server.stop.send(()).unwrap();
        assert_eq!(data_before_goaway(&mut peer).await, [NOT_SERVING]);
        let (trailers, end) = peer.expect_headers(1).await;
        assert_eq!((trailers.grpc_status(), end), (Some(14), true));
        peer.expect_end().await;
        drop(peer);
        let report = server.end.await.unwrap();
        assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
    }
}

#[tokio::test]
async fn a_lame_duck_serves_on_and_takes_connections_while_it_says_not_serving() {
    let period = Duration::from_millis(300);
    let server = start(|server| server.lame_duck(period)).await;
    let mut peer = ScriptedPeer::connect(server.address).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/grpc.health.v1.Health/Watch", &[]).await;
    peer.data(1, &message(b""), true).await;
    peer.expect_headers(1).await;
    assert_eq!(peer.expect_data(1).await.0, SERVING);
    let told = tokio::time::Instant::now();
    let client = server.client();
    server.stop.send(()).unwrap();
    assert_eq!(peer.expect_data(1).await.0, NOT_SERVING);
    let late = client.check(of("")).await.unwrap();
    assert_eq!(late.status(), ServingStatus::NotServing);
    assert!(
        told.elapsed() < period,
        "the machine is too slow for this test"
    );
    assert!(data_before_goaway(&mut peer).await.is_empty());
    assert!(told.elapsed() >= period);
}
