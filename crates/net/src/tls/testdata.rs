//! Certificates for tests; `testdata/generate.sh` makes them.

use super::{ClientTls, ServerTls};

/// Has signed everything here but the stranger.
pub(crate) const CA: &str = include_str!("testdata/ca.pem");
pub(crate) const OTHER_CA: &str = include_str!("testdata/other-ca.pem");
/// `localhost`, `*.test.example`, `127.0.0.1`, `::1`.
pub(crate) const SERVER: &str = include_str!("testdata/server.pem");
pub(crate) const SERVER_KEY: &str = include_str!("testdata/server.key");
/// The same key in SEC1.
pub(crate) const SERVER_KEY_SEC1: &str = include_str!("testdata/server-sec1.key");
/// The same key with the passphrase `secret`.
pub(crate) const SERVER_KEY_ENCRYPTED: &str = include_str!("testdata/server-encrypted.key");
/// For clients only.
pub(crate) const CLIENT: &str = include_str!("testdata/client.pem");
pub(crate) const CLIENT_KEY: &str = include_str!("testdata/client.key");
/// `localhost`, until 2026.
pub(crate) const EXPIRED: &str = include_str!("testdata/expired.pem");
pub(crate) const EXPIRED_KEY: &str = include_str!("testdata/expired.key");
/// `localhost`, for clients and servers, signed by the other authority.
pub(crate) const STRANGER: &str = include_str!("testdata/stranger.pem");
pub(crate) const STRANGER_KEY: &str = include_str!("testdata/stranger.key");

/// Of X.509 version 1, with the client's key.
pub(crate) const VERSION_1: &str = include_str!("testdata/version1.pem");
/// `localhost`, signed by itself, with the server's key.
pub(crate) const SELF_SIGNED: &str = include_str!("testdata/self-signed.pem");

/// Trusts the test authority, has no certificate.
pub(crate) fn client() -> ClientTls {
    ClientTls::ca_pem(CA).unwrap()
}

/// Trusts the test authority, shows the client's certificate.
pub(crate) fn known_client() -> ClientTls {
    client().identity_pem(CLIENT, CLIENT_KEY).unwrap()
}

/// Shows the server's certificate, asks for none.
pub(crate) fn server() -> ServerTls {
    ServerTls::from_pem(SERVER, SERVER_KEY).unwrap()
}

/// Lets in the test authority's clients only.
pub(crate) fn strict_server() -> ServerTls {
    server().client_ca_pem(CA).unwrap()
}
