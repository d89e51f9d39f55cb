//! What happens to an accepted connection before HTTP/2 begins.

use super::accept::Accepted;
use crate::{
    peer::Peer,
    transport::{connect::ConnectError, io::Io},
};
#[cfg(feature = "tls")]
use crate::{
    tls::Acceptor,
    transport::connect::{Limit, Stage},
};
#[cfg(feature = "tls")]
use std::sync::Arc;
#[cfg(feature = "tls")]
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How accepted connections are secured. To be run in the connection's own task, never between two accepts:
/// a peer decides how long it takes.
#[derive(Clone)]
pub(crate) enum Handshake {
    Plaintext,
    #[cfg(feature = "tls")]
    Tls {
        acceptor: Acceptor,
        /// How many handshakes may go on at a time; others wait for their turn while their own time runs.
        /// `None`: as many as there are connections. A low limit lets peers that are silent keep others out, each
        /// until its deadline, so it should be far above what the machine can compute at a time.
        permits: Option<Arc<Semaphore>>,
    },
}

impl Handshake {
    /// Shakes hands, until `deadline`. Nothing is left of the connection if that fails.
    ///
    /// # Errors
    /// Name the client's address, and what is wrong with its TLS.
    pub(crate) async fn run(
        &self,
        accepted: Accepted,
        deadline: Instant,
    ) -> Result<(Io, Peer), ConnectError> {
        let Accepted { io, remote, local } = accepted;
        match self {
            Handshake::Plaintext => {
                // Connections without TLS are as good as ready; their time runs from here on all the same.
                let _ = deadline;
                Ok((io, Peer::new(remote, local, None)))
            }
            #[cfg(feature = "tls")]
            Handshake::Tls { acceptor, permits } => {
                let shake = async {
                    let _permit = match permits {
                        // The semaphore is never closed; if it were, nobody would be kept out.
                        Some(permits) => permits.acquire().await.ok(),
                        None => None,
                    };
                    acceptor.handshake(io).await
                };
                let (stream, tls) = Limit::until(&remote, deadline)
                    .apply(Stage::Tls, shake)
                    .await?;
                Ok((
                    Io::Tls(Box::new(stream.into())),
                    Peer::new(remote, local, Some(tls)),
                ))
            }
        }
    }
}

#[cfg(all(test, any(feature = "tls-aws-lc", feature = "tls-ring")))]
mod tests {
    use super::*;
    use crate::{
        peer::SocketAddress,
        server::listener::Listener,
        tls::testdata,
        transport::{
            connect::{Security, connect},
            io::TcpOptions,
        },
    };
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn strict(permits: Option<Arc<Semaphore>>) -> Handshake {
        Handshake::Tls {
            acceptor: testdata::strict_server().acceptor().unwrap(),
            permits,
        }
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
        let security = Security::Tls(client.connector().unwrap());
        let serve = async {
            let accepted = listener.accept(|error, _| panic!("{error}")).await;
            strict(None).run(accepted, soon()).await
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
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.to_string(), "the server requires a certificate");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_dropped_at_the_deadline() {
        let (mut near, accepted) = pipe();
        let error = strict(None).run(accepted, soon()).await.err().unwrap();
        assert_eq!(error.to_string(), "pipe: TLS: timed out after 20.000s");
        assert_eq!(near.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn handshakes_beyond_the_limit_wait_for_their_turn() {
        let handshake = strict(Some(Arc::new(Semaphore::new(1))));
        let (_silent, first) = pipe();
        let (near, second) = pipe();
        let connector = testdata::known_client().connector().unwrap();
        let start = Instant::now();
        let short = start + Duration::from_secs(5);
        let client = async {
            let (stream, _) = connector.handshake(near, "localhost").await.unwrap();
            (stream, start.elapsed())
        };
        let (first, second, waited) = tokio::join!(
            handshake.run(first, short),
            handshake.run(second, soon()),
            client
        );
        assert!(first.err().unwrap().is_timeout());
        second.unwrap();
        assert_eq!(waited.1, Duration::from_secs(5));
    }
}
