//! A network that swallows everything, in a namespace of its own.

use super::processes::channels;
use crate::{
    child::{Circumstances, Server},
    ledger::Book,
    load::{self, Load},
    report::Report,
    resources::Resources,
};
use std::{
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

const NEAR: &str = "10.213.77.1";
const FAR: &str = "10.213.77.2";

/// A namespace with a pair of interfaces to it. Dropping it removes them.
struct Namespace {
    name: String,
}

impl Namespace {
    fn new() -> Result<Namespace, String> {
        let name = format!("farcall{}", std::process::id());
        let (near, far) = (
            format!("fcn{}", std::process::id()),
            format!("fcf{}", std::process::id()),
        );
        run(&["netns", "add", &name])?;
        let namespace = Namespace { name: name.clone() };
        run(&[
            "link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &name,
        ])?;
        run(&["addr", "add", &format!("{NEAR}/30"), "dev", &near])?;
        run(&["link", "set", &near, "up"])?;
        run(&[
            "-n",
            &name,
            "addr",
            "add",
            &format!("{FAR}/30"),
            "dev",
            &far,
        ])?;
        run(&["-n", &name, "link", "set", &far, "up"])?;
        run(&["-n", &name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Everything that the server sends to us vanishes, acknowledgements included.
    fn swallow(&self) {
        run(&[
            "-n",
            &self.name,
            "route",
            "add",
            "blackhole",
            &format!("{NEAR}/32"),
        ])
        .expect("ip route add");
    }

    fn deliver(&self) {
        run(&[
            "-n",
            &self.name,
            "route",
            "del",
            "blackhole",
            &format!("{NEAR}/32"),
        ])
        .expect("ip route del");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Its interface goes with it, and with that the other end of the pair.
        run(&["netns", "del", &self.name]).ok();
    }
}

fn run(words: &[&str]) -> Result<(), String> {
    match Command::new("ip").args(words).output() {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Ok(Output { stderr, .. }) => Err(format!(
            "ip {}: {}",
            words.join(" "),
            String::from_utf8_lossy(&stderr).trim()
        )),
        Err(error) => Err(format!("ip: {error}")),
    }
}

/// Four seconds without a sign of life, under load; then everything is as before.
pub(super) async fn black_hole(name: &'static str) -> Report {
    let (book, before) = (Book::new(), Resources::now());
    let namespace = match Namespace::new() {
        Ok(namespace) => namespace,
        Err(why) => return Report::skipped(name, why),
    };
    let circumstances = Circumstances {
        namespace: Some(namespace.name.clone()),
        ..Circumstances::default()
    };
    let server = match Server::start(&format!("{FAR}:0"), &book, &circumstances).await {
        Ok(server) => server,
        Err(error) => return Report::skipped(name, error.to_string()),
    };
    let held = server.resources().await;
    let load = Load::lasting(Duration::from_secs(2));
    let progress = Arc::new(AtomicUsize::new(0));
    let calls = tokio::spawn({
        let (load, progress, channels) = (
            load.clone(),
            Arc::clone(&progress),
            channels(server.address),
        );
        async move { load::run(&channels, &load, &progress).await }
    });
    while progress.load(Ordering::Relaxed) < load.calls / 2 {
        sleep(Duration::from_millis(5)).await;
    }
    namespace.swallow();
    sleep(Duration::from_secs(4)).await;
    namespace.deliver();
    let outcome = calls.await.expect("the load does not panic");
    let (failed, answered) = (outcome.failed(), outcome.answered.len());
    let left = server.settled(held).await;
    let audit = outcome.audit(&book);
    server.kill().await;
    drop(namespace);
    let (_, leak) = Resources::settled(&before).await;
    Report::of(name, outcome, vec![leak, left])
        .expect(failed > 0, "no call noticed the fault")
        .expect(answered > load.calls / 2, "half of the calls failed")
        .expect(audit.is_empty(), audit.join("; "))
        .note("4 s")
}
