//! Handlers that run to completion.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, PROMPTLY, Probe, within};
use farcall_net::Code;
use farcall_testkit::stub_server::{StubServer, calls};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

everywhere![
    a_handler_registered_for_completion_is_told_of_the_cancel_and_goes_on,
    a_deadline_tells_such_a_handler_and_the_caller_does_not_wait_for_it,
    one_method_can_be_registered_while_the_others_are_dropped,
];

/// Tells when `cancelled()` fires, then goes on until it is released.
struct Stage {
    begun: Probe,
    told: Arc<Notify>,
    release: Arc<Notify>,
    completed: Probe,
}

impl Stage {
    fn new() -> Stage {
        Stage {
            begun: Probe::new(),
            told: Arc::default(),
            release: Arc::default(),
            completed: Probe::new(),
        }
    }

    fn server(&self, path: &'static str) -> StubServer {
        let (begun, completed) = (self.begun.clone(), self.completed.clone());
        let (told, release) = (Arc::clone(&self.told), Arc::clone(&self.release));
        StubServer::unary(path, move |request| {
            let (guard, completed) = (begun.enter(), completed.clone());
            let (told, release) = (Arc::clone(&told), Arc::clone(&release));
            async move {
                let _guard = guard;
                request.cancelled().await;
                told.notify_one();
                release.notified().await;
                drop(completed.enter());
                Ok(Bytes::new())
            }
        })
    }
}

async fn a_handler_registered_for_completion_is_told_of_the_cancel_and_goes_on() {
    let stage = Stage::new();
    let channel = stage
        .server("/t.T/Work")
        .configure(|server| server.run_to_completion())
        .reach();
    let call = tokio::spawn(calls::unary(&channel, "/t.T/Work", Bytes::new()).into_future());
    within(PATIENCE, "the handler", stage.begun.begun(1)).await;
    call.abort();
    within(PROMPTLY, "cancelled()", stage.told.notified()).await;
    assert_eq!(stage.begun.counts(), (1, 0), "it is not dropped");
    stage.release.notify_one();
    within(PROMPTLY, "the completion", stage.completed.ended(1)).await;
}

async fn a_deadline_tells_such_a_handler_and_the_caller_does_not_wait_for_it() {
    let stage = Stage::new();
    let channel = stage
        .server("/t.T/Work")
        .configure(|server| server.run_to_completion())
        .reach();
    let call = calls::unary(&channel, "/t.T/Work", Bytes::new()).timeout(Duration::from_millis(50));
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    within(PROMPTLY, "cancelled()", stage.told.notified()).await;
    stage.release.notify_one();
    within(PROMPTLY, "the completion", stage.completed.ended(1)).await;
}

async fn one_method_can_be_registered_while_the_others_are_dropped() {
    let (work, other) = (Stage::new(), Stage::new());
    let stub = work.server("/t.T/Work").and(other.server("/t.T/Other"));
    let channel = stub
        .configure(|server| server.run_method_to_completion("/t.T/Work"))
        .reach();
    for (path, stage) in [("/t.T/Work", &work), ("/t.T/Other", &other)] {
        let call = tokio::spawn(calls::unary(&channel, path, Bytes::new()).into_future());
        within(PATIENCE, "the handler", stage.begun.begun(1)).await;
        call.abort();
    }
    within(PROMPTLY, "the end of the other", other.begun.ended(1)).await;
    assert_eq!(
        other.completed.counts(),
        (0, 0),
        "it was dropped at its await"
    );
    within(PROMPTLY, "cancelled()", work.told.notified()).await;
    assert_eq!(work.begun.counts(), (1, 0));
    work.release.notify_one();
    within(PROMPTLY, "the completion", work.completed.ended(1)).await;
}
