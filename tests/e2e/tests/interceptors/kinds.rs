//! What interceptors see and change, of every kind of call.

use super::{After, Diary, Noting, PATHS, before, call, echo, simulated};
use farcall_net::{Code, Status};

#[tokio::test(start_paused = true)]
async fn an_interceptor_of_a_channel_sees_every_kind_of_call_begin_and_end() {
    let diary = Diary::default();
    let stub = simulated(echo());
    let channel = stub.channel().with_interceptor(Noting {
        name: "a",
        diary: diary.clone(),
    });
    for (path, name) in PATHS.into_iter().zip(["Unary", "Join", "Split", "Chat"]) {
        assert_eq!(call(&channel, path, "abc").await.unwrap().text, "abc");
        assert_eq!(diary.take(), [format!("a {name}"), "a OK".to_owned()]);
        let failed = call(&channel, path, "fail").await.err().unwrap();
        assert_eq!(failed.code(), Code::Aborted, "{path}");
        assert_eq!(diary.take(), [format!("a {name}"), "a ABORTED".to_owned()]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_of_a_server_sees_every_kind_of_call_begin_and_end() {
    let diary = Diary::default();
    let notes = diary.clone();
    let stub = simulated(echo().configure(move |server| {
        server.interceptor(Noting {
            name: "s",
            diary: notes.clone(),
        })
    }));
    for (path, name) in PATHS.into_iter().zip(["Unary", "Join", "Split", "Chat"]) {
        let replied = call(stub.channel(), path, "abc").await.unwrap();
        assert_eq!(replied.text, "abc");
        assert_eq!(diary.take(), [format!("s {name}"), "s OK".to_owned()]);
        let failed = call(stub.channel(), path, "fail").await.err().unwrap();
        assert_eq!(
            (failed.code(), failed.message()),
            (Code::Aborted, "as asked")
        );
        assert_eq!(diary.take(), [format!("s {name}"), "s ABORTED".to_owned()]);
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_that_interceptors_add_reaches_the_handler_from_either_end() {
    let stub = simulated(echo().configure(|server| {
        server.interceptor(before(|call| {
            call.metadata_mut().append("x-in", "server");
            Ok(())
        }))
    }));
    let channel = stub.channel().with_interceptor(before(|call| {
        call.metadata_mut().append("x-in", "client");
        Ok(())
    }));
    for path in PATHS {
        let replied = call(&channel, path, "abc").await.unwrap();
        assert_eq!(replied.out, ["client", "server"], "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn initial_metadata_and_trailers_can_be_changed_on_the_way_back_on_either_end() {
    let hook = || {
        before(|call: &mut farcall_net::interceptor::Call| {
            let name = if call.is_server() { "server" } else { "client" };
            call.on_response_metadata(move |metadata| metadata.append("x-out", name));
            Ok(())
        })
    };
    let trailer = |value: &'static str| {
        After(move |outcome: super::Outcome| {
            let mut answer = outcome?;
            let before = answer.trailers().get("x-end").unwrap_or("").to_owned();
            answer.trailers_mut().insert("x-end", before + value);
            Ok(answer)
        })
    };
    let stub = simulated(
        echo().configure(move |server| server.interceptor(hook()).interceptor(trailer("+s"))),
    );
    let channel = stub.channel().with_interceptor(hook());
    let channel = channel.with_interceptor(trailer("+c"));
    for (path, own) in PATHS.into_iter().zip(["", "", "split", "chat"]) {
        let replied = call(&channel, path, "abc").await.unwrap();
        assert_eq!(replied.out, ["server", "client"], "{path}");
        assert_eq!(replied.end, Some(format!("{own}+s+c")), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_call_can_be_changed_on_either_end_and_a_failure_be_made_a_success() {
    let soften = || {
        After(|outcome: super::Outcome| match outcome {
            Err(status) if status.code() == Code::Aborted => {
                Err(status.with_code(Code::NotFound).with_message("softened"))
            }
            outcome => outcome,
        })
    };
    let server = simulated(echo().configure(move |server| server.interceptor(soften())));
    let plain = simulated(echo());
    let client = plain.channel().with_interceptor(soften());
    let forgiving = plain
        .channel()
        .with_interceptor(After(|outcome: super::Outcome| {
            let message = farcall_net::interceptor::Payload::new("forgiven");
            outcome.or(Ok(farcall_net::interceptor::Answer::new(message)))
        }));
    for path in PATHS {
        for channel in [server.channel(), &client] {
            let status = call(channel, path, "fail").await.err().unwrap();
            let seen = (status.code(), status.message());
            assert_eq!(seen, (Code::NotFound, "softened"), "{path}");
        }
        let replied = call(&forgiving, path, "fail").await.unwrap();
        assert_eq!(replied.text, "forgiven", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_sees_where_a_call_goes_and_where_it_comes_from() {
    let stub = simulated(echo().configure(|server| {
        server.interceptor(before(|call| {
            assert!(call.is_server() && call.peer().is_some() && call.context().is_some());
            let seen = format!("{} {}", call.authority(), call.method().path());
            call.metadata_mut().append("x-in", seen);
            Ok(())
        }))
    }));
    let channel = stub.channel().with_interceptor(before(|call| {
        assert!(!call.is_server() && call.peer().is_none());
        let seen = format!("{} {}", call.authority(), call.method().service());
        call.metadata_mut().append("x-in", seen);
        Ok(())
    }));
    let out = call(&channel, "/t.T/Split", "abc").await.unwrap().out;
    let authority = out[0].strip_suffix(" t.T").unwrap();
    assert_eq!(out[1], format!("{authority} /t.T/Split"));
}

#[tokio::test(start_paused = true)]
async fn metadata_that_cannot_be_sent_fails_the_call_on_either_end() {
    let bad = || {
        before(|call: &mut farcall_net::interceptor::Call| {
            call.metadata_mut().insert("x key", "1");
            Ok::<(), Status>(())
        })
    };
    let stub = simulated(echo());
    let channel = stub.channel().with_interceptor(bad());
    for path in PATHS {
        let status = call(&channel, path, "abc").await.err().unwrap();
        assert_eq!(status.code(), Code::Internal, "{path}: {status}");
        assert!(status.message().contains("x key"), "{status}");
    }
    let stub = simulated(echo().configure(|server| {
        server.interceptor(After(|outcome: super::Outcome| {
            let mut answer = outcome?;
            answer.trailers_mut().insert("x key", "1");
            Ok(answer)
        }))
    }));
    for path in PATHS {
        let status = call(stub.channel(), path, "abc").await.err().unwrap();
        assert_eq!(status.code(), Code::Internal, "{path}: {status}");
    }
}
