//! Proxies of others: tinyproxy (HTTP CONNECT) and microsocks (SOCKS 5). `tests/proxies/run` runs these tests where the programs
//! are.

use super::{backend, call, cause, failure, through};
use farcall_net::client::{Proxy, ProxyError};
use std::{
    fmt::Write,
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::{net::TcpStream, time::Instant};

struct Running {
    address: SocketAddr,
    process: Child,
    config: Option<PathBuf>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        if let Some(config) = &self.config {
            fs::remove_file(config).ok();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn run(mut command: Command, port: u16, config: Option<PathBuf>) -> Running {
    let process = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let running = Running {
        address,
        process,
        config,
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).await.is_err() {
        assert!(Instant::now() < deadline, "it does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running
}

async fn tinyproxy(more: &str) -> Running {
    let port = free_port();
    let mut text = format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\n");
    text.write_str(more).unwrap();
    let config = std::env::temp_dir().join(format!("farcall-tinyproxy-{port}.conf"));
    fs::write(&config, text).unwrap();
    let mut command = Command::new("tinyproxy");
    command.arg("-d").arg("-c").arg(&config);
    run(command, port, Some(config)).await
}

async fn microsocks(more: &[&str]) -> Running {
    let port = free_port();
    let mut command = Command::new("microsocks");
    command
        .args(["-i", "127.0.0.1", "-p", &port.to_string()])
        .args(more);
    run(command, port, None).await
}

/// Calls through the proxy: the name is looked up by it.
async fn calls(proxy: Proxy) {
    let backend = backend().await;
    let target = format!("dns:///localhost:{}", backend.address().port());
    let channel = through(&target, proxy).insecure().build().unwrap();
    for _ in 0..100 {
        call(&channel).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs tinyproxy: tests/proxies/run"]
async fn tinyproxy_lets_calls_through() {
    let proxy = tinyproxy("").await;
    calls(Proxy::http(proxy.address)).await;
}

#[tokio::test]
#[ignore = "needs tinyproxy: tests/proxies/run"]
async fn tinyproxy_takes_the_right_password_and_refuses_others_with_407() {
    let proxy = tinyproxy("BasicAuth ada secret\n").await;
    calls(Proxy::http(proxy.address).credentials("ada", "secret")).await;
    for wrong in [
        Proxy::http(proxy.address).credentials("ada", "guess"),
        Proxy::http(proxy.address),
    ] {
        let status = failure(through("dns:///localhost:1", wrong)).await;
        let code = cause::<ProxyError>(&status).http_status();
        // 1.11 says 401 to a wrong password, 407 to none.
        assert!(matches!(code, Some(401 | 407)), "{status}");
    }
}

#[tokio::test]
#[ignore = "needs tinyproxy: tests/proxies/run"]
async fn tinyproxys_refusals_are_told() {
    let proxy = tinyproxy("ConnectPort 1\n").await;
    let status = failure(through("dns:///localhost:2", Proxy::http(proxy.address))).await;
    assert_eq!(
        cause::<ProxyError>(&status).http_status(),
        Some(403),
        "{status}"
    );
    let status = failure(through("dns:///localhost:1", Proxy::http(proxy.address))).await;
    let code = cause::<ProxyError>(&status).http_status().unwrap();
    assert!((500..600).contains(&code), "{status}");
}

#[tokio::test]
#[ignore = "needs microsocks: tests/proxies/run"]
async fn microsocks_lets_calls_through() {
    let proxy = microsocks(&[]).await;
    calls(Proxy::socks5(proxy.address)).await;
}

#[tokio::test]
#[ignore = "needs microsocks: tests/proxies/run"]
async fn microsocks_takes_the_right_password_and_refuses_others() {
    let proxy = microsocks(&["-u", "ada", "-P", "secret"]).await;
    calls(Proxy::socks5(proxy.address).credentials("ada", "secret")).await;
    let wrong = Proxy::socks5(proxy.address).credentials("ada", "guess");
    let status = failure(through("dns:///localhost:1", wrong)).await;
    assert!(status.to_string().contains("refuses the user"), "{status}");
    let status = failure(through("dns:///localhost:1", Proxy::socks5(proxy.address))).await;
    assert!(status.to_string().contains("wants credentials"), "{status}");
}

#[tokio::test]
#[ignore = "needs microsocks: tests/proxies/run"]
async fn microsocks_refusals_are_told() {
    let proxy = microsocks(&[]).await;
    let gone = free_port();
    let target = format!("ipv4:127.0.0.1:{gone}");
    let status = failure(through(&target, Proxy::socks5(proxy.address))).await;
    assert_eq!(
        cause::<ProxyError>(&status).socks_reply(),
        Some(5),
        "{status}"
    );
}
