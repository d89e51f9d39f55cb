//! A channel's state can be read and watched; it connects with the first call, or when it is told to.

use crate::Outcome;
use farcall::{Channel, ConnectivityState};
use farcall_examples::{greeter::MyGreeter, local};

pub(crate) async fn run() -> Outcome {
    let target = local::channel(MyGreeter).await?.target();
    let channel = Channel::builder(target).insecure().build()?;
    println!("a new channel: {:?}", channel.state());

    let watched = channel.clone();
    let watcher = tokio::spawn(async move {
        let mut state = watched.state();
        // States that pass quickly may be missed; the last one is not.
        while state != ConnectivityState::Shutdown {
            state = watched.wait_for_state_change(state).await;
        }
        state
    });
    channel.connect().await?;
    println!("after connect(): {:?}", channel.state());

    channel.close();
    println!("the watcher has seen {:?}", watcher.await?);

    let nobody = Channel::builder("ipv4:127.0.0.1:1").insecure().build()?;
    if let Err(status) = nobody.connect().await {
        println!("nobody there: {} in {:?}", status.code(), nobody.state());
    }
    Ok(())
}
