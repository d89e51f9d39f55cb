//! Knows the mountains of the Alps, until Ctrl-C: `route-guide-server [ADDRESS]`.

use farcall::Server;
use farcall_examples::{guide::Guide, routeguide::RouteGuideServer};
use std::{error::Error, time::Duration};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or("[::]:50051".to_owned());
    println!("serving routeguide.RouteGuide on {address}; stop with Ctrl-C");

    let stop = async { drop(tokio::signal::ctrl_c().await) };
    Server::builder()
        .add_service(RouteGuideServer::new(Guide::default()))
        .serve_with_shutdown(&address, stop, Duration::from_secs(10))
        .await?;
    Ok(())
}
