//! What happens to an accepted connection before HTTP/2 begins.

use super::{
    accept::Accepted,
    places::{Place, Places},
    security::Security,
};
use crate::{
    peer::Peer,
    transport::{
        connect::{Cause, ConnectError, Limit, Stage},
        io::Io,
    },
};
#[cfg(feature = "tls")]
use std::io;
use std::sync::Arc;
use tokio::time::Instant;

/// How accepted connections are made ready. To be run in the connection's own task, never between two accepts:
/// a peer decides how long it takes.
#[derive(Clone)]
pub(crate) struct Handshake {
    security: Security,
    places: Arc<Places>,
    /// Whether clients may speak HTTP/1.1.
    http1: bool,
}

impl Handshake {
    /// At most `max_concurrent` connections get ready at a time; others wait for their turn while their own time runs.
    pub(crate) fn new(security: Security, max_concurrent: usize, http1: bool) -> Handshake {
        let places = Places::new(max_concurrent);
        Handshake {
            security,
            places,
            http1,
        }
    }

    /// Another way to secure connections, with the same places.
    pub(crate) fn with(&self, security: Security) -> Handshake {
        Handshake {
            security,
            places: Arc::clone(&self.places),
            http1: self.http1,
        }
    }

    /// Shakes hands, until `deadline`. Nothing is left of the connection if that fails. The place is to be kept until the
    /// client's preface has come.
    ///
    /// # Errors
    /// Name the client's address, and what is wrong with its TLS.
    pub(crate) async fn run(
        &self,
        accepted: Accepted,
        deadline: Instant,
    ) -> Result<(Io, Peer, Place), ConnectError> {
        let Accepted {
            io,
            remote,
            local,
            process,
        } = accepted;
        let limit = Limit::until(&remote, deadline);
        let turn = async { Ok::<_, Cause>(self.places.take().await) };
        let place = limit.apply(Stage::Connect, turn).await?;
        match &self.security {
            Security::Plaintext => {
                let peer = Peer::with_process(remote, local, None, process);
                Ok((io, peer, place))
            }
            #[cfg(feature = "tls")]
            Security::Tls(acceptor) => {
                let shake = async {
                    match place.hold(acceptor.handshake(io, self.http1)).await {
                        Some(done) => done.map_err(Cause::from),
                        None => Err(gave_way().into()),
                    }
                };
                let (stream, tls) = limit.apply(Stage::Tls, shake).await?;
                let io = Io::Tls(Box::new(stream.into()));
                let peer = Peer::with_process(remote, local, Some(tls), process);
                Ok((io, peer, place))
            }
        }
    }
}

#[cfg(feature = "tls")]
fn gave_way() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "too slow, and others waited (max_concurrent_handshakes)",
    )
}

#[cfg(all(test, any(feature = "tls-aws-lc", feature = "tls-ring")))]
mod tests {
    use super::*;
    use crate::{
        peer::SocketAddress,
        server::listener::Listener,
        tls::testdata,
        transport::{
            connect::{self, connect},
            io::TcpOptions,
        },
    };
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn strict(max_concurrent: usize) -> Handshake {
        let acceptor = testdata::strict_server().acceptor().unwrap();
        Handshake::new(Security::Tls(acceptor), max_concurrent, false)
    }

    /// A pipe and its accepted end.
    fn pipe() -> (DuplexStream, Accepted) {
        let (near, far) = duplex(16 << 10);
        let address = SocketAddress::Other("pipe".into());
        (
            near,
            Accepted {
                io: Io::custom(far),
                remote: address.clone(),
                local: address,
                process: None,
            },
        )
    }

    /// Both ends of a connection through a listener at `address`.
    async fn meet(
        address: &str,
        client: &crate::tls::ClientTls,
    ) -> ((Io, Peer), Result<(Io, Peer), ConnectError>) {
        let mut listener = Listener::bind(address, TcpOptions::default())
            .await
            .unwrap();
        let target = listener.local_address().clone();
        let security = connect::Security::Tls(client.connector().unwrap());
        let serve = async {
            let accepted = listener.accept(|error, _| panic!("{error}")).await;
            let (io, peer, _) = strict(100).run(accepted, soon()).await?;
            Ok((io, peer))
        };
        let (client, server) = tokio::join!(
            connect(
                &target,
                &security,
                "localhost",
                TcpOptions::default(),
                soon()
            ),
            serve
        );
        (client.unwrap(), server)
    }

    async fn carries_a_megabyte_both_ways(address: &str) {
        let ((near, seen_by_client), server) = meet(address, &testdata::known_client()).await;
        let (far, seen_by_server) = server.unwrap();
        assert_eq!(seen_by_client.tls().unwrap().certificates().len(), 1);
        assert_eq!(seen_by_server.tls().unwrap().certificates().len(), 1);
        assert_eq!(
            seen_by_client.remote_address(),
            seen_by_server.local_address()
        );
        assert_eq!(
            seen_by_client.local_address(),
            seen_by_server.remote_address()
        );
        let data: Vec<u8> = (0..1 << 20).map(|i: u32| (i % 251) as u8).collect();
        let one_end = async |mut io: Io| {
            let (mut reader, mut writer) = tokio::io::split(&mut io);
            let mut copy = vec![0; data.len()];
            let write = async {
                writer.write_all(&data).await?;
                writer.flush().await
            };
            let (written, read) = tokio::join!(write, reader.read_exact(&mut copy));
            written.unwrap();
            read.unwrap();
            assert!(copy == data);
        };
        tokio::join!(one_end(near), one_end(far));
    }

    #[tokio::test]
    async fn mutual_tls_over_tcp() {
        carries_a_megabyte_both_ways("127.0.0.1:0").await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn mutual_tls_over_a_unix_socket() {
        let path = std::env::temp_dir().join(format!("farcall-handshake-{}", std::process::id()));
        carries_a_megabyte_both_ways(&format!("unix:{}", path.display())).await;
    }

    #[tokio::test]
    async fn both_ends_are_told_that_a_certificate_is_missing() {
        let ((mut near, peer), server) = meet("127.0.0.1:0", &testdata::client()).await;
        let error = server.err().unwrap();
        assert_eq!(
            error.to_string(),
            format!(
                "{}: TLS: the client presented no certificate",
                peer.local_address()
            )
        );
        // The log has named the address already.
        assert_eq!(
            error.what().to_string(),
            "TLS: the client presented no certificate"
        );
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.to_string(), "the server requires a certificate");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_dropped_at_the_deadline() {
        let (mut near, accepted) = pipe();
        let error = strict(100).run(accepted, soon()).await.err().unwrap();
        assert_eq!(error.to_string(), "pipe: TLS: timed out after 20s");
        assert_eq!(near.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_beyond_the_limit_waits_until_a_slow_one_gives_way() {
        let handshake = strict(1);
        let (_silent, first) = pipe();
        let (near, second) = pipe();
        let connector = testdata::known_client().connector().unwrap();
        let start = Instant::now();
        let client = async {
            let (stream, _) = connector.handshake(near, "localhost").await.unwrap();
            (stream, start.elapsed())
        };
        let (first, second, waited) = tokio::join!(
            handshake.run(first, soon()),
            handshake.run(second, soon()),
            client
        );
        let error = first.err().unwrap().to_string();
        assert!(error.contains("max_concurrent_handshakes"), "{error}");
        second.unwrap();
        assert_eq!(waited.1, Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_turn_has_the_same_deadline() {
        let handshake = strict(1);
        let (near, first) = pipe();
        let connector = testdata::known_client().connector().unwrap();
        let (kept, _client) = tokio::join!(
            handshake.run(first, soon()),
            connector.handshake(near, "localhost")
        );
        let _kept = kept.unwrap();
        let (_near, second) = pipe();
        let error = handshake.run(second, soon()).await.err().unwrap();
        assert_eq!(error.to_string(), "pipe: timed out after 20s");
    }
}
