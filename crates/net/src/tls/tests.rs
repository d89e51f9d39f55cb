//! Both ends of a handshake, over a pipe.

mod configuration;
mod reload;

use super::{established::H2, explain, provider::provider, testdata::*, *};
use crate::peer::{TlsPeer, TlsVersion};
use rustls::{
    ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore, ServerConfig,
    SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use std::{io, sync::Arc};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

type Shaken<T> = Result<(T, TlsPeer), TlsError>;
type ClientEnd = tokio_rustls::client::TlsStream<DuplexStream>;
type ServerEnd = tokio_rustls::server::TlsStream<DuplexStream>;

async fn shake(
    client: &ClientTls,
    authority: &str,
    server: &ServerTls,
) -> (Shaken<ClientEnd>, Shaken<ServerEnd>) {
    let (near, far) = duplex(16 << 10);
    let (connector, acceptor) = (client.connector().unwrap(), server.acceptor().unwrap());
    tokio::join!(
        connector.handshake(near, authority),
        acceptor.handshake(far, false)
    )
}

/// What the client's handshake says; it must fail.
async fn refusal(client: &ClientTls, authority: &str, server: &ServerTls) -> TlsError {
    shake(client, authority, server).await.0.unwrap_err()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// A client without this crate's rules.
fn raw_client(alpn: &[&[u8]], versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(der(CA)).unwrap();
    let builder = ClientConfig::builder_with_provider(provider().unwrap());
    let builder = builder.with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

/// A server without this crate's rules.
fn raw_server(alpn: &[&[u8]], versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(provider().unwrap());
    let builder = builder.with_protocol_versions(versions).unwrap();
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(vec![der(SERVER)], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

#[tokio::test]
async fn both_ends_know_each_other_after_mutual_tls() {
    let (client, server) = shake(&known_client(), "localhost:50051", &strict_server()).await;
    let ((mut near, seen_by_client), (mut far, seen_by_server)) =
        (client.unwrap(), server.unwrap());
    assert_eq!(
        seen_by_client.certificates().collect::<Vec<_>>(),
        [&*der(SERVER)]
    );
    assert_eq!(
        seen_by_server.certificates().collect::<Vec<_>>(),
        [&*der(CLIENT)]
    );
    for peer in [seen_by_client, seen_by_server] {
        assert_eq!(peer.server_name(), Some("localhost"));
        assert_eq!(peer.version(), TlsVersion::Tls13);
        assert_eq!(peer.alpn(), b"h2");
    }
    near.write_all(b"hello").await.unwrap();
    near.shutdown().await.unwrap();
    let mut text = String::new();
    far.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "hello");
}

#[tokio::test]
async fn a_server_without_a_client_ca_asks_for_no_certificate() {
    let (client, server) = shake(&known_client(), "localhost", &server()).await;
    client.unwrap();
    assert_eq!(server.unwrap().1.certificates().len(), 0);
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_and_learns_why_when_it_reads() {
    let (client, server) = shake(&client(), "localhost", &strict_server()).await;
    let error = server.unwrap_err();
    assert!(error.is_certificate_required());
    assert_eq!(error.to_string(), "the client presented no certificate");
    // TLS 1.3: the client's handshake was over before the server looked.
    let (mut stream, _) = client.unwrap();
    let error = explain::io_error(stream.read_u8().await.unwrap_err(), Side::Server);
    assert_eq!(error.to_string(), "the server requires a certificate");
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused_also_where_certificates_are_optional() {
    let stranger = client().identity_pem(STRANGER, STRANGER_KEY).unwrap();
    for server in [
        strict_server(),
        strict_server().client_auth(ClientAuth::Optional),
    ] {
        let (client, server) = shake(&stranger, "localhost", &server).await;
        let error = server.unwrap_err();
        assert!(error.is_untrusted());
        assert_eq!(
            error.to_string(),
            "the client's certificate is not trusted: no configured authority has signed it"
        );
        let (mut stream, _) = client.unwrap();
        let error =
            explain::io_error(stream.read_u8().await.unwrap_err(), Side::Server).to_string();
        assert!(
            error.starts_with("the server rejected this side's certificate: "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_optional_certificate_may_be_missing() {
    let server = strict_server().client_auth(ClientAuth::Optional);
    let (_, outcome) = shake(&client(), "localhost", &server).await;
    assert_eq!(outcome.unwrap().1.certificates().len(), 0);
    let (_, outcome) = shake(&known_client(), "localhost", &server).await;
    assert_eq!(outcome.unwrap().1.certificates().len(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_agree_on_h2_is_refused() {
    for alpn in [&[][..], &[&b"http/1.1"[..]]] {
        for version in [&TLS12, &TLS13] {
            let (near, far) = duplex(16 << 10);
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(raw_server(alpn, &[version])));
            let connector = client().connector().unwrap();
            let (client, _) =
                tokio::join!(connector.handshake(near, "localhost"), acceptor.accept(far));
            let error = client.unwrap_err();
            assert!(error.is_alpn(), "{error:?}");
            assert_eq!(
                error.to_string(),
                "the server did not negotiate h2 over ALPN"
            );
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_offer_h2_is_refused() {
    for alpn in [&[][..], &[&b"http/1.1"[..]]] {
        for version in [&TLS12, &TLS13] {
            let (near, far) = duplex(16 << 10);
            let connector =
                tokio_rustls::TlsConnector::from(Arc::new(raw_client(alpn, &[version])));
            let name = ServerName::try_from("localhost").unwrap();
            let acceptor = server().acceptor().unwrap();
            let (client, server) = tokio::join!(
                connector.connect(name, near),
                acceptor.handshake(far, false)
            );
            let error = server.unwrap_err();
            assert!(error.is_alpn(), "{error:?}");
            assert_eq!(error.to_string(), "the client did not offer h2 over ALPN");
            // Whoever got through the handshake gets an orderly end.
            if let Ok(mut stream) = client {
                assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            }
        }
    }
}

#[tokio::test]
async fn a_certificate_for_other_names_is_refused_and_tells_its_names() {
    let error = refusal(&client(), "other.example:443", &server()).await;
    assert!(error.is_wrong_name());
    assert_eq!(
        error.to_string(),
        "the server's certificate is not valid for \"other.example\", only for localhost, *.test.example, 127.0.0.1, ::1"
    );
    let error = refusal(&client(), "127.0.0.2:443", &server()).await;
    assert!(error.is_wrong_name(), "{error:?}");
}

#[tokio::test]
async fn names_wildcards_and_addresses_are_verified() {
    for authority in [
        "localhost",
        "localhost.:1",
        "a.test.example:443",
        "127.0.0.1:50051",
        "[::1]:50051",
        "::1",
    ] {
        let (client, _) = shake(&client(), authority, &server()).await;
        assert!(client.is_ok(), "{authority}: {:?}", client.err());
    }
    let (_, server) = shake(&client(), "127.0.0.1:1", &server()).await;
    assert_eq!(
        server.unwrap().1.server_name(),
        None,
        "addresses are not sent as SNI (RFC 6066 §3)"
    );
}

#[tokio::test]
async fn the_configured_server_name_counts_in_place_of_the_targets() {
    let tls = client().server_name("a.test.example").unwrap();
    let (client, server) = shake(&tls, "10.1.2.3:50051", &server()).await;
    assert_eq!(client.unwrap().1.server_name(), Some("a.test.example"));
    assert_eq!(server.unwrap().1.server_name(), Some("a.test.example"));
    assert_eq!(
        tls.connector().unwrap().server_name().as_deref(),
        Some("a.test.example")
    );
}

#[tokio::test]
async fn a_target_that_is_no_name_is_refused_before_anything_is_sent() {
    let (near, mut far) = duplex(1024);
    let error = client()
        .connector()
        .unwrap()
        .handshake(near, "not a name")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"not a name\" is neither a DNS name nor an IP address to verify the server by"
    );
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let stranger = ServerTls::from_pem(STRANGER, STRANGER_KEY).unwrap();
    let (client, server) = shake(&client(), "localhost", &stranger).await;
    let error = client.unwrap_err();
    assert!(error.is_untrusted());
    assert_eq!(
        error.to_string(),
        "the server's certificate is not trusted: no configured authority has signed it"
    );
    let error = server.unwrap_err();
    assert!(error.is_rejected());
    assert_eq!(
        error.to_string(),
        "the client rejected this side's certificate: signed by an authority that it does not trust"
    );
}

#[tokio::test]
async fn an_added_authority_is_trusted_too() {
    let tls = client().add_ca_pem(OTHER_CA).unwrap();
    shake(&tls, "localhost", &server()).await.0.unwrap();
    shake(
        &tls,
        "localhost",
        &ServerTls::from_pem(STRANGER, STRANGER_KEY).unwrap(),
    )
    .await
    .0
    .unwrap();
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let expired = ServerTls::from_pem(EXPIRED, EXPIRED_KEY).unwrap();
    let error = refusal(&client(), "localhost", &expired).await;
    assert!(error.is_untrusted());
    let text = error.to_string();
    assert!(
        text.starts_with("the server's certificate is not trusted: it expired "),
        "{text}"
    );
}

#[tokio::test]
async fn a_clients_certificate_does_not_do_for_a_server() {
    let server = ServerTls::from_pem(CLIENT, CLIENT_KEY).unwrap();
    let error = refusal(&client(), "client.test.example", &server).await;
    assert!(error.is_untrusted());
    assert!(error.to_string().contains("another purpose"), "{error}");
}

#[tokio::test]
async fn a_self_signed_certificate_with_the_marks_of_an_authority_is_named_as_such() {
    let server = ServerTls::from_pem(SELF_SIGNED, SERVER_KEY).unwrap();
    let error = refusal(
        &ClientTls::ca_pem(SELF_SIGNED).unwrap(),
        "localhost",
        &server,
    )
    .await;
    assert_eq!(
        error.to_string(),
        "the server's certificate is not trusted: it is an authority's own, as self-signed ones often are (CA:TRUE)"
    );
}

#[tokio::test]
async fn a_certificate_of_version_1_may_be_shown_but_is_not_accepted() {
    let client = client().identity_pem(VERSION_1, CLIENT_KEY).unwrap();
    let (_, server) = shake(&client, "localhost", &strict_server()).await;
    assert_eq!(
        server.unwrap_err().to_string(),
        "the client's certificate is not trusted: it is of X.509 version 1, where version 3 is needed"
    );
}

#[tokio::test]
async fn a_plaintext_server_is_recognised() {
    let http2 = b"\0\0\0\x04\0\0\0\0\0";
    let http1 = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
    for answer in [&http2[..], http1] {
        let (near, mut far) = duplex(16 << 10);
        far.write_all(answer).await.unwrap();
        let error = client()
            .connector()
            .unwrap()
            .handshake(near, "localhost")
            .await
            .unwrap_err();
        assert!(error.is_not_tls(), "{error:?}");
        assert_eq!(error.to_string(), "the server does not speak TLS");
    }
}

#[tokio::test]
async fn a_plaintext_client_is_recognised() {
    for words in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let (mut near, far) = duplex(16 << 10);
        near.write_all(words).await.unwrap();
        let error = server()
            .acceptor()
            .unwrap()
            .handshake(far, false)
            .await
            .unwrap_err();
        assert!(error.is_not_tls(), "{error:?}");
        assert_eq!(error.to_string(), "the client does not speak TLS");
    }
}

#[tokio::test]
async fn a_peer_that_hangs_up_is_said_to_have_done_so() {
    let (near, far) = duplex(16 << 10);
    drop(near);
    let error = server()
        .acceptor()
        .unwrap()
        .handshake(far, false)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the client closed the connection during the TLS handshake"
    );
    let (near, far) = duplex(16 << 10);
    let mut hello = [0; 5];
    let client = client().connector().unwrap();
    let hang_up = async {
        let mut far = far;
        far.read_exact(&mut hello).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(client.handshake(near, "localhost"), hang_up);
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "the server closed the connection during the TLS handshake"
    );
}

#[tokio::test]
async fn ends_without_a_common_version_say_so() {
    let client = ClientTls::from_rustls(raw_client(&[], &[&TLS12]));
    let server = ServerTls::from_rustls(raw_server(&[], &[&TLS13]));
    let (client, server) = shake(&client, "localhost", &server).await;
    assert_eq!(
        client.unwrap_err().to_string(),
        "no TLS version or cipher suite in common with the server"
    );
    assert_eq!(
        server.unwrap_err().to_string(),
        "no TLS version or cipher suite in common with the client"
    );
}

#[tokio::test]
async fn tls_1_2_is_spoken_with_those_who_speak_no_other() {
    let client = ClientTls::from_rustls(raw_client(&[], &[&TLS12]));
    let (client, server) = shake(&client, "localhost", &server()).await;
    assert_eq!(client.unwrap().1.version(), TlsVersion::Tls12);
    let (stream, peer) = server.unwrap();
    assert_eq!(peer.version(), TlsVersion::Tls12);
    assert_eq!(
        stream.get_ref().1.protocol_version(),
        Some(ProtocolVersion::TLSv1_2)
    );
}

#[tokio::test]
async fn a_rustls_configuration_of_ones_own_speaks_h2_alone() {
    let client = ClientTls::from_rustls(raw_client(&[b"http/1.1"], &[&TLS13]));
    let server = ServerTls::from_rustls(raw_server(&[b"http/1.1"], &[&TLS13]));
    let (client, server) = shake(&client, "localhost", &server).await;
    assert_eq!(client.unwrap().0.get_ref().1.alpn_protocol(), Some(H2));
    server.unwrap();
}

#[tokio::test]
async fn clones_resume_each_others_sessions() {
    let (first, server) = (client(), server());
    let second = first.clone().server_name("localhost").unwrap();
    let mut kinds = Vec::new();
    for (tls, authority) in [
        (&first, "localhost"),
        (&second, "10.0.0.1"),
        (&client(), "localhost"),
    ] {
        let (client, server) = shake(tls, authority, &server).await;
        let ((mut near, _), (mut far, _)) = (client.unwrap(), server.unwrap());
        kinds.push(near.get_ref().1.handshake_kind().unwrap());
        // The ticket comes with the first bytes.
        far.write_all(b"x").await.unwrap();
        near.read_u8().await.unwrap();
    }
    assert_eq!(
        kinds,
        [
            HandshakeKind::Full,
            HandshakeKind::Resumed,
            HandshakeKind::Full
        ]
    );
}

#[tokio::test]
async fn an_end_without_close_notify_is_told_from_an_orderly_one() {
    let (client, server) = shake(&client(), "localhost", &server()).await;
    let ((near, _), (mut far, _)) = (client.unwrap(), server.unwrap());
    drop(near);
    let error = explain::io_error(far.read_u8().await.unwrap_err(), Side::Client);
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(
        error.to_string(),
        "the client closed the connection without TLS close_notify"
    );
}
