//! What channels take that nobody uses: new ones, connected ones, and ones that have gone idle.

use crate::{
    child::Child,
    pb::{Amount, ExperimentsClient},
    system::{need_files, rss_kib},
    verdict::Verdict,
};
use anyhow::Result;
use farcall::{Channel, ConnectivityState};
use std::time::Duration;
use tokio::{runtime::Handle, time::sleep};

const CHANNELS: usize = 1000;
/// How long their rest is watched.
const WATCHED: Duration = Duration::from_secs(10);
/// The idle timeout of those that go idle.
const IDLE: Duration = Duration::from_secs(40);
/// Timers of connecting and of the first SETTINGS ring once in that time, for nothing.
const SETTLED: Duration = Duration::from_secs(22);

pub(crate) async fn run(verdict: &mut Verdict) -> Result<()> {
    need_files(CHANNELS as u64 + 500)?;
    let (_server, address) = Child::server(1).await?;
    let mut client = Child::start("channels", &[address])?;
    let [new] = client.numbers().await?;
    verdict.at_most("new channel", new, 12.0, "KiB");
    let [memory, tasks, wakes] = client.numbers().await?;
    verdict.at_most("connected channel", memory, 24.0, "KiB");
    verdict.at_most("tasks of a connected channel", tasks, 2.0, "");
    verdict.at_most("wake-ups of all of them in 10 s", wakes, 10.0, "");
    let [memory, tasks, wakes] = client.numbers().await?;
    verdict.at_most("channel gone idle", memory, 24.0, "KiB");
    verdict.at_most("tasks of a channel gone idle", tasks, 1.0, "");
    verdict.at_most("wake-ups of all of them in 10 s", wakes, 10.0, "");
    Ok(())
}

/// (role) Makes channels, uses each once, and says what they take: a line for new ones, one for connected ones with tasks and
/// wake-ups, one for those gone idle.
pub(crate) async fn measure(address: &str) -> Result<()> {
    let (runtime, before) = (Handle::current(), rss_kib(std::process::id())?);
    let tasks_before = runtime.metrics().num_alive_tasks();
    let per = |count: f64| count / CHANNELS as f64;
    let grown = || -> Result<f64> { Ok(per(rss_kib(std::process::id())? - before)) };
    let tasks = || per((runtime.metrics().num_alive_tasks() - tasks_before) as f64);
    let mut clients = Vec::with_capacity(CHANNELS);
    for _ in 0..CHANNELS {
        let builder = Channel::builder(format!("ipv4:{address}")).idle_timeout(IDLE);
        let channel = builder.insecure().build()?;
        clients.push((channel.clone(), ExperimentsClient::new(channel)));
    }
    println!("{}", grown()?);
    for (_, client) in &clients {
        client.short(Amount { amount: 0 }).await?;
    }
    sleep(SETTLED).await;
    println!("{} {} {}", grown()?, tasks(), wakes().await);
    for (channel, _) in &clients {
        while channel.state() != ConnectivityState::Idle {
            channel.wait_for_state_change(channel.state()).await;
        }
    }
    // Connections are drained: that takes a moment.
    sleep(Duration::from_secs(2)).await;
    println!("{} {} {}", grown()?, tasks(), wakes().await);
    Ok(())
}

/// How often the runtime's threads were woken in the time, beside the one wake-up that ends it.
async fn wakes() -> u64 {
    let parks = || {
        let metrics = Handle::current().metrics();
        (0..metrics.num_workers())
            .map(|worker| metrics.worker_park_count(worker))
            .sum::<u64>()
    };
    let before = parks();
    sleep(WATCHED).await;
    parks() - before
}
