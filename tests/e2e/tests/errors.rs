//! Errors that tell: what stands in a failed call's text and cause chain, and that none of it leaves the process.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_http2::Reason;
use farcall_net::{
    Address, Channel, ChannelBuilder, Code, ConnectError, Metadata, Request, Status,
    client::{ByteStream, Connecting},
    lb::resolver::ResolverUpdate,
    resolver::ManualResolver,
};
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, setting},
    sim::NetConfig,
    stub_server::{StubServer, calls},
};
use std::{error::Error, future::pending, io, iter::successors, net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, time::sleep};

const ECHO: &str = "/t.T/Echo";
const SECOND: Duration = Duration::from_secs(1);

/// A port where nobody listens.
fn deserted() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

async fn fails(channel: &Channel) -> Status {
    let call = calls::unary(channel, ECHO, Bytes::new());
    within(PATIENCE, "the failure", call.into_future())
        .await
        .unwrap_err()
}

fn says(status: &Status, code: Code, parts: &[&str]) {
    assert_eq!(status.code(), code, "{status}");
    let text = status.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

fn build(builder: ChannelBuilder) -> Channel {
    builder.insecure().build().unwrap()
}

/// Connects by the kind of failure that the address names.
fn failing(address: &Address) -> Connecting {
    let kind = match address.to_string() {
        a if a.starts_with("10.0.0.1") => io::ErrorKind::ConnectionRefused,
        a if a.starts_with("10.0.0.2") => io::ErrorKind::NetworkUnreachable,
        _ => return Box::pin(pending()),
    };
    Box::pin(async move { Err(kind.into()) })
}

#[tokio::test(start_paused = true)]
async fn every_address_is_named_with_its_error() {
    let target = "ipv4:10.0.0.1:1,10.0.0.2:1,10.0.0.3:1";
    for policy in ["pick_first", "round_robin"] {
        let builder = Channel::builder(target).connector(failing);
        let channel = build(builder.load_balancing_policy(policy));
        let status = channel.connect().await.unwrap_err();
        let parts = [
            "10.0.0.1:1",
            "refused",
            "10.0.0.2:1",
            "unreachable",
            "10.0.0.3:1",
            "timed out after 20",
        ];
        says(&status, Code::Unavailable, &parts);
        assert!(!status.message().contains("10.0.0"), "{}", status.message());
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_reached_is_named_once() {
    let (one, other) = (deserted(), deserted());
    for (target, policy) in [
        (format!("ipv4:{one}"), "pick_first"),
        (format!("ipv4:{one}"), "round_robin"),
        (format!("ipv4:{one},{other}"), "pick_first"),
        (format!("ipv4:{one},{other}"), "round_robin"),
    ] {
        let channel = build(Channel::builder(&target).load_balancing_policy(policy));
        let text = channel.connect().await.unwrap_err().to_string();
        assert_eq!(
            text.matches(&one.to_string()).count(),
            1,
            "{policy}: {text}"
        );
        assert!(text.contains("try 1") && text.contains("refused"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_told_since_when_and_in_which_attempt() {
    let channel = build(Channel::builder("ipv4:10.0.0.1:1").connector(failing));
    channel.connect().await.unwrap_err();
    sleep(10 * SECOND).await;
    let status = fails(&channel).await;
    says(
        &status,
        Code::Unavailable,
        &["try ", "failing for ", "10.0.0.1:1"],
    );
    assert!(!status.to_string().contains("try 1,"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_stands_through_all_retries_is_told_once() {
    let retries = r#"{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "1s",
        "maxBackoff": "2s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}"#;
    let builder = Channel::builder("ipv4:10.0.0.1:1").connector(failing);
    let channel = build(builder.default_service_config(retries));
    let text = fails(&channel).await.to_string();
    assert_eq!(text.matches("10.0.0.1:1").count(), 1, "{text}");
    assert!(text.ends_with(" (attempt 4; 1 to 3: the same)"), "{text}");
}

#[tokio::test]
async fn the_resolvers_error_is_told_and_that_it_goes_on() {
    let channel = build(Channel::builder("dns:///no-such-name.invalid:1"));
    let status = fails(&channel).await;
    let parts = ["no-such-name.invalid", "cannot be resolved"];
    says(&status, Code::Unavailable, &parts);
    // A failed look-up while the known addresses fail, too.
    let fleet = ManualResolver::new("fleet");
    let channel = build(Channel::builder("fleet:///t").resolver(fleet.clone()));
    let gone = deserted();
    fleet.update(ResolverUpdate::endpoints([Address::from(gone).into()]));
    says(
        &fails(&channel).await,
        Code::Unavailable,
        &[&gone.to_string(), "refused"],
    );
    fleet.update(ResolverUpdate::failure(Status::unavailable(
        "the registry burns",
    )));
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let status = fails(&channel).await;
        if status.to_string().contains("the registry burns") {
            return says(&status, Code::Unavailable, &[&gone.to_string(), "refused"]);
        }
        assert!(std::time::Instant::now() < deadline, "{status}");
        // Calls that are refused where they start let nobody else run.
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_cut_tells_the_goaway_before_it() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let stream = std::sync::Mutex::new(Some(near));
    let connect = move |_: &Address| {
        let near = stream.lock().unwrap().take();
        Box::pin(async move {
            let near = near.ok_or(io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(near) as Box<dyn ByteStream>)
        }) as Connecting
    };
    let channel = build(Channel::builder("passthrough:///angry").connector(connect));
    let call = tokio::spawn(calls::unary(&channel, ECHO, Bytes::new()).into_future());
    let mut peer = ScriptedPeer::server(far);
    peer.handshake().await;
    peer.expect_headers(1).await;
    peer.goaway(1, Reason::INTERNAL_ERROR, "the disk is full")
        .await;
    drop(peer);
    let status = call.await.unwrap().unwrap_err();
    let parts = [
        "the connection was lost",
        "angry",
        "INTERNAL_ERROR",
        "the disk is full",
    ];
    says(&status, Code::Unavailable, &parts);
}

#[tokio::test(start_paused = true)]
async fn an_exceeded_deadline_tells_whether_it_was_the_name_a_connection_a_stream_or_the_response()
{
    // The name.
    let fleet = ManualResolver::new("fleet");
    let channel = build(Channel::builder("fleet:///t").resolver(fleet));
    let call = calls::unary(&channel, ECHO, Bytes::new()).timeout(SECOND);
    says(
        &call.await.unwrap_err(),
        Code::DeadlineExceeded,
        &["the name to be resolved"],
    );

    // A connection: which, and for how long.
    let channel = build(Channel::builder("ipv4:10.0.0.3:1").connector(failing));
    let call = calls::unary(&channel, ECHO, Bytes::new()).timeout(SECOND);
    let parts = [
        "a connection (the channel is CONNECTING)",
        "connecting to 10.0.0.3:1 for 1s",
    ];
    says(&call.await.unwrap_err(), Code::DeadlineExceeded, &parts);

    // The same after a failure.
    let channel = build(Channel::builder("ipv4:10.0.0.1:1").connector(failing));
    let call = calls::unary(&channel, ECHO, Bytes::new()).wait_for_ready();
    let parts = [
        "a connection (the channel is TRANSIENT_FAILURE)",
        "10.0.0.1:1",
        "refused",
    ];
    says(
        &call.timeout(SECOND).await.unwrap_err(),
        Code::DeadlineExceeded,
        &parts,
    );

    // The response.
    let stub = StubServer::unary(ECHO, |_| pending::<Result<Bytes, _>>());
    let stub = stub.simulated(7, NetConfig::default());
    let call = calls::unary(stub.channel(), ECHO, Bytes::new()).timeout(SECOND);
    let parts = ["the response", "the server is "];
    says(&call.await.unwrap_err(), Code::DeadlineExceeded, &parts);
}

#[tokio::test]
async fn a_call_that_the_server_allows_no_stream_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let channel = build(Channel::builder(format!("ipv4:{address}")));
    tokio::spawn(async move {
        let mut peer = ScriptedPeer::accept(&listener).await.unwrap();
        peer.handshake_with(&[(setting::MAX_CONCURRENT_STREAMS, 0)])
            .await;
        peer.expect_end().await;
    });
    channel.connect().await.unwrap();
    let call = calls::unary(&channel, ECHO, Bytes::new()).timeout(SECOND / 5);
    let parts = ["the server to allow another stream", &address.to_string()];
    says(&call.await.unwrap_err(), Code::DeadlineExceeded, &parts);
}

#[tokio::test]
async fn a_target_without_port_that_cannot_be_reached_is_told_of_the_default() {
    // Nobody listens at 443 where tests run; or somebody does, and there is nothing to see.
    for target in ["localhost", "ipv4:127.0.0.1", "dns:///127.0.0.1"] {
        let channel = build(Channel::builder(target).connect_timeout(SECOND));
        let Err(status) = channel.connect().await else {
            return;
        };
        if status.to_string().contains("refused") {
            says(&status, Code::Unavailable, &["names no port", "443"]);
        }
    }
    let gone = deserted();
    let channel = build(Channel::builder(gone.to_string()));
    assert!(!fails(&channel).await.to_string().contains("names no port"));
}

#[test]
fn a_web_address_as_target_is_told_how_to_write_it() {
    for target in [
        "http://localhost:50051",
        "https://greeter.example",
        "grpc://a:1",
    ] {
        let error = Channel::builder(target).insecure().build().unwrap_err();
        assert!(error.is_target());
        let text = error.to_string();
        assert!(
            text.contains(target) && text.contains("host:port"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn causes_stay_at_home_even_when_a_status_is_forwarded() {
    let gone = deserted();
    let front = StubServer::unary(ECHO, move |_: Request<Bytes>| async move {
        let backend = build(Channel::builder(format!("ipv4:{gone}")));
        let status = calls::unary(&backend, ECHO, Bytes::new())
            .await
            .unwrap_err();
        assert!(status.to_string().contains(&gone.to_string()));
        let chain = successors(status.source(), |&error| error.source());
        let connect = chain
            .filter_map(|error| error.downcast_ref::<ConnectError>())
            .next();
        assert!(connect.unwrap().is_refused());
        Err::<Bytes, _>(status.forward())
    });
    let front = front.start().await;
    let status = calls::unary(&front.channel(), ECHO, Bytes::new())
        .await
        .unwrap_err();
    says(&status, Code::Unavailable, &["no connection could be made"]);
    let seen = format!(
        "{status} {status:?} {:?}",
        Metadata::clone(status.metadata())
    );
    assert!(!seen.contains(&gone.port().to_string()), "{seen}");
}
