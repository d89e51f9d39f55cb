//! A backend of our own, in a process of its own: `fleet serve`, commanded by lines on its standard input.
//!
//! | line | what it does | answer |
//! |---|---|---|
//! | `slow MS` | every call waits so long from now on | `slow` |
//! | `count` | | `count N`, the calls since the start |
//! | `drain` | a graceful stop that gives open calls ten seconds | `drained CALLS CONNECTIONS`, those that were cut |
//!
//! The end of its standard input ends the process: no backend outlives the program that started it.

use farcall::{Request, Response, Sender, Server, Status, Streaming};
use farcall_interop::{
    pb::{
        Empty, SimpleRequest, SimpleResponse, StreamingInputCallRequest,
        StreamingInputCallResponse, StreamingOutputCallRequest, StreamingOutputCallResponse,
        TestService, TestServiceServer,
    },
    server::TestServer,
};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    sync::oneshot,
};

#[derive(Default)]
struct State {
    delay: AtomicU64,
    calls: AtomicU64,
}

/// The interop service, late if told so.
struct Backend {
    inner: TestServer,
    state: Arc<State>,
}

impl Backend {
    async fn begin(&self) {
        self.state.calls.fetch_add(1, Ordering::Relaxed);
        let delay = self.state.delay.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
    }
}

impl TestService for Backend {
    async fn empty_call(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.begin().await;
        self.inner.empty_call(request).await
    }

    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        self.begin().await;
        self.inner.unary_call(request).await
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        self.begin().await;
        self.inner.streaming_output_call(request, replies).await
    }

    async fn streaming_input_call(
        &self,
        request: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        self.begin().await;
        self.inner.streaming_input_call(request).await
    }

    async fn full_duplex_call(
        &self,
        requests: Request<Streaming<StreamingOutputCallRequest>>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        self.begin().await;
        self.inner.full_duplex_call(requests, replies).await
    }
}

/// Serves at a free port of 127.0.0.1 until it is drained or its standard input ends, so many calls at a time on each connection.
///
/// # Errors
/// There is no port.
pub async fn serve(streams: Option<u32>) -> Result<(), Box<dyn Error>> {
    let state = Arc::new(State::default());
    let backend = Backend {
        inner: TestServer::new(),
        state: Arc::clone(&state),
    };
    let mut server = Server::builder().add_service(TestServiceServer::new(backend));
    if let Some(streams) = streams {
        server = server.max_concurrent_streams(streams);
    }
    let bound = server.bind("127.0.0.1:0").await?;
    println!("listening on {}", bound.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let signal = async move {
        stopped.await.ok();
    };
    let patience = Duration::from_secs(10);
    let serving = tokio::spawn(bound.serve_with_shutdown(signal, patience));
    let mut stop = Some(stop);
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["slow", millis] => {
                state.delay.store(millis.parse()?, Ordering::Relaxed);
                println!("slow");
            }
            ["count"] => println!("count {}", state.calls.load(Ordering::Relaxed)),
            ["drain"] => {
                drop(stop.take());
                break;
            }
            _ => return Err(format!("not a command: {line}").into()),
        }
    }
    if stop.is_none() {
        let report = serving.await?;
        println!("drained {} {}", report.calls_cut, report.connections_cut);
    }
    Ok(())
}
