use super::*;
use bytes::Bytes;
use farcall_http2::{ConnectionError, Field, Headers, KnownName, Part, ResetCause, StreamKey};

fn pair(seed: u64) -> Pair {
    Pair::new(
        seed,
        NetConfig::default(),
        Config::default(),
        Config::default(),
    )
}

fn request() -> [Field; 3] {
    [
        Field::new(KnownName::Method, "POST"),
        Field::new(KnownName::Scheme, "http"),
        Field::new(KnownName::Path, "/a/b"),
    ]
}

fn open(pair: &mut Pair) -> StreamKey {
    let now = pair.now();
    pair.client
        .connection
        .open(now, &[Part::Fields(&request())], false)
        .unwrap()
}

fn opened(end: &mut End) -> (StreamKey, Headers) {
    let events = end.take_events();
    let found = events.into_iter().find_map(|event| match event {
        Event::Headers {
            stream, headers, ..
        } => Some((stream, Headers::clone(&headers))),
        _ => None,
    });
    found.expect("a header list has arrived")
}

#[test]
fn a_request_and_its_response_cross_the_network_in_two_delays() {
    let mut pair = pair(3);
    let stream = open(&mut pair);
    let now = pair.now();
    pair.client
        .connection
        .send_data(now, stream, Bytes::from(vec![7; 100]), true)
        .unwrap();
    pair.run();
    let (key, headers) = opened(&mut pair.server);
    assert_eq!(headers.path.as_deref(), Some(&b"/a/b"[..]));
    let (now, head) = (pair.now(), [Field::new(KnownName::Status, "200")]);
    pair.server
        .connection
        .send_headers(now, key, &[Part::Fields(&head)], true)
        .unwrap();
    pair.server.connection.release(now, key, 100);
    pair.run();
    assert_eq!(opened(&mut pair.client).1.status, Some(200));
    assert_eq!(
        (
            pair.client.connection.open_streams(),
            pair.server.connection.open_streams()
        ),
        (0, 0)
    );
}

#[test]
fn a_lost_connection_resets_the_streams_and_closes_both_ends() {
    let mut pair = pair(4);
    open(&mut pair);
    pair.run();
    pair.client.take_events();
    pair.lose_connection();
    pair.run();
    let events = pair.client.take_events();
    assert!(
        matches!(
            &events[0],
            Event::Reset {
                cause: ResetCause::Connection,
                ..
            }
        ),
        "{events:?}"
    );
    assert!(
        matches!(&events[1], Event::Closed(ConnectionError::Eof(_))),
        "{events:?}"
    );
    assert!(pair.client.connection.is_closed() && pair.server.connection.is_closed());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let trace = |seed| {
        let mut pair = pair(seed);
        let (stream, now) = (open(&mut pair), pair.now());
        pair.client
            .connection
            .send_data(now, stream, Bytes::from(vec![1; 200_000]), true)
            .unwrap();
        let mut trace = Vec::new();
        for _ in 0..500 {
            if !pair.step() {
                let limit = pair.now() + Duration::from_secs(1);
                pair.wait(limit);
            }
            trace.push((
                pair.elapsed(),
                pair.server.unparsed(),
                pair.server.take_events().len(),
            ));
        }
        trace
    };
    assert!(trace(11) == trace(11));
    assert!(trace(11) != trace(12), "another seed cuts elsewhere");
}
