//! The ways to a server: what holds over one must hold over the others, so tests run over each.
//!
//! A test that is not about sockets or octets stands in its file as a plain `async fn` and is named in an
//! [`everywhere!`](crate::everywhere) list there. It makes its channels with [`Reach`], which goes the way that is being tested.

use farcall_e2e::PATIENCE;
use farcall_net::{Channel, ChannelBuilder, ShutdownReport, client::ByteStream, server::Unbound};
use farcall_testkit::stub_server::{RunningStub, StubServer};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{cell::Cell, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tower_service::Service;

/// A way to a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// Our listener, a socket of 127.0.0.1.
    Socket,
    /// A pipe inside the process.
    InProcess,
    /// Hyper's HTTP/2, into which the server is mounted, over a socket of 127.0.0.1.
    Mounted,
}

thread_local! {
    /// Each test has a thread of its own; on others the way is not known and not asked for.
    static WAY: Cell<Way> = const { Cell::new(Way::Socket) };
}

impl Way {
    /// The way of all channels that this thread makes from now on.
    pub(crate) fn choose(self) {
        WAY.set(self);
    }
}

/// Names the tests of a file that run over every way: plain functions of the file.
#[macro_export]
macro_rules! everywhere {
    ($($test:ident),* $(,)?) => {
        mod over_a_socket {
            $(#[tokio::test]
            async fn $test() {
                $crate::reach::Way::Socket.choose();
                super::$test().await;
            })*
        }
        mod in_process {
            $(#[tokio::test]
            async fn $test() {
                $crate::reach::Way::InProcess.choose();
                super::$test().await;
            })*
        }
        mod mounted {
            $(#[tokio::test]
            async fn $test() {
                $crate::reach::Way::Mounted.choose();
                super::$test().await;
            })*
        }
    };
}

/// As [`everywhere!`](crate::everywhere), for what our own server does and others that it is mounted into do not.
#[macro_export]
macro_rules! over_our_own {
    ($($test:ident),* $(,)?) => {
        mod our_socket {
            $(#[tokio::test]
            async fn $test() {
                $crate::reach::Way::Socket.choose();
                super::$test().await;
            })*
        }
        mod our_pipe {
            $(#[tokio::test]
            async fn $test() {
                $crate::reach::Way::InProcess.choose();
                super::$test().await;
            })*
        }
    };
}

/// A stub server reached over the way that is being tested.
pub(crate) trait Reach {
    /// A channel; the server lives with it.
    fn reach(self) -> Channel;
    /// The server as a value of its own.
    async fn run(self) -> Reached;
    /// The same; a shutdown waits so long for open calls.
    async fn run_with_drain(self, drain: Duration) -> Reached;
}

/// A running server.
pub(crate) struct Reached {
    server: Running,
    drain: Duration,
}

enum Running {
    Socket(RunningStub),
    InProcess(Unbound, Option<JoinHandle<ShutdownReport>>),
    Mounted(Mounted),
}

impl Reach for StubServer {
    fn reach(self) -> Channel {
        match WAY.get() {
            Way::Socket => over_a_socket(self),
            Way::InProcess => self.channel(),
            Way::Mounted => mounted(Arc::new(Mounted::new(self))),
        }
    }

    async fn run(self) -> Reached {
        self.run_with_drain(PATIENCE).await
    }

    async fn run_with_drain(self, drain: Duration) -> Reached {
        let server = match WAY.get() {
            Way::Socket => Running::Socket(self.drain(drain).start().await),
            Way::InProcess => Running::InProcess(self.unbound(), None),
            Way::Mounted => Running::Mounted(Mounted::new(self)),
        };
        Reached { server, drain }
    }
}

/// The stub is started when the channel first connects, and lives as long as the channel.
fn over_a_socket(stub: StubServer) -> Channel {
    let running = Arc::new(tokio::sync::OnceCell::<RunningStub>::new());
    let connect = move |_: &farcall_net::Address| {
        let (stub, running) = (stub.clone(), running.clone());
        Box::pin(async move {
            let running = running.get_or_init(|| stub.start()).await;
            let stream = TcpStream::connect(running.address()).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        }) as _
    };
    let builder = Channel::builder("passthrough:///stub").connector(connect);
    builder.insecure().build().unwrap()
}

/// The same with hyper's server.
fn mounted(server: Arc<Mounted>) -> Channel {
    let connect = move |_: &farcall_net::Address| {
        let server = Arc::clone(&server);
        Box::pin(async move {
            let stream = TcpStream::connect(server.address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        }) as _
    };
    let builder = Channel::builder("passthrough:///mounted").connector(connect);
    builder.insecure().build().unwrap()
}

/// Hyper's HTTP/2 server with the stub mounted into it. Dropping it cuts everything.
pub(crate) struct Mounted {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Mounted {
    pub(crate) fn new(stub: StubServer) -> Mounted {
        let service = stub.server().into_service().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let task = tokio::spawn(async move {
            // Aborted with the task.
            let mut connections = JoinSet::new();
            while let Ok((stream, caller)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let service = service.clone();
                let serve = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
                    request.extensions_mut().insert(caller);
                    service.clone().call(request)
                });
                let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .auto_date_header(false)
                    .serve_connection(TokioIo::new(stream), serve);
                connections.spawn(async move { drop(connection.await) });
            }
        });
        Mounted { address, task }
    }

    fn channel_builder(&self) -> ChannelBuilder {
        Channel::builder(format!("ipv4:{}", self.address)).insecure()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reached {
    pub(crate) fn channel_builder(&self) -> ChannelBuilder {
        match &self.server {
            Running::Socket(stub) => stub.channel_builder().insecure(),
            Running::InProcess(server, _) => server.channel_builder(),
            Running::Mounted(server) => server.channel_builder(),
        }
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel_builder().build().unwrap()
    }

    pub(crate) fn begin_shutdown(&mut self) {
        match &mut self.server {
            Running::Socket(stub) => stub.begin_shutdown(),
            Running::InProcess(server, task) => {
                let (server, drain) = (server.clone(), self.drain);
                *task = Some(tokio::spawn(async move { server.shut_down(drain).await }));
            }
            Running::Mounted(_) => panic!("its HTTP server's business"),
        }
    }

    pub(crate) async fn wait(self) -> ShutdownReport {
        match self.server {
            Running::Socket(stub) => stub.wait().await,
            Running::InProcess(_, task) => task.expect("it was begun").await.unwrap(),
            Running::Mounted(_) => panic!("its HTTP server's business"),
        }
    }

    /// Cuts everything at once.
    pub(crate) fn cut(self) {
        if let Running::InProcess(server, _) = &self.server {
            let server = server.clone();
            tokio::spawn(async move { server.shut_down(Duration::ZERO).await });
        }
    }
}
