//! Whether messages are compressed, seen from between client and server.

use crate::{relay::Relay, setup};
use farcall_interop::{cases, server::TestServer};

/// Runs a case through a relay.
async fn run(case: &str) -> Relay {
    let relay = Relay::start(setup::serve(TestServer::new()).await).await;
    let outcome = cases::run(case, &setup::env(relay.address))
        .await
        .expect("the case exists");
    outcome.unwrap_or_else(|failure| panic!("{case}: {failure}"));
    relay
}

/// The compressed flags, and that a compressed message of zeros is small and an uncompressed one is not.
fn flags(streams: &[Vec<crate::relay::Prefix>]) -> Vec<Vec<bool>> {
    let flag = |message: &crate::relay::Prefix| {
        assert_eq!(message.compressed, message.len < 8 << 10, "{message:?}");
        message.compressed
    };
    streams
        .iter()
        .map(|messages| messages.iter().map(flag).collect())
        .collect()
}

#[tokio::test]
async fn a_client_compresses_the_unary_requests_that_it_is_told_to() {
    let relay = run("client_compressed_unary").await;
    assert_eq!(flags(&relay.requests()), [[false], [true], [false]]);
}

#[tokio::test]
async fn a_server_compresses_the_unary_responses_that_it_is_asked_to() {
    let relay = run("server_compressed_unary").await;
    assert_eq!(flags(&relay.responses()), [[true], [false]]);
    assert_eq!(flags(&relay.requests()), [[false], [false]]);
}

#[tokio::test]
async fn a_client_chooses_for_each_message_of_a_stream() {
    let relay = run("client_compressed_streaming").await;
    assert_eq!(flags(&relay.requests()), [vec![false], vec![true, false]]);
}

#[tokio::test]
async fn a_server_chooses_for_each_message_of_a_stream() {
    let relay = run("server_compressed_streaming").await;
    assert_eq!(flags(&relay.responses()), [[true, false]]);
}

#[tokio::test]
async fn nothing_is_compressed_unless_it_is_asked_for() {
    for (case, requests, responses) in [
        ("large_unary", vec![1], vec![1]),
        ("ping_pong", vec![4], vec![4]),
    ] {
        let relay = run(case).await;
        for (streams, expected) in [(relay.requests(), requests), (relay.responses(), responses)] {
            assert_eq!(
                streams.iter().map(Vec::len).collect::<Vec<_>>(),
                expected,
                "{case}"
            );
            assert!(
                streams.iter().flatten().all(|message| !message.compressed),
                "{case}: {streams:?}"
            );
        }
    }
}
