//! What is attacked: a server and a client, each in a process of its own.

pub(crate) mod client;
mod log;
pub(crate) mod server;

/// The certificates of the product's tests.
pub(crate) mod certificates {
    macro_rules! pem {
        ($name:literal) => {
            include_str!(concat!("../../../../crates/net/src/tls/testdata/", $name))
        };
    }

    pub(crate) const CA: &str = pem!("ca.pem");
    pub(crate) const SERVER: &str = pem!("server.pem");
    pub(crate) const SERVER_KEY: &str = pem!("server.key");
    pub(crate) const CLIENT: &str = pem!("client.pem");
    pub(crate) const CLIENT_KEY: &str = pem!("client.key");
    pub(crate) const EXPIRED: &str = pem!("expired.pem");
    pub(crate) const EXPIRED_KEY: &str = pem!("expired.key");
    pub(crate) const STRANGER: &str = pem!("stranger.pem");
    pub(crate) const STRANGER_KEY: &str = pem!("stranger.key");
    /// Of the servers in `benches/peers`.
    pub(crate) const PEERS_CA: &str = include_str!("../../../../benches/peers/tls/ca.pem");
}
