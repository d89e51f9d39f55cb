//! Serves a web page, a JSON route and the greeter on one port: `cargo run -p farcall-axum-example`.

use std::time::Duration;
use tokio::{net::TcpListener, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("[::1]:50051").await?;
    let address = listener.local_addr()?;
    println!("http://{address}/ and http://{address}/hello/Ada in a browser;");
    println!("cargo run -p farcall-examples --bin hello-client in another terminal");
    let stop = async { drop(signal::ctrl_c().await) };
    farcall_axum_example::serve(listener, Duration::from_secs(30), stop).await
}
