//! A log that cannot be written.

use super::processes::channels;
use crate::{
    child::{Circumstances, Server, channel},
    ledger::Book,
    load::{self, Load},
    report::Report,
    resources::Resources,
    service::PANIC,
};
use bytes::Bytes;
use farcall_testkit::stub_server::calls;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The server's logger panics with each line (`eprintln!` onto /dev/full), and there is something to log all the time.
pub(super) async fn full_log(name: &'static str) -> Report {
    let (book, before) = (Book::new(), Resources::now());
    let circumstances = Circumstances {
        full_log: true,
        ..Circumstances::default()
    };
    let server = match Server::start("127.0.0.1:0", &book, &circumstances).await {
        Ok(server) => server,
        Err(error) => return Report::skipped(name, error.to_string()),
    };
    let held = server.resources().await;
    let over = Arc::new(AtomicBool::new(false));
    let noise = tokio::spawn({
        let (over, channel) = (Arc::clone(&over), channel(server.address));
        async move {
            let mut lines = 0;
            while !over.load(Ordering::Relaxed) {
                for path in [PANIC, "/no.such/Method"] {
                    let call = calls::unary(&channel, path, Bytes::new());
                    call.timeout(Duration::from_secs(1)).await.ok();
                    lines += 1;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            lines
        }
    });
    let load = Load::lasting(Duration::from_secs(2));
    let outcome = load::run(&channels(server.address), &load, &Arc::default()).await;
    over.store(true, Ordering::Relaxed);
    let lines = noise.await.expect("the noise does not panic");
    let failed = outcome.failed();
    let left = server.settled(held).await;
    let audit = outcome.audit(&book);
    server.kill().await;
    let (_, leak) = Resources::settled(&before).await;
    Report::of(name, outcome, vec![leak, left])
        .expect(failed == 0, "calls failed because of the log")
        .expect(audit.is_empty(), audit.join("; "))
        .note(format!("{lines} reasons to log"))
}
