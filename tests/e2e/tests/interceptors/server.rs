//! What is special about a server's interceptors.

use super::{Diary, Noting, before, call, echo, simulated};
use bytes::Bytes;
use farcall_core::{Method, MethodKind, Raw};
use farcall_e2e::Probe;
use farcall_net::{
    Channel, Code, Response, Sender, Server, Status,
    interceptor::{Call, Interceptor, Next, Outcome},
    server::{Intercepted, Methods, Service},
};
use farcall_testkit::stub_server::{StubServer, calls};
use std::{future::pending, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_interceptor_of_a_server_is_internal_and_the_connection_lives() {
    let stub = simulated(echo().configure(|server| {
        server.interceptor(before(|call| match call.metadata().get("boom") {
            Some(_) => panic!("on purpose"),
            None => Ok(()),
        }))
    }));
    let boom = calls::unary(stub.channel(), "/t.T/Unary", Bytes::new()).metadata("boom", "1");
    let status = boom.await.unwrap_err();
    let seen = (status.code(), status.message());
    assert_eq!(seen, (Code::Internal, "the handler panicked"));
    call(stub.channel(), "/t.T/Unary", "abc").await.unwrap();
    assert_eq!(stub.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_of_a_server_is_dropped_when_the_caller_goes_away_or_the_deadline_passes() {
    struct Stuck(Probe);
    impl Interceptor for Stuck {
        async fn intercept(&self, call: &mut Call, _next: Next<'_>) -> Outcome {
            let _guard = self.0.enter();
            assert!(call.context().is_some());
            pending().await
        }
    }
    let probe = Probe::new();
    let seen = probe.clone();
    let stub = simulated(echo().configure(move |server| server.interceptor(Stuck(seen.clone()))));
    for path in super::PATHS {
        let patience = Duration::from_secs(1);
        assert!(
            timeout(patience, call(stub.channel(), path, "abc"))
                .await
                .is_err()
        );
    }
    probe.ended(4).await;
    let unary = calls::unary(stub.channel(), "/t.T/Unary", Bytes::new());
    let status = unary.timeout(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    probe.ended(5).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_an_interceptor_of_a_server_makes_end_with_the_call_that_it_handles() {
    let probe = Probe::new();
    let seen = probe.clone();
    let back = simulated(StubServer::unary("/t.T/Back", move |_| {
        let guard = seen.enter();
        async move {
            let _guard = guard;
            pending::<Result<Bytes, Status>>().await
        }
    }));
    struct Asking(Channel);
    impl Interceptor for Asking {
        async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
            calls::unary(&self.0, "/t.T/Back", Bytes::new()).await?;
            next.run(call).await
        }
    }
    let channel = back.channel().clone();
    let stub =
        simulated(echo().configure(move |server| server.interceptor(Asking(channel.clone()))));
    let unary = calls::unary(stub.channel(), "/t.T/Unary", Bytes::new()).into_future();
    let unary = tokio::spawn(unary);
    probe.begun(1).await;
    unary.abort();
    probe.ended(1).await;
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_that_gives_up_a_handler_amid_its_replies_still_ends_the_call_rightly() {
    struct Limited;
    impl Interceptor for Limited {
        async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
            let run = timeout(Duration::from_secs(1), next.run(call));
            run.await
                .unwrap_or_else(|_| Err(Status::resource_exhausted("too slow")))
        }
    }
    for replies in 0..3 {
        let stub = StubServer::server_streaming("/t.T/Slow", move |_, sender| {
            Box::pin(async move {
                for _ in 0..replies {
                    sender.send(Bytes::from("x")).await?;
                }
                pending().await
            })
        });
        let stub = simulated(stub.configure(|server| server.interceptor(Limited)));
        let mut stream = calls::server_streaming(stub.channel(), "/t.T/Slow", Bytes::new())
            .await
            .unwrap();
        for _ in 0..replies {
            assert_eq!(stream.message().await.unwrap().unwrap(), "x");
        }
        let status = stream.message().await.unwrap_err();
        let seen = (status.code(), status.message());
        assert_eq!(seen, (Code::ResourceExhausted, "too slow"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_that_waits_before_and_after_the_handler_is_no_different() {
    struct Waiting;
    impl Interceptor for Waiting {
        async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
            sleep(Duration::from_secs(1)).await;
            let outcome = next.run(call).await;
            sleep(Duration::from_secs(1)).await;
            outcome
        }
    }
    let stub = simulated(echo().configure(|server| server.interceptor(Waiting)));
    for path in super::PATHS {
        let start = tokio::time::Instant::now();
        assert_eq!(call(stub.channel(), path, "abc").await.unwrap().text, "abc");
        assert_eq!(start.elapsed().as_secs(), 2, "{path}");
    }
}

/// A service of one method that answers with its name.
struct Named<const B: bool>;

impl<const B: bool> Service for Named<B> {
    const NAME: &'static str = if B { "t.B" } else { "t.A" };

    fn methods(&self, methods: &mut Methods) {
        let path = if B { "/t.B/Say" } else { "/t.A/Say" };
        let method = Method::<Bytes, Bytes, Raw>::with_codec(path, MethodKind::Unary, Raw);
        methods.unary(&method, &Arc::new(()), |_, request| async move {
            Ok(Response::new(request.into_inner()))
        });
        let path = if B { "/t.B/List" } else { "/t.A/List" };
        let method =
            Method::<Bytes, Bytes, Raw>::with_codec(path, MethodKind::ServerStreaming, Raw);
        methods.server_streaming(
            &method,
            &Arc::new(()),
            |_, _, sender: Sender<Bytes>| async move { (Ok(()), sender) },
        );
    }
}

#[tokio::test]
async fn the_interceptors_of_a_service_stand_inside_those_of_the_server_and_around_that_service_alone()
 {
    let diary = Diary::default();
    let noting = |name| Noting {
        name,
        diary: diary.clone(),
    };
    let a = Intercepted::new(Named::<false>, noting("a1")).and(noting("a2"));
    let a = Intercepted::new(a, noting("outer"));
    let server = Server::builder()
        .interceptor(noting("s1"))
        .add_service(a)
        .add_service(Named::<true>)
        .interceptor(noting("s2"))
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let target = server.local_addr().unwrap().to_string();
    tokio::spawn(server.serve());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let names = || -> Vec<String> {
        let notes = diary.take();
        let names = notes
            .iter()
            .map(|note| note.split(' ').next().unwrap().to_owned());
        names.collect()
    };
    calls::unary(&channel, "/t.A/Say", Bytes::new())
        .await
        .unwrap();
    let down = ["s1", "s2", "outer", "a1", "a2"];
    let up = ["a2", "a1", "outer", "s2", "s1"];
    assert_eq!(names(), [down, up].concat());
    calls::unary(&channel, "/t.B/Say", Bytes::new())
        .await
        .unwrap();
    assert_eq!(names(), ["s1", "s2", "s2", "s1"]);
    let unknown = calls::unary(&channel, "/t.B/None", Bytes::new()).await;
    assert_eq!(unknown.unwrap_err().code(), Code::Unimplemented);
    assert!(
        names().is_empty(),
        "nobody handles it, nobody intercepts it"
    );
}

/// Says that its method is unary, and streams replies.
struct Wrong;

impl Service for Wrong {
    const NAME: &'static str = "t.W";

    fn methods(&self, methods: &mut Methods) {
        let method = Method::<Bytes, Bytes, Raw>::with_codec("/t.W/List", MethodKind::Unary, Raw);
        methods.server_streaming(
            &method,
            &Arc::new(()),
            |_, _, sender: Sender<Bytes>| async move { (Ok(()), sender) },
        );
    }
}

#[tokio::test]
async fn a_server_with_a_method_that_is_registered_as_another_kind_than_its_own_does_not_start() {
    let server = || Server::builder().add_service(Wrong);
    for error in [
        server().bind("127.0.0.1:0").await.err().unwrap(),
        server().unbound().err().unwrap(),
        server().in_process().err().unwrap(),
    ] {
        assert!(error.is_config());
        let said = "method /t.W/List is Unary, but was registered as ServerStreaming";
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn interceptors_run_where_quick_handlers_are_polled_inline_too() {
    let diary = Diary::default();
    let notes = diary.clone();
    let stub = echo().configure(move |server| {
        server.interceptor(Noting {
            name: "s",
            diary: notes.clone(),
        })
    });
    let stub = stub.start().await;
    let channel = Channel::builder(stub.address().to_string())
        .insecure()
        .build()
        .unwrap();
    // The first 64 short polls earn it.
    for round in 0..200 {
        for path in super::PATHS {
            assert_eq!(call(&channel, path, "abc").await.unwrap().text, "abc");
            assert_eq!(diary.take().len(), 2, "{path} {round}");
        }
    }
}
