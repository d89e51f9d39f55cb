//! What an idle connection and an open idle stream take, as growth of resident memory.

use crate::{
    child::Child,
    system::{need_files, rss_kib},
    verdict::Verdict,
};
use anyhow::Result;

const CONNECTIONS: usize = 2000;
const STREAMS: usize = 10_000;

pub(crate) async fn run(verdict: &mut Verdict) -> Result<()> {
    need_files(CONNECTIONS as u64 + 500)?;
    let (server, address) = Child::server(1).await?;
    let before = rss_kib(server.pid)?;
    let args = [address, CONNECTIONS.to_string(), "0".into()];
    let mut client = Child::start("hold", &args)?;
    let [grown] = client.numbers().await?;
    let per = |kib: f64| kib / CONNECTIONS as f64;
    verdict.at_most(
        "server, idle connection",
        per(rss_kib(server.pid)? - before),
        6.0,
        "KiB",
    );
    verdict.at_most("client, idle connection", per(grown), 8.0, "KiB");
    drop((client, server));

    let (server, address) = Child::server(1).await?;
    let connections = 100;
    let first = [address.clone(), connections.to_string(), "0".into()];
    // The connections of the streams are not to be counted: as many have been there before, and are gone.
    let mut warm = Child::start("hold", &first)?;
    let [_] = warm.numbers().await?;
    let before = rss_kib(server.pid)?;
    let streams = STREAMS / connections;
    let args = [address, connections.to_string(), streams.to_string()];
    let mut client = Child::start("hold", &args)?;
    let [grown] = client.numbers().await?;
    let connection = 6.0 * connections as f64;
    let per = |kib: f64| (kib - connection) / STREAMS as f64;
    verdict.at_most(
        "server, open idle stream",
        per(rss_kib(server.pid)? - before),
        2.0,
        "KiB",
    );
    verdict.note("client, open idle stream", per(grown), "KiB");
    Ok(())
}
