//! What both ends know after a handshake.

use crate::peer::{TlsPeer, TlsVersion};
use rustls::{ConnectionCommon, ProtocolVersion};

/// HTTP/2 over TLS in ALPN (RFC 9113 §3.2).
pub(super) const H2: &[u8] = b"h2";
/// HTTP/1.1 over TLS in ALPN (RFC 7301 §6).
pub(super) const HTTP1: &[u8] = b"http/1.1";

/// What a finished handshake has established.
pub(super) fn describe<D>(session: &ConnectionCommon<D>, server_name: Option<String>) -> TlsPeer {
    let chain = session.peer_certificates().unwrap_or_default();
    TlsPeer {
        certificates: chain
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect(),
        server_name,
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
            _ => TlsVersion::Tls13,
        },
        alpn: session.alpn_protocol().unwrap_or_default().to_vec(),
    }
}
