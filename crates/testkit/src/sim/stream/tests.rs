use super::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(start_paused = true)]
async fn bytes_come_out_as_they_went_in_and_time_is_simulated() {
    let delay = Duration::from_secs(10);
    let (mut client, mut server, _) = duplex(
        1,
        NetConfig {
            delay,
            capacity: 1000,
            ..NetConfig::default()
        },
    );
    let data = Rng::new(5).bytes(20_000);
    let (sent, start) = (data.clone(), tokio::time::Instant::now());
    let writer = tokio::spawn(async move { client.write_all(&sent).await });
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    writer.await.unwrap().unwrap();
    assert!(got == data);
    assert!(
        start.elapsed() >= delay * 20,
        "every round carries at most 1,000 bytes"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_fails_reads_and_writes_at_once() {
    let (mut client, mut server, control) = duplex(1, NetConfig::default());
    let reader = tokio::spawn(async move { client.read_u8().await });
    tokio::task::yield_now().await;
    control.lose();
    assert_eq!(
        reader.await.unwrap().unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
    assert_eq!(
        server.write_all(b"x").await.unwrap_err().kind(),
        io::ErrorKind::BrokenPipe
    );
}

#[tokio::test(start_paused = true)]
async fn a_stalled_reader_gets_its_bytes_when_it_goes_on() {
    let (mut client, mut server, control) = duplex(1, NetConfig::default());
    control.stall(Side::Server, true);
    client.write_all(b"x").await.unwrap();
    let hour = Duration::from_secs(3600);
    assert!(tokio::time::timeout(hour, server.read_u8()).await.is_err());
    assert_eq!(control.under_way(Side::Client), 1);
    control.stall(Side::Server, false);
    assert_eq!(server.read_u8().await.unwrap(), b'x');
}
