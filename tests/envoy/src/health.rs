//! Envoy's gRPC health checker asks our health service.

use crate::{
    Outcome,
    backend::Backend,
    config::Options,
    proxy::{Proxy, a_moment},
    table::Table,
};
use farcall_examples::hello::HelloRequest;
use std::collections::BTreeSet;

const CHECKED: Options = Options {
    health_checks: true,
    calls_per_connection: None,
};

pub(crate) async fn run(table: &mut Table, envoy: &str) {
    table
        .case("health: calls follow what backends say", follows(envoy))
        .await;
}

/// Serving, then not, then again.
async fn follows(envoy: &str) -> Outcome {
    let (one, two) = (Backend::start("one").await?, Backend::start("two").await?);
    let proxy = Proxy::start(envoy, &[one.address, two.address], CHECKED).await?;
    expect(&proxy, &["one", "two"]).await?;
    one.health.set_not_serving("hello.Greeter");
    expect(&proxy, &["two"]).await?;
    one.health.set_serving("hello.Greeter");
    expect(&proxy, &["one", "two"]).await?;
    two.health.set_not_serving("hello.Greeter");
    expect(&proxy, &["one"]).await?;
    two.health.set_serving("hello.Greeter");
    expect(&proxy, &["one", "two"]).await?;
    let checks = proxy
        .admin
        .stats("cluster.backends.health_check.(success|failure)")
        .await?;
    Ok(format!("{} checks", checks.values().sum::<u64>()))
}

/// Waits until twenty calls go to these and to no others; then twenty more do, too. The table's patience ends it if they never do.
async fn expect(
    proxy: &Proxy,
    names: &[&str],
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let names = BTreeSet::from_iter(names.iter().map(|name| name.to_string()));
    while twenty(proxy).await? != names {
        a_moment().await;
    }
    match twenty(proxy).await? {
        seen if seen == names => Ok(()),
        seen => Err(format!("calls went to {seen:?}, not to {names:?}").into()),
    }
}

async fn twenty(proxy: &Proxy) -> Result<BTreeSet<String>, farcall::Status> {
    let client = proxy.client();
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let reply = client
            .say_hello(HelloRequest { name: "who".into() })
            .await?;
        seen.insert(reply.into_inner().message);
    }
    Ok(seen)
}
