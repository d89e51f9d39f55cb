//! Envoy's process.

use crate::{
    admin::Admin,
    config::{Options, config},
};
use farcall::Channel;
use farcall_examples::hello::GreeterClient;
use std::{
    error::Error,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::process::{Child, Command};

/// A running Envoy, killed when it is dropped.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) admin: Admin,
    pub(crate) address: SocketAddr,
    folder: PathBuf,
}

impl Proxy {
    /// Starts an Envoy before `backends` and waits until it serves.
    pub(crate) async fn start(
        envoy: &str,
        backends: &[SocketAddr],
        options: Options,
    ) -> Result<Proxy, Box<dyn Error + Send + Sync>> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("farcall-envoy-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let (file, told, log) = (
            folder.join("config.json"),
            folder.join("admin"),
            folder.join("log"),
        );
        fs::write(&file, config(backends, options).to_string())?;
        let child = Command::new(envoy)
            .arg("-c")
            .arg(&file)
            .arg("--admin-address-path")
            .arg(&told)
            // Without numbers several can run side by side; drains take two seconds in all.
            .args([
                "--use-dynamic-base-id",
                "--concurrency",
                "1",
                "--drain-time-s",
                "2",
                "-l",
                "warning",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        let mut proxy = Proxy {
            child,
            admin: Admin(([127, 0, 0, 1], 0).into()),
            address: ([127, 0, 0, 1], 0).into(),
            folder,
        };
        for _ in 0..1500 {
            if let Some(exit) = proxy.child.try_wait()? {
                return Err(
                    format!("Envoy ends with {exit}: {}", fs::read_to_string(&log)?).into(),
                );
            }
            if let Some(address) = fs::read_to_string(&told)
                .ok()
                .and_then(|text| text.trim().parse().ok())
            {
                proxy.admin = Admin(address);
                if proxy.admin.is_ready().await {
                    proxy.address = proxy.admin.listener().await?;
                    return Ok(proxy);
                }
            }
            a_moment().await;
        }
        Err("Envoy does not become ready".into())
    }

    /// A channel to it.
    pub(crate) fn channel(&self) -> Channel {
        let target = self.address.to_string();
        let channel = Channel::builder(target).insecure().build();
        channel.expect("an address is a target")
    }

    pub(crate) fn client(&self) -> GreeterClient {
        GreeterClient::new(self.channel())
    }

    /// Asks it to end, as an orchestrator does.
    pub(crate) async fn terminate(mut self) -> std::io::Result<()> {
        if let Some(id) = self.child.id() {
            Command::new("kill").arg(id.to_string()).status().await?;
        }
        self.child.wait().await.map(drop)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // What cannot be removed is left to the system.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Between two looks at another process.
pub(crate) async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
