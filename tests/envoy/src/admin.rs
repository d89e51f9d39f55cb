//! Envoy's administration.

use crate::http;
use std::{collections::BTreeMap, io, net::SocketAddr};

/// Where it is.
#[derive(Clone, Copy)]
pub(crate) struct Admin(pub(crate) SocketAddr);

impl Admin {
    /// The address of the listener.
    pub(crate) async fn listener(self) -> io::Result<SocketAddr> {
        let answer = http::request(self.0, "GET", "/listeners", &[], b"").await?;
        // A line such as `front::127.0.0.1:10000`.
        let text = answer.text();
        let found = text.lines().find_map(|line| line.strip_prefix("front::"));
        let found = found.and_then(|address| address.trim().parse().ok());
        found.ok_or_else(|| io::Error::other(format!("no listener in {text:?}")))
    }

    /// Whether it is ready to serve.
    pub(crate) async fn is_ready(self) -> bool {
        let answer = http::request(self.0, "GET", "/ready", &[], b"").await;
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// Tells clients to go away in good order (GOAWAY), and takes no connections once the time of its drains is over.
    pub(crate) async fn drain(self) -> io::Result<()> {
        let answer = http::request(self.0, "POST", "/drain_listeners?graceful", &[], b"").await?;
        match answer.status {
            200 => Ok(()),
            other => Err(io::Error::other(format!(
                "draining: {other} {}",
                answer.text()
            ))),
        }
    }

    /// All counters and gauges whose names match the regular expression.
    pub(crate) async fn stats(self, filter: &str) -> io::Result<BTreeMap<String, u64>> {
        let path = format!("/stats?filter={filter}");
        let text = http::request(self.0, "GET", &path, &[], b"").await?.text();
        let one = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(text.lines().filter_map(one).collect())
    }

    /// How many backends Envoy sends calls to.
    pub(crate) async fn healthy(self) -> io::Result<u64> {
        let stats = self.stats("cluster.backends.membership_healthy").await?;
        Ok(stats.values().sum())
    }

    /// Waits until as many backends get calls.
    pub(crate) async fn until_healthy(self, count: u64) -> io::Result<()> {
        for _ in 0..500 {
            if self.healthy().await? == count {
                return Ok(());
            }
            crate::proxy::a_moment().await;
        }
        Err(io::Error::other(format!(
            "Envoy does not find {count} healthy backends"
        )))
    }
}
