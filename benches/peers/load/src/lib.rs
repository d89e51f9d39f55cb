//! What every peer shares: the command line, the load loops and the report.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use hdrhistogram::Histogram;

#[cfg(feature = "count-alloc")]
mod alloc;

static ZEROS: [u8; 4 << 20] = [0; 4 << 20];

/// A payload body of `len` zero bytes, without an allocation.
pub fn zeros(len: usize) -> Bytes {
    Bytes::from_static(&ZEROS[..len])
}

/// The value of `--name` on the command line.
fn flag<T: std::str::FromStr>(name: &str, default: T) -> T {
    let mut args = std::env::args();
    match args.find(|a| a.strip_prefix("--") == Some(name)) {
        None => default,
        Some(_) => match args.next().map(|v| v.parse()) {
            Some(Ok(v)) => v,
            _ => panic!("--{name} needs a value"),
        },
    }
}

/// Whether `--tls` is on the command line: both sides then use the kit's test certificate.
pub fn tls() -> bool {
    std::env::args().any(|a| a == "--tls")
}

/// The certificate that a client trusts, and a server's certificate for `localhost` with its key.
pub mod certificate {
    pub const CA: &str = include_str!("../../tls/ca.pem");
    pub const SERVER: &str = include_str!("../../tls/server.pem");
    pub const SERVER_KEY: &str = include_str!("../../tls/server.key");
}

fn block_on(threads: usize, f: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let mut builder = match threads {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 0 {
        builder.worker_threads(threads);
    }
    builder
        .enable_all()
        .build()?
        .block_on(async { tokio::spawn(f).await? })
}

/// The address that a server listens on (`--port`).
pub fn listen_addr() -> SocketAddr {
    #[cfg(feature = "count-alloc")]
    alloc::report_on_sigusr1();
    SocketAddr::from(([127, 0, 0, 1], flag("port", 50051)))
}

/// Runs a server on `--threads` worker threads; 0: on tokio's current-thread runtime.
pub fn serve<F>(f: impl FnOnce(SocketAddr) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    block_on(flag("threads", 1), f(listen_addr()))
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Unary,
    PingPong,
    ServerStream,
    /// A new connection and one unary call, again and again.
    Connect,
    /// Connections that are left alone after one call.
    Idle,
}

impl std::str::FromStr for Mode {
    type Err = ();

    fn from_str(s: &str) -> Result<Self, ()> {
        Ok(match s {
            "unary" => Mode::Unary,
            "stream-pingpong" => Mode::PingPong,
            "server-stream" => Mode::ServerStream,
            "connect" => Mode::Connect,
            "idle" => Mode::Idle,
            _ => return Err(()),
        })
    }
}

#[derive(Clone, Debug)]
pub struct Args {
    pub addr: SocketAddr,
    pub conns: usize,
    pub streams: usize,
    pub mode: Mode,
    pub req_size: usize,
    pub resp_size: usize,
    warmup: Duration,
    secs: Duration,
}

impl Args {
    fn parse() -> Self {
        Args {
            addr: flag("addr", SocketAddr::from(([127, 0, 0, 1], 50051))),
            conns: flag("conns", 1),
            streams: flag("streams", 1),
            mode: flag("mode", Mode::Unary),
            req_size: flag("req-size", 0),
            resp_size: flag("resp-size", 0),
            warmup: Duration::from_secs_f64(flag("warmup-s", 1.0)),
            secs: Duration::from_secs_f64(flag("secs", 5.0)),
        }
    }
}

const WARMUP: u8 = 0;
const MEASURE: u8 = 1;
const STOP: u8 = 2;

struct Shared {
    phase: AtomicU8,
    total: AtomicU64,
    histogram: Mutex<Histogram<u64>>,
}

/// Counts exchanges and their latencies.
#[derive(Clone)]
pub struct Meter {
    shared: Arc<Shared>,
    resp_size: usize,
}

impl Meter {
    /// Records an exchange that began at `start` and got `len` bytes; false: stop.
    pub fn done(&self, start: Instant, len: usize) -> Result<bool> {
        ensure!(
            len == self.resp_size,
            "got {len} bytes, not {}",
            self.resp_size
        );
        self.shared.total.fetch_add(1, Relaxed);
        let phase = self.shared.phase.load(Relaxed);
        if phase == MEASURE {
            let nanos = start.elapsed().as_nanos() as u64;
            self.shared
                .histogram
                .lock()
                .unwrap()
                .saturating_record(nanos);
        }
        Ok(phase != STOP)
    }
}

/// The client of a gRPC implementation. A clone uses the same connection.
pub trait Client: Clone + Send + Sync + 'static {
    fn connect(addr: SocketAddr) -> impl Future<Output = Result<Self>> + Send;

    /// One UnaryCall; returns the length of the response's body.
    fn unary(&mut self, req: Bytes, resp_size: usize)
    -> impl Future<Output = Result<usize>> + Send;

    /// One StreamingCall: a request at a time, until the meter says stop.
    fn ping_pong(
        &mut self,
        req: Bytes,
        resp_size: usize,
        meter: Meter,
    ) -> impl Future<Output = Result<()>> + Send;

    /// One StreamingFromServer, read until the meter says stop.
    fn server_stream(
        &mut self,
        resp_size: usize,
        meter: Meter,
    ) -> impl Future<Output = Result<()>> + Send;
}

async fn one_stream<C: Client>(mut client: C, args: Args, meter: Meter) -> Result<()> {
    let req = zeros(args.req_size);
    match args.mode {
        Mode::PingPong => client.ping_pong(req, args.resp_size, meter).await,
        Mode::ServerStream => client.server_stream(args.resp_size, meter).await,
        _ => loop {
            let start = Instant::now();
            if args.mode == Mode::Connect {
                client = C::connect(args.addr).await?;
            }
            let len = client.unary(req.clone(), args.resp_size).await?;
            if !meter.done(start, len)? {
                return Ok(());
            }
        },
    }
}

/// Runs the load that the command line asks for.
pub fn run<C: Client>() -> Result<()> {
    run_conns(|args, meter| async move {
        let mut client = C::connect(args.addr).await?;
        if args.mode == Mode::Idle {
            // Some clients do not connect before the first call.
            client.unary(zeros(args.req_size), args.resp_size).await?;
            std::future::pending::<()>().await;
        }
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..args.streams {
            tasks.spawn(one_stream(client.clone(), args.clone(), meter.clone()));
        }
        while let Some(r) = tasks.join_next().await {
            r??;
        }
        Ok(())
    })
}

/// Runs `conn` once for each connection and prints the report.
pub fn run_conns<F>(conn: impl Fn(Args, Meter) -> F + Send + 'static) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    block_on(flag("threads", 1), async move {
        let args = Args::parse();
        let shared = Arc::new(Shared {
            phase: AtomicU8::new(WARMUP),
            total: AtomicU64::new(0),
            histogram: Mutex::new(Histogram::new_with_max(60_000_000_000, 3)?),
        });
        let before = rss_kb();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..args.conns {
            let meter = Meter {
                shared: shared.clone(),
                resp_size: args.resp_size,
            };
            tasks.spawn(conn(args.clone(), meter));
        }
        wait(&mut tasks, args.warmup).await?;
        let from = Sample::now(&shared);
        shared.phase.store(MEASURE, Relaxed);
        wait(&mut tasks, args.secs).await?;
        let to = Sample::now(&shared);
        shared.phase.store(STOP, Relaxed);
        println!("{}", report(&from, &to, &shared, before));
        // Streams may still wait for a peer: the report is out, so leave.
        std::process::exit(0)
    })
}

/// Lets the tasks run for `time`; one that ends before then is a failure.
async fn wait(tasks: &mut tokio::task::JoinSet<Result<()>>, time: Duration) -> Result<()> {
    tokio::select! {
        _ = tokio::time::sleep(time) => Ok(()),
        r = tasks.join_next() => match r {
            Some(r) => bail!("a connection ended early: {:?}", r?),
            None => bail!("no connection"),
        },
    }
}

struct Sample {
    at: Instant,
    cpu: Duration,
    total: u64,
    #[cfg(feature = "count-alloc")]
    alloc: (u64, u64),
}

impl Sample {
    fn now(shared: &Shared) -> Self {
        Sample {
            at: Instant::now(),
            cpu: cpu_time(),
            total: shared.total.load(Relaxed),
            #[cfg(feature = "count-alloc")]
            alloc: alloc::counts(),
        }
    }
}

fn report(from: &Sample, to: &Sample, shared: &Shared, rss_before: u64) -> String {
    let hist = shared.histogram.lock().unwrap();
    let rpcs = to.total - from.total;
    let secs = (to.at - from.at).as_secs_f64();
    let per_rpc = |x: f64| x / rpcs.max(1) as f64;
    let us = |q: f64| hist.value_at_quantile(q) as f64 / 1e3;
    #[allow(unused_mut)]
    let mut fields = [
        format!("\"rpcs\": {rpcs}, \"total\": {}", to.total),
        format!("\"secs\": {secs:.3}, \"qps\": {:.1}", rpcs as f64 / secs),
        format!("\"p50\": {:.1}, \"p90\": {:.1}", us(0.5), us(0.9)),
        format!("\"p99\": {:.1}, \"p999\": {:.1}", us(0.99), us(0.999)),
        format!(
            "\"cpu_us\": {:.3}",
            per_rpc((to.cpu - from.cpu).as_secs_f64() * 1e6)
        ),
        format!("\"rss_kb\": {}, \"rss_before_kb\": {rss_before}", rss_kb()),
    ]
    .join(", ");
    #[cfg(feature = "count-alloc")]
    fields.push_str(&format!(
        ", \"allocs\": {:.2}, \"alloc_bytes\": {:.1}",
        per_rpc((to.alloc.0 - from.alloc.0) as f64),
        per_rpc((to.alloc.1 - from.alloc.1) as f64)
    ));
    format!("{{{fields}}}")
}

fn cpu_time() -> Duration {
    // SAFETY: getrusage only writes to the struct that it is given.
    let u = unsafe {
        let mut u: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut u);
        u
    };
    let us = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
    Duration::from_micros(us(u.ru_utime) + us(u.ru_stime))
}

fn rss_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
