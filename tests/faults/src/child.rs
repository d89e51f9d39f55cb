//! Servers in processes of their own, to be killed, stopped and starved.

use crate::{ledger::Book, resources::Resources, service::RESOURCES};
use bytes::Bytes;
use farcall_net::Channel;
use farcall_testkit::stub_server::calls;
use std::{
    fs::File,
    io,
    net::SocketAddr,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Limit on its open files.
    pub max_files: Option<u32>,
    /// Its log goes to /dev/full.
    pub full_log: bool,
    /// The network namespace that it runs in.
    pub namespace: Option<String>,
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts one at `address`, which notes in `book` what it executes.
    ///
    /// # Errors
    /// The program cannot be started, or does not say within ten seconds that it listens.
    pub async fn start(
        address: &str,
        book: &Book,
        circumstances: &Circumstances,
    ) -> io::Result<Server> {
        let program = std::env::current_exe()?;
        let mut words = Vec::new();
        if let Some(namespace) = &circumstances.namespace {
            words.extend(["ip", "netns", "exec", namespace].map(str::to_owned));
        }
        if let Some(limit) = circumstances.max_files {
            words.extend(["prlimit".into(), format!("--nofile={limit}")]);
        }
        words.push(program.to_string_lossy().into_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("serve").arg(address);
        command
            .arg(book.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if circumstances.full_log {
            command.stderr(File::options().write(true).open("/dev/full")?);
        }
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        let said = tokio::time::timeout(Duration::from_secs(10), reader.read_line(&mut line));
        said.await.map_err(|_| io::ErrorKind::TimedOut)??;
        let address = line.trim().strip_prefix("listening on ");
        let address = address.and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| io::Error::other(format!("it said {line:?}")))?;
        Ok(Server { child, address })
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill(mut self) {
        self.child.kill().await.ok();
    }

    /// Sends a signal by its name, such as `STOP`.
    pub async fn signal(&self, name: &str) {
        let Some(id) = self.child.id() else { return };
        let mut kill = Command::new("kill");
        let status = kill
            .arg(format!("-{name}"))
            .arg(id.to_string())
            .status()
            .await;
        assert!(
            status.is_ok_and(|status| status.success()),
            "kill -{name} {id}"
        );
    }

    /// What the server holds, as it says itself on a connection of its own.
    pub async fn resources(&self) -> Option<Resources> {
        let channel = channel(self.address);
        let call = calls::unary(&channel, RESOURCES, Bytes::new());
        let reply = call.timeout(Duration::from_secs(5)).await.ok()?;
        std::str::from_utf8(&reply).ok()?.parse().ok()
    }

    /// Waits until the server is back at `before`; what is left, if it does not come to that.
    pub async fn settled(&self, before: Option<Resources>) -> String {
        let until = Instant::now() + Duration::from_secs(15);
        loop {
            let (Some(before), Some(now)) = (before, self.resources().await) else {
                return "the server does not answer".into();
            };
            // The connection that asks is another one each time, and the last one may still be closing.
            let slack = Resources {
                tasks: before.tasks + 1,
                descriptors: before.descriptors + 1,
                ..before
            };
            let beyond = now.beyond(&slack);
            if beyond.is_empty() {
                return beyond;
            }
            if Instant::now() > until {
                return format!("server: {beyond}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A plaintext channel to one address.
pub fn channel(address: SocketAddr) -> Channel {
    let builder = Channel::builder(format!("ipv4:{address}")).insecure();
    builder.build().expect("the target is an address")
}
