//! Accepting, for ever.

use super::{bind::Listening, security::Security, socket::Socket};
use crate::{
    peer::{SocketAddress, UnixCredentials},
    transport::io::{Io, TcpOptions},
};
use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

/// A socket that listens.
pub(crate) struct Listener {
    socket: Listening,
    options: TcpOptions,
    /// In place of what the server says.
    security: Option<Security>,
    retry: Retry,
}

/// A connection that has been accepted; nothing has been read from it.
pub(crate) struct Accepted {
    pub(crate) io: Io,
    pub(crate) remote: SocketAddress,
    pub(crate) local: SocketAddress,
    /// Of a Unix socket.
    pub(crate) process: Option<UnixCredentials>,
}

impl Listener {
    /// Waits on a socket that listens already, in the runtime that this is called in.
    pub(crate) fn from_socket(socket: Socket, options: TcpOptions) -> io::Result<Listener> {
        Ok(Listener::new(socket.into_listening()?, options))
    }

    fn new(socket: Listening, options: TcpOptions) -> Listener {
        Listener {
            socket,
            options,
            security: None,
            retry: Retry::default(),
        }
    }

    /// Secures what it accepts in a way of its own.
    pub(crate) fn secured(mut self, security: Option<Security>) -> Listener {
        self.security = security;
        self
    }

    /// How what it accepts is secured, if it has a way of its own.
    pub(crate) fn security(&self) -> Option<&Security> {
        self.security.as_ref()
    }

    /// What is set on sockets that are accepted from now on.
    pub(crate) fn set_options(&mut self, options: TcpOptions) {
        self.options = options;
    }

    /// The next connection. Never fails: an error goes to `report` with the pause that follows it.
    ///
    /// Errors that belong to one connection (the peer has gone before it was accepted) are not followed by a
    /// pause, others are: the process is out of file descriptors, say, and the connection stays in the queue. The
    /// pause is 5 ms, doubled with each error in a row up to 1 s, so `report` is called once a second at most in
    /// the long run; it should still not write a log line each time.
    ///
    /// Cancel safe: no connection is lost, and a pause goes on where it was.
    pub(crate) async fn accept(&mut self, report: impl FnMut(&io::Error, Duration)) -> Accepted {
        let (socket, options) = (&self.socket, self.options);
        accept_with(
            &mut self.retry,
            |cx| poll_accept(socket, options, cx),
            report,
        )
        .await
    }
}

fn poll_accept(
    socket: &Listening,
    options: TcpOptions,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Accepted>> {
    match socket {
        Listening::Tcp(listener) => listener.poll_accept(cx).map(|accepted| {
            let (stream, remote) = accepted?;
            let local = stream.local_addr().map_err(lost)?;
            let io = Io::tcp(stream, options).map_err(lost)?;
            Ok(Accepted {
                io,
                remote: canonical(remote),
                local: canonical(local),
                process: None,
            })
        }),
        #[cfg(unix)]
        Listening::Unix {
            listener, address, ..
        } => listener.poll_accept(cx).map(|accepted| {
            let (stream, remote) = accepted?;
            let remote = std::os::unix::net::SocketAddr::from(remote).into();
            // A system that does not tell is no reason to turn the peer away.
            let process = stream.peer_cred().ok().map(|process| UnixCredentials {
                user: process.uid(),
                group: process.gid(),
                process: process.pid(),
            });
            Ok(Accepted {
                io: Io::Unix(stream),
                remote,
                local: address.clone(),
                process,
            })
        }),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Listening::Vsock(listener) => listener.poll_accept(cx).map(|accepted| {
            let (stream, remote, local) = accepted?;
            Ok(Accepted {
                io: Io::Unix(stream),
                remote,
                local,
                process: None,
            })
        }),
    }
}

/// A socket that cannot be set up has lost its peer meanwhile: the listener is well.
fn lost(error: io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, error)
}

/// A listener for both families shows IPv4 peers as `::ffff:192.0.2.1`; users know them without the prefix.
fn canonical(address: SocketAddr) -> SocketAddress {
    match address {
        SocketAddr::V6(v6) if v6.ip().to_ipv4_mapped().is_some() => {
            SocketAddr::new(v6.ip().to_canonical(), v6.port()).into()
        }
        address => address.into(),
    }
}

async fn accept_with<T>(
    retry: &mut Retry,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    mut report: impl FnMut(&io::Error, Duration),
) -> T {
    loop {
        if let Some(at) = retry.at {
            tokio::time::sleep_until(at).await;
            retry.at = None;
        }
        match poll_fn(&mut poll).await {
            Ok(accepted) => {
                *retry = Retry::default();
                return accepted;
            }
            Err(error) => {
                let pause = retry.on_error(&error);
                report(&error, pause);
            }
        }
    }
}

/// When to try again.
#[derive(Default)]
struct Retry {
    pause: Duration,
    at: Option<Instant>,
}

impl Retry {
    const FIRST: Duration = Duration::from_millis(5);
    const LONGEST: Duration = Duration::from_secs(1);

    fn on_error(&mut self, error: &io::Error) -> Duration {
        if is_of_one_connection(error) {
            return Duration::ZERO;
        }
        self.pause = (self.pause * 2).clamp(Retry::FIRST, Retry::LONGEST);
        self.at = Some(Instant::now() + self.pause);
        self.pause
    }
}

/// accept(2): errors that were pending on the new socket come out of `accept` and take their connection with them.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | ConnectionRefused
            | NetworkDown
            | NetworkUnreachable
            | HostUnreachable
            | TimedOut
            | Interrupted
    )
}

#[cfg(test)]
impl Listener {
    pub(crate) async fn bind(
        address: &str,
        options: TcpOptions,
    ) -> Result<Listener, super::BindError> {
        let socket = Listening::bind(address, false).await?;
        Ok(Listener::new(socket, options))
    }

    /// Where it listens, with the port that the system has chosen.
    pub(crate) fn local_address(&self) -> SocketAddress {
        self.socket.local_address().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn silent(_: &io::Error, _: Duration) {}

    /// Gives the results in order, then waits for ever.
    fn script(
        mut results: Vec<io::Result<u32>>,
    ) -> impl FnMut(&mut Context<'_>) -> Poll<io::Result<u32>> {
        results.reverse();
        move |_| results.pop().map_or(Poll::Pending, Poll::Ready)
    }

    fn out_of_files() -> io::Error {
        io::Error::other("too many open files")
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_second_and_start_again_after_a_success() {
        let mut results: Vec<_> = (0..10).map(|_| Err(out_of_files())).collect();
        results.extend([Ok(1), Err(out_of_files()), Ok(2)]);
        let mut poll = script(results);
        let (mut retry, mut pauses, start) = (Retry::default(), Vec::new(), Instant::now());
        let mut report = |_: &io::Error, pause: Duration| pauses.push(pause.as_millis());
        assert_eq!(accept_with(&mut retry, &mut poll, &mut report).await, 1);
        assert_eq!(accept_with(&mut retry, &mut poll, &mut report).await, 2);
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 5]);
        assert_eq!(start.elapsed().as_millis(), pauses.iter().sum::<u128>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_was_lost_costs_no_pause() {
        let aborted = io::Error::from(io::ErrorKind::ConnectionAborted);
        let mut poll = script(vec![Err(aborted), Ok(1)]);
        let (mut retry, mut reports, start) = (Retry::default(), 0, Instant::now());
        accept_with(&mut retry, &mut poll, |_, pause| {
            reports += 1 + pause.as_millis()
        })
        .await;
        assert_eq!((reports, start.elapsed()), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_survives_a_dropped_accept() {
        let mut poll = script(vec![Err(out_of_files()), Ok(1)]);
        let (mut retry, start) = (Retry::default(), Instant::now());
        let cut = Duration::from_millis(2);
        tokio::time::timeout(cut, accept_with(&mut retry, &mut poll, silent))
            .await
            .unwrap_err();
        accept_with(&mut retry, &mut poll, silent).await;
        assert_eq!(start.elapsed(), Retry::FIRST);
    }

    async fn says_hello(address: &str) -> Accepted {
        let mut listener = Listener::bind(address, TcpOptions::default())
            .await
            .unwrap();
        let target = listener.local_address().clone();
        let client = tokio::spawn(async move {
            match target {
                SocketAddress::Ip(mut ip) => {
                    ip.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
                    let mut stream = tokio::net::TcpStream::connect(ip).await.unwrap();
                    stream.write_all(b"hello").await.unwrap();
                }
                #[cfg(unix)]
                SocketAddress::Unix(path) => {
                    let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
                    stream.write_all(b"hello").await.unwrap();
                }
                other => panic!("{other}"),
            }
        });
        let mut accepted = listener.accept(silent).await;
        let mut text = String::new();
        accepted.io.read_to_string(&mut text).await.unwrap();
        client.await.unwrap();
        assert_eq!(text, "hello");
        accepted
    }

    #[tokio::test]
    async fn an_ipv4_peer_of_a_listener_for_both_families_has_an_ipv4_address() {
        let accepted = says_hello("[::]:0").await;
        assert!(
            accepted.remote.ip().unwrap().is_ipv4(),
            "{}",
            accepted.remote
        );
        assert!(accepted.local.ip().unwrap().is_ipv4(), "{}", accepted.local);
        let Io::Tcp(stream) = accepted.io else {
            panic!()
        };
        assert!(stream.nodelay().unwrap());
    }

    /// The user who owns what this process makes.
    #[cfg(unix)]
    fn whoami() -> u32 {
        use std::os::unix::fs::MetadataExt;
        let path = std::env::temp_dir().join(format!("farcall-whoami-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let user = std::fs::metadata(&path).unwrap().uid();
        std::fs::remove_file(&path).unwrap();
        user
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_unix_peer_without_a_name_is_accepted() {
        let path = std::env::temp_dir().join(format!("farcall-accept-{}", std::process::id()));
        let accepted = says_hello(&format!("unix:{}", path.display())).await;
        assert_eq!(accepted.remote, SocketAddress::UnixUnnamed);
        assert_eq!(accepted.local, SocketAddress::Unix(path));
        let process = accepted.process.unwrap();
        #[cfg(target_os = "linux")]
        assert_eq!(process.process, i32::try_from(std::process::id()).ok());
        assert_eq!(process.user, whoami());
    }

    /// Runs in a process of its own, with few file descriptors: see the next test.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    #[ignore = "started by accepting_survives_a_lack_of_file_descriptors"]
    async fn few_file_descriptors() {
        let mut listener = Listener::bind("127.0.0.1:0", TcpOptions::default())
            .await
            .unwrap();
        let client = std::net::TcpStream::connect(listener.local_address().ip().unwrap()).unwrap();
        let mut hoard: Vec<_> =
            std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        let mut reports = Vec::new();
        let accepted = listener.accept(|error, pause| {
            reports.push((error.raw_os_error(), pause.as_millis()));
            if reports.len() == 3 {
                hoard.clear();
            }
        });
        let accepted = accepted.await;
        assert_eq!(accepted.remote.ip(), client.local_addr().ok());
        // EMFILE
        assert_eq!(reports, [(Some(24), 5), (Some(24), 10), (Some(24), 20)]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn accepting_survives_a_lack_of_file_descriptors() {
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -n 48 && exec \"$0\" --ignored --exact \"$1\""])
            .arg(std::env::current_exe().unwrap())
            .arg(
                concat!(module_path!(), "::few_file_descriptors")
                    .split_once("::")
                    .unwrap()
                    .1,
            )
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
    }
}
