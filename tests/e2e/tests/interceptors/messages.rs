//! Messages in the hands of interceptors.

use super::{PATHS, before, call, echo, simulated};
use bytes::Bytes;
use farcall_net::{
    Code, Encoding, Status,
    interceptor::{Call, Payload},
};
use farcall_testkit::stub_server::calls;

/// Puts what `change` makes of each message in its place, in both directions.
fn changing(
    request: fn(&[u8]) -> Vec<u8>,
    response: fn(&[u8]) -> Vec<u8>,
) -> impl farcall_net::interceptor::Interceptor {
    before(move |call: &mut Call| {
        call.on_request(move |message| {
            *message = Payload::new(request(message));
            Ok(())
        });
        call.on_response(move |message| {
            *message = Payload::new(response(message));
            Ok(())
        });
        Ok(())
    })
}

fn twice(message: &[u8]) -> Vec<u8> {
    [message, message].concat()
}

fn upper(message: &[u8]) -> Vec<u8> {
    message.to_ascii_uppercase()
}

fn same(message: &[u8]) -> Vec<u8> {
    message.to_vec()
}

#[tokio::test(start_paused = true)]
async fn every_message_of_every_kind_can_be_replaced_on_the_client() {
    let stub = simulated(echo());
    let channel = stub.channel().with_interceptor(changing(twice, upper));
    for path in PATHS {
        let text = call(&channel, path, "abc").await.unwrap().text;
        assert_eq!(text, "ABCABC", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_message_of_every_kind_can_be_replaced_on_the_server() {
    let stub = simulated(echo().configure(|server| server.interceptor(changing(twice, upper))));
    for path in PATHS {
        let text = call(stub.channel(), path, "abc").await.unwrap().text;
        assert_eq!(text, "ABCABC", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_see_requests_from_the_outside_in_and_responses_from_the_inside_out() {
    let outer = || {
        changing(
            |message| [message, b"1"].concat(),
            |message| [message, b"4"].concat(),
        )
    };
    let inner = || {
        changing(
            |message| [message, b"2"].concat(),
            |message| [message, b"3"].concat(),
        )
    };
    let plain = simulated(echo());
    let client = plain.channel().with_interceptor(outer());
    let client = client.with_interceptor(inner());
    let server =
        simulated(echo().configure(move |server| server.interceptor(outer()).interceptor(inner())));
    for channel in [&client, server.channel()] {
        for path in ["/t.T/Unary", "/t.T/Join", "/t.T/Chat"] {
            let text = call(channel, path, "x").await.unwrap().text;
            assert_eq!(text, "x1234", "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_message_of_a_unary_call_can_be_read_and_replaced_before_it_goes_on() {
    let replacing = || {
        before(|call: &mut Call| {
            assert_eq!(
                call.message().map(|message| &message[..]),
                Some(&b"abc"[..])
            );
            call.set_message(Payload::new("replaced"));
            Ok::<(), Status>(())
        })
    };
    let plain = simulated(echo());
    let client = plain.channel().with_interceptor(replacing());
    let server = simulated(echo().configure(move |server| server.interceptor(replacing())));
    for channel in [&client, server.channel()] {
        for path in ["/t.T/Unary", "/t.T/Split"] {
            assert_eq!(call(channel, path, "abc").await.unwrap().text, "replaced");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_refuses_a_message_ends_the_call_with_its_status() {
    let refusing = |request: bool| {
        before(move |call: &mut Call| {
            let hook = |message: &mut Payload| match &message[..] {
                b"b" | b"abc" => Err(Status::data_loss("not this one")),
                _ => Ok(()),
            };
            match request {
                true => call.on_request(hook),
                false => call.on_response(hook),
            }
            Ok::<(), Status>(())
        })
    };
    for request in [true, false] {
        let plain = simulated(echo());
        let client = plain.channel().with_interceptor(refusing(request));
        let server =
            simulated(echo().configure(move |server| server.interceptor(refusing(request))));
        for channel in [&client, server.channel()] {
            for path in PATHS {
                let status = call(channel, path, "abc").await.err().unwrap();
                let seen = (status.code(), status.message());
                assert_eq!(seen, (Code::DataLoss, "not this one"), "{path} {request}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn compressed_messages_are_seen_as_they_were_before() {
    let stub = simulated(echo().configure(|server| server.interceptor(changing(same, upper))));
    let channel = stub.channel().with_interceptor(changing(twice, same));
    let text = "abcdefgh".repeat(200);
    let request = Bytes::from(text.clone());
    let unary = calls::unary(&channel, "/t.T/Unary", request.clone());
    let reply = unary.compress(Encoding::Gzip).await.unwrap();
    assert!(reply.message_was_compressed());
    assert_eq!(&reply[..], text.repeat(2).to_uppercase().as_bytes());

    let (mut requests, mut replies) = calls::bidi(&channel, "/t.T/Chat")
        .compress(Encoding::Gzip)
        .split();
    for _ in 0..3 {
        requests.send(request.clone()).await.unwrap();
        let reply = replies.message().await.unwrap().unwrap();
        assert_eq!(&reply[..], text.repeat(2).to_uppercase().as_bytes());
        assert!(replies.last_was_compressed());
    }
    requests.half_close();
    assert!(replies.message().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_limit_for_sending_counts_what_interceptors_have_made_of_a_message() {
    let stub = simulated(echo().configure(|server| server.max_send_message_size(100)));
    let channel = stub.channel().with_interceptor(changing(twice, same));
    let long = Bytes::from(vec![b'x'; 40]);
    let unary =
        |limit| calls::unary(&channel, "/t.T/Unary", long.clone()).max_send_message_size(limit);
    assert_eq!(unary(80).await.unwrap().len(), 80);
    let status = unary(79).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let (mut requests, _replies) = calls::bidi(&channel, "/t.T/Chat")
        .max_send_message_size(79)
        .split();
    let status = requests.send(long.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");

    let server = simulated(echo().configure(|server| {
        let server = server.max_send_message_size(79);
        server.interceptor(changing(same, twice))
    }));
    for path in ["/t.T/Unary", "/t.T/Join", "/t.T/Chat"] {
        let long = String::from_utf8(long.to_vec()).unwrap();
        let status = call(server.channel(), path, &long).await.err().unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted, "{path}: {status}");
    }
}
