//! Channels that go through proxies.

mod foreign;
mod server;

use bytes::Bytes;
use farcall_net::{
    Address, Channel, ChannelBuilder, Code, ConnectError, Status,
    client::{Connecting, Proxy, ProxyError},
    lb::resolver::ResolverUpdate,
    resolver::ManualResolver,
    tls::{ClientTls, ServerTls},
};
use farcall_testkit::stub_server::{RunningStub, StubServer, calls};
use server::ProxyServer;
use std::{
    error::Error,
    io,
    iter::successors,
    net::SocketAddr,
    process::Command,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const ECHO: &str = "/t.T/Echo";
/// A name that only the proxy knows.
const TARGET: &str = "dns:///greeter.test.example:50051";

macro_rules! certificate {
    ($file:literal) => {
        include_str!(concat!("../../../../crates/net/src/tls/testdata/", $file))
    };
}

fn stub() -> StubServer {
    StubServer::unary(ECHO, |request| async move { Ok(Bytes::clone(&request)) })
}

async fn backend() -> RunningStub {
    stub().start().await
}

async fn secure_backend() -> RunningStub {
    let tls = ServerTls::from_pem(certificate!("server.pem"), certificate!("server.key")).unwrap();
    stub()
        .configure(move |server| server.tls(tls.clone()))
        .start()
        .await
}

fn trust() -> ClientTls {
    ClientTls::ca_pem(certificate!("ca.pem")).unwrap()
}

async fn call(channel: &Channel) -> Result<(), Status> {
    let reply = calls::unary(channel, ECHO, Bytes::from("hello")).await?;
    assert_eq!(*reply, "hello");
    Ok(())
}

fn through(target: &str, proxy: Proxy) -> ChannelBuilder {
    Channel::builder(target).proxy(proxy)
}

/// Calls once through a proxy, and gives what the proxy has seen.
async fn calls_through(
    target: &str,
    secure: bool,
    tls_to_proxy: bool,
    proxy: impl FnOnce(SocketAddr) -> Proxy,
) -> server::Asked {
    let backend = match secure {
        true => secure_backend().await,
        false => backend().await,
    };
    let server = ProxyServer::start(&[backend.address()], tls_to_proxy).await;
    let builder = through(target, proxy(server.address));
    let builder = match secure {
        true => builder.tls(trust()),
        false => builder.insecure(),
    };
    call(&builder.build().unwrap()).await.unwrap();
    let mut asked = server.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    asked.remove(0)
}

#[tokio::test]
async fn the_name_of_a_dns_target_goes_to_the_proxy_as_it_is() {
    for proxy in [Proxy::http as fn(SocketAddr) -> Proxy, Proxy::socks5] {
        let asked = calls_through(TARGET, false, false, proxy).await;
        assert_eq!(asked.destination, "greeter.test.example:50051");
        assert_eq!((asked.credentials, asked.first), (None, Some(b'P')));
    }
    let asked = calls_through("greeter.test.example", false, false, Proxy::http).await;
    assert_eq!(asked.destination, "greeter.test.example:443");
}

#[tokio::test]
async fn tls_with_the_server_runs_inside_of_the_tunnel_and_proves_the_name_of_the_target() {
    for proxy in [Proxy::http as fn(SocketAddr) -> Proxy, Proxy::socks5] {
        let asked = calls_through(TARGET, true, false, proxy).await;
        assert_eq!(asked.first, Some(0x16), "a TLS handshake");
    }
}

#[tokio::test]
async fn credentials_reach_the_proxy_and_those_that_were_set_come_before_those_of_the_url() {
    let url = |scheme: &str, address| Proxy::url(format!("{scheme}://ada:se%20cret@{address}"));
    let asked = calls_through(TARGET, false, false, |at| url("http", at)).await;
    assert_eq!(asked.credentials.as_deref(), Some("Basic YWRhOnNlIGNyZXQ="));
    let asked = calls_through(TARGET, false, false, |at| url("socks5", at)).await;
    assert_eq!(asked.credentials.as_deref(), Some("ada:se cret"));
    let set = |at| url("socks5", at).credentials("bob", "x");
    let asked = calls_through(TARGET, false, false, set).await;
    assert_eq!(asked.credentials.as_deref(), Some("bob:x"));
}

#[tokio::test]
async fn a_proxy_is_spoken_to_over_tls_with_tls_inside_of_it() {
    let proxy = |at: SocketAddr| Proxy::https(format!("localhost:{}", at.port())).tls(trust());
    for secure in [false, true] {
        let asked = calls_through(TARGET, secure, true, proxy).await;
        assert_eq!(asked.destination, "greeter.test.example:50051");
    }
}

#[tokio::test]
async fn names_are_looked_up_here_if_the_channel_is_told_to() {
    let local = |at| Proxy::http(at).resolve_locally();
    let asked = calls_through("dns:///localhost:7", false, false, local).await;
    assert!(
        ["127.0.0.1:7", "[::1]:7"].contains(&&asked.destination[..]),
        "{asked:?}"
    );
}

#[tokio::test]
async fn addresses_go_to_the_proxy_as_they_are_and_a_policy_balances_over_them() {
    let backends = [backend().await, backend().await];
    let addresses = backends.each_ref().map(RunningStub::address);
    let server = ProxyServer::start(&addresses, false).await;
    let fleet = ManualResolver::new("fleet");
    let channel = through("fleet:///t", Proxy::socks5(server.address))
        .resolver(fleet.clone())
        .load_balancing_policy("round_robin")
        .insecure()
        .build()
        .unwrap();
    let backends = [1, 2].map(|i| Address::from(([192, 0, 2, i], 50051)).into());
    fleet.update(ResolverUpdate::endpoints(backends));
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.asked().len() < 2 {
        assert!(Instant::now() < deadline);
        call(&channel).await.unwrap();
    }
    let mut destinations = server.destinations();
    destinations.sort();
    assert_eq!(destinations, ["192.0.2.1:50051", "192.0.2.2:50051"]);
}

#[tokio::test]
async fn exceptions_are_reached_directly_by_name_and_by_address() {
    let backend = backend().await;
    let (server, port) = (
        ProxyServer::start(&[backend.address()], false).await,
        backend.address().port(),
    );
    for (target, exceptions) in [
        (format!("ipv4:{}", backend.address()), "127.0.0.0/8"),
        (format!("ipv4:{}", backend.address()), "other.example, *"),
        (format!("passthrough:///{}", backend.address()), "127.0.0.1"),
        (format!("dns:///localhost:{port}"), "localhost"),
    ] {
        let proxy = Proxy::http(server.address).except(exceptions);
        let channel = through(&target, proxy).insecure().build().unwrap();
        call(&channel).await.unwrap();
        assert_eq!(server.destinations(), [""; 0], "{target}");
    }
    let proxy = Proxy::http(server.address).except("127.0.0.1:1, example.com");
    let channel = through(&format!("ipv4:{}", backend.address()), proxy);
    call(&channel.insecure().build().unwrap()).await.unwrap();
    assert_eq!(server.destinations(), [backend.address().to_string()]);
}

#[cfg(unix)]
#[tokio::test]
async fn unix_sockets_are_reached_without_the_proxy() {
    let path = std::env::temp_dir().join(format!("farcall-proxy-{}.sock", std::process::id()));
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let server = stub().unbound();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        server.serve(stream).await;
    });
    let target = format!("unix:{}", path.display());
    let channel = through(&target, Proxy::http("127.0.0.1:1"))
        .insecure()
        .build()
        .unwrap();
    let outcome = call(&channel).await;
    std::fs::remove_file(&path).unwrap();
    task.abort();
    outcome.unwrap();
}

/// A proxy that answers whatever it is asked with this, and then says nothing more.
async fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                stream.write_all(answer.as_bytes()).await.ok();
                stream.read_to_end(&mut Vec::new()).await.ok();
            });
        }
    });
    address
}

async fn failure(channel: ChannelBuilder) -> Status {
    let channel = channel.insecure().build().unwrap();
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    status
}

fn cause<T: Error + 'static>(status: &Status) -> &T {
    let mut chain = successors(status.source(), |&error| error.source());
    chain
        .find_map(|error| error.downcast_ref())
        .unwrap_or_else(|| panic!("{status:?}"))
}

#[tokio::test]
async fn errors_name_destination_and_proxy_and_tell_its_answer() {
    let at = answering("HTTP/1.1 407 Proxy Authentication Required\r\nX: y\r\n\r\n").await;
    let status = failure(through(
        TARGET,
        Proxy::http(at).credentials("ada", "secret"),
    ))
    .await;
    let text = status.to_string();
    for part in [
        "greeter.test.example:50051",
        &format!("http://{at}"),
        "407 Proxy Auth",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("secret"), "{text}");
    let error = cause::<ConnectError>(&status);
    assert!(error.is_proxy() && !error.is_connect() && !error.is_tls() && !error.is_refused());
    assert_eq!(error.proxy(), Some(&format!("http://{at}")[..]));
    assert_eq!(error.address().to_string(), "greeter.test.example:50051");
    assert_eq!(cause::<ProxyError>(&status).http_status(), Some(407));

    let status = failure(through(TARGET, Proxy::socks5(at))).await;
    assert!(
        status.to_string().contains("does not speak SOCKS 5"),
        "{status}"
    );
    let status = failure(through(TARGET, Proxy::http("proxy.invalid:1"))).await;
    assert!(
        status.to_string().contains("its name cannot be resolved"),
        "{status}"
    );
    assert!(cause::<ProxyError>(&status).is_connect());
    // A port where nobody listens any more.
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let status = failure(through(TARGET, Proxy::http(gone))).await;
    assert!(
        status.to_string().contains("it cannot be reached"),
        "{status}"
    );
    assert!(
        status.to_string().contains("connection refused"),
        "{status}"
    );
    let https = Proxy::https(format!("localhost:{}", at.port())).tls(trust());
    let status = failure(through(TARGET, https)).await;
    assert!(status.to_string().contains("TLS with it"), "{status}");
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_given_up_at_the_connect_deadline() {
    for proxy in [Proxy::http as fn(SocketAddr) -> Proxy, Proxy::socks5] {
        let at = answering("").await;
        let builder = through(TARGET, proxy(at)).connect_timeout(Duration::from_millis(200));
        let start = Instant::now();
        let status = failure(builder).await;
        assert!(start.elapsed() < Duration::from_secs(5));
        let text = status.to_string();
        assert!(
            text.contains(&format!("{at}: timed out after 200")),
            "{text}"
        );
        assert!(cause::<ConnectError>(&status).is_timeout());
    }
}

#[tokio::test]
async fn the_certificate_of_the_server_counts_and_not_that_of_the_proxy() {
    let backend = secure_backend().await;
    let server = ProxyServer::start(&[backend.address()], false).await;
    let proxy = Proxy::http(server.address);
    let channel = through("dns:///other.example:443", proxy)
        .tls(trust())
        .build()
        .unwrap();
    let status = call(&channel).await.unwrap_err();
    let error = cause::<ConnectError>(&status);
    assert!(
        error.is_tls() && !error.is_proxy() && error.proxy().is_some(),
        "{error}"
    );
}

#[test]
fn what_cannot_work_is_an_error_of_build() {
    let build = |proxy| through(TARGET, proxy).insecure().build();
    for (proxy, problem) in [
        (Proxy::url("ftp://p"), "ftp"),
        (Proxy::url("http://"), "host"),
        (Proxy::socks5("p").credentials("", "x"), "RFC 1929"),
        (
            Proxy::socks5("p").credentials("a", "x".repeat(256)),
            "RFC 1929",
        ),
        (Proxy::http("p").credentials("a:b", "x"), "colon"),
    ] {
        let error = build(proxy).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
    let connector =
        |_: &Address| Box::pin(async { Err(io::ErrorKind::Other.into()) }) as Connecting;
    let both = through(TARGET, Proxy::http("p")).connector(connector);
    assert!(both.insecure().build().is_err());
}

/// Not a test by itself: the process that [`the_environment_names_the_proxy`] starts.
#[tokio::test]
#[ignore = "is started by another test, with variables set"]
async fn calls_the_target_of_the_environment() {
    let target = std::env::var("FARCALL_TEST_TARGET").unwrap();
    let channel = match Channel::builder(target).insecure().build() {
        Ok(channel) => channel,
        Err(error) => return println!("build: {error}"),
    };
    match call(&channel).await {
        Ok(()) => println!("called"),
        Err(status) => println!("failed: {status}"),
    }
}

async fn child(target: &str, variables: &[(&str, String)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = "proxy::calls_the_target_of_the_environment";
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    for name in ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env("FARCALL_TEST_TARGET", target);
    command.envs(variables.iter().map(|(name, value)| (*name, value)));
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.into_future().await.unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_names_the_proxy() {
    let backend = backend().await;
    let server = ProxyServer::start(&[backend.address()], false).await;
    let proxy = |name| (name, format!("http://ada:secret@{}", server.address));
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let said = child(TARGET, &[proxy(name)]).await;
        assert!(said.contains("called"), "{said}");
    }
    assert_eq!(server.destinations(), ["greeter.test.example:50051"; 2]);
    // Loopback is never asked of it.
    let own = format!("ipv4:{}", backend.address());
    let said = child(&own, &[proxy("HTTPS_PROXY")]).await;
    assert!(said.contains("called"), "{said}");
    let spared = [proxy("HTTPS_PROXY"), ("no_proxy", ".example".to_owned())];
    let said = child("dns:///greeter.invalid.example:1", &spared).await;
    assert!(
        said.contains("failed") && !said.contains("through the"),
        "{said}"
    );
    assert_eq!(server.asked().len(), 2);
    let bad = [("HTTPS_PROXY", "gopher://ada:secret@p".to_owned())];
    let said = child(TARGET, &bad).await;
    assert!(
        said.contains("build") && said.contains("HTTPS_PROXY"),
        "{said}"
    );
    assert!(!said.contains("secret"), "{said}");
}
