//! The other ends that calls have: dropped, panicked, in the middle of others' panics.

use super::{
    super::{Diary, echo, simulated},
    at_begin, at_end, numbered, stuck, waiting, with_chains,
};
use bytes::Bytes;
use farcall_e2e::Probe;
use farcall_net::{
    Code, Request, Status,
    interceptor::{AnyInterceptor, Begin, End, Immediate, IntoInterceptor},
};
use farcall_testkit::stub_server::{StubServer, calls};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_on_its_way_has_an_end_too() {
    for beside in [false, true] {
        let (diary, probe) = (Diary::default(), Probe::new());
        let notes = diary.clone();
        let stub = simulated(stuck(&probe).configure(move |server| {
            let server = server.interceptor(numbered("s", &notes));
            let server = server.default_timeout(Duration::from_secs(5));
            match beside {
                true => server.interceptor(waiting()),
                false => server,
            }
        }));
        let channel = stub.channel().with_interceptor(numbered("c", &diary));
        let channel = match beside {
            true => channel.with_interceptor(waiting()),
            false => channel,
        };
        let unary = calls::unary(&channel, "/t.T/Stuck", Bytes::new()).into_future();
        let patience = Duration::from_secs(1);
        timeout(patience, unary).await.err().unwrap();
        probe.ended(1).await;
        let ends = ["c0 Stuck CANCELLED", "s0 Stuck CANCELLED"];
        assert_eq!(diary.take()[2..], ends);
        // The server's own limit, of which the client knows nothing.
        let status = calls::unary(&channel, "/t.T/Stuck", Bytes::new()).await;
        assert_eq!(status.unwrap_err().code(), Code::DeadlineExceeded);
        probe.ended(2).await;
        let mut ends = diary.take()[2..].to_vec();
        ends.sort();
        let exceeded = ["c1 Stuck DEADLINE_EXCEEDED", "s1 Stuck DEADLINE_EXCEEDED"];
        assert_eq!(ends, exceeded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_handler_or_of_one_inside_is_an_end_too() {
    let diary = Diary::default();
    for inside in [false, true] {
        for beside in [false, true] {
            let stub = StubServer::unary("/t.T/Boom", |_: Request<Bytes>| async {
                panic!("on purpose");
                #[expect(unreachable_code, reason = "it says what the handler would give")]
                Ok(Bytes::new())
            });
            let notes = diary.clone();
            let stub = simulated(stub.configure(move |server| {
                let server = server.interceptor(numbered("a", &notes));
                let server = match beside {
                    true => server.interceptor(waiting()),
                    false => server,
                };
                match inside {
                    true => server.interceptor(at_begin(|_| panic!("on purpose"))),
                    false => server,
                }
            }));
            let status = calls::unary(stub.channel(), "/t.T/Boom", Bytes::new()).await;
            let status = status.unwrap_err();
            let seen = (status.code(), status.message());
            assert_eq!(seen, (Code::Internal, "the handler panicked"));
            assert_eq!(diary.take(), ["a0 Boom", "a0 Boom INTERNAL"]);
        }
    }
}

/// Counts the calls under way, and all.
#[derive(Clone, Default)]
struct Gauge {
    under_way: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
}

impl Immediate for Gauge {
    type State = ();

    fn begin(&self, _: &mut Begin<'_>) -> Result<(), Status> {
        self.all.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn end(&self, _: (), end: &mut End<'_>) {
        assert_ne!(end.code(), Code::Ok);
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gauge {
    /// Two of it among two whose ends panic.
    fn among_panics(&self, beside: bool) -> Vec<AnyInterceptor> {
        let gauge = || self.clone().into_interceptor();
        let panicking = || at_end(|_| panic!("on purpose"));
        let mut chain = vec![gauge(), panicking(), gauge(), panicking()];
        if beside {
            chain.push(waiting());
        }
        chain
    }

    /// Calls under way, and all.
    fn counts(&self) -> (usize, usize) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        (count(&self.under_way), count(&self.all))
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_one_that_hears_of_the_end_keeps_it_from_none_outside() {
    for beside in [false, true] {
        let gauge = Gauge::default();
        let chain = gauge.among_panics(beside);
        let (_stub, channel) = with_chains(echo(), chain, Vec::new());
        let unary = calls::unary(&channel, "/t.T/Unary", Bytes::from("abc"));
        assert_eq!(unary.await.unwrap_err().code(), Code::Internal);
        assert_eq!(gauge.counts(), (0, 2));

        let gauge = Gauge::default();
        let chain = gauge.among_panics(beside);
        let (_stub, channel) = with_chains(echo(), Vec::new(), chain);
        let unary = calls::unary(&channel, "/t.T/Unary", Bytes::from("abc"));
        let ended = tokio::spawn(unary.into_future()).await;
        assert!(ended.unwrap_err().is_panic(), "it goes on");
        assert_eq!(gauge.counts(), (0, 2));

        // One inside of all refuses the call.
        let gauge = Gauge::default();
        let mut chain = gauge.among_panics(beside);
        chain.push(at_begin(|_| Err(Status::permission_denied("not you"))));
        let (_stub, channel) = with_chains(echo(), Vec::new(), chain);
        let unary = async move { calls::unary(&channel, "/t.T/Unary", Bytes::new()).await };
        assert!(tokio::spawn(unary).await.unwrap_err().is_panic());
        assert_eq!(gauge.counts(), (0, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn nor_does_it_where_the_call_is_dropped_on_its_way() {
    for beside in [false, true] {
        let (of_server, of_client) = (Gauge::default(), Gauge::default());
        let probe = Probe::new();
        let (_stub, channel) = with_chains(
            stuck(&probe),
            of_server.among_panics(beside),
            of_client.among_panics(beside),
        );
        let unary = calls::unary(&channel, "/t.T/Stuck", Bytes::new()).into_future();
        let patience = Duration::from_secs(1);
        timeout(patience, unary).await.err().unwrap();
        probe.ended(1).await;
        assert_eq!((of_client.counts(), of_server.counts()), ((0, 2), (0, 2)));
    }
}
