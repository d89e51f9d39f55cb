use super::*;
use std::future::pending;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn connect_to(address: &SocketAddress) -> Result<(Io, Peer), ConnectError> {
    connect(
        address,
        &Security::Plaintext,
        "localhost",
        TcpOptions::default(),
        soon(),
    )
    .await
}

fn unused_port() -> SocketAddress {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().into()
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let address = unused_port();
    let error = connect_to(&address).await.err().unwrap();
    assert!(error.is_connect() && error.is_refused() && !error.is_tls());
    assert_eq!(error.to_string(), format!("{address}: connection refused"));
    assert_eq!(error.address(), &address);
    let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_connection_knows_both_its_ends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().into();
    let (_io, peer) = connect_to(&address).await.unwrap();
    let (_far, remote) = listener.accept().await.unwrap();
    assert_eq!(peer.remote_address(), &address);
    assert_eq!(peer.local_address(), &SocketAddress::Ip(remote));
    assert!(peer.tls().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_deadline_names_the_time_that_was_allowed() {
    let address = SocketAddress::from(std::net::SocketAddr::from(([192, 0, 2, 1], 50051)));
    let limit = Limit::until(&address, soon());
    let error = limit
        .apply(Stage::Connect, pending::<io::Result<()>>())
        .await
        .unwrap_err();
    assert!(error.is_timeout() && error.is_connect());
    assert_eq!(error.to_string(), "192.0.2.1:50051: timed out after 20s");
}

#[cfg(unix)]
#[tokio::test]
async fn unix_sockets_connect_by_path() {
    let path = std::env::temp_dir().join(format!("farcall-connect-{}", std::process::id()));
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let address = SocketAddress::Unix(path.clone());
    let (_io, peer) = connect_to(&address).await.unwrap();
    assert_eq!(peer.remote_address(), &address);
    assert_eq!(peer.local_address(), &SocketAddress::UnixUnnamed);
    drop(listener);
    let error = connect_to(&address).await.err().unwrap();
    assert!(error.is_refused(), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = connect_to(&address).await.err().unwrap();
    assert_eq!(error.to_string(), format!("{address}: no such file"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unix_sockets_connect_by_abstract_name() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("farcall-connect-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    let address = SocketAddress::UnixAbstract(name.clone().into_bytes());
    let (_io, peer) = connect_to(&address).await.unwrap();
    assert_eq!(peer.remote_address(), &address);
    drop(listener);
    let error = connect_to(&address).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("unix-abstract:{name}: connection refused")
    );
}

#[tokio::test]
async fn an_address_that_cannot_be_connected_to_is_refused() {
    let error = connect_to(&SocketAddress::UnixUnnamed).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "unix:: this system cannot connect to such an address"
    );
}

#[cfg(any(feature = "tls-aws-lc", feature = "tls-ring"))]
mod tls {
    use super::*;
    use crate::tls::testdata;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn security() -> Security {
        Security::Tls(testdata::client().connector().unwrap())
    }

    #[tokio::test]
    async fn a_plaintext_server_is_recognised_on_a_socket() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().into();
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.ok();
        };
        let security = security();
        let connecting = connect(
            &address,
            &security,
            "localhost",
            TcpOptions::default(),
            soon(),
        );
        let (outcome, ()) = tokio::join!(connecting, answer);
        let error = outcome.err().unwrap();
        assert!(error.is_tls() && error.tls().unwrap().is_not_tls());
        assert_eq!(
            error.to_string(),
            format!("{address}: TLS: the server does not speak TLS")
        );
        let tls = error.source().unwrap();
        assert!(tls.is::<TlsError>());
        assert!(tls.source().unwrap().is::<rustls::Error>());
    }

    #[tokio::test]
    async fn a_closed_port_refuses_before_tls() {
        let error = connect(
            &unused_port(),
            &security(),
            "localhost",
            TcpOptions::default(),
            soon(),
        )
        .await;
        assert!(error.err().unwrap().is_connect());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_costs_the_deadline() {
        let (near, _far) = tokio::io::duplex(16 << 10);
        let address = SocketAddress::Other("pipe".into());
        let connector = testdata::client().connector().unwrap();
        let shaking = connector.handshake(near, "localhost");
        let error = Limit::until(&address, soon())
            .apply(Stage::Tls, shaking)
            .await
            .err()
            .unwrap();
        assert!(error.is_timeout() && error.is_tls() && error.tls().is_none());
        assert_eq!(error.to_string(), "pipe: TLS: timed out after 20s");
    }
}
