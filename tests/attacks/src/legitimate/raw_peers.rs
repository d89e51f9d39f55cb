//! Patterns of other peers, frame by frame.

use super::Outcome;
use crate::{
    cases::stream,
    hpack::{UNARY, call, harmless, message, pseudo, request},
    neighbours::{Secure, channel},
    pb::{BenchmarkServiceClient, SimpleRequest},
    raw::Raw,
    servers::within_windows,
    wire::{code, setting},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(10);

fn say(error: impl ToString) -> String {
    error.to_string()
}

/// A PING for every response, as peers send that measure the bandwidth-delay product.
pub(super) async fn pings(addr: SocketAddr, time: Duration) -> Outcome {
    let mut raw = Raw::open(addr, &[]).await.map_err(say)?;
    let (block, end, mut n) = (harmless(), Instant::now() + time, 0);
    while Instant::now() < end {
        let id = stream(n);
        raw.out
            .headers(id, &block, false)
            .data(id, &request(10), true);
        n += 1;
        raw.until(SOON, |seen| seen.status.contains_key(&id)).await;
        raw.out.ping(n as u64);
        let acks = n as u64;
        raw.until(SOON, |seen| seen.ping_acks == acks).await;
        check(&raw)?;
        raw.seen.status.clear();
    }
    Ok(n as u64)
}

/// Hundreds of streams at a time, of which every other is reset: before, while and after it is answered.
pub(super) async fn proxy(addr: SocketAddr, time: Duration) -> Outcome {
    let mut raw = Raw::open(addr, &[]).await.map_err(say)?;
    let (served, napping) = (harmless(), call(UNARY, "nap").0);
    let (end, mut n) = (Instant::now() + time, 0);
    while Instant::now() < end {
        let first = n;
        for _ in 0..100 {
            let (id, reset) = (stream(n), n % 2 == 0);
            let block = if reset { &napping } else { &served };
            raw.out
                .headers(id, block, false)
                .data(id, &request(100), true);
            n += 1;
        }
        for i in (first..n).filter(|i| i % 2 == 0) {
            raw.out.rst(stream(i), code::CANCEL);
        }
        raw.until(SOON, |seen| seen.status.len() >= 50).await;
        check(&raw)?;
        if raw.seen.status.values().any(|&status| status != 0) {
            return Err(format!("calls failed: {}", raw.seen));
        }
        // Some reset what has been answered already.
        for id in std::mem::take(&mut raw.seen.status).into_keys().step_by(5) {
            raw.out.rst(id, code::CANCEL);
        }
        raw.seen.resets.clear();
        raw.until(Duration::from_millis(40), |_| false).await;
    }
    Ok(n as u64)
}

/// A client that offers a table of 64 KiB and sends ever different metadata, asking for ever different messages.
pub(super) async fn large_table(addr: SocketAddr, time: Duration) -> Outcome {
    let table = [(setting::HEADER_TABLE_SIZE, 64 << 10)];
    let mut raw = Raw::open(addr, &table).await.map_err(say)?;
    let (end, mut n) = (Instant::now() + time, 0);
    while Instant::now() < end {
        let id = stream(n);
        let block = if n % 2 == 0 {
            pseudo(&format!("/no.Such/{n:0>200}"))
        } else {
            pseudo(UNARY)
                .insert("x-id", n.to_string())
                .insert("x-long", [b'x'; 500])
        };
        let block = block
            .field("te", "trailers")
            .field("content-type", "application/grpc");
        raw.out
            .headers(id, &block.0, false)
            .data(id, &request(10), true);
        raw.until(SOON, |seen| seen.status.contains_key(&id)).await;
        check(&raw)?;
        let wanted = if n % 2 == 0 { 12 } else { 0 };
        if raw.seen.status.remove(&id) != Some(wanted) {
            return Err(format!("a call failed: {}", raw.seen));
        }
        if raw
            .seen
            .message
            .remove(&id)
            .is_some_and(|text| text.is_empty())
        {
            return Err("a message was lost".into());
        }
        n += 1;
    }
    Ok(n as u64)
}

/// A server that sends small messages, a DATA frame each, as fast as the windows allow; our client reads them.
pub(super) async fn streaming_server(time: Duration) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(say)?;
    let addr = listener.local_addr().map_err(say)?;
    let server = tokio::spawn(async move {
        let (io, _) = listener.accept().await?;
        // SimpleResponse { payload: Payload { body: 16 bytes } }
        let payload = [&[0x0a, 18, 0x12, 16][..], &[7; 16]].concat();
        within_windows(io, &message(0, &payload), time).await
    });
    let channel = channel(addr, Secure::Plaintext).map_err(say)?;
    let client = BenchmarkServiceClient::new(channel);
    let call = client.streaming_from_server(SimpleRequest::default());
    let (mut replies, mut got) = (call.await.map_err(say)?, 0);
    while replies.message().await.map_err(say)?.is_some() {
        got += 1;
    }
    drop((replies, client));
    let raw = server.await.map_err(say)?.map_err(say)?;
    match &raw.seen.goaway {
        Some(goaway) if goaway.code != code::NO_ERROR => Err(format!("{}", raw.seen)),
        _ => Ok(got),
    }
}

/// Nothing has come but answers.
fn check(raw: &Raw) -> Result<(), String> {
    match raw.seen.closed || raw.seen.goaway.is_some() {
        true => Err(raw.seen.to_string()),
        false => Ok(()),
    }
}
