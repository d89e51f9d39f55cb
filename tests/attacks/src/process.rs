//! The process under attack: started, asked, weighed.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// How long a process may take for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A child of ours. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    log: Arc<Mutex<Vec<u8>>>,
    pid: u32,
}

impl Process {
    /// Starts this program; `open_files` is its RLIMIT_NOFILE.
    pub(crate) fn start(
        program: &PathBuf,
        args: &[String],
        open_files: Option<u32>,
    ) -> io::Result<Process> {
        let mut command = match open_files {
            None => Command::new(program),
            Some(limit) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]);
                shell.arg(program);
                shell
            }
        };
        command.args(args).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("a child without pipes"));
        };
        let log = Arc::<Mutex<Vec<u8>>>::default();
        tokio::spawn(gather(errors, Arc::clone(&log)));
        Ok(Process {
            pid: child.id().unwrap_or_default(),
            child,
            input,
            lines: BufReader::new(output).lines(),
            log,
        })
    }

    /// This program again, with these arguments.
    pub(crate) fn again(args: &[String], open_files: Option<u32>) -> io::Result<Process> {
        Process::start(&std::env::current_exe()?, args, open_files)
    }

    /// The next line that it prints.
    pub(crate) async fn line(&mut self) -> io::Result<String> {
        match timeout(PATIENCE, self.lines.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => Err(io::Error::other(format!("it ended:\n{}", self.log()))),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("it says nothing")),
        }
    }

    /// Says a line to it and takes its answer.
    pub(crate) async fn ask(&mut self, what: &str) -> io::Result<String> {
        self.input.write_all(what.as_bytes()).await?;
        self.input.write_all(b"\n").await?;
        self.line().await
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it has written to its standard error.
    pub(crate) fn log(&self) -> String {
        let log = self.log.lock().map(|log| log.clone()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Bytes of a line of `/proc/PID/status`.
    fn status(&self, what: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or_default() * 1024
    }

    /// Memory in use, in bytes; the peak begins anew (proc(5), `clear_refs`).
    pub(crate) fn weigh(&self) -> u64 {
        let reset = fs::write(format!("/proc/{}/clear_refs", self.pid), "5");
        if let Err(error) = reset {
            eprintln!("the peak of memory cannot be reset: {error}");
        }
        self.status("VmRSS:")
    }

    /// The most memory in use since the last [`weigh`](Process::weigh).
    pub(crate) fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// CPU time used so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // Behind the name in parentheses: field 3 is the first; 14 and 15 are user and system time.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10) // USER_HZ is 100 on every Linux that Rust runs on
    }
}

async fn gather(mut from: impl AsyncRead + Unpin, to: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut chunk).await {
        if let Ok(mut log) = to.lock() {
            log.extend_from_slice(&chunk[..n]);
        }
    }
}

/// A port that was free a moment ago, for programs that cannot choose one.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Waits until somebody listens.
pub(crate) async fn until_listening(addr: SocketAddr) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(addr).await.is_err() {
        if Instant::now() > end {
            return Err(io::Error::other("nobody listens"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
