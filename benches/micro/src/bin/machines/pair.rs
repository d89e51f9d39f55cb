//! What the HTTP/2 machine itself costs: unary calls between a client and a server in one thread.
//!
//! Each round makes a batch of calls: request headers (remembered parts) and a DATA frame of five octets up, response
//! headers, DATA and trailers down. Best of many rounds, in nanoseconds per call.

use bytes::{Buf, Bytes, BytesMut};
use farcall_http2::{Config, Connection, Event, Field, Fields, KnownName, Part};
use farcall_micro::Error;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const ROUNDS: usize = 20_000;
/// A gRPC message without content: flag and length.
const EMPTY: Bytes = Bytes::from_static(&[0; 5]);

struct Lists {
    request: Arc<Fields>,
    response: Arc<Fields>,
    trailers: Arc<Fields>,
}

/// The best time of each phase of a round.
#[derive(Clone, Copy, Debug)]
struct Times {
    client_sends: Duration,
    server: Duration,
    client_receives: Duration,
}

pub(crate) fn run() -> Result<(), Error> {
    for batch in [1, 8, 100] {
        let times = measure(batch, false);
        report(&format!("batch of {batch}"), batch, times);
    }
    report(
        "batch of 100, each with its own timeout",
        100,
        measure(100, true),
    );
    Ok(())
}

fn report(name: &str, batch: usize, times: Times) {
    let each = |time: Duration| time.as_secs_f64() * 1e9 / batch as f64;
    let (sends, receives) = (each(times.client_sends), each(times.client_receives));
    let (client, server) = (sends + receives, each(times.server));
    println!(
        "{name:<40} client {client:4.0} ns (sends {sends:.0}, receives {receives:.0}), server {server:4.0} ns"
    );
}

fn measure(batch: usize, own_timeout: bool) -> Times {
    let now = Instant::now();
    let mut client = Connection::client(Config::default(), now);
    let mut server = Connection::server(Config::default(), now);
    let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
    let lists = lists();
    let mut best = Times {
        client_sends: Duration::MAX,
        server: Duration::MAX,
        client_receives: Duration::MAX,
    };
    for round in 0..ROUNDS {
        let begun = Instant::now();
        for call in 0..batch {
            let timeout = [Field::new(
                KnownName::GrpcTimeout,
                format!("{}u", 900_000 + (round * batch + call) % 99_991),
            )];
            let parts = [Part::Shared(&lists.request), Part::Fields(&timeout)];
            let head = if own_timeout { &parts[..] } else { &parts[..1] };
            let stream = client.open(now, head, false).expect("fewer than the limit");
            client
                .send_data(now, stream, EMPTY, true)
                .expect("just opened");
        }
        client.fill(now, usize::MAX);
        best.client_sends = best.client_sends.min(begun.elapsed());
        carry(&mut client, &mut up);

        let begun = Instant::now();
        serve(&mut server, now, &mut up, &lists);
        best.server = best.server.min(begun.elapsed());
        carry(&mut server, &mut down);

        let begun = Instant::now();
        let done = finish(&mut client, now, &mut down);
        best.client_receives = best.client_receives.min(begun.elapsed());
        assert!(
            done == batch || round == 0,
            "{done} calls came to their end"
        );
    }
    best
}

fn serve(server: &mut Connection, now: Instant, input: &mut BytesMut, lists: &Lists) {
    while let Some(event) = server.poll_event(now, input) {
        if let Event::Data {
            stream,
            data,
            end_stream: true,
        } = event
        {
            server.release(now, stream, data.len());
            let answered = server
                .send_headers(now, stream, &[Part::Shared(&lists.response)], false)
                .and_then(|()| server.send_data(now, stream, data, false))
                .and_then(|()| {
                    server.send_headers(now, stream, &[Part::Shared(&lists.trailers)], true)
                });
            answered.expect("the stream is open");
        }
    }
    server.fill(now, usize::MAX);
}

fn finish(client: &mut Connection, now: Instant, input: &mut BytesMut) -> usize {
    let mut done = 0;
    while let Some(event) = client.poll_event(now, input) {
        match event {
            Event::Data { stream, data, .. } => client.release(now, stream, data.len()),
            Event::Headers {
                end_stream: true, ..
            } => done += 1,
            _ => {}
        }
    }
    done
}

/// The wire: what a socket would do.
fn carry(from: &mut Connection, to: &mut BytesMut) {
    let output = from.output();
    while output.has_remaining() {
        let chunk = output.chunk();
        to.extend_from_slice(chunk);
        let len = chunk.len();
        output.advance(len);
    }
}

fn lists() -> Lists {
    let request = vec![
        Field::new(KnownName::Method, "POST"),
        Field::new(KnownName::Scheme, "http"),
        Field::new(KnownName::Path, "/grpc.testing.BenchmarkService/UnaryCall"),
        Field::new(KnownName::Authority, "127.0.0.1:50051"),
        Field::new(KnownName::ContentType, "application/grpc"),
        Field::new(KnownName::UserAgent, "grpc-rust-farcall/0.1.0"),
        Field::new(KnownName::Te, "trailers"),
        Field::new(KnownName::GrpcAcceptEncoding, "gzip"),
    ];
    let response = vec![
        Field::new(KnownName::Status, "200"),
        Field::new(KnownName::ContentType, "application/grpc"),
        Field::new(KnownName::GrpcAcceptEncoding, "gzip"),
    ];
    let trailers = vec![Field::new(KnownName::GrpcStatus, "0")];
    Lists {
        request: Arc::new(request),
        response: Arc::new(response),
        trailers: Arc::new(trailers),
    }
}
