//! Long streams of small messages: every sender that waits is told when it may go on.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_testkit::stub_server::{StubServer, calls};

everywhere![
    ten_mebibytes_in_small_messages_arrive,
    messages_that_fill_the_buffer_exactly_do_not_stall_their_sender,
    replies_that_fill_the_buffer_exactly_do_not_stall_their_handler,
];

/// Uploads `count` messages of `size` bytes; the server counts them.
async fn upload(count: usize, size: usize) {
    let channel = StubServer::client_streaming("/t.T/Upload", |request| async move {
        let (mut messages, mut count) = (request.into_inner(), 0);
        while messages.message().await?.is_some() {
            count += 1;
        }
        Ok(Bytes::from(count.to_string()))
    })
    .reach();
    let (mut sender, reply) = calls::client_streaming(&channel, "/t.T/Upload").split();
    let message = Bytes::from(vec![7; size]);
    let sending = async {
        for _ in 0..count {
            sender.send(message.clone()).await.unwrap();
        }
        sender.half_close();
    };
    within(PATIENCE, "the upload", sending).await;
    let reply = within(PATIENCE, "the reply", reply).await.unwrap();
    assert_eq!(&reply[..], count.to_string().as_bytes());
}

async fn ten_mebibytes_in_small_messages_arrive() {
    upload(10 << 10, 1000).await;
}

async fn messages_that_fill_the_buffer_exactly_do_not_stall_their_sender() {
    // With their prefix of five bytes: powers of two, which sum up to the mark where senders wait.
    for size in [1019, 4091, 65_531] {
        upload(600, size).await;
    }
}

async fn replies_that_fill_the_buffer_exactly_do_not_stall_their_handler() {
    let channel = StubServer::server_streaming("/t.T/Download", |_, replies| {
        Box::pin(async move {
            for _ in 0..2000 {
                replies.send(Bytes::from_static(&[7; 4091])).await?;
            }
            Ok(())
        })
    })
    .reach();
    let mut replies = calls::server_streaming(&channel, "/t.T/Download", Bytes::new())
        .await
        .unwrap();
    let mut count = 0;
    while within(PATIENCE, "a reply", replies.message())
        .await
        .unwrap()
        .is_some()
    {
        count += 1;
    }
    assert_eq!(count, 2000);
}
