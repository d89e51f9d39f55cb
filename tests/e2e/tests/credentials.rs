//! Call credentials: asked for each call, refused where everybody could read them.

use bytes::Bytes;
use farcall_e2e::Probe;
use farcall_net::{
    Channel, Code, Metadata, Request, Sender, Server, Status, Streaming,
    credentials::{AccessToken, CallCredentials, CallInfo, Composite, SecurityLevel, Token},
    interceptor::{Call, Interceptor, Next, Outcome},
    tls::{ClientTls, ServerTls},
};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// All four kinds: each answers with the values of `authorization`, joined.
fn mirror() -> StubServer {
    let stub = StubServer::unary("/t.T/Unary", |request: Request<Bytes>| async move {
        Ok(proof(request.metadata()))
    });
    let stub = stub.and(StubServer::client_streaming(
        "/t.T/Join",
        |request: Request<Streaming<Bytes>>| async move { Ok(proof(request.metadata())) },
    ));
    let stub = stub.and(StubServer::server_streaming(
        "/t.T/Split",
        |request: Request<Bytes>, replies: &mut Sender<Bytes>| {
            Box::pin(async move { replies.send(proof(request.metadata())).await })
        },
    ));
    stub.and(StubServer::bidi(
        "/t.T/Chat",
        |request: Request<Streaming<Bytes>>, replies: &mut Sender<Bytes>| {
            Box::pin(async move { replies.send(proof(request.metadata())).await })
        },
    ))
}

fn proof(metadata: &Metadata) -> Bytes {
    let values: Vec<_> = metadata.get_all("authorization").collect();
    Bytes::from(values.join(", "))
}

/// What a mirror says to a call of each kind.
async fn seen_by_all_kinds(channel: &Channel) -> [Result<String, Status>; 4] {
    let text = |bytes: Bytes| String::from_utf8(bytes.into()).unwrap();
    let unary = calls::unary(channel, "/t.T/Unary", Bytes::new()).await;
    let (mut requests, response) = calls::client_streaming(channel, "/t.T/Join").split();
    requests.half_close();
    let join = response.await;
    let mut split = calls::server_streaming(channel, "/t.T/Split", Bytes::new())
        .await
        .unwrap();
    let split = split.message().await;
    let (_requests, mut chat) = calls::bidi(channel, "/t.T/Chat").split();
    let chat = chat.message().await;
    [
        unary.map(|response| text(response.into_inner())),
        join.map(|response| text(response.into_inner())),
        split.map(|message| text(message.unwrap())),
        chat.map(|message| text(message.unwrap())),
    ]
}

/// In plaintext, with credentials that do not mind.
fn simulated(credentials: impl CallCredentials) -> SimulatedStub {
    mirror().simulated_with(1, NetConfig::default(), |channel| {
        channel.call_credentials(credentials)
    })
}

fn careless(token: &str) -> Token {
    Token::fixed(token).require_security(SecurityLevel::None)
}

async fn unary(channel: &Channel) -> Result<String, Status> {
    let reply = calls::unary(channel, "/t.T/Unary", Bytes::new()).await?;
    Ok(String::from_utf8(reply.into_inner().into()).unwrap())
}

/// A mirror behind TLS, with a channel that trusts it.
async fn secure(credentials: impl CallCredentials) -> Channel {
    macro_rules! certificate {
        ($name:literal) => {
            include_str!(concat!("../../../crates/net/src/tls/testdata/", $name))
        };
    }
    let tls = ServerTls::from_pem(certificate!("server.pem"), certificate!("server.key")).unwrap();
    let stub = mirror().configure(move |server: Server| server.tls(tls.clone()));
    let stub = Box::leak(Box::new(stub.start().await));
    Channel::builder(format!("dns:///localhost:{}", stub.address().port()))
        .tls(ClientTls::ca_pem(certificate!("ca.pem")).unwrap())
        .call_credentials(credentials)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_token_goes_out_with_every_kind_of_call_over_tls() {
    let channel = secure(Token::fixed("abc")).await;
    for seen in seen_by_all_kinds(&channel).await {
        assert_eq!(seen.unwrap(), "Bearer abc");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_with_credentials_in_plaintext_is_refused_before_anything_is_sent() {
    let stub = mirror().simulated(1, NetConfig::default());
    let call = calls::unary(stub.channel(), "/t.T/Unary", Bytes::new());
    let status = call.credentials(Token::fixed("abc")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(
        status.message().contains("privacy and integrity"),
        "{status}"
    );
    let (_requests, mut replies) = calls::bidi(stub.channel(), "/t.T/Chat")
        .credentials(Token::fixed("abc"))
        .split();
    let status = replies.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(stub.connections(), 0, "the channel has not even connected");
}

#[test]
fn a_channel_in_plaintext_with_credentials_cannot_be_built() {
    let builder = || Channel::builder("ipv4:127.0.0.1:1").insecure();
    let error = builder()
        .call_credentials(Token::fixed("abc"))
        .build()
        .unwrap_err();
    assert!(
        error.to_string().contains("privacy and integrity"),
        "{error}"
    );
    let integrity = Token::fixed("abc").require_security(SecurityLevel::IntegrityOnly);
    let error = builder().call_credentials(integrity).build().unwrap_err();
    assert!(error.to_string().contains("integrity"), "{error}");
    builder().call_credentials(careless("abc")).build().unwrap();
    // The most demanding ones count.
    let both = Composite::new(careless("a")).and(Token::fixed("b"));
    assert!(builder().call_credentials(both).build().is_err());
}

#[tokio::test]
async fn a_unix_socket_protects_credentials_unless_somebody_else_may_stand_behind_the_name() {
    let path = std::env::temp_dir().join(format!("farcall-credentials-{}", std::process::id()));
    let target = format!("unix:{}", path.display());
    let with = |target: &str| {
        Channel::builder(target)
            .insecure()
            .call_credentials(Token::fixed("abc"))
    };
    assert!(with(&target).build().is_ok());
    assert!(with("unix-abstract:name").build().is_ok());
    let elsewhere = |_: &farcall_net::Address| Box::pin(pending()) as _;
    assert!(with(&target).connector(elsewhere).build().is_err());
    let registry = farcall_net::Registry::built_in();
    assert!(with(&target).registry(registry).build().is_err());
    let resolver = farcall_net::resolver::ManualResolver::new("unix");
    assert!(with(&target).resolver(resolver).build().is_err());
}

#[tokio::test(start_paused = true)]
async fn the_credentials_of_a_call_come_in_addition_to_those_of_its_channel() {
    let stub = simulated(careless("channel"));
    let call = calls::unary(stub.channel(), "/t.T/Unary", Bytes::new())
        .metadata("authorization", "mine")
        .credentials(careless("call"))
        .credentials(Composite::new(careless("c1")).and(careless("c2")));
    let seen = call.await.unwrap().into_inner();
    assert_eq!(
        seen,
        "mine, Bearer channel, Bearer call, Bearer c1, Bearer c2"
    );
}

/// Fails as it is told.
struct Failing(Code);

impl CallCredentials for Failing {
    async fn metadata(&self, _: &CallInfo) -> Result<Metadata, Status> {
        Err(Status::new(self.0, "no token"))
    }

    fn required_security(&self) -> SecurityLevel {
        SecurityLevel::None
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_of_credentials_ends_the_call_and_codes_of_the_application_become_internal() {
    use Code::*;
    let stub = mirror().simulated(1, NetConfig::default());
    let restricted = [
        InvalidArgument,
        NotFound,
        AlreadyExists,
        FailedPrecondition,
        Aborted,
        OutOfRange,
        DataLoss,
    ];
    let free = [
        Cancelled,
        Unknown,
        DeadlineExceeded,
        PermissionDenied,
        ResourceExhausted,
        Unimplemented,
        Internal,
        Unavailable,
        Unauthenticated,
    ];
    for code in restricted.into_iter().chain(free) {
        let call = calls::unary(stub.channel(), "/t.T/Unary", Bytes::new());
        let status = call.credentials(Failing(code)).await.unwrap_err();
        let expected = if restricted.contains(&code) {
            Internal
        } else {
            code
        };
        assert_eq!(status.code(), expected, "{code}");
        assert!(status.message().contains("no token"), "{status}");
    }
    assert_eq!(stub.connections(), 1, "they are asked when there is one");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_while_credentials_are_fetched() {
    let probe = Probe::new();
    let seen = probe.clone();
    let token = Token::refreshing(move || {
        let guard = seen.enter();
        async move {
            let _guard = guard;
            pending().await
        }
    });
    let stub = simulated(token.require_security(SecurityLevel::None));
    let start = Instant::now();
    let call = calls::unary(stub.channel(), "/t.T/Unary", Bytes::new()).timeout(SECOND);
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    let (_requests, mut replies) = calls::bidi(stub.channel(), "/t.T/Chat")
        .timeout(SECOND)
        .split();
    let status = replies.message().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed(), 2 * SECOND);
    probe.ended(2).await;
}

/// Adds the same pair to every call.
struct Signed;

impl CallCredentials for Signed {
    async fn metadata(&self, call: &CallInfo) -> Result<Metadata, Status> {
        let mut metadata = Metadata::new();
        let level = call.security();
        metadata.insert("x-signature", format!("{} {level}", call.audience()));
        Ok(metadata)
    }

    fn required_security(&self) -> SecurityLevel {
        SecurityLevel::None
    }
}

#[tokio::test(start_paused = true)]
async fn what_credentials_add_is_sent_so_that_no_hop_indexes_it_and_interceptors_do_not_see_it() {
    struct Looking;
    impl Interceptor for Looking {
        async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
            assert!(!call.metadata().contains_key("x-signature"));
            let outcome = next.run(call).await;
            assert!(!call.metadata().contains_key("x-signature"));
            outcome
        }
    }
    let stub = StubServer::unary("/t.T/Unary", |request: Request<Bytes>| async move {
        let value = request.metadata().get("x-signature").unwrap().to_owned();
        // Debug hides what was marked on the wire.
        let hidden = !format!("{:?}", request.metadata()).contains(&value);
        Ok(Bytes::from(format!("{value} {hidden}")))
    });
    let stub = stub.simulated_with(1, NetConfig::default(), |channel| {
        let channel = channel.authority("example.com:443").interceptor(Looking);
        channel.call_credentials(Signed)
    });
    for _ in 0..3 {
        let seen = unary(stub.channel()).await.unwrap();
        assert_eq!(seen, "https://example.com/t.T no security true");
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_whose_metadata_cannot_be_sent_fail_the_call_without_telling_it() {
    struct Broken;
    impl CallCredentials for Broken {
        async fn metadata(&self, _: &CallInfo) -> Result<Metadata, Status> {
            let mut metadata = Metadata::new();
            metadata.insert("authorization", "secret\n");
            Ok(metadata)
        }

        fn required_security(&self) -> SecurityLevel {
            SecurityLevel::None
        }
    }
    let stub = simulated(Broken);
    let status = unary(stub.channel()).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(!format!("{status:?}").contains("secret"), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_an_interceptor_runs_again_is_authorized_again() {
    struct Twice;
    impl Interceptor for Twice {
        async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
            let mut next = next.repeatable(call).unwrap();
            next.run(call).await?;
            next.run(call).await
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    struct Counting(Arc<AtomicUsize>);
    impl CallCredentials for Counting {
        async fn metadata(&self, _: &CallInfo) -> Result<Metadata, Status> {
            let mut metadata = Metadata::new();
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            metadata.insert("authorization", count.to_string());
            Ok(metadata)
        }

        fn required_security(&self) -> SecurityLevel {
            SecurityLevel::None
        }
    }
    let stub = simulated(Counting(Arc::clone(&count)));
    let channel = stub.channel().with_interceptor(Twice);
    assert_eq!(unary(&channel).await.unwrap(), "1");
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

/// A token server: `token 0`, `token 1` and so on, after a second each; fails while `failing`.
#[derive(Clone, Default)]
struct Issuer {
    asked: Arc<AtomicUsize>,
    failing: Arc<AtomicUsize>,
}

impl Issuer {
    fn token(&self, lasts: Duration) -> Token {
        let this = self.clone();
        let fetch = move || {
            let number = this.asked.fetch_add(1, Ordering::Relaxed);
            let failing = this.failing.load(Ordering::Relaxed) > 0;
            async move {
                sleep(SECOND).await;
                match failing {
                    true => Err(Status::unavailable(format!("failure {number}"))),
                    false => Ok(AccessToken::new(format!("token {number}")).expires_in(lasts)),
                }
            }
        };
        Token::refreshing(fetch).require_security(SecurityLevel::None)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The outcomes of ten calls at once.
async fn ten(channel: &Channel) -> Vec<Result<String, Status>> {
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { unary(&channel).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.await.unwrap());
    }
    outcomes
}

#[tokio::test(start_paused = true)]
async fn calls_that_need_a_token_at_the_same_time_share_one_fetch() {
    let issuer = Issuer::default();
    let stub = simulated(issuer.token(600 * SECOND));
    for seen in ten(stub.channel()).await {
        assert_eq!(seen.unwrap(), "Bearer token 0");
    }
    assert_eq!(unary(stub.channel()).await.unwrap(), "Bearer token 0");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_in_the_background_a_minute_before_its_end() {
    let issuer = Issuer::default();
    let stub = simulated(issuer.token(600 * SECOND));
    assert_eq!(unary(stub.channel()).await.unwrap(), "Bearer token 0");
    sleep(530 * SECOND).await;
    assert_eq!(unary(stub.channel()).await.unwrap(), "Bearer token 0");
    assert_eq!(issuer.asked(), 1);
    sleep(20 * SECOND).await;
    let start = Instant::now();
    for seen in ten(stub.channel()).await {
        assert_eq!(seen.unwrap(), "Bearer token 0", "the old one still serves");
    }
    assert!(start.elapsed() < SECOND, "nobody waits");
    sleep(2 * SECOND).await;
    assert_eq!(unary(stub.channel()).await.unwrap(), "Bearer token 1");
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_a_new_token_when_the_old_one_is_about_to_end() {
    let issuer = Issuer::default();
    let stub = simulated(issuer.token(600 * SECOND));
    assert_eq!(unary(stub.channel()).await.unwrap(), "Bearer token 0");
    sleep(597 * SECOND).await;
    for seen in ten(stub.channel()).await {
        assert_eq!(seen.unwrap(), "Bearer token 1");
    }
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_fetch_fails_those_who_waited_for_it_and_the_next_call_tries_again() {
    let issuer = Issuer::default();
    let stub = simulated(issuer.token(600 * SECOND));
    issuer.failing.store(1, Ordering::Relaxed);
    for seen in ten(stub.channel()).await {
        let status = seen.unwrap_err();
        let seen = (status.code(), status.message());
        assert_eq!(seen, (Code::Unavailable, "failure 0"));
    }
    assert_eq!(issuer.asked(), 1);
    assert_eq!(
        unary(stub.channel()).await.unwrap_err().message(),
        "failure 1"
    );
    issuer.failing.store(0, Ordering::Relaxed);
    assert_eq!(unary(stub.channel()).await.unwrap(), "Bearer token 2");
}

#[tokio::test(start_paused = true)]
async fn a_failure_to_replace_a_token_ahead_of_its_end_harms_no_call() {
    let issuer = Issuer::default();
    let stub = simulated(issuer.token(600 * SECOND));
    assert_eq!(unary(stub.channel()).await.unwrap(), "Bearer token 0");
    issuer.failing.store(1, Ordering::Relaxed);
    sleep(550 * SECOND).await;
    for _ in 0..3 {
        assert_eq!(unary(stub.channel()).await.unwrap(), "Bearer token 0");
        sleep(2 * SECOND).await;
    }
    assert_eq!(issuer.asked(), 4);
    sleep(60 * SECOND).await;
    let status = unary(stub.channel()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "it has ended");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_good_for_less_than_a_minute_is_not_fetched_for_each_call() {
    let issuer = Issuer::default();
    let stub = simulated(issuer.token(40 * SECOND));
    for _ in 0..120 {
        unary(stub.channel()).await.unwrap();
        sleep(SECOND).await;
    }
    // At half of its time, which is a minute of 120 s.
    assert!((5..=7).contains(&issuer.asked()), "{}", issuer.asked());
    let issuer = Issuer::default();
    let stub = simulated(issuer.token(3 * SECOND));
    for seen in ten(stub.channel()).await {
        assert_eq!(seen.unwrap(), "Bearer token 0");
    }
    assert_eq!(unary(stub.channel()).await.unwrap(), "Bearer token 0");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn failures_to_replace_a_token_are_a_second_apart_however_many_calls_there_are() {
    let failing = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&failing);
    let fetch = move || {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            match first {
                true => Ok(AccessToken::new("token").expires_in(600 * SECOND)),
                false => Err(Status::unavailable("refused at once")),
            }
        }
    };
    let token = Token::refreshing(fetch).require_security(SecurityLevel::None);
    let stub = simulated(token);
    unary(stub.channel()).await.unwrap();
    sleep(550 * SECOND).await;
    for _ in 0..100 {
        unary(stub.channel()).await.unwrap();
        sleep(SECOND / 10).await;
    }
    let asked = failing.load(Ordering::Relaxed) - 1;
    assert!((5..=11).contains(&asked), "{asked} in 10 s");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_that_fetched_the_token_passes_the_task_on() {
    let issuer = Issuer::default();
    let stub = simulated(issuer.token(600 * SECOND));
    let channel = stub.channel().clone();
    let first = tokio::spawn(async move { unary(&channel).await });
    sleep(SECOND / 2).await;
    let channel = stub.channel().clone();
    let second = tokio::spawn(async move { unary(&channel).await });
    sleep(SECOND / 4).await;
    first.abort();
    assert_eq!(second.await.unwrap().unwrap(), "Bearer token 1");
    assert_eq!(issuer.asked(), 2);
}
