//! The program `interop-client` itself: flags that decide what its channel does.

use crate::setup;
use farcall_interop::server::TestServer;
use std::{net::SocketAddr, process::Output};
use tokio::process::Command;

async fn client(flags: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interop-client"));
    let output = command.args(flags).output().await;
    output.expect("the program is built")
}

fn to(address: SocketAddr, case: &str) -> Vec<String> {
    let port = address.port();
    let words = [
        "--server_host=127.0.0.1".to_owned(),
        format!("--server_port={port}"),
    ];
    [&words[..], &[format!("--test_case={case}")]].concat()
}

fn with_config(mut flags: Vec<String>, config: &str) -> Vec<String> {
    flags.push(format!("--service_config_json={config}"));
    flags
}

#[tokio::test]
async fn calls_obey_the_service_config_of_the_command_line() {
    let server = setup::serve(TestServer::new()).await;
    let flags = to(server, "large_unary");
    assert!(client(&flags).await.status.success());
    let limit = |service: &str| {
        let name = format!(r#"{{"service": "{service}", "method": "UnaryCall"}}"#);
        let config = format!(
            r#"{{"methodConfig": [{{"name": [{name}], "maxRequestMessageBytes": 1000}}]}}"#
        );
        with_config(flags.clone(), &config)
    };
    assert!(client(&limit("some.OtherService")).await.status.success());
    let limited = client(&limit("grpc.testing.TestService")).await;
    let told = String::from_utf8_lossy(&limited.stderr).into_owned();
    assert_eq!(limited.status.code(), Some(1), "{told}");
    assert!(told.contains("RESOURCE_EXHAUSTED"), "{told}");
}

#[tokio::test]
async fn a_service_config_that_is_none_is_refused_with_the_place() {
    let flags = with_config(
        to(([127, 0, 0, 1], 1).into(), "empty_unary"),
        r#"{"methodConfig": 7}"#,
    );
    let refused = client(&flags).await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("methodConfig"), "{told}");
}

#[tokio::test]
async fn pick_first_stays_with_one_of_three_servers_and_round_robin_is_found_out() {
    let mut list = Vec::new();
    for _ in 0..3 {
        list.push(setup::serve(TestServer::new()).await.to_string());
    }
    let target = format!("--target=ipv4:{}", list.join(","));
    let flags = vec![target, "--test_case=pick_first_unary".to_owned()];
    assert!(client(&flags).await.status.success());
    let turning = with_config(flags, r#"{"loadBalancingConfig": [{"round_robin": {}}]}"#);
    let told = client(&turning).await;
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("the id of the server"), "{told}");
}
