//! Statuses on their way from a handler to its caller.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_core::status::rpc::{ErrorInfo, RetryInfo};
use farcall_net::{Channel, Code, Status};
use farcall_testkit::stub_server::{StubServer, calls};
use std::{error::Error, time::Duration};

everywhere![
    every_code_arrives_as_it_was_sent,
    a_message_may_hold_any_text,
    typed_details_arrive,
    a_local_cause_never_leaves_the_process,
    the_status_of_an_outgoing_call_is_passed_on_with_its_code_and_a_neutral_message,
    a_forwarded_status_is_passed_on_whole,
];

fn failing(make: fn() -> Status) -> Channel {
    StubServer::unary("/t.T/Fail", move |_| async move { Err::<Bytes, _>(make()) }).reach()
}

async fn outcome(channel: &Channel) -> Status {
    calls::unary(channel, "/t.T/Fail", Bytes::new())
        .await
        .unwrap_err()
}

async fn every_code_arrives_as_it_was_sent() {
    let stub = StubServer::unary("/t.T/Fail", |request| async move {
        Err::<Bytes, _>(Status::new(
            Code::from_i32(request[0].into()),
            format!("number {}", request[0]),
        ))
    });
    let channel = stub.reach();
    for number in 1..=16_u8 {
        let status = calls::unary(&channel, "/t.T/Fail", Bytes::from(vec![number]))
            .await
            .unwrap_err();
        assert_eq!(status.code() as u8, number);
        assert_eq!(status.message(), format!("number {number}"));
    }
}

async fn a_message_may_hold_any_text() {
    const TEXT: &str = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n 100% %zz";
    let status = outcome(&failing(|| Status::unknown(TEXT))).await;
    assert_eq!(status.message(), TEXT);
}

async fn typed_details_arrive() {
    let channel = failing(|| {
        let info = ErrorInfo {
            reason: "QUOTA".into(),
            domain: "test".into(),
            ..ErrorInfo::default()
        };
        Status::resource_exhausted("slow down")
            .with_detail(RetryInfo::after(Duration::from_secs(3)))
            .with_detail(info)
    });
    let status = outcome(&channel).await;
    assert_eq!(
        (status.code(), status.message()),
        (Code::ResourceExhausted, "slow down")
    );
    assert_eq!(
        status.details::<RetryInfo>().unwrap().delay(),
        Some(Duration::from_secs(3))
    );
    assert_eq!(status.details::<ErrorInfo>().unwrap().reason, "QUOTA");
}

async fn a_local_cause_never_leaves_the_process() {
    let status = outcome(&failing(|| {
        Status::internal("failed").with_cause(std::io::Error::other("password: hunter2"))
    }))
    .await;
    assert_eq!(
        (status.code(), status.message()),
        (Code::Internal, "failed")
    );
    assert!(!format!("{status:?} {status}").contains("hunter2"));
    assert!(status.source().is_none());
}

/// A front end that passes on the failure of its own call, as it is or with `.forward()`.
fn relay(backend: Channel, forward: bool) -> Channel {
    StubServer::unary("/t.T/Fail", move |_| {
        let backend = backend.clone();
        async move {
            let reply = calls::unary(&backend, "/t.T/Fail", Bytes::new()).await;
            reply.map_err(|status| if forward { status.forward() } else { status })
        }
    })
    .reach()
}

fn secretive() -> Channel {
    failing(|| {
        let mut status = Status::not_found("row 7 of table secrets")
            .with_detail(RetryInfo::after(Duration::from_secs(1)));
        status.metadata_mut().insert("x-internal", "yes");
        status
    })
}

async fn the_status_of_an_outgoing_call_is_passed_on_with_its_code_and_a_neutral_message() {
    let status = outcome(&relay(secretive(), false)).await;
    assert_eq!(status.code(), Code::NotFound);
    assert!(!status.message().contains("secrets"), "{status}");
    assert!(
        status.details::<RetryInfo>().is_none() && !status.metadata().contains_key("x-internal")
    );
}

async fn a_forwarded_status_is_passed_on_whole() {
    let status = outcome(&relay(secretive(), true)).await;
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "row 7 of table secrets")
    );
    assert!(status.details::<RetryInfo>().is_some());
    assert_eq!(status.metadata().get("x-internal"), Some("yes"));
}

#[tokio::test]
async fn what_happened_to_an_outgoing_connection_stays_local() {
    // Nothing listens at the address.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nowhere = Channel::builder(format!("ipv4:{closed}"))
        .insecure()
        .build()
        .unwrap();
    let local = outcome(&nowhere).await;
    assert!(local.to_string().contains(&closed.to_string()), "{local}");
    let neutral = outcome(&relay(nowhere.clone(), false)).await;
    assert_eq!(neutral.code(), Code::Unavailable);
    assert!(
        !neutral.to_string().contains(&closed.to_string()),
        "{neutral}"
    );
    // The message travels, since the handler asked for it; the cause does not.
    let forwarded = outcome(&relay(nowhere, true)).await;
    assert_eq!(
        (forwarded.code(), forwarded.message()),
        (Code::Unavailable, local.message())
    );
    assert!(
        local.to_string().contains("refused") && !forwarded.to_string().contains("refused"),
        "{forwarded}"
    );
}
