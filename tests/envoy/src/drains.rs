//! Backends and Envoys that go in good order under load: not a call fails.

use crate::{Outcome, backend::Backend, config::Options, load::Load, proxy::Proxy, table::Table};
use farcall::Channel;
use farcall_examples::hello::GreeterClient;

pub(crate) async fn run(table: &mut Table, envoy: &str, rounds: usize) {
    table
        .case(
            "drain of our server under load, health checks",
            of_backends(envoy, rounds),
        )
        .await;
    table
        .case(
            "drain of Envoy under load, another takes over",
            of_proxies(envoy, rounds),
        )
        .await;
    table
        .case(
            "connections of Envoy that end after 100 calls",
            churn(envoy),
        )
        .await;
}

/// Two backends take turns to shut down and come back at the same address.
async fn of_backends(envoy: &str, rounds: usize) -> Outcome {
    let options = Options {
        health_checks: true,
        ..Options::default()
    };
    let mut going = Backend::start("one").await?;
    let mut staying = Backend::start("two").await?;
    let proxy = Proxy::start(envoy, &[going.address, staying.address], options).await?;
    proxy.admin.until_healthy(2).await?;
    let load = Load::start(&[proxy.client(), proxy.client()]);
    load.more(500).await;
    for _ in 0..rounds {
        let address = going.address.to_string();
        going.shut_down().await?;
        load.more(500).await;
        going = Backend::start_at("again", &address).await?;
        proxy.admin.until_healthy(2).await?;
        load.more(500).await;
        std::mem::swap(&mut going, &mut staying);
    }
    let calls = load.stop().await?;
    Ok(format!("{rounds} drains, {calls} calls, none failed"))
}

/// Clients know two Envoys; one is drained and ends, and another takes its place.
async fn of_proxies(envoy: &str, rounds: usize) -> Outcome {
    let backend = Backend::start("one").await?;
    let start = || {
        Proxy::start(
            envoy,
            std::slice::from_ref(&backend.address),
            Options::default(),
        )
    };
    let mut calls = 0;
    for round in 0..rounds {
        let (one, two) = (start().await?, start().await?);
        let target = format!("ipv4:{},{}", one.address, two.address);
        // Half of the rounds both have connections, in the others the second gets its first one when the first goes.
        let policy = if round % 2 == 0 {
            "round_robin"
        } else {
            "pick_first"
        };
        let channel = Channel::builder(target)
            .load_balancing_policy(policy)
            .insecure()
            .build()?;
        let load = Load::start(&[GreeterClient::new(channel)]);
        load.more(500).await;
        one.admin.drain().await?;
        load.more(1000).await;
        until_empty(&one).await?;
        one.terminate().await?;
        load.more(500).await;
        calls += load
            .stop()
            .await
            .map_err(|error| format!("{policy}: {error}"))?;
    }
    Ok(format!("{rounds} drains, {calls} calls, none failed"))
}

/// Waits until a drained Envoy takes no connections any more, and has none. It takes some until its drain is over, and a
/// client that was told to go away may come back to it, so having none is not enough.
async fn until_empty(proxy: &Proxy) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut takes_some = true;
    for _ in 0..1000 {
        if takes_some {
            takes_some = tokio::net::TcpStream::connect(proxy.address).await.is_ok();
        } else {
            let open = proxy.admin.stats("http.front.downstream_cx_active").await?;
            if open.values().sum::<u64>() == 0 {
                return Ok(());
            }
        }
        crate::proxy::a_moment().await;
    }
    Err(match takes_some {
        true => "the drained Envoy still takes connections".into(),
        false => "the drained Envoy keeps its connections".into(),
    })
}

/// Envoy ends connections in good order all the time, towards both sides.
async fn churn(envoy: &str) -> Outcome {
    let options = Options {
        calls_per_connection: Some(100),
        ..Options::default()
    };
    let backend = Backend::start("one").await?;
    let proxy = Proxy::start(envoy, &[backend.address], options).await?;
    let load = Load::start(&[proxy.client(), proxy.client()]);
    load.more(5000).await;
    let calls = load.stop().await?;
    let ended = proxy
        .admin
        .stats("backends.upstream_cx_max_requests|front.downstream_cx_max_requests_reached")
        .await?;
    let ended: Vec<_> = ended.values().collect();
    if ended.contains(&&0) || ended.len() < 2 {
        return Err(format!("no connection ended: {ended:?}").into());
    }
    Ok(format!(
        "{calls} calls, none failed, {ended:?} connections ended"
    ))
}
