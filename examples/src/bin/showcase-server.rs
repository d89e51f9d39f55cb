//! Something for tools to look at, until Ctrl-C: `showcase-server [--port P]`; port 0 is any free one.
//!
//! It offers `helloworld.Greeter`, `routeguide.RouteGuide`, health and reflection, and shows every option.

use farcall::{
    Server, health, reflection,
    server::{MethodLimits, Overload},
};
use farcall_examples::{
    guide::Guide, helloworld::GreeterServer, routeguide::RouteGuideServer, showcase::HelloWorld,
};
use std::{error::Error, time::Duration};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let health = health::service();
    let reporter = health.reporter();
    reporter.set_serving("helloworld.Greeter");
    reporter.set_serving("routeguide.RouteGuide");

    let server = options(Server::builder())
        .add_service(GreeterServer::new(HelloWorld))
        .add_service(RouteGuideServer::new(Guide::default()))
        .add_service(health)
        .add_service(reflection::service())
        .bind(&format!("[::]:{}", port()?))
        .await?;
    println!(
        "listening on port {}; stop with Ctrl-C",
        server.local_addr()?.port()
    );

    let stop = async { drop(tokio::signal::ctrl_c().await) };
    let report = server
        .serve_with_shutdown(stop, Duration::from_secs(10))
        .await;
    println!("{} calls had to be cut", report.calls_cut);
    Ok(())
}

/// The options of a server, with their defaults, or for those that are off by default with something sensible.
fn options(server: Server) -> Server {
    server
        // Messages, in bytes.
        .max_receive_message_size(4 << 20)
        .max_send_message_size(i32::MAX as usize)
        // What calls get: a timeout of their own if they bring none, and who is let in at a time. Both are off by default.
        .default_timeout(Duration::from_secs(3600))
        .overload(Overload::fixed(10_000))
        .limits_of(
            "/helloworld.Greeter/SayHello",
            MethodLimits::new().max_receive_message_size(64 << 10),
        )
        // What one connection may have open, and send in headers.
        .max_concurrent_streams(1000)
        .max_header_list_size(8 << 10)
        .header_table_size(4 << 10)
        .initial_windows(256 << 10, 1 << 20)
        .max_header_memory(8 << 20)
        .max_unread_responses(64 << 20, Duration::from_secs(60))
        // How many connections there are, how old and how idle they become. By default they live for ever.
        .max_connections(100_000)
        .max_connection_idle(Duration::from_secs(1800))
        .max_connection_age(Duration::from_secs(7200))
        .max_connection_age_grace(Duration::from_secs(600))
        // How long clients may take to begin, and how many at a time.
        .handshake_timeout(Duration::from_secs(20))
        .max_concurrent_handshakes(512)
        // Asking silent clients whether they are there; how often they may ask.
        .keepalive(Duration::from_secs(7200), Duration::from_secs(20))
        .keepalive_enforcement(Duration::from_secs(300), false)
        // Browsers that come to the wrong port.
        .http1(|connection| async { connection.refuse("This port is for gRPC.").await })
        // Those who ask for its health now and then have a second to learn that it ends. By default they have none.
        .lame_duck(Duration::from_secs(1))
}

fn port() -> Result<u16, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(50051),
        ["--port", port] => Ok(port.parse().map_err(|_| format!("not a port: {port}"))?),
        _ => Err("usage: showcase-server [--port P]".into()),
    }
}
