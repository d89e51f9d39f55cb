//! The limits of what a peer may cost that have a method of their own: each acts, on either side.

use crate::echo::echo;
use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_http2::Reason;
use farcall_net::{Channel, ChannelBuilder, Request, Server, client::ByteStream};
use farcall_testkit::{
    scripted_peer::{Frame, ScriptedPeer, flag, kind, message},
    stub_server::{StubServer, calls},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    sync::oneshot,
    time::{Instant, sleep},
};

type Peer = ScriptedPeer<DuplexStream>;

/// A client of a server that is set up so, through a pipe of `room` bytes.
async fn client_of(
    stub: StubServer,
    room: usize,
    configure: impl Fn(Server) -> Server + Send + Sync + 'static,
) -> Peer {
    let (near, far) = duplex(room);
    tokio::spawn(stub.configure(configure).unbound().serve(far));
    let mut peer = ScriptedPeer::client(near);
    peer.handshake().await;
    peer
}

/// A server of a channel that is set up so, which has made a call.
async fn server_of(room: usize, configure: impl FnOnce(ChannelBuilder) -> ChannelBuilder) -> Peer {
    let (give, take) = oneshot::channel();
    let give = Mutex::new(Some(give));
    let connect = move |_: &farcall_net::Address| {
        let (near, far) = duplex(room);
        let give = give.lock().unwrap().take();
        Box::pin(async move {
            if let Some(give) = give {
                give.send(far).ok();
            }
            Ok(Box::new(near) as Box<dyn ByteStream>)
        }) as _
    };
    let channel = Channel::builder("passthrough:///pipe")
        .insecure()
        .connector(connect);
    let channel = configure(channel).build().unwrap();
    tokio::spawn(async move {
        let call = calls::unary(&channel, "/t.T/Any", Bytes::new());
        call.timeout(Duration::from_secs(3600)).await.ok();
    });
    let mut peer = ScriptedPeer::server(take.await.unwrap());
    peer.handshake().await;
    peer.expect_headers(1).await;
    peer.expect_data(1).await;
    peer
}

/// A header list in so many CONTINUATION frames; what the other end says to it, if it ends the connection.
async fn in_pieces(peer: &mut Peer, block: &[u8], pieces: usize) -> Option<String> {
    peer.frame(kind::HEADERS, flag::NONE, 1, block).await;
    for piece in 1..=pieces {
        let end = piece == pieces;
        let flags = if end { flag::END_HEADERS } else { flag::NONE };
        peer.frame(kind::CONTINUATION, flags, 1, b"").await;
    }
    peer.ping(1, false).await;
    loop {
        match peer.next_frame().await? {
            Frame::GoAway { debug, reason, .. } => {
                assert_eq!(reason, Reason::ENHANCE_YOUR_CALM);
                return Some(String::from_utf8_lossy(&debug).into_owned());
            }
            Frame::Ping { ack: true, .. } => return None,
            _ => {}
        }
    }
}

fn request(peer: &mut Peer) -> Vec<u8> {
    peer.encode(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/t.T/Echo"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ])
}

fn response(peer: &mut Peer) -> Vec<u8> {
    peer.encode(&[(":status", "200"), ("content-type", "application/grpc")])
}

const TOO_MANY: &str = "a header block is cut into too many CONTINUATION frames";

#[tokio::test(start_paused = true)]
async fn the_pieces_of_a_clients_header_list_have_a_limit_that_can_be_set() {
    // 4 of them come on top, for the 16 KiB that are accepted.
    for (limit, pieces, answer) in [
        (16, 20, None),
        (16, 21, Some(TOO_MANY)),
        (0, 4, None),
        (0, 5, Some(TOO_MANY)),
        (100, 104, None),
    ] {
        let mut peer = client_of(echo(), 1 << 16, move |s| s.max_continuations(limit)).await;
        let block = request(&mut peer);
        let said = in_pieces(&mut peer, &block, pieces).await;
        assert_eq!(said.as_deref(), answer, "{pieces} of {limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pieces_of_a_servers_header_list_have_a_limit_that_can_be_set() {
    for (limit, pieces, answer) in [(16, 20, None), (0, 4, None), (0, 5, Some(TOO_MANY))] {
        let mut peer = server_of(1 << 16, |c| c.max_continuations(limit)).await;
        let block = response(&mut peer);
        let said = in_pieces(&mut peer, &block, pieces).await;
        assert_eq!(said.as_deref(), answer, "{pieces} of {limit}");
    }
}

/// Begins a header list and waits for the other end to lose its patience: how long that took.
async fn dawdles(peer: &mut Peer, block: &[u8]) -> Duration {
    peer.set_patience(Duration::from_secs(3600));
    let start = Instant::now();
    peer.frame(kind::HEADERS, flag::NONE, 1, block).await;
    let (_, reason, text) = peer.expect_goaway().await;
    assert_eq!(reason, Reason::ENHANCE_YOUR_CALM);
    assert_eq!(text, "a header block was not finished in time");
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_clients_header_list_can_be_set() {
    for (set, expected) in [(None, 20), (Some(2), 2)] {
        let configure = move |server: Server| match set {
            Some(seconds) => server.header_block_timeout(Duration::from_secs(seconds)),
            None => server,
        };
        let mut peer = client_of(echo(), 1 << 16, configure).await;
        let block = request(&mut peer);
        assert_eq!(dawdles(&mut peer, &block).await.as_secs(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_servers_header_list_can_be_set() {
    for (set, expected) in [(None, 20), (Some(2), 2)] {
        let configure = |channel: ChannelBuilder| match set {
            Some(seconds) => channel.header_block_timeout(Duration::from_secs(seconds)),
            None => channel,
        };
        let mut peer = server_of(1 << 16, configure).await;
        let block = response(&mut peer);
        assert_eq!(dawdles(&mut peer, &block).await.as_secs(), expected);
    }
}

/// PINGs of a peer that reads none of the answers; whether the connection ended for it.
async fn pings_unread(peer: &mut Peer) -> bool {
    let mut pings = Vec::new();
    for payload in 0..60_u64 {
        pings.extend([0, 0, 8, 6, 0, 0, 0, 0, 0]);
        pings.extend(payload.to_be_bytes());
    }
    // All of them fit into the pipe at once.
    peer.io().write_all(&pings).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let frames = async {
        for _ in 0..60 {
            match peer.next_frame().await {
                Some(Frame::Ping { ack: true, .. }) => {}
                Some(Frame::GoAway { debug, .. }) => {
                    assert_eq!(debug, "the peer asks for answers and does not read them");
                    return true;
                }
                other => panic!("{other:?}"),
            }
        }
        false
    };
    within(PATIENCE, "the answers", frames).await
}

#[tokio::test(start_paused = true)]
async fn the_answers_that_a_client_leaves_unread_have_a_limit_that_can_be_set() {
    for (limit, ends) in [(2000, false), (50, true), (60, false)] {
        let configure = move |server: Server| {
            let server = server.keepalive_enforcement(Duration::ZERO, true);
            server.max_unread_replies(limit)
        };
        let mut peer = client_of(echo(), 1200, configure).await;
        assert_eq!(pings_unread(&mut peer).await, ends, "{limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_answers_that_a_server_leaves_unread_have_a_limit_that_can_be_set() {
    for (limit, ends) in [(2000, false), (50, true), (60, false)] {
        let mut peer = server_of(1200, |channel| channel.max_unread_replies(limit)).await;
        assert_eq!(pings_unread(&mut peer).await, ends, "{limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_from_a_client_that_leaves_more_unread_than_can_be_set() {
    for (limit, all) in [(1 << 20, true), (4000, false)] {
        let handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&handled);
        let stub = StubServer::unary("/t.T/Big", move |_: Request<Bytes>| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok(Bytes::from(vec![7; 1000])) }
        });
        let configure = move |server: Server| server.max_unread_output(limit);
        // A small pipe: the requests of one read are few.
        let mut peer = client_of(stub, 512, configure).await;
        let flood = async {
            for call in 0..50 {
                peer.request(2 * call + 1, "/t.T/Big", &[]).await;
                peer.data(2 * call + 1, &message(b""), true).await;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(5), flood).await;
        sleep(Duration::from_secs(1)).await;
        let handled = handled.load(Ordering::Relaxed);
        assert_eq!(done.is_ok(), all, "{handled}");
        if all {
            assert_eq!(handled, 50);
        } else {
            // What fills the limit, and what one read brings beyond it.
            assert!((4..30).contains(&handled), "{handled}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_lowest_values_let_calls_through() {
    let lowest = |server: Server| {
        let server = server.max_unread_output(0).max_unread_replies(0);
        let server = server.max_continuations(0);
        server.header_block_timeout(Duration::ZERO)
    };
    let server = echo().configure(lowest).unbound();
    let connect = move |_: &farcall_net::Address| {
        let (near, far) = duplex(1 << 10);
        tokio::spawn(server.serve(far));
        Box::pin(async { Ok(Box::new(near) as Box<dyn ByteStream>) }) as _
    };
    let channel = Channel::builder("passthrough:///pipe")
        .insecure()
        .connector(connect)
        .max_unread_replies(0)
        .max_continuations(0)
        .header_block_timeout(Duration::ZERO);
    let channel = channel.build().unwrap();
    for size in [0, 100, 100_000] {
        let message = Bytes::from(vec![7; size]);
        let call = calls::unary(&channel, "/t.T/Echo", message.clone()).timeout(PATIENCE);
        assert_eq!(call.await.unwrap().into_inner(), message);
    }
}
