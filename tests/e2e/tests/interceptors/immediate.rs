//! Interceptors that never wait: alone, where a unary call runs them without a future, and among others.

mod endings;

use super::{Diary, Noting, PATHS, before, call, echo, simulated};
use bytes::Bytes;
use farcall_e2e::Probe;
use farcall_net::{
    Channel, Code, Request, Status,
    interceptor::{
        Answer, AnyInterceptor, Begin, Call, End, Extensions, Immediate, IntoInterceptor, Payload,
    },
};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// Two closures as one that never waits.
struct Brief<B, E>(B, E);

impl<B, E> Immediate for Brief<B, E>
where
    B: Fn(&mut Begin<'_>) -> Result<(), Status> + Send + Sync + 'static,
    E: Fn(&mut End<'_>) + Send + Sync + 'static,
{
    type State = ();

    fn begin(&self, call: &mut Begin<'_>) -> Result<(), Status> {
        (self.0)(call)
    }

    fn end(&self, _: (), end: &mut End<'_>) {
        (self.1)(end);
    }
}

fn brief<B, E>(begin: B, end: E) -> AnyInterceptor
where
    B: Fn(&mut Begin<'_>) -> Result<(), Status> + Send + Sync + 'static,
    E: Fn(&mut End<'_>) + Send + Sync + 'static,
{
    Brief(begin, end).into_interceptor()
}

fn at_begin<B>(begin: B) -> AnyInterceptor
where
    B: Fn(&mut Begin<'_>) -> Result<(), Status> + Send + Sync + 'static,
{
    brief(begin, |_| {})
}

fn at_end<E: Fn(&mut End<'_>) + Send + Sync + 'static>(end: E) -> AnyInterceptor {
    brief(|_| Ok(()), end)
}

/// Notes begin and end, and that the end gets what the begin has left.
struct Numbered {
    name: &'static str,
    diary: Diary,
    calls: AtomicUsize,
}

fn numbered(name: &'static str, diary: &Diary) -> AnyInterceptor {
    let interceptor = Numbered {
        name,
        diary: diary.clone(),
        calls: AtomicUsize::new(0),
    };
    interceptor.into_interceptor()
}

impl Immediate for Numbered {
    type State = usize;

    fn begin(&self, call: &mut Begin<'_>) -> Result<usize, Status> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let (name, method) = (self.name, call.method().name());
        self.diary.note(format!("{name}{number} {method}"));
        Ok(number)
    }

    fn end(&self, number: usize, end: &mut End<'_>) {
        let (name, method) = (self.name, end.method().name());
        self.diary
            .note(format!("{name}{number} {method} {}", end.code()));
    }
}

/// What stands beside the interceptor of a test, so that it is run by a future.
fn waiting() -> AnyInterceptor {
    before(|_| Ok(())).into_interceptor()
}

/// A channel and a server with these around the calls of one side, alone and beside one that may wait.
fn on_either_side(make: impl Fn() -> AnyInterceptor) -> Vec<(SimulatedStub, Channel)> {
    let mut all = Vec::new();
    for beside in [false, true] {
        let stub = simulated(echo());
        let channel = stub.channel().with_interceptor(make());
        let channel = match beside {
            true => channel.with_interceptor(waiting()),
            false => channel,
        };
        all.push((stub, channel));
        let interceptor = make();
        let stub = simulated(echo().configure(move |server| {
            let server = server.interceptor(interceptor.clone());
            match beside {
                true => server.interceptor(waiting()),
                false => server,
            }
        }));
        let channel = stub.channel().clone();
        all.push((stub, channel));
    }
    all
}

/// A stub with these around its calls, and a channel with those around its own.
fn with_chains(
    stub: StubServer,
    of_server: Vec<AnyInterceptor>,
    of_client: Vec<AnyInterceptor>,
) -> (SimulatedStub, Channel) {
    let stub = simulated(stub.configure(move |server| {
        let chain = of_server.clone().into_iter();
        chain.fold(server, |server, next| server.interceptor(next))
    }));
    let chain = of_client.into_iter();
    let channel = chain.fold(stub.channel().clone(), |channel, next| {
        channel.with_interceptor(next)
    });
    (stub, channel)
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_call_has_one_begin_and_one_end_on_either_side() {
    let diary = Diary::default();
    for (_stub, channel) in on_either_side(|| numbered("a", &diary)) {
        let mut number = 0;
        for (path, name) in PATHS.into_iter().zip(["Unary", "Join", "Split", "Chat"]) {
            for (text, code) in [("abc", "OK"), ("fail", "ABORTED")] {
                let replied = call(&channel, path, text).await;
                assert_eq!(replied.is_ok(), code == "OK", "{path}");
                let notes = [
                    format!("a{number} {name}"),
                    format!("a{number} {name} {code}"),
                ];
                assert_eq!(diary.take(), notes);
                number += 1;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_ends_come_in_the_opposite_order_also_among_interceptors_that_wait() {
    let diary = Diary::default();
    let noting = |name| Noting {
        name,
        diary: diary.clone(),
    };
    let names = || -> String {
        let notes = diary.take();
        let letters = notes.iter().filter_map(|note| note.chars().next());
        letters.collect()
    };
    for path in PATHS {
        let stub = simulated(echo());
        let channel = stub.channel().with_interceptor(numbered("a", &diary));
        let channel = channel.with_interceptor(numbered("b", &diary));
        let three = channel.with_interceptor(numbered("c", &diary));
        call(&three, path, "abc").await.unwrap();
        assert_eq!(names(), "abccba", "{path}");
        let mixed = channel.with_interceptor(noting("w"));
        let mixed = mixed.with_interceptor(numbered("c", &diary));
        call(&mixed, path, "abc").await.unwrap();
        assert_eq!(names(), "abwccwba", "{path}");
    }
    let notes = diary.clone();
    let stub = simulated(echo().configure(move |server| {
        let server = server.interceptor(numbered("a", &notes));
        server.interceptor(numbered("b", &notes))
    }));
    for path in PATHS {
        call(stub.channel(), path, "abc").await.unwrap();
        assert_eq!(names(), "abba", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_refuses_a_call_has_no_end_and_those_outside_of_it_hear_of_it() {
    let diary = Diary::default();
    for inside in [true, false] {
        let chain = move |diary: &Diary| {
            let refusing = at_begin(|_| Err(Status::permission_denied("not you")));
            let last = match inside {
                true => numbered("b", diary),
                false => waiting(),
            };
            [numbered("a", diary), refusing, last]
        };
        let stub = simulated(echo());
        let mut client = stub.channel().clone();
        for interceptor in chain(&diary) {
            client = client.with_interceptor(interceptor);
        }
        let notes = diary.clone();
        let served = simulated(echo().configure(move |server| {
            let mut server = server;
            for interceptor in chain(&notes) {
                server = server.interceptor(interceptor);
            }
            server
        }));
        for channel in [&client, served.channel()] {
            for (path, name) in PATHS.into_iter().zip(["Unary", "Join", "Split", "Chat"]) {
                let status = call(channel, path, "abc").await.err().unwrap();
                let seen = (status.code(), status.message());
                assert_eq!(seen, (Code::PermissionDenied, "not you"), "{path}");
                let notes = diary.take();
                assert_eq!(notes.len(), 2, "{notes:?}");
                assert!(notes[1].ends_with(&format!("{name} PERMISSION_DENIED")));
            }
        }
        assert_eq!(stub.connections(), 0, "nothing was sent");
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_of_request_and_response_can_be_seen_and_changed() {
    let make = || {
        brief(
            |call| {
                assert_eq!(call.metadata().get("x-in"), None);
                call.metadata_mut().append("x-in", "more");
                assert_eq!(call.metadata().get("x-in"), Some("more"));
                assert_eq!(call.authority(), "simulated");
                assert_eq!(call.is_server(), call.peer().is_some());
                assert_eq!(call.is_server(), call.context().is_some());
                Ok(())
            },
            |end| {
                end.trailers_mut().insert("x-end", "seen");
            },
        )
    };
    for (_stub, channel) in on_either_side(make) {
        for path in PATHS {
            let replied = call(&channel, path, "abc").await.unwrap();
            assert_eq!(replied.out, ["more"], "{path}");
            assert_eq!(replied.end.as_deref(), Some("seen"), "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_may_make_a_status_of_an_answer_and_an_answer_of_a_status() {
    let make = || {
        at_end(|end| {
            let outcome = match end.status() {
                None => Err(Status::data_loss("no")),
                Some(_) => Ok(Answer::new(Payload::new("saved"))),
            };
            end.set_outcome(outcome);
        })
    };
    for (_stub, channel) in on_either_side(make) {
        for path in PATHS {
            let status = call(&channel, path, "").await.err().unwrap();
            assert_eq!(
                (status.code(), status.message()),
                (Code::DataLoss, "no"),
                "{path}"
            );
            assert_eq!(call(&channel, path, "fail").await.unwrap().text, "saved");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_message_can_be_seen_and_replaced_and_refused() {
    let make = || {
        at_begin(|call| {
            call.on_request(|message| match &message[..] {
                b"bad" => Err(Status::invalid_argument("bad")),
                _ => {
                    *message = Payload::new([&message[..], b"!"].concat());
                    Ok(())
                }
            });
            call.on_response(|message| {
                *message = Payload::new(message.to_ascii_uppercase());
                Ok(())
            });
            call.on_response_metadata(|metadata| metadata.insert("x-out", "head"));
            Ok(())
        })
    };
    for (_stub, channel) in on_either_side(make) {
        for path in PATHS {
            let replied = call(&channel, path, "abc").await.unwrap();
            assert_eq!(replied.text, "ABC!", "{path}");
            assert_eq!(replied.out, ["head"], "{path}");
            let status = call(&channel, path, "bad").await.err().unwrap();
            assert_eq!(status.code(), Code::InvalidArgument, "{path}");
        }
    }
    let replacing = || {
        at_begin(|call| {
            let message = call.message().unwrap();
            assert_eq!(&message[..], b"abc");
            call.set_message(Payload::new("other"));
            Ok(())
        })
    };
    for (_stub, channel) in on_either_side(replacing) {
        for path in ["/t.T/Unary", "/t.T/Split"] {
            assert_eq!(call(&channel, path, "abc").await.unwrap().text, "other");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn values_go_from_the_caller_to_its_interceptors_and_from_those_of_a_server_to_the_handler() {
    #[derive(Debug, PartialEq)]
    struct Told(&'static str);
    let stub = StubServer::unary("/t.T/Told", |request: Request<Bytes>| async move {
        let told = request.extensions().find::<Told>().unwrap().0;
        Ok(Bytes::from_static(told.as_bytes()))
    });
    let stub = simulated(stub.configure(|server| {
        server.interceptor(at_begin(|call| {
            assert_eq!(call.extensions().find::<Told>(), None);
            call.extensions_mut().insert(Told("server"));
            Ok(())
        }))
    }));
    let probe = Probe::new();
    let seen = probe.clone();
    let channel = stub.channel().with_interceptor(at_begin(move |call| {
        let extensions: &Extensions = call.extensions();
        assert_eq!(extensions.find(), Some(&Told("caller")));
        drop(seen.enter());
        Ok(())
    }));
    let told = calls::unary(&channel, "/t.T/Told", Bytes::new()).extension(Told("caller"));
    assert_eq!(told.await.unwrap().into_inner(), "server");
    assert_eq!(probe.counts(), (1, 1));
}

/// A server whose handler never answers.
fn stuck(probe: &Probe) -> StubServer {
    let seen = probe.clone();
    StubServer::unary("/t.T/Stuck", move |_: Request<Bytes>| {
        let guard = seen.enter();
        async move {
            let _guard = guard;
            pending::<Result<Bytes, Status>>().await
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_deadline_can_be_brought_forward_on_either_side() {
    let short = || {
        at_begin(|call| {
            assert_eq!(call.deadline(), None);
            call.set_timeout(Duration::from_secs(1));
            assert!(call.deadline().is_some());
            Ok(())
        })
    };
    for on_server in [false, true] {
        for beside in [false, true] {
            let probe = Probe::new();
            let chain = move || match beside {
                false => vec![short()],
                true => vec![short(), waiting()],
            };
            let stub = simulated(stuck(&probe).configure(move |server| {
                let chain = chain().into_iter().filter(|_| on_server);
                chain.fold(server, |server, next| server.interceptor(next))
            }));
            let chain = chain().into_iter().filter(|_| !on_server);
            let channel = chain.fold(stub.channel().clone(), |channel, next| {
                channel.with_interceptor(next)
            });
            let start = Instant::now();
            let status = calls::unary(&channel, "/t.T/Stuck", Bytes::new()).await;
            assert_eq!(status.unwrap_err().code(), Code::DeadlineExceeded);
            assert_eq!(start.elapsed().as_secs(), 1);
            probe.ended(1).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_inside_cannot_put_off_the_deadline_that_one_outside_has_set_on_a_server() {
    let late = |call: &mut Begin<'_>| {
        call.set_timeout(Duration::from_secs(60));
        let left = call.deadline().unwrap() - Instant::now().into_std();
        assert_eq!(left.as_secs_f64().round(), 1.0);
        Ok(())
    };
    let waiting_late = || {
        let late = |call: &mut Call| {
            call.set_timeout(Duration::from_secs(60));
            let left = call.deadline().unwrap() - Instant::now().into_std();
            assert_eq!(left.as_secs_f64().round(), 1.0);
            Ok(())
        };
        before(late).into_interceptor()
    };
    let soon = || {
        at_begin(|call| {
            call.set_timeout(Duration::from_secs(1));
            Ok(())
        })
    };
    let immediates = vec![soon(), at_begin(late)];
    let beside = vec![soon(), at_begin(late), waiting()];
    let inside = vec![soon(), waiting_late()];
    for chain in [immediates, beside, inside] {
        // The caller's own deadline is later than both, or there is none.
        for own in [None, Some(Duration::from_secs(90))] {
            let probe = Probe::new();
            let (_stub, channel) = with_chains(stuck(&probe), chain.clone(), Vec::new());
            let unary = calls::unary(&channel, "/t.T/Stuck", Bytes::new());
            let unary = match own {
                Some(own) => unary.timeout(own),
                None => unary,
            };
            let start = Instant::now();
            let status = unary.await.unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert_eq!(start.elapsed().as_secs(), 1);
            probe.ended(1).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn those_of_a_call_stand_inside_those_of_its_channel() {
    let diary = Diary::default();
    let stub = echo().simulated_with(1, NetConfig::default(), |channel| {
        channel.interceptor(numbered("c", &diary))
    });
    for own in [numbered("o", &diary), waiting()] {
        let unary = calls::unary(stub.channel(), "/t.T/Unary", Bytes::from("abc"));
        let reply = unary.interceptor(own).await.unwrap();
        assert_eq!(reply.into_inner(), "abc");
    }
    let notes = diary.take();
    let ends = [
        "c0 Unary",
        "o0 Unary",
        "o0 Unary OK",
        "c0 Unary OK",
        "c1 Unary",
        "c1 Unary OK",
    ];
    assert_eq!(notes, ends);
}

#[tokio::test]
async fn they_run_where_quick_handlers_are_polled_inline_too() {
    let diary = Diary::default();
    let notes = diary.clone();
    let stub = echo().configure(move |server| server.interceptor(numbered("s", &notes)));
    let stub = stub.start().await;
    let channel = stub.channel_builder().insecure().build().unwrap();
    // The first 64 short polls earn it.
    for round in 0..200 {
        let replied = call(&channel, "/t.T/Unary", "abc").await.unwrap();
        assert_eq!(replied.text, "abc");
        let notes = [format!("s{round} Unary"), format!("s{round} Unary OK")];
        assert_eq!(diary.take(), notes);
    }
}
