//! A server for a test, and the command.

use farcall::{Server, ServerTls, health, health::HealthReporter, reflection};
use farcall_examples::{
    guide::Guide, helloworld::GreeterServer, routeguide::RouteGuideServer, showcase::HelloWorld,
};
use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};
use tokio::runtime::Runtime;

/// What `showcase-server` offers, on a free port, until it is dropped.
pub(crate) struct Showcase {
    pub(crate) target: String,
    pub(crate) reporter: HealthReporter,
    _runtime: Runtime,
}

impl Showcase {
    pub(crate) fn start() -> Showcase {
        Showcase::of(Server::builder())
    }

    pub(crate) fn start_with_tls() -> Showcase {
        Showcase::of(Server::builder().tls(tls()))
    }

    pub(crate) fn start_with_mutual_tls() -> Showcase {
        let ca = std::fs::read(pem("ca.pem")).unwrap();
        Showcase::of(Server::builder().tls(tls().client_ca_pem(&ca).unwrap()))
    }

    fn of(server: Server) -> Showcase {
        let runtime = Runtime::new().unwrap();
        let health = health::service();
        let reporter = health.reporter();
        reporter.set_serving("helloworld.Greeter");
        let server = server
            .add_service(GreeterServer::new(HelloWorld))
            .add_service(RouteGuideServer::new(Guide::default()))
            .add_service(health)
            .add_service(reflection::service());
        let bound = runtime.block_on(server.bind("127.0.0.1:0")).unwrap();
        let target = format!("localhost:{}", bound.local_addr().unwrap().port());
        runtime.spawn(bound.serve());
        Showcase {
            target,
            reporter,
            _runtime: runtime,
        }
    }
}

fn pem(name: &str) -> PathBuf {
    PathBuf::from(format!(
        "{}/../../examples/data/tls/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
}

fn tls() -> ServerTls {
    ServerTls::from_pem_files(pem("server.pem"), pem("server.key")).unwrap()
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_farcall"));
    command.args(arguments);
    command
}

/// Runs to the end; stdin is open and silent.
pub(crate) fn farcall(arguments: &[&str]) -> Done {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let open = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(open);
    Done {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs to the end, and nobody reads what it says.
pub(crate) fn unread(arguments: &[&str]) -> Done {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(arguments)
        .stdin(Stdio::null())
        .stdout(writer)
        .output()
        .unwrap();
    Done {
        code: output.status.code().unwrap(),
        out: String::new(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A run that is talked to.
pub(crate) struct Talk {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

pub(crate) fn talk(arguments: &[&str]) -> Talk {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    Talk {
        to: child.stdin.take(),
        from: BufReader::new(child.stdout.take().unwrap()),
        child,
    }
}

impl Talk {
    pub(crate) fn write(&mut self, text: &str) {
        let to = self.to.as_mut().unwrap();
        to.write_all(text.as_bytes()).unwrap();
        to.flush().unwrap();
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Closes stdin; the exit code.
    pub(crate) fn end(&mut self) -> i32 {
        self.to = None;
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that is removed at the end.
pub(crate) struct Scratch(PathBuf);

pub(crate) fn scratch() -> Scratch {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("farcall-cli-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    Scratch(path)
}

impl Scratch {
    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
