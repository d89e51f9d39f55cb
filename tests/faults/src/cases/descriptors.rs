//! Tables of file descriptors without a free entry, on either side.

use super::processes::channels;
use crate::{
    child::{Circumstances, Server, channel},
    ledger::Book,
    load::{self, Load, Outcome},
    report::Report,
    resources::Resources,
    service::ECHO,
};
use bytes::Bytes;
use farcall_net::Code;
use farcall_testkit::stub_server::calls;
use std::{fs::File, sync::Arc, time::Duration};
use tokio::{net::TcpStream, process::Command};

const SERVER_FILES: u32 = 48;

/// The server's table is full: open connections go on, new ones wait; then this process's: no new connection, and the
/// open ones go on. When there is room again, everything works.
pub(super) async fn full_table(name: &'static str) -> Report {
    let (book, before) = (Book::new(), Resources::now());
    let circumstances = Circumstances {
        max_files: Some(SERVER_FILES),
        ..Circumstances::default()
    };
    let server = match Server::start("127.0.0.1:0", &book, &circumstances).await {
        Ok(server) => server,
        Err(error) => return Report::skipped(name, format!("prlimit: {error}")),
    };
    let held = server.resources().await;
    let open = channels(server.address);
    for channel in &open {
        channel.connect().await.expect("there is room");
    }
    let mut idle = Vec::new();
    for _ in 0..2 * SERVER_FILES {
        idle.push(
            TcpStream::connect(server.address)
                .await
                .expect("the queue has room"),
        );
    }
    let mut load = Load::lasting(Duration::from_millis(500));
    let mut outcome = load::run(&open, &load, &Arc::default()).await;
    let mut wrong = Vec::new();
    if outcome.failed() > 0 {
        wrong.push("calls on open connections failed".to_owned());
    }
    let late = ping(&server, PINGS, Duration::from_millis(500)).await;
    if !matches!(late, Err(Code::DeadlineExceeded | Code::Unavailable)) {
        wrong.push(format!("a new connection to the full server: {late:?}"));
    }
    drop(idle);
    let again = ping(&server, PINGS + 1, Duration::from_secs(5)).await;
    let mut pings = Outcome::default();
    pings.answered.extend(again.is_ok().then_some(PINGS + 1));
    if let Err(code) = again {
        wrong.push(format!(
            "a new connection when there was room again: {code}"
        ));
    }
    // Now this side's.
    if limit(64).await {
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        let refused = ping(&server, PINGS + 2, Duration::from_secs(2)).await;
        load.first = load.calls as u64;
        let second = load::run(&open, &load, &Arc::default()).await;
        drop(files);
        limit(1024).await;
        if refused != Err(Code::Unavailable) {
            wrong.push(format!(
                "a new connection from the full process: {refused:?}"
            ));
        }
        if second.failed() > 0 {
            wrong.push("calls on open connections of the full process failed".into());
        }
        outcome.merge(second);
        let again = ping(&server, PINGS + 3, Duration::from_secs(5)).await;
        pings.answered.extend(again.is_ok().then_some(PINGS + 3));
        if let Err(code) = again {
            wrong.push(format!(
                "a new connection of the process with room again: {code}"
            ));
        }
    }
    outcome.merge(pings);
    wrong.extend(outcome.audit(&book));
    drop(open);
    let left = server.settled(held).await;
    server.kill().await;
    let (_, leak) = Resources::settled(&before).await;
    Report::of(name, outcome, vec![leak, left])
        .expect(wrong.is_empty(), wrong.join("; "))
        .note("the server's, then the client's")
}

/// Ids from here on are in no load.
const PINGS: u64 = 1 << 40;

/// A call on a connection of its own.
async fn ping(server: &Server, id: u64, timeout: Duration) -> Result<(), Code> {
    let channel = channel(server.address);
    let id = Bytes::from(id.to_le_bytes().to_vec());
    let call = calls::unary(&channel, ECHO, id).timeout(timeout);
    call.await.map(drop).map_err(|status| status.code())
}

/// Sets the soft limit of this process. False: it cannot be set here.
async fn limit(files: u32) -> bool {
    let mut command = Command::new("prlimit");
    command.arg("--pid").arg(std::process::id().to_string());
    command.arg(format!("--nofile={files}:"));
    command.status().await.is_ok_and(|status| status.success())
}
