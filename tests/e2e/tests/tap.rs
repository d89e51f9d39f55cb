//! A look at calls before anything is done for them.

use bytes::Bytes;
use farcall_e2e::Probe;
use farcall_net::{Code, Request, Status};
use farcall_testkit::stub_server::{StubServer, calls};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts how often its handler ran.
fn counted(probe: &Probe) -> StubServer {
    let probe = probe.clone();
    StubServer::unary("/t.T/Count", move |_| {
        drop(probe.enter());
        async { Ok(Bytes::from("here")) }
    })
}

fn of_tenant(tenant: &'static str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    request.metadata_mut().insert("tenant", tenant);
    request
}

#[tokio::test]
async fn a_tap_refuses_calls_before_their_handlers_run_and_whether_or_not_there_is_one() {
    let (probe, seen) = (Probe::new(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&seen);
    let channel = counted(&probe)
        .configure(move |server| {
            let count = Arc::clone(&count);
            server.tap(move |call| {
                count.fetch_add(1, Ordering::Relaxed);
                assert!(call.method().starts_with("/t.T/"));
                assert!(call.peer().tls().is_none());
                match call.metadata().get("tenant") {
                    Some("blue") => Ok(()),
                    _ => Err(Status::permission_denied("blue alone")),
                }
            })
        })
        .channel();
    for path in ["/t.T/Count", "/t.T/None"] {
        let call = calls::unary(&channel, path, of_tenant("red"));
        let status = call.await.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::PermissionDenied, "blue alone"),
            "{path}"
        );
    }
    assert_eq!(probe.counts(), (0, 0));
    for _ in 0..5 {
        let call = calls::unary(&channel, "/t.T/Count", of_tenant("blue"));
        call.await.unwrap();
    }
    // Each call, also where header lists repeat.
    assert_eq!((probe.counts().0, seen.load(Ordering::Relaxed)), (5, 7));
}

#[tokio::test]
async fn a_tap_that_panics_ends_the_call_and_not_the_connection() {
    let channel = counted(&Probe::new())
        .configure(|server| {
            server.tap(|call| match call.metadata().get("tenant") {
                Some("blue") => Ok(()),
                _ => panic!("no tenant"),
            })
        })
        .channel();
    let call = calls::unary(&channel, "/t.T/Count", Bytes::new());
    assert_eq!(call.await.unwrap_err().code(), Code::Internal);
    let call = calls::unary(&channel, "/t.T/Count", of_tenant("blue"));
    call.await.unwrap();
}
