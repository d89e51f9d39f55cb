//! TLS: handshakes that are wrong, old, unfinished.

use super::{Case, connections};
use crate::{
    hpack::{UNARY, call, request},
    raw::Raw,
    seen::{Seen, Verdict, Want},
    victim::certificates,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::TlsConnector;

const SOON: Duration = Duration::from_secs(2);

pub(super) fn cases() -> Vec<Case> {
    let tls = |name, attack| Case::new(name, "TLS", attack).options(|options| options.tls = true);
    let timeout = Some(Duration::from_millis(700));
    vec![
        tls("tls-without-alpn", |addr| Box::pin(alpn(addr, &[]))).starts(0),
        tls("tls-alpn-http1", |addr| Box::pin(alpn(addr, &["http/1.1"]))).starts(0),
        tls("tls-1.1", |addr| Box::pin(says(addr, old_hello()))).starts(0),
        tls("tls-bad-server-names", |addr| Box::pin(bad_names(addr))).starts(0),
        tls("tls-garbage", |addr| Box::pin(says(addr, vec![0xff; 2000]))).starts(0),
        tls("plaintext-to-tls", |addr| {
            Box::pin(says(addr, crate::wire::PREFACE.to_vec()))
        })
        .starts(0),
        tls("tls-without-certificate", |addr| {
            Box::pin(alpn(addr, &["h2"]))
        })
        .options(|options| options.client_certificates = true)
        .starts(0),
        tls("tls-half-handshakes", |addr| Box::pin(half(addr)))
            .options(|options| options.connection_timeout = timeout),
        tls("tls-resets-during-accept", |addr| {
            // The beginning of a ClientHello.
            Box::pin(connections::resets(
                addr,
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            ))
        }),
    ]
}

/// A handshake that offers these protocols, and a call after it: it must not get through.
async fn alpn(addr: SocketAddr, protocols: &[&str]) -> io::Result<Verdict> {
    let mut roots = RootCertStore::empty();
    for pem in [certificates::CA, certificates::PEERS_CA] {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()).flatten() {
            roots.add(certificate).map_err(io::Error::other)?;
        }
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let stream = TcpStream::connect(addr).await?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let connected = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) => {
            return Ok(Verdict {
                answer: format!("refuses: {error}"),
                miss: None,
            });
        }
    };
    let mut raw = Raw::new(stream);
    raw.out.raw(crate::wire::PREFACE).settings(&[]);
    raw.out
        .headers(1, &call(UNARY, "-").0, false)
        .data(1, &request(0), true);
    raw.until(SOON, |seen| seen.closed || seen.status.contains_key(&1))
        .await;
    let served = raw.seen.status.contains_key(&1);
    Ok(raw
        .seen
        .all(&[Want::Closed])
        .ensure(!served, "the call was served"))
}

/// Bytes in place of a handshake.
async fn says(addr: SocketAddr, bytes: Vec<u8>) -> io::Result<Verdict> {
    let mut raw = Raw::silent(addr).await?;
    raw.out.raw(&bytes);
    raw.until(SOON, |seen| seen.closed).await;
    Ok(raw.seen.all(&[Want::Closed]))
}

/// A ClientHello of TLS 1.1 (RFC 4346 §7.4.1.2).
fn old_hello() -> Vec<u8> {
    let mut body = vec![3, 2]; // client_version
    body.extend([7; 32]); // random
    body.push(0); // session_id
    body.extend([0, 4, 0xc0, 0x13, 0, 0x2f]); // two cipher suites of that time
    body.extend([1, 0]); // no compression
    let mut hello = vec![1, 0, 0, body.len() as u8];
    hello.extend(body);
    let mut record = vec![22, 3, 1, 0, hello.len() as u8];
    record.extend(hello);
    record
}

/// A ClientHello of TLS 1.2 (RFC 5246 §7.4.1.2) that asks for a server of this name (RFC 6066 §3).
fn hello_for(name: &[u8]) -> Vec<u8> {
    let long = |len: usize| (len as u16).to_be_bytes();
    let mut names = vec![0]; // host_name
    names.extend(long(name.len()));
    names.extend(name);
    let mut body = vec![3, 3]; // client_version
    body.extend([7; 32]); // random
    body.push(0); // session_id
    body.extend([0, 2, 0xc0, 0x2f, 1, 0]); // a cipher suite, no compression
    body.extend(long(names.len() + 6)); // extensions
    body.extend([0, 0]); // server_name
    body.extend(long(names.len() + 2));
    body.extend(long(names.len()));
    body.extend(names);
    let mut hello = vec![1, 0];
    hello.extend(long(body.len()));
    hello.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(long(hello.len()));
    record.extend(hello);
    record
}

/// Names of servers that are none, each good for a line in the log of whoever looks at it. The suite weighs the log.
async fn bad_names(addr: SocketAddr) -> io::Result<Verdict> {
    let mut last = Seen::default();
    for round in 0..1000 {
        let mut raw = Raw::silent(addr).await?;
        let name = match round % 3 {
            0 => b"192.0.2.1".to_vec(),
            1 => b"bad\r\n\x1b[31mname".to_vec(),
            _ => vec![b'!'; 4000],
        };
        raw.out.raw(&hello_for(&name));
        raw.until(SOON, |seen| seen.closed).await;
        last = raw.seen;
    }
    Ok(last.all(&[Want::Closed]))
}

/// Many handshakes that stop after a few bytes.
async fn half(addr: SocketAddr) -> io::Result<Verdict> {
    const CROWD: usize = 200;
    let mut tasks = JoinSet::new();
    for _ in 0..CROWD {
        tasks.spawn(async move {
            let mut raw = Raw::silent(addr).await?;
            raw.out.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
            raw.until(SOON, |seen| seen.closed).await;
            io::Result::Ok(raw.seen)
        });
    }
    let (mut gone, mut last) = (0, Seen::default());
    while let Some(seen) = tasks.join_next().await {
        let seen = seen.map_err(io::Error::other)??;
        gone += usize::from(seen.closed);
        last = seen;
    }
    let what = format!("{gone} of {CROWD} sent away");
    Ok(last
        .all(&[Want::Closed])
        .note(&what)
        .ensure(gone == CROWD, what))
}
