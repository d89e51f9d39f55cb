//! The HPACK table that a server offers for what it receives (RFC 7541 §4.2, §6.3).

use crate::echo::echo;
use bytes::Bytes;
use farcall_http2::Reason;
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, message},
    stub_server::{RunningStub, StubServer, calls},
};

/// SETTINGS_HEADER_TABLE_SIZE.
const TABLE_SIZE: u16 = 1;
/// What two of [`long`] need: name, value and 32 octets each.
const ENOUGH: u32 = 8 << 10;
/// "The table has 8,192 octets from here on."
const UPDATE: [u8; 3] = [0x3f, 0xe1, 0x3f];

/// Answers with how long the metadata is.
fn measure() -> StubServer {
    StubServer::unary("/t.T/Sizes", |request| async move {
        let size = |name: &str| request.metadata().get(name).map_or(0, str::len);
        Ok(Bytes::from(format!("{} {}", size("x-a"), size("x-b"))))
    })
}

async fn serving(bytes: Option<u32>) -> RunningStub {
    let stub = measure().configure(move |server| match bytes {
        Some(bytes) => server.header_table_size(bytes),
        None => server,
    });
    stub.start().await
}

/// The head of a request without any table: static indices and literals alone.
fn head() -> Vec<u8> {
    let mut block = vec![0x83, 0x86, 0x04, 10];
    block.extend(b"/t.T/Sizes");
    block.extend([0x0f, 0x10, 16]);
    block.extend(b"application/grpc");
    block.extend(b"\x00\x02te\x08trailers");
    block
}

/// A field of 3,000 octets, to be put into the table.
fn long(name: &str) -> Vec<u8> {
    let mut field = vec![0x40, name.len() as u8];
    field.extend(name.as_bytes());
    field.extend([0x7f, 0xb9, 0x16]);
    field.extend([b'v'; 3000]);
    field
}

#[tokio::test]
async fn a_server_offers_the_table_it_was_told_to_and_the_default_without_a_word() {
    for (told, offered) in [
        (None, None),
        (Some(4096), None),
        (Some(0), Some(0)),
        (Some(ENOUGH), Some(ENOUGH)),
    ] {
        let stub = serving(told).await;
        let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
        let settings = peer.handshake().await;
        let size = settings.iter().find(|(name, _)| *name == TABLE_SIZE);
        assert_eq!(size.map(|(_, value)| *value), offered, "{told:?}");
    }
}

#[tokio::test]
async fn a_client_fills_the_larger_table_and_refers_to_it() {
    let stub = serving(Some(ENOUGH)).await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    let first = [&UPDATE[..], &head(), &long("x-a"), &long("x-b")].concat();
    // By now both stand in the table, the later one first.
    let second = [&head()[..], &[0xbe, 0xbf]].concat();
    for (stream, block) in [(1, first), (3, second)] {
        peer.header_block(stream, &block, false).await;
        peer.data(stream, &message(b""), true).await;
        let exchange = peer.expect_exchange(stream).await;
        assert_eq!(exchange.body[..], message(b"3000 3000")[..]);
    }
}

#[tokio::test]
async fn the_default_table_does_not_grow_and_has_no_room_for_both() {
    for block in [
        [&UPDATE[..], &head()].concat(),
        [&head()[..], &long("x-a"), &long("x-b"), &[0xbf]].concat(),
    ] {
        let stub = serving(None).await;
        let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
        peer.handshake().await;
        peer.header_block(1, &block, false).await;
        assert_eq!(peer.expect_goaway().await.1, Reason::COMPRESSION_ERROR);
    }
}

#[tokio::test]
async fn our_client_calls_on_whatever_table_there_is() {
    for bytes in [0, 64, 4096, 1 << 20] {
        let stub = echo().configure(move |server| server.header_table_size(bytes));
        let stub = stub.start().await;
        let channel = stub.channel();
        for number in 0..200 {
            let call = calls::unary(&channel, "/t.T/Echo", Bytes::from("hello"));
            let call = call.metadata("number", (number % 7).to_string());
            assert_eq!(*call.await.unwrap(), "hello");
        }
    }
}
