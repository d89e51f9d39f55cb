//! What server and channel do about peers that overdo it, over sockets.

use crate::echo::echo;
use bytes::Bytes;
use farcall_e2e::{PATIENCE, lines, logged, within};
use farcall_http2::Reason;
use farcall_net::{
    Channel, Code,
    peer::{Act, Budget},
};
use farcall_testkit::{
    scripted_peer::{Frame, ScriptedPeer},
    stub_server::{StubServer, calls},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// A channel whose one call is open at a server that the test plays; the call ends when the peer does.
async fn calling() -> (
    ScriptedPeer<TcpStream>,
    String,
    tokio::task::JoinHandle<Code>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let channel = Channel::builder(format!("ipv4:{address}"))
        .insecure()
        .build()
        .unwrap();
    let call = tokio::spawn(async move {
        let call = calls::unary(&channel, "/t.T/Any", Bytes::new()).timeout(PATIENCE);
        call.await.unwrap_err().code()
    });
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    server.expect_headers(1).await;
    server.expect_data(1).await;
    (server, address.to_string(), call)
}

#[tokio::test]
async fn what_a_server_says_in_goaway_is_logged_escaped_and_once_a_second_with_a_count() {
    logged("");
    let (mut server, address, _call) = calling().await;
    let text = "too\u{1b}[31m\nmany";
    for _ in 0..10 {
        server.goaway(1, Reason::ENHANCE_YOUR_CALM, text).await;
    }
    let first = lines(&address, 1).await;
    assert!(first[0].contains("ENHANCE_YOUR_CALM"), "{first:?}");
    assert!(!first[0].chars().any(char::is_control), "{first:?}");
    // The rate is of real time.
    tokio::time::sleep(Duration::from_millis(1020)).await;
    server.goaway(1, Reason::ENHANCE_YOUR_CALM, text).await;
    let second = lines(&address, 2).await;
    assert_eq!(second.len(), 2, "{second:?}");
    assert!(second[1].contains("9 more"), "{second:?}");
}

#[tokio::test]
async fn a_client_ends_a_connection_whose_server_overdoes_it_and_says_why_in_its_log() {
    logged("");
    let (mut server, address, call) = calling().await;
    for _ in 0..1100 {
        server.ping(7, false).await;
    }
    let (_, reason, text) = server.expect_goaway().await;
    assert_eq!(
        (reason, &text[..]),
        (Reason::ENHANCE_YOUR_CALM, "too_many_pings")
    );
    assert_eq!(call.await.unwrap(), Code::Unavailable);
    let lines = lines(&address, 1).await;
    assert!(lines[0].contains("too many PING frames"), "{lines:?}");
}

#[tokio::test]
async fn keepalive_that_the_server_does_not_allow_ends_the_connection_and_what_it_allows_does_not()
{
    for (allowed, ends) in [(Duration::from_secs(60), true), (Duration::ZERO, false)] {
        let stub = echo()
            .configure(move |server| server.keepalive_enforcement(allowed, true))
            .start()
            .await;
        let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
        peer.handshake().await;
        for payload in 0..10 {
            peer.ping(payload, false).await;
        }
        let mut answers = 0;
        let text = loop {
            match peer.next_frame().await.expect("the connection lives") {
                Frame::Ping { ack: true, .. } => answers += 1,
                Frame::GoAway { debug, .. } => break Some(debug),
                _ => {}
            }
            if answers == 10 {
                break None;
            }
        };
        assert_eq!(text.is_some(), ends, "{text:?}");
    }
}

#[tokio::test]
async fn a_budget_of_the_servers_can_be_set() {
    let budget = Budget {
        burst: 5,
        per_second: 0,
    };
    let stub = echo()
        .configure(move |server| server.peer_budget(Act::Idle, budget))
        .start()
        .await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    for _ in 0..6 {
        peer.frame(0x42, 0, 0, b"").await;
    }
    let (_, reason, text) = peer.expect_goaway().await;
    assert_eq!(reason, Reason::ENHANCE_YOUR_CALM);
    assert_eq!(text, "too many frames that do no work");
}

#[tokio::test]
async fn silent_clients_give_way_to_one_that_speaks() {
    let stub = echo()
        .configure(|server| server.max_concurrent_handshakes(2))
        .start()
        .await;
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(TcpStream::connect(stub.address()).await.unwrap());
    }
    // Both have their place before the call asks for one.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let channel = stub.channel();
    let call = calls::unary(&channel, "/t.T/Echo", Bytes::from("hello")).wait_for_ready();
    let reply = within(Duration::from_secs(15), "the reply", call.into_future()).await;
    assert_eq!(*reply.unwrap(), "hello");
    // One of them was enough.
    let mut alive = 0;
    for mut stream in silent {
        // What the server begins with, and then perhaps its end.
        let mut all = Vec::new();
        let read = stream.read_to_end(&mut all);
        alive += usize::from(
            tokio::time::timeout(Duration::from_millis(200), read)
                .await
                .is_err(),
        );
    }
    assert_eq!(alive, 1);
}

#[tokio::test]
async fn nothing_is_read_from_a_client_that_does_not_read() {
    let gate = Arc::new(Semaphore::new(0));
    let begun = Arc::clone(&gate);
    let stub = StubServer::unary("/t.T/Big", move |_| {
        begun.add_permits(1);
        async { Ok(Bytes::from(vec![7; 1000])) }
    });
    let stub = stub.start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.set_polite(false);
    peer.handshake_with(&[(4, i32::MAX as u32)]).await;
    peer.window_update(0, 1 << 30).await;
    // Requests for as long as the server takes them; no answer is looked at.
    let mut sent = 0_usize;
    let flood = async {
        loop {
            let stream = 2 * sent as u32 + 1;
            peer.request(stream, "/t.T/Big", &[]).await;
            peer.data(stream, b"\0\0\0\0\0", true).await;
            sent += 1;
        }
    };
    let stopped = tokio::time::timeout(Duration::from_secs(3), flood).await;
    assert!(stopped.is_err());
    let answered = gate.available_permits();
    // The system's buffers hold some megabytes, the server one more.
    assert!(answered < 40_000, "{answered} of {sent}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(gate.available_permits(), answered, "it has stopped reading");
}
