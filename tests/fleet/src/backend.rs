//! Backends in processes of their own: ours, and grpc-go's interop server.

use crate::wire::Places;
use std::{
    env, fmt, io,
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{sleep, timeout},
};

/// How long a process may take for anything that it is asked.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `fleet serve`.
    Ours,
    /// grpc-go's interop server.
    Go,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Ours => "ours",
            Kind::Go => "grpc-go",
        })
    }
}

/// Where grpc-go's interop server is, if it is installed.
pub fn go_server() -> Option<PathBuf> {
    let tools = env::var_os("FARCALL_TOOLS").map(PathBuf::from);
    let tools =
        tools.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache/farcall-tools")));
    let path = tools?.join("bin/go-interop-server");
    path.exists().then_some(path)
}

/// One backend. Dropping it kills it.
#[derive(Debug)]
pub struct Backend {
    kind: Kind,
    child: Child,
    /// Of our own: commands and answers.
    line: Option<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
}

impl Backend {
    /// Starts it and says in `places` where it is.
    ///
    /// # Errors
    /// The program cannot be started or does not listen.
    pub async fn start(number: usize, kind: Kind, places: &Places) -> io::Result<Backend> {
        let (backend, place) = match kind {
            Kind::Ours => start_ours(None).await?,
            Kind::Go => start_go().await?,
        };
        places.set(number, place);
        Ok(backend)
    }

    /// Starts one of our own that takes so many calls at a time on each connection.
    ///
    /// # Errors
    /// As [`start`](Backend::start).
    pub async fn start_with_streams(
        number: usize,
        streams: u32,
        places: &Places,
    ) -> io::Result<Backend> {
        let (backend, place) = start_ours(Some(streams)).await?;
        places.set(number, place);
        Ok(backend)
    }

    /// Which program it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill(mut self) {
        self.child.kill().await.ok();
    }

    /// Makes every call wait so long. Of our own only.
    pub async fn slow(&mut self, delay: Duration) -> io::Result<()> {
        let answer = self.ask(&format!("slow {}", delay.as_millis())).await?;
        expect(answer == "slow", &answer)
    }

    /// How many calls it has got. Of our own only.
    pub async fn calls(&mut self) -> io::Result<u64> {
        let answer = self.ask("count").await?;
        let count = answer.strip_prefix("count ").and_then(|n| n.parse().ok());
        count.ok_or_else(|| io::Error::other(answer))
    }

    /// A graceful stop, to its end; how many calls and connections it had to cut. Of our own only.
    pub async fn drain(mut self) -> io::Result<(u64, u64)> {
        let answer = self.ask("drain").await?;
        let numbers = answer.strip_prefix("drained ").and_then(|numbers| {
            let (calls, connections) = numbers.split_once(' ')?;
            Some((calls.parse().ok()?, connections.parse().ok()?))
        });
        self.child.wait().await?;
        numbers.ok_or_else(|| io::Error::other(answer))
    }

    /// Stops the process where it stands, and lets it go on after `pause`.
    pub async fn freeze(&self, pause: Duration) -> io::Result<()> {
        self.signal("STOP").await?;
        sleep(pause).await;
        self.signal("CONT").await
    }

    async fn signal(&self, name: &str) -> io::Result<()> {
        let id = self.child.id().ok_or(io::ErrorKind::NotFound)?;
        let mut kill = Command::new("kill");
        let kill = kill.arg(format!("-{name}")).arg(id.to_string());
        expect(kill.status().await?.success(), name)
    }

    async fn ask(&mut self, command: &str) -> io::Result<String> {
        let (commands, answers) = self.line.as_mut().ok_or(io::ErrorKind::Unsupported)?;
        commands
            .write_all(format!("{command}\n").as_bytes())
            .await?;
        let answer = timeout(PATIENCE, answers.next_line()).await;
        let answer = answer.map_err(|_| io::ErrorKind::TimedOut)??;
        answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

fn expect(holds: bool, what: &str) -> io::Result<()> {
    match holds {
        true => Ok(()),
        false => Err(io::Error::other(format!("a backend: {what}"))),
    }
}

async fn start_ours(streams: Option<u32>) -> io::Result<(Backend, SocketAddr)> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("serve").kill_on_drop(true);
    command.args(streams.map(|streams| streams.to_string()));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let commands = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut answers = BufReader::new(stdout).lines();
    let said = timeout(PATIENCE, answers.next_line()).await;
    let said = said
        .map_err(|_| io::ErrorKind::TimedOut)??
        .unwrap_or_default();
    let place = said.strip_prefix("listening on ");
    let place = place.and_then(|place| place.parse().ok());
    let place = place.ok_or_else(|| io::Error::other(format!("a backend said {said:?}")))?;
    let backend = Backend {
        kind: Kind::Ours,
        child,
        line: Some((commands, answers)),
    };
    Ok((backend, place))
}

async fn start_go() -> io::Result<(Backend, SocketAddr)> {
    let program = go_server().ok_or(io::ErrorKind::NotFound)?;
    // It takes a port and does not say which one it got, so one that was free a moment ago has to do.
    let place = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let mut command = Command::new(program);
    let command = command.arg(format!("--port={}", place.port()));
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let backend = Backend {
        kind: Kind::Go,
        child,
        line: None,
    };
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(place).await.is_err() {
        if Instant::now() > until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok((backend, place))
}
