//! The interop cases of gRPC through Envoy: grpc-go's client to our server, our client to grpc-go's and to ours.

use crate::{
    Outcome,
    config::Options,
    counters,
    proxy::{Proxy, a_moment},
    table::Table,
};
use farcall::Server;
use farcall_interop::{pb::TestServiceServer, server::TestServer};
use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

type Failure = Box<dyn Error + Send + Sync>;

/// What every client can.
const BASIC: [&str; 16] = [
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
    "rpc_soak",
    "channel_soak",
];

/// What grpc-go has no cases for.
const MORE: [&str; 7] = [
    "very_large_request",
    "client_compressed_unary",
    "server_compressed_unary",
    "client_compressed_streaming",
    "server_compressed_streaming",
    "cacheable_unary",
    "half_duplex",
];

/// Whose clients: what Envoy counts against the others' is not ours.
#[derive(Clone, Copy)]
enum Clients {
    Ours,
    Theirs,
}

/// For one case: the longest is over in seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Programs of grpc-go's come from the environment: `GO_INTEROP_CLIENT` and `GO_INTEROP_SERVER`.
pub(crate) async fn run(table: &mut Table, envoy: &str) {
    let program = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (client, server) = (program("GO_INTEROP_CLIENT"), program("GO_INTEROP_SERVER"));
    let ours = std::env::current_exe().map(|own| own.with_file_name("interop-client"));
    let ours = ours.unwrap_or_else(|_| "interop-client".into());
    let all = [&BASIC[..], &MORE].concat();
    let case = before_ours(envoy, (Clients::Ours, &ours), &all);
    table
        .case("interop: our client, Envoy, our server", case)
        .await;
    let (Some(client), Some(server)) = (client, server) else {
        println!("interop with grpc-go: SKIPPED: its programs are not there");
        return;
    };
    let case = before_ours(envoy, (Clients::Theirs, &client), &BASIC);
    table
        .case("interop: grpc-go's client, Envoy, our server", case)
        .await;
    let case = before_theirs(envoy, &ours, &server);
    table
        .case("interop: our client, Envoy, grpc-go's server", case)
        .await;
}

async fn before_ours(envoy: &str, client: (Clients, &PathBuf), cases: &[&str]) -> Outcome {
    let service = TestServiceServer::new(TestServer::new());
    let server = Server::builder().max_receive_message_size(64 << 20);
    let server = server.add_service(service).bind("127.0.0.1:0").await?;
    let address = server.local_addr()?;
    let serving = tokio::spawn(server.serve());
    let outcome = through(envoy, address, client, cases).await;
    serving.abort();
    outcome
}

async fn before_theirs(envoy: &str, client: &PathBuf, server: &PathBuf) -> Outcome {
    // It cannot choose a port itself.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let mut command = Command::new(server);
    let mut server = silent(&mut command).arg(format!("--port={port}")).spawn()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    timeout(PATIENCE, listening(&mut server, address)).await??;
    through(envoy, address, (Clients::Ours, client), &BASIC).await
}

fn silent(command: &mut Command) -> &mut Command {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).kill_on_drop(true)
}

async fn listening(server: &mut Child, address: SocketAddr) -> Result<(), Failure> {
    while TcpStream::connect(address).await.is_err() {
        if let Some(exit) = server.try_wait()? {
            return Err(format!("grpc-go's server ends with {exit}").into());
        }
        a_moment().await;
    }
    Ok(())
}

async fn through(
    envoy: &str,
    server: SocketAddr,
    (clients, client): (Clients, &PathBuf),
    cases: &[&str],
) -> Outcome {
    let proxy = Proxy::start(envoy, &[server], Options::default()).await?;
    for case in cases {
        one(client, case, proxy.address).await?;
    }
    // Cancelled calls are reset, as they should be.
    match clients {
        Clients::Ours => counters::no_errors(&proxy).await?,
        Clients::Theirs => counters::no_errors_of_backend(&proxy).await?,
    };
    let calls = proxy
        .admin
        .stats("cluster.backends.upstream_rq_total")
        .await?;
    let calls: u64 = calls.values().sum();
    match calls {
        0 => Err("no call has come through Envoy".into()),
        calls => Ok(format!("{} cases, {calls} calls", cases.len())),
    }
}

async fn one(client: &PathBuf, case: &str, at: SocketAddr) -> Result<(), Failure> {
    let running = Command::new(client)
        .arg(format!("--server_host={}", at.ip()))
        .arg(format!("--server_port={}", at.port()))
        .arg(format!("--test_case={case}"))
        .args(["--soak_iterations=200", "--soak_num_threads=4"])
        .args(["--soak_overall_timeout_seconds=50"])
        .arg("--soak_per_iteration_max_acceptable_latency_ms=5000")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, running).await;
    let output = output.map_err(|_| format!("{case} takes too long"))??;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().last().unwrap_or_default();
    Err(format!("{case}: {}: {last}", output.status).into())
}
