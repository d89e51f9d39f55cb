//! TLS servers with the wrong protocol, the wrong certificate, or no handshake.

use super::{Case, Expect, SOON, Script};
use crate::{raw::Raw, victim::certificates as pem};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub(super) fn cases() -> Vec<Case> {
    let tls = |name, script: Script, text| {
        let expect = [Expect::Status("UNAVAILABLE", text)];
        Case::new(name, "TLS", script, expect).tls()
    };
    vec![
        tls(
            "tls-without-alpn",
            |io| Box::pin(shakes(io, SERVER, &[])),
            "ALPN",
        ),
        tls(
            "tls-expired",
            |io| Box::pin(shakes(io, EXPIRED, &["h2"])),
            "expired",
        ),
        tls(
            "tls-untrusted",
            |io| Box::pin(shakes(io, STRANGER, &["h2"])),
            "certificate",
        ),
        tls("tls-1.1", |io| Box::pin(says(io, &OLD_HELLO)), ""),
        tls("tls-garbage", |io| Box::pin(says(io, &[0xff; 1000])), ""),
        tls(
            "tls-plaintext",
            |io| Box::pin(says(io, b"\0\0\0\x04\0\0\0\0\0")),
            "",
        ),
        tls("tls-closed-in-handshake", |io| Box::pin(says(io, b"")), ""),
        tls("tls-reset-in-handshake", |io| Box::pin(resets(io)), ""),
        Case::new(
            "tls-silent",
            "TLS",
            |io| Box::pin(silent(io)),
            [Expect::Status("DEADLINE_EXCEEDED", "")],
        )
        .tls(),
    ]
}

type Identity = (&'static str, &'static str);

const SERVER: Identity = (pem::SERVER, pem::SERVER_KEY);
const EXPIRED: Identity = (pem::EXPIRED, pem::EXPIRED_KEY);
const STRANGER: Identity = (pem::STRANGER, pem::STRANGER_KEY);

/// A ServerHello of TLS 1.1 (RFC 4346 §7.4.1.3).
const OLD_HELLO: [u8; 47] = {
    let mut record = [7; 47];
    let head = [22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    let mut i = 0;
    while i < head.len() {
        record[i] = head[i];
        i += 1;
    }
    (record[43], record[44], record[45], record[46]) = (0, 0xc0, 0x13, 0);
    record
};

async fn shake(
    io: TcpStream,
    (certificate, key): Identity,
    protocols: &[&str],
) -> io::Result<TlsStream<TcpStream>> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(io::Error::other)?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(certificates.map_err(io::Error::other)?, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    TlsAcceptor::from(Arc::new(config)).accept(io).await
}

/// A handshake as it should be.
pub(crate) async fn good(io: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    shake(io, SERVER, &["h2"]).await
}

async fn shakes(io: TcpStream, identity: Identity, protocols: &[&str]) -> io::Result<Raw> {
    match shake(io, identity, protocols).await {
        Ok(stream) => {
            let mut raw = Raw::server(stream);
            raw.until(SOON, |seen| seen.closed).await;
            Ok(raw)
        }
        // The client has refused; nothing was said over TLS.
        Err(_) => Ok(nothing()),
    }
}

async fn says(mut io: TcpStream, bytes: &[u8]) -> io::Result<Raw> {
    let mut hello = [0; 1024];
    let _ = io.read(&mut hello).await?;
    io.write_all(bytes).await?;
    if bytes.is_empty() {
        return Ok(nothing());
    }
    let mut raw = Raw::new(io);
    raw.until(SOON, |seen| seen.closed).await;
    Ok(nothing())
}

async fn resets(mut io: TcpStream) -> io::Result<Raw> {
    let mut hello = [0; 16];
    let _ = io.read(&mut hello).await?;
    socket2::SockRef::from(&io).set_linger(Some(Duration::ZERO))?;
    Ok(nothing())
}

async fn silent(mut io: TcpStream) -> io::Result<Raw> {
    let mut hello = [0; 4096];
    let read = async { while let Ok(1..) = io.read(&mut hello).await {} };
    tokio::time::timeout(SOON, read).await.ok();
    Ok(nothing())
}

/// A connection on which no frame was heard.
fn nothing() -> Raw {
    Raw::new(tokio::io::empty())
}
