//! `attacks server`: the benchmark service with handlers that are counted, and that dawdle when they are asked to.

use super::{certificates, log};
use crate::pb::{BenchmarkService, BenchmarkServiceServer, Payload, SimpleRequest, SimpleResponse};
use bytes::Bytes;
use farcall::{Request, Response, Sender, Server, ServerTls, Status, Streaming};
use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::sleep,
};

/// Metadata that says what a handler does before it answers.
const DO: &str = "x-do";

/// How the server is set up; the defaults of the product unless said otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) tls: bool,
    /// Clients need a certificate.
    pub(crate) client_certificates: bool,
    pub(crate) run_to_completion: bool,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) connection_timeout: Option<Duration>,
    pub(crate) max_connections: Option<usize>,
    pub(crate) open_files: Option<u32>,
}

impl Options {
    /// The command line that says the same.
    pub(crate) fn to_args(&self) -> Vec<String> {
        let mut args = vec!["server".to_owned()];
        let mut flag = |on: bool, name: &str| {
            if on {
                args.push(name.to_owned());
            }
        };
        flag(self.tls, "--tls");
        flag(self.client_certificates, "--client-certificates");
        flag(self.run_to_completion, "--run-to-completion");
        for (name, value) in [
            ("--keepalive-ms", self.keepalive),
            ("--connection-timeout-ms", self.connection_timeout),
        ] {
            if let Some(value) = value {
                args.extend([name.to_owned(), value.as_millis().to_string()]);
            }
        }
        if let Some(limit) = self.max_connections {
            args.extend(["--max-connections".to_owned(), limit.to_string()]);
        }
        args
    }

    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options::default();
        while let Some(arg) = args.next() {
            let mut number = || {
                let value = args.next().and_then(|value| value.parse::<u32>().ok());
                value.ok_or(arg.clone())
            };
            let mut time = || Ok::<_, String>(Duration::from_millis(number()?.into()));
            match arg.as_str() {
                "--tls" => options.tls = true,
                "--client-certificates" => options.client_certificates = true,
                "--run-to-completion" => options.run_to_completion = true,
                "--keepalive-ms" => options.keepalive = Some(time()?),
                "--connection-timeout-ms" => options.connection_timeout = Some(time()?),
                "--max-connections" => options.max_connections = Some(number()? as usize),
                _ => return Err(arg),
            }
        }
        Ok(options)
    }
}

static RUNNING: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Counts a handler for as long as it exists.
struct Counted;

impl Counted {
    /// Neighbours say nothing about what is to be done, and are not counted.
    fn new<T>(request: &Request<T>) -> Option<Counted> {
        request.metadata().get(DO)?;
        STARTED.fetch_add(1, SeqCst);
        MOST.fetch_max(RUNNING.fetch_add(1, SeqCst) + 1, SeqCst);
        Some(Counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, SeqCst);
    }
}

struct Service;

static ZEROS: [u8; 4 << 20] = [0; 4 << 20];

fn reply(request: &SimpleRequest) -> SimpleResponse {
    let len = usize::try_from(request.response_size).unwrap_or_default();
    SimpleResponse {
        payload: Some(Payload {
            body: Bytes::from_static(&ZEROS[..len.min(ZEROS.len())]),
            ..Payload::default()
        }),
    }
}

/// What a caller asked the handler to do first.
async fn dawdle(what: Option<&str>) {
    match what {
        Some("nap") => sleep(Duration::from_millis(50)).await,
        Some("sleep") => sleep(Duration::from_secs(30)).await,
        _ => {}
    }
}

impl BenchmarkService for Service {
    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        let _counted = Counted::new(&request);
        dawdle(request.metadata().get(DO)).await;
        Ok(reply(&request).into())
    }

    async fn streaming_call(
        &self,
        mut requests: Request<Streaming<SimpleRequest>>,
        replies: &mut Sender<SimpleResponse>,
    ) -> Result<(), Status> {
        let _counted = Counted::new(&requests);
        let what = requests.metadata().get(DO).map(str::to_owned);
        dawdle(what.as_deref()).await;
        while let Some(request) = requests.message().await? {
            if what.as_deref() == Some("slowly") {
                sleep(Duration::from_millis(1)).await;
            }
            replies.send(reply(&request)).await?;
        }
        Ok(())
    }

    async fn streaming_from_server(
        &self,
        request: Request<SimpleRequest>,
        replies: &mut Sender<SimpleResponse>,
    ) -> Result<(), Status> {
        let _counted = Counted::new(&request);
        let reply = reply(&request);
        loop {
            replies.send(reply.clone()).await?;
        }
    }
}

/// Serves until standard input ends. Prints its port, and for each line that comes: handlers now, most since the last line,
/// started so far.
pub(crate) async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    log::start(::log::LevelFilter::Warn);
    let mut server = Server::builder().add_service(BenchmarkServiceServer::new(Service));
    if options.tls {
        let mut tls = ServerTls::from_pem(certificates::SERVER, certificates::SERVER_KEY)?;
        if options.client_certificates {
            tls = tls.client_ca_pem(certificates::CA)?;
        }
        server = server.tls(tls);
    }
    if options.run_to_completion {
        server = server.run_to_completion();
    }
    if let Some(interval) = options.keepalive {
        server = server.keepalive(interval, Duration::from_millis(500));
    }
    if let Some(limit) = options.connection_timeout {
        server = server.handshake_timeout(limit);
    }
    if let Some(limit) = options.max_connections {
        server = server.max_connections(limit);
    }
    let bound = server.bind("127.0.0.1:0").await?;
    println!("{}", bound.local_addr()?.port());
    tokio::select! {
        () = bound.serve() => Ok(()),
        () = answer() => Ok(()),
    }
}

async fn answer() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(_)) = lines.next_line().await {
        let (now, started) = (RUNNING.load(SeqCst), STARTED.load(SeqCst));
        println!("{now} {} {started}", MOST.swap(now, SeqCst).max(now));
    }
}
