//! The grpc-go server, its books, and calls for it.

use crate::Error;
use bytes::Bytes;
use farcall::{Channel, Request, Status};
use farcall_testkit::stub_server::calls;
use std::{
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// The running server; it ends with this value.
pub(crate) struct Peer {
    _child: Child,
    address: String,
}

/// What the server has seen of a call.
pub(crate) struct Seen {
    /// The time between attempts.
    pub(crate) gaps: Vec<Duration>,
    /// What each said of attempts before it.
    pub(crate) previous: Vec<String>,
}

impl Peer {
    pub(crate) async fn start(program: &str) -> Result<Peer, Error> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        Ok(Peer {
            _child: child,
            address: line.ok_or("the server has not said where it listens")?,
        })
    }

    /// A channel under this service config.
    pub(crate) fn channel(&self, config: &str) -> Result<Channel, Error> {
        let builder = Channel::builder(format!("ipv4:{}", self.address)).insecure();
        Ok(builder.default_service_config(config).build()?)
    }

    /// What it has written down about the call.
    pub(crate) async fn seen(&self, id: &str) -> Result<Seen, Error> {
        let channel = self.channel("{}")?;
        let request = Bytes::from(id.to_owned());
        let reply = calls::unary(&channel, "/retries.Control/Attempts", request).await?;
        let text = String::from_utf8(reply.into_inner().to_vec())?;
        let mut seen = Seen {
            gaps: Vec::new(),
            previous: Vec::new(),
        };
        let mut last = None;
        for line in text.lines() {
            let (at, previous) = line.split_once(' ').ok_or("a line without a time")?;
            let at: u64 = at.parse()?;
            if let Some(last) = last.replace(at) {
                seen.gaps
                    .push(Duration::from_micros(at.saturating_sub(last)));
            }
            seen.previous.push(previous.to_owned());
        }
        Ok(seen)
    }
}

/// A new identity for a call.
pub(crate) fn id() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("call-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A unary call whose attempts end by this script.
pub(crate) async fn unary(
    channel: &Channel,
    id: &str,
    script: &'static str,
) -> Result<Bytes, Status> {
    let mut request = Request::new(Bytes::from_static(b"hello"));
    request.metadata_mut().insert("id", id.to_owned());
    request.metadata_mut().insert("script", script);
    let reply = calls::unary(channel, "/retries.Any/Unary", request).await;
    reply.map(|reply| reply.into_inner())
}
