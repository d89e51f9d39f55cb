//! One server at several places: sockets of all kinds, given ones, byte streams, each secured in its own way.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_net::{
    Channel, ShutdownReport,
    client::ByteStream,
    peer::SocketAddress,
    server::{Bound, Listen},
    tls::{ClientTls, ServerTls},
};
use farcall_testkit::stub_server::{StubServer, calls};
use std::path::PathBuf;
use tokio::{sync::oneshot, task::JoinHandle};

macro_rules! certificate {
    ($file:literal) => {
        include_str!(concat!("../../../crates/net/src/tls/testdata/", $file))
    };
}

/// Says how it was reached.
fn stub() -> StubServer {
    StubServer::unary("/t.T/Where", |request| async move {
        let peer = request.peer().expect("known on a server");
        let kind = match peer.local_address() {
            SocketAddress::Ip(_) => "ip",
            SocketAddress::Unix(_) => "unix",
            SocketAddress::UnixAbstract(_) => "abstract",
            _ => "other",
        };
        let tls = if peer.tls().is_some() { " tls" } else { "" };
        let process = peer.unix_credentials().and_then(|process| process.process);
        let mine = process == i32::try_from(std::process::id()).ok();
        let mine = if mine { " mine" } else { "" };
        Ok(Bytes::from(format!("{kind}{tls}{mine}")))
    })
}

async fn ask(channel: &Channel) -> String {
    let call = calls::unary(channel, "/t.T/Where", Bytes::new()).into_future();
    let reply = within(PATIENCE, "the call", call).await.unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

fn plain(target: impl Into<String>) -> Channel {
    Channel::builder(target.into()).insecure().build().unwrap()
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("farcall-listeners-{name}-{}", std::process::id()))
}

fn port(server: &Bound, index: usize) -> u16 {
    server.local_addresses()[index].ip().unwrap().port()
}

fn serve(server: Bound) -> (oneshot::Sender<()>, JoinHandle<ShutdownReport>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    (
        stop,
        tokio::spawn(server.serve_with_shutdown(stopped, PATIENCE)),
    )
}

async fn at_all_places(name: &str, shards: Option<usize>) {
    let mut server = stub().server();
    if let Some(shards) = shards {
        server = server.shards(shards);
    }
    let (bound, given) = (path(name), path(&format!("{name}-given")));
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp_address = tcp.local_addr().unwrap();
    let unix = std::os::unix::net::UnixListener::bind(&given).unwrap();
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let server = server
        .bind_also(format!("unix:{}", bound.display()))
        .await
        .unwrap();
    let server = server.bind_also(tcp).await.unwrap();
    let server = server.bind_also(unix).await.unwrap();
    let hidden = format!("unix-abstract:farcall-{name}-{}", std::process::id());
    let server = server.bind_also(&hidden).await.unwrap();
    let first = server.local_addr().unwrap();
    let (stop, end) = serve(server);
    for (target, expected) in [
        (first.to_string(), "ip"),
        (format!("unix:{}", bound.display()), "unix mine"),
        (tcp_address.to_string(), "ip"),
        (format!("unix:{}", given.display()), "unix mine"),
        (hidden, "abstract mine"),
    ] {
        for _ in 0..4 {
            assert_eq!(ask(&plain(target.clone())).await, expected, "{target}");
        }
    }
    drop(stop);
    let report = within(PATIENCE, "the shutdown", end).await.unwrap();
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
    assert!(!bound.exists(), "its own file goes with the server");
    assert!(given.exists(), "that of somebody else stays");
    std::fs::remove_file(&given).unwrap();
    assert!(std::net::TcpStream::connect(tcp_address).is_err());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_listens_at_places_of_all_kinds() {
    at_all_places("kinds", None).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_with_shards_listens_at_places_of_all_kinds() {
    at_all_places("shards", Some(2)).await;
}

#[tokio::test]
async fn each_place_is_secured_in_its_own_way() {
    let tls = ServerTls::from_pem(certificate!("server.pem"), certificate!("server.key")).unwrap();
    let server = stub()
        .server()
        .tls(tls.clone())
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let server = server
        .bind_also(Listen::from("127.0.0.1:0").insecure())
        .await
        .unwrap();
    let strict = tls.client_ca_pem(certificate!("ca.pem")).unwrap();
    let server = server
        .bind_also(Listen::from("127.0.0.1:0").tls(strict))
        .await
        .unwrap();
    let [open, bare, strict] = [0, 1, 2].map(|index| port(&server, index));
    let (_stop, _end) = serve(server);
    let known = ClientTls::ca_pem(certificate!("ca.pem")).unwrap();
    let secure = |port: u16, tls: &ClientTls| {
        let target = format!("dns:///localhost:{port}");
        Channel::builder(target).tls(tls.clone()).build().unwrap()
    };
    assert_eq!(ask(&secure(open, &known)).await, "ip tls");
    assert_eq!(ask(&plain(format!("127.0.0.1:{bare}"))).await, "ip");
    let call = calls::unary(&secure(strict, &known), "/t.T/Where", Bytes::new()).into_future();
    within(PATIENCE, "the refusal", call).await.unwrap_err();
    let named = known
        .identity_pem(certificate!("client.pem"), certificate!("client.key"))
        .unwrap();
    assert_eq!(ask(&secure(strict, &named)).await, "ip tls");
}

#[tokio::test]
async fn a_place_that_is_taken_is_named_and_takes_the_server_with_it() {
    let server = stub().server().bind("127.0.0.1:0").await.unwrap();
    let first = server.local_addr().unwrap();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap();
    let error = server.bind_also(taken).await.unwrap_err();
    assert!(error.bind_error().unwrap().is_in_use(), "{error}");
    assert!(std::net::TcpStream::connect(first).is_err());
    drop(held);
}

#[tokio::test]
async fn streams_of_ones_own_are_served_beside_the_sockets_and_drained_with_them() {
    let probe = Probe::new();
    let inside = probe.clone();
    let wait = StubServer::unary("/t.T/Slow", move |request| {
        let guard = inside.enter();
        async move {
            let _guard = guard;
            request.draining().await;
            Ok(Bytes::from("done"))
        }
    });
    let server = stub().and(wait).server().bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let streams = server.unbound();
    let (stop, end) = serve(server);
    let connect = move |_: &farcall_net::Address| {
        let (near, far) = tokio::io::duplex(64 << 10);
        tokio::spawn(streams.serve(far));
        Box::pin(async { Ok(Box::new(near) as Box<dyn ByteStream>) }) as _
    };
    let piped = Channel::builder("passthrough:///pipe")
        .connector(connect)
        .insecure();
    let piped = piped.build().unwrap();
    assert_eq!(ask(&piped).await, "other");
    assert_eq!(ask(&plain(address.to_string())).await, "ip");
    let slow = tokio::spawn(calls::unary(&piped, "/t.T/Slow", Bytes::new()).into_future());
    within(PATIENCE, "the handler", probe.begun(1)).await;
    drop(stop);
    let report = within(PATIENCE, "the shutdown", end).await.unwrap();
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
    assert_eq!(*slow.await.unwrap().unwrap(), "done");
}

#[tokio::test]
async fn a_certificate_is_replaced_under_a_server_that_serves_and_its_connections_live_on() {
    let folder = path("renewed");
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    std::fs::write(&certificate, certificate!("server.pem")).unwrap();
    std::fs::write(&key, certificate!("server.key")).unwrap();
    let tls = ServerTls::from_pem_files(&certificate, &key).unwrap();
    let server = stub().server().tls(tls.clone()).max_connections(2);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let target = format!("dns:///localhost:{}", port(&server, 0));
    let (stop, end) = serve(server);
    let trusting = |authority: &str| {
        let tls = ClientTls::ca_pem(authority).unwrap();
        Channel::builder(&target).tls(tls).build().unwrap()
    };
    let old = trusting(certificate!("ca.pem"));
    assert_eq!(ask(&old).await, "ip tls");
    std::fs::write(&certificate, certificate!("stranger.pem")).unwrap();
    std::fs::write(&key, certificate!("stranger.key")).unwrap();
    tls.reload().unwrap();
    let new = trusting(certificate!("other-ca.pem"));
    assert_eq!(ask(&new).await, "ip tls");
    // Over its first connection: another one would not be let in, and does not trust the new certificate.
    assert_eq!(ask(&old).await, "ip tls");
    drop(stop);
    let report = within(PATIENCE, "the shutdown", end).await.unwrap();
    assert_eq!(report.connections_cut, 0);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Says what the caller's certificate is: how many octets, which is enough to tell two apart.
fn who() -> StubServer {
    StubServer::unary("/t.T/Who", |request| async move {
        let tls = request.peer().and_then(|peer| peer.tls());
        let certificate = tls.and_then(|tls| tls.certificates().next());
        Ok(Bytes::copy_from_slice(certificate.unwrap_or_default()))
    })
}

#[tokio::test]
async fn a_channel_shows_a_renewed_certificate_from_its_next_connection_on_and_keeps_the_one_it_has()
 {
    let (folder, socket) = (path("client"), path("client-socket"));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("client.pem"), folder.join("client.key"));
    let renew = |chain: &str, secret: &str| {
        std::fs::write(&certificate, chain).unwrap();
        std::fs::write(&key, secret).unwrap();
    };
    renew(certificate!("client.pem"), certificate!("client.key"));
    let tls = ServerTls::from_pem(certificate!("server.pem"), certificate!("server.key"));
    let tls = tls.unwrap().client_ca_pem(certificate!("ca.pem")).unwrap();
    let tls = tls.client_ca_pem(certificate!("other-ca.pem")).unwrap();
    let target = format!("unix:{}", socket.display());
    let bind = async || {
        let server = who().server().tls(tls.clone());
        serve(server.bind(&target).await.unwrap())
    };
    let (stop, end) = bind().await;
    let client = ClientTls::ca_pem(certificate!("ca.pem")).unwrap();
    let client = client.identity_pem_files(&certificate, &key).unwrap();
    let channel = |tls: &ClientTls| {
        let builder = Channel::builder(&target).authority("localhost");
        builder.tls(tls.clone()).build().unwrap()
    };
    let ask = async |channel: &Channel| {
        let call = calls::unary(channel, "/t.T/Who", Bytes::new()).wait_for_ready();
        let reply = within(PATIENCE, "the call", call.into_future()).await;
        reply.unwrap().to_vec()
    };
    let first = channel(&client);
    let before = ask(&first).await;
    renew(certificate!("stranger.pem"), certificate!("stranger.key"));
    client.reload().unwrap();
    assert_eq!(ask(&first).await, before, "its connection lives on");
    let after = ask(&channel(&client)).await;
    assert_ne!(after, before);
    drop(stop);
    let report = within(PATIENCE, "the shutdown", end).await.unwrap();
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
    let (stop, end) = bind().await;
    assert_eq!(ask(&first).await, after, "its next connection");
    drop(stop);
    within(PATIENCE, "the shutdown", end).await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
