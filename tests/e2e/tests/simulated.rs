//! The channel and the server on simulated time, over a simulated network.

use crate::cancel::{a_dropped_call_ends_its_handler, waiting};
use bytes::Bytes;
use farcall_e2e::{PROMPTLY, Probe, within};
use farcall_net::{ChannelBuilder, Code};
use farcall_testkit::{
    sim::{NetConfig, Side},
    stub_server::{StubServer, calls},
};
use std::{future::pending, time::Duration};
use tokio::time::Instant;

const DAY: Duration = Duration::from_secs(86_400);

fn net(delay: Duration) -> NetConfig {
    NetConfig {
        delay,
        ..NetConfig::default()
    }
}

/// A handler that sleeps for ever.
fn sleeper(probe: &Probe) -> StubServer {
    let probe = probe.clone();
    StubServer::unary("/t.T/Sleep", move |_| {
        let guard = probe.enter();
        async move {
            let _guard = guard;
            pending::<Result<Bytes, _>>().await
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_of_any_kind_ends_its_handler_within_100_ms() {
    for seed in 0..20 {
        let probe = Probe::new();
        let stub = waiting(&probe).simulated(seed, net(Duration::from_millis(80)));
        a_dropped_call_ends_its_handler(stub.channel().clone(), probe).await;
        assert_eq!(stub.connections(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn both_sides_give_up_a_sleeping_handler_at_the_deadline_to_the_millisecond() {
    let probe = Probe::new();
    let stub = sleeper(&probe).simulated(1, net(Duration::from_millis(10)));
    stub.channel().connect().await.unwrap();
    let start = Instant::now();
    let call =
        calls::unary(stub.channel(), "/t.T/Sleep", Bytes::new()).timeout(Duration::from_millis(50));
    let call = tokio::spawn(call.into_future());
    probe.begun(1).await;
    assert_eq!(
        start.elapsed().as_millis(),
        10,
        "the request is on its way for 10 ms"
    );
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(
        (status.code(), start.elapsed().as_millis()),
        (Code::DeadlineExceeded, 50)
    );
    // The server counts from the arrival of what the client had left.
    probe.ended(1).await;
    assert!(
        start.elapsed() <= Duration::from_millis(61),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_deadline_waits_for_days() {
    let stub = StubServer::unary("/t.T/Slow", |_| async {
        tokio::time::sleep(DAY * 3).await;
        Ok(Bytes::from("at last"))
    });
    let stub = stub.simulated(1, NetConfig::default());
    let start = Instant::now();
    let reply = calls::unary(stub.channel(), "/t.T/Slow", Bytes::new())
        .await
        .unwrap();
    assert_eq!(*reply, "at last");
    assert!(start.elapsed() >= DAY * 3);
}

#[tokio::test(start_paused = true)]
async fn a_connection_lost_under_a_call_fails_it_and_the_next_call_gets_a_new_one() {
    let probe = Probe::new();
    let stub = sleeper(&probe).and(StubServer::unary("/t.T/Quick", |_| async {
        Ok(Bytes::from("here"))
    }));
    let stub = stub.simulated(3, NetConfig::default());
    let call = tokio::spawn(calls::unary(stub.channel(), "/t.T/Sleep", Bytes::new()).into_future());
    probe.begun(1).await;
    stub.control().lose();
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
    within(PROMPTLY, "the handler's end", probe.ended(1)).await;
    let reply = calls::unary(stub.channel(), "/t.T/Quick", Bytes::new())
        .await
        .unwrap();
    assert_eq!((&reply[..], stub.connections()), (&b"here"[..], 2));
}

#[tokio::test(start_paused = true)]
async fn keepalive_finds_out_that_a_silent_network_is_dead() {
    let keepalive = |channel: ChannelBuilder| {
        channel.keepalive(Duration::from_secs(10), Duration::from_secs(20), true)
    };
    let stub = sleeper(&Probe::new()).simulated_with(4, NetConfig::default(), keepalive);
    stub.channel().connect().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    stub.control().stall(Side::Client, true);
    stub.control().stall(Side::Server, true);
    let call = calls::unary(stub.channel(), "/t.T/Sleep", Bytes::new()).into_future();
    let status = within(DAY, "the end", call).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.to_string().contains("PING"), "{status}");
    let took = start.elapsed();
    assert!(
        (Duration::from_secs(28)..Duration::from_secs(31)).contains(&took),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_holds_back_its_sender_and_nobody_else() {
    let stub = StubServer::server_streaming("/t.T/Flood", |_, replies| {
        Box::pin(async move {
            for _ in 0..10_000 {
                replies.send(Bytes::from(vec![7; 1000])).await?;
            }
            Ok(())
        })
    });
    let quick = StubServer::unary("/t.T/Quick", |_| async { Ok(Bytes::from("here")) });
    let stub = stub.and(quick).simulated(5, NetConfig::default());
    let mut unread = calls::server_streaming(stub.channel(), "/t.T/Flood", Bytes::new())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let start = Instant::now();
    calls::unary(stub.channel(), "/t.T/Quick", Bytes::new())
        .await
        .unwrap();
    assert!(start.elapsed() < PROMPTLY, "{:?}", start.elapsed());
    let mut count = 0;
    while unread.message().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 10_000);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_open_calls_and_cuts_them_at_its_end() {
    let probe = Probe::new();
    let stub = sleeper(&probe).simulated(6, NetConfig::default());
    let call = tokio::spawn(calls::unary(stub.channel(), "/t.T/Sleep", Bytes::new()).into_future());
    probe.begun(1).await;
    let start = Instant::now();
    let report = stub.shut_down(Duration::from_secs(30)).await;
    assert_eq!((report.connections_cut, report.calls_cut), (1, 1));
    let took = start.elapsed();
    assert!(
        (Duration::from_secs(30)..Duration::from_secs(32)).contains(&took),
        "{took:?}"
    );
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn run_to_completion_is_told_and_goes_on_however_late() {
    let done = Probe::new();
    let inside = done.clone();
    let stub = StubServer::unary("/t.T/Work", move |request| {
        let inside = inside.clone();
        async move {
            request.cancelled().await;
            tokio::time::sleep(DAY).await;
            drop(inside.enter());
            Ok(Bytes::new())
        }
    });
    let stub = stub
        .configure(|server| server.run_to_completion())
        .simulated(7, NetConfig::default());
    let start = Instant::now();
    let call =
        calls::unary(stub.channel(), "/t.T/Work", Bytes::new()).timeout(Duration::from_millis(50));
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    done.ended(1).await;
    assert!(start.elapsed() >= DAY && start.elapsed() < DAY + Duration::from_secs(1));
}
