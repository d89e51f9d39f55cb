//! Interceptors of attempts, and call credentials, which are asked for each attempt.

use super::{hedging::hedged, *};
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_net::{
    Metadata, Sender, Streaming,
    credentials::{CallCredentials, CallInfo, SecurityLevel},
    interceptor::{AskedPeers, Attempt, AttemptInterceptor},
    lb::balancer::PickOutcome,
};
use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::time::sleep;

/// Notes what it sees, in a list that several share.
#[derive(Clone, Default)]
pub(super) struct Noting {
    name: &'static str,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Noting {
    fn named(&self, name: &'static str) -> Noting {
        let notes = Arc::clone(&self.notes);
        Noting { name, notes }
    }

    fn note(&self, what: String) {
        self.notes
            .lock()
            .unwrap()
            .push(format!("{}{what}", self.name));
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }
}

impl AttemptInterceptor for Noting {
    async fn on_start(&self, attempt: &mut Attempt) -> Result<(), Status> {
        let number = attempt.number();
        self.note(format!("+{number}"));
        attempt.metadata_mut().append("seen", self.name);
        attempt.metadata_mut().append("number", number.to_string());
        attempt.extensions_mut().insert(number);
        Ok(())
    }

    fn on_end(&self, attempt: &Attempt, outcome: &PickOutcome<'_>) {
        assert_eq!(attempt.extensions().find(), Some(&attempt.number()));
        let number = attempt.number();
        self.note(format!("-{number} {}", outcome.status.code()));
    }
}

/// Fails so many times, and answers with the values of a key that it has seen since.
pub(super) fn repeating(times: usize, key: &'static str) -> StubServer {
    let seen = Arc::new(Mutex::new(Vec::new()));
    StubServer::unary(PATH, move |request: Request<Bytes>| {
        let mut seen = seen.lock().unwrap();
        let values: Vec<_> = request.metadata().get_all(key).collect();
        seen.push(values.join("+"));
        let outcome = match seen.len() > times {
            true => Ok(Bytes::from(seen.join(" "))),
            false => Err(down()),
        };
        async move { outcome }
    })
}

#[tokio::test(start_paused = true)]
async fn each_attempt_passes_them_in_order_and_comes_back_the_other_way() {
    let all = Noting::default();
    let stub = simulated_with(repeating(2, "seen"), &unavailable(4), |channel| {
        channel.attempt_interceptor(all.named("a"))
    });
    let channel = stub.channel().with_attempt_interceptor(all.named("b"));
    let call = calls::unary(&channel, PATH, Bytes::new()).attempt_interceptor(all.named("c"));
    let reply = call.await.unwrap();
    let expected = [
        "a+1",
        "b+1",
        "c+1",
        "c-1 UNAVAILABLE",
        "b-1 UNAVAILABLE",
        "a-1 UNAVAILABLE",
        "a+2",
        "b+2",
        "c+2",
        "c-2 UNAVAILABLE",
        "b-2 UNAVAILABLE",
        "a-2 UNAVAILABLE",
        "a+3",
        "b+3",
        "c+3",
        "c-3 OK",
        "b-3 OK",
        "a-3 OK",
    ];
    assert_eq!(all.notes(), expected);
    assert_eq!(&reply[..], b"a+b+c a+b+c a+b+c", "each begins anew");
    unary(stub.channel()).await.unwrap();
    assert_eq!(
        all.notes()[expected.len()..],
        ["a+1", "a-1 OK"],
        "that of the channel alone"
    );
}

#[tokio::test(start_paused = true)]
async fn what_they_change_is_sent_with_their_attempt_alone() {
    struct Replacing;
    impl AttemptInterceptor for Replacing {
        async fn on_start(&self, attempt: &mut Attempt) -> Result<(), Status> {
            assert_eq!(
                attempt.metadata().get("tenant"),
                Some("blue"),
                "the caller's"
            );
            let number = attempt.number().to_string();
            attempt.metadata_mut().insert("tenant", number);
            Ok(())
        }
    }
    for early in [true, false] {
        let stub = simulated_with(repeating(2, "tenant"), &unavailable(4), |channel| {
            channel.attempt_interceptor(Replacing)
        });
        if early {
            stub.channel().connect().await.unwrap();
        }
        let call = calls::unary(stub.channel(), PATH, Bytes::new()).metadata("tenant", "blue");
        assert_eq!(&call.await.unwrap()[..], b"1 2 3", "early: {early}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_kinds_of_calls_have_them() {
    fn number(metadata: &Metadata) -> Bytes {
        Bytes::copy_from_slice(metadata.get("number").unwrap_or("none").as_bytes())
    }
    let stub = StubServer::unary("/t.T/Unary", |request: Request<Bytes>| async move {
        Ok(number(request.metadata()))
    });
    let stub = stub.and(StubServer::client_streaming(
        "/t.T/Join",
        |request: Request<Streaming<Bytes>>| async move { Ok(number(request.metadata())) },
    ));
    let stub = stub.and(StubServer::server_streaming(
        "/t.T/Split",
        |request: Request<Bytes>, replies: &mut Sender<Bytes>| {
            Box::pin(async move { replies.send(number(request.metadata())).await })
        },
    ));
    let stub = stub.and(StubServer::bidi(
        "/t.T/Chat",
        |request: Request<Streaming<Bytes>>, replies: &mut Sender<Bytes>| {
            Box::pin(async move { replies.send(number(request.metadata())).await })
        },
    ));
    let all = Noting::default();
    let stub = simulated_with(stub, "{}", |channel| {
        channel.attempt_interceptor(all.named(""))
    });
    let channel = stub.channel();
    let unary = calls::unary(channel, "/t.T/Unary", Bytes::new()).await;
    assert_eq!(&unary.unwrap()[..], b"1");
    let (mut requests, response) = calls::client_streaming(channel, "/t.T/Join").split();
    requests.half_close();
    assert_eq!(&response.await.unwrap()[..], b"1");
    let split = calls::server_streaming(channel, "/t.T/Split", Bytes::new());
    let mut split = split.await.unwrap();
    assert_eq!(split.message().await.unwrap().unwrap(), "1");
    assert_eq!(split.message().await.unwrap(), None);
    let (mut requests, mut chat) = calls::bidi(channel, "/t.T/Chat").split();
    assert_eq!(chat.message().await.unwrap().unwrap(), "1");
    requests.half_close();
    assert_eq!(chat.message().await.unwrap(), None);
    assert_eq!(all.notes(), ["+1", "-1 OK"].repeat(4));
}

/// Waits, then fails as often as it is told.
struct Slow {
    pause: Duration,
    failures: AtomicUsize,
    status: Status,
    probe: Probe,
}

impl Slow {
    fn new(pause: Duration) -> Slow {
        Slow {
            pause,
            failures: AtomicUsize::new(0),
            status: down(),
            probe: Probe::new(),
        }
    }

    fn failing(self, times: usize, status: Status) -> Slow {
        self.failures.store(times, Relaxed);
        Slow { status, ..self }
    }
}

impl AttemptInterceptor for Slow {
    async fn on_start(&self, _: &mut Attempt) -> Result<(), Status> {
        let _guard = self.probe.enter();
        sleep(self.pause).await;
        let left = self
            .failures
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        left.map_or(Ok(()), |_| Err(self.status.clone()))
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_holds_its_attempt_up_and_nothing_else() {
    let seen = Seen::new();
    let stub = simulated(failing(&seen, 1, down()), &unavailable(4));
    stub.channel().connect().await.unwrap();
    let slow = Slow::new(3 * SECOND);
    let call = calls::unary(stub.channel(), PATH, Bytes::new()).attempt_interceptor(slow);
    let held = tokio::spawn(async move { call.await.map(|reply| reply.attempts()) });
    sleep(SECOND).await;
    assert_eq!(code(unary(stub.channel()).await), Code::Ok);
    assert_eq!(seen.count(), 2, "another call of the channel");
    assert_eq!(held.await.unwrap().unwrap(), 1);
    assert_eq!(seen.count(), 3);
    assert!(seen.start.elapsed() >= 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_error_fails_the_attempt_and_the_policy_decides_whether_another_one_follows() {
    for pause in [Duration::ZERO, SECOND] {
        for (times, status, expected) in [
            (2, down(), (Code::Ok, 1)),
            (9, down(), (Code::Unavailable, 0)),
            (1, Status::internal("broken"), (Code::Internal, 0)),
        ] {
            let (seen, all) = (Seen::new(), Noting::default());
            let stub = simulated(failing(&seen, 0, down()), &unavailable(4));
            let call = calls::unary(stub.channel(), PATH, Bytes::new())
                .attempt_interceptor(all.named("a"))
                .attempt_interceptor(Slow::new(pause).failing(times, status.clone()))
                .attempt_interceptor(all.named("b"));
            let outcome = call.await.map(|reply| reply.into_inner());
            assert_eq!((code(outcome), seen.count()), expected, "{status}");
            let notes = all.notes();
            let first = format!("a-1 {}", status.code());
            assert_eq!(notes[..2], ["a+1".to_owned(), first], "b was not asked");
            let starts = notes.iter().filter(|note| note.starts_with("a+")).count();
            let ends = notes.iter().filter(|note| note.starts_with("a-")).count();
            assert_eq!(starts, ends, "{notes:?}");
            let attempts = match expected.0 {
                Code::Ok => 3,
                Code::Unavailable => 4,
                _ => 1,
            };
            assert_eq!(starts, attempts, "{notes:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_and_the_end_of_a_call_and_of_its_channel_reach_one_that_waits_for_ever() {
    struct Hanging(Probe);
    impl AttemptInterceptor for Hanging {
        async fn on_start(&self, _: &mut Attempt) -> Result<(), Status> {
            let _guard = self.0.enter();
            pending().await
        }
    }
    let (probe, all) = (Probe::new(), Noting::default());
    let hanging = Hanging(probe.clone());
    let stub = simulated_with(failing(&Seen::new(), 0, down()), "{}", |channel| {
        let channel = channel.attempt_interceptor(all.named(""));
        channel.attempt_interceptor(hanging)
    });
    stub.channel().connect().await.unwrap();
    let start = Instant::now();
    let late = calls::unary(stub.channel(), PATH, Bytes::new()).timeout(SECOND);
    let status = late.await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(status.message().contains("interceptor"), "{status}");
    assert_eq!(start.elapsed(), SECOND);
    probe.ended(1).await;

    let (requests, replies) = calls::bidi(stub.channel(), PATH).split();
    sleep(SECOND).await;
    drop((requests, replies));
    within(SECOND, "the end of the dropped", probe.ended(2)).await;

    let channel = stub.channel().clone();
    let last = tokio::spawn(async move { unary(&channel).await });
    sleep(SECOND).await;
    stub.channel().close();
    assert_eq!(code(last.await.unwrap()), Code::Cancelled);
    within(SECOND, "the end of the last", probe.ended(3)).await;
    assert_eq!(all.notes(), ["+1", "-1 CANCELLED"].repeat(3));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_of_a_hedged_call_has_its_own_and_the_losers_are_told() {
    let all = Noting::default();
    let stub = StubServer::unary(PATH, |request: Request<Bytes>| async move {
        let number = request.metadata().get("number").unwrap().to_owned();
        match &number[..] {
            "2" => Ok(Bytes::from(number)),
            _ => pending().await,
        }
    });
    let stub = simulated_with(stub, &hedged(3, "1s"), |channel| {
        channel.attempt_interceptor(all.named(""))
    });
    assert_eq!(unary(stub.channel()).await.unwrap(), "2");
    let mut notes = all.notes();
    assert_eq!(notes[..2], ["+1", "+2"]);
    let told = async {
        while notes.len() < 4 {
            tokio::task::yield_now().await;
            notes = all.notes();
        }
    };
    within(PATIENCE, "what the attempts ended with", told).await;
    notes.sort();
    assert_eq!(notes, ["+1", "+2", "-1 CANCELLED", "-2 OK"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_costs_its_call_alone() {
    struct Panicking;
    impl AttemptInterceptor for Panicking {
        async fn on_start(&self, attempt: &mut Attempt) -> Result<(), Status> {
            match attempt.metadata().get("when") {
                Some("start") => panic!("at the start"),
                Some("late") => {
                    sleep(SECOND).await;
                    panic!("after a while")
                }
                _ => Ok(()),
            }
        }

        fn on_end(&self, _: &Attempt, _: &PickOutcome<'_>) {
            panic!("at the end")
        }
    }
    let stub = simulated_with(failing(&Seen::new(), 0, down()), "{}", |channel| {
        channel.attempt_interceptor(Panicking)
    });
    for (when, expected) in [
        ("start", Code::Internal),
        ("late", Code::Internal),
        ("end", Code::Ok),
        ("end", Code::Ok),
    ] {
        let call = calls::unary(stub.channel(), PATH, Bytes::new()).metadata("when", when);
        let outcome = call.await.map(|reply| reply.into_inner());
        assert_eq!(code(outcome), expected, "{when}");
    }
    assert_eq!(stub.connections(), 1);
}

/// Numbers its proofs; the first `failures` are refused.
#[derive(Clone, Default)]
pub(super) struct Numbered {
    asked: Arc<AtomicUsize>,
    failures: usize,
    pub(super) pause: Duration,
}

impl CallCredentials for Numbered {
    async fn metadata(&self, _: &CallInfo) -> Result<Metadata, Status> {
        let number = self.asked.fetch_add(1, Relaxed);
        sleep(self.pause).await;
        if number < self.failures {
            return Err(down());
        }
        let mut metadata = Metadata::new();
        metadata.insert("proof", number.to_string());
        Ok(metadata)
    }

    fn required_security(&self) -> SecurityLevel {
        SecurityLevel::None
    }
}

#[tokio::test(start_paused = true)]
async fn call_credentials_are_asked_for_each_attempt_and_no_interceptor_sees_what_they_add() {
    struct Looking;
    impl AttemptInterceptor for Looking {
        async fn on_start(&self, attempt: &mut Attempt) -> Result<(), Status> {
            assert!(!attempt.metadata().contains_key("proof"));
            Ok(())
        }

        fn on_end(&self, attempt: &Attempt, _: &PickOutcome<'_>) {
            assert!(!attempt.metadata().contains_key("proof"));
        }
    }
    for pause in [Duration::ZERO, SECOND] {
        let credentials = Numbered {
            pause,
            ..Numbered::default()
        };
        let stub = simulated_with(repeating(2, "proof"), &unavailable(4), |channel| {
            let channel = channel.call_credentials(credentials.clone());
            channel.attempt_interceptor(Looking)
        });
        assert_eq!(unary(stub.channel()).await.unwrap(), "0 1 2");
        assert_eq!(credentials.asked.load(Relaxed), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_credentials_is_one_of_the_attempt() {
    let credentials = Numbered {
        failures: 2,
        ..Numbered::default()
    };
    let stub = simulated_with(repeating(0, "proof"), &unavailable(4), |channel| {
        channel.call_credentials(credentials.clone())
    });
    let reply = calls::unary(stub.channel(), PATH, Bytes::new())
        .await
        .unwrap();
    assert_eq!((&reply[..], reply.attempts()), (&b"2"[..], 3));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_a_call_that_has_no_connection() {
    let (credentials, all) = (Numbered::default(), Noting::default());
    let (asked, noting) = (credentials.asked.clone(), all.clone());
    let channel = Channel::builder("ipv4:127.0.0.1:1")
        .insecure()
        .call_credentials(credentials)
        .attempt_interceptor(noting)
        .build()
        .unwrap();
    let call = calls::unary(&channel, PATH, Bytes::new()).timeout(SECOND);
    assert_eq!(
        call.wait_for_ready().await.unwrap_err().code(),
        Code::DeadlineExceeded
    );
    assert_eq!(code(unary(&channel).await), Code::Unavailable);
    assert_eq!((asked.load(Relaxed), all.notes().len()), (0, 0));
}

#[tokio::test]
async fn a_caller_learns_which_servers_its_attempts_were_sent_to() {
    let backend = || async {
        let stub = StubServer::unary(PATH, |_| async { Err::<Bytes, _>(down()) });
        stub.start().await
    };
    let (one, other) = (backend().await, backend().await);
    let retries = unavailable(4).replace("1s", "0.001s");
    let channel = Channel::builder(format!("ipv4:{},{}", one.address(), other.address()))
        .insecure()
        .load_balancing_policy("round_robin")
        .default_service_config(retries)
        .build()
        .unwrap();
    let both = [one.address(), other.address()].map(|address| address.to_string());
    let asked = async {
        loop {
            let peers = AskedPeers::default();
            let call =
                calls::unary(&channel, PATH, Bytes::new()).attempt_interceptor(peers.clone());
            call.await.unwrap_err();
            let asked = peers.all();
            assert_eq!(asked.len(), 4, "{asked:?}");
            assert_eq!(peers.last().as_ref(), asked.last());
            // The second connection may come a little later.
            if both.iter().all(|address| asked.contains(address)) {
                return;
            }
        }
    };
    within(PATIENCE, "a call to both", asked).await;
}
