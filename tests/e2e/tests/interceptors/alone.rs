//! Interceptors that answer without letting the call go on.

use super::{PATHS, call, echo, simulated};
use bytes::Bytes;
use farcall_e2e::Probe;
use farcall_net::{
    Code, Status,
    interceptor::{Answer, Call, Interceptor, Next, Outcome, Payload},
};
use farcall_testkit::stub_server::{StubServer, calls};

/// Answers with `say`, alone.
struct Alone(fn() -> Outcome);

impl Interceptor for Alone {
    async fn intercept(&self, _call: &mut Call, _next: Next<'_>) -> Outcome {
        (self.0)()
    }
}

fn answer() -> Outcome {
    let mut answer = Answer::new(Payload::new("mine"));
    answer.metadata_mut().insert("x-out", "alone");
    answer.trailers_mut().insert("x-end", "alone");
    Ok(answer)
}

fn refuse() -> Outcome {
    Err(Status::permission_denied("not you"))
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_alone_sends_nothing() {
    let stub = simulated(echo());
    for path in PATHS {
        let channel = stub.channel().with_interceptor(Alone(answer));
        let replied = call(&channel, path, "abc").await.unwrap();
        assert_eq!(replied.text, "mine", "{path}");
        assert_eq!(replied.out, ["alone"], "{path}");
        assert_eq!(replied.end.as_deref(), Some("alone"), "{path}");
        let channel = stub.channel().with_interceptor(Alone(refuse));
        let status = call(&channel, path, "abc").await.err().unwrap();
        let seen = (status.code(), status.message());
        assert_eq!(seen, (Code::PermissionDenied, "not you"), "{path}");
    }
    assert_eq!(stub.connections(), 0, "the channel has not even connected");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_alone_runs_no_handler() {
    let probe = Probe::new();
    for (say, expected) in [(answer as fn() -> Outcome, Ok("mine")), (refuse, Err(()))] {
        let seen = probe.clone();
        let server = echo().and(StubServer::unary("/t.T/Seen", move |_| {
            let guard = seen.enter();
            async move {
                drop(guard);
                Ok(Bytes::new())
            }
        }));
        let stub = simulated(server.configure(move |server| server.interceptor(Alone(say))));
        for path in PATHS {
            let replied = call(stub.channel(), path, "abc").await;
            match (replied, expected) {
                (Ok(replied), Ok(text)) => {
                    assert_eq!(replied.text, text, "{path}");
                    assert_eq!(replied.out, ["alone"], "{path}");
                    assert_eq!(replied.end.as_deref(), Some("alone"), "{path}");
                }
                (Err(status), Err(())) => assert_eq!(status.code(), Code::PermissionDenied),
                (replied, _) => panic!("{path}: {:?}", replied.err()),
            }
        }
        let _ = calls::unary(stub.channel(), "/t.T/Seen", Bytes::new()).await;
    }
    assert_eq!(probe.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_ends_a_stream_of_responses_and_is_no_response_of_the_others() {
    let empty = || Ok(Answer::empty());
    let client = simulated(echo());
    let server = simulated(echo().configure(move |server| server.interceptor(Alone(empty))));
    for channel in [
        &client.channel().with_interceptor(Alone(empty)),
        server.channel(),
    ] {
        for path in ["/t.T/Split", "/t.T/Chat"] {
            assert_eq!(call(channel, path, "abc").await.unwrap().text, "");
        }
        for path in ["/t.T/Unary", "/t.T/Join"] {
            let status = call(channel, path, "abc").await.err().unwrap();
            assert_eq!(status.code(), Code::Internal, "{path}: {status}");
        }
    }
}
