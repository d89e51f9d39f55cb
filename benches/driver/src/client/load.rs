//! The client process: connections, callers, and the report on one line.

use super::{
    call::{Stream, unary},
    role::ClientRole,
};
use crate::{
    Failure,
    heads::Method,
    io::Io,
    message,
    meter::{Meter, Sample},
    setup::{Deadline, Load, Setup, Shape},
    shape::{Locked, Mixed, Owner, Port, Queue},
    turn::Turn,
};
use farcall_http2::{Config, Connection};
use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, sync::Notify, task::JoinSet};

const WARM_UP: Duration = Duration::from_millis(150);

/// Puts the load on a server and prints what came of it.
///
/// # Errors
/// A call failed.
pub(crate) async fn run(setup: Setup, server: SocketAddr, pid: u32) -> Result<(), Failure> {
    let connections = match setup.load {
        Load::TwoConnections => 2,
        _ => setup.conns,
    };
    let mut ports = Vec::new();
    for _ in 0..connections {
        ports.push(connect(&setup, server).await?);
    }
    let meter = Arc::new(Meter::default());
    let mut callers = JoinSet::new();
    if setup.load == Load::TwoConnections {
        let pair: [Port; 2] = [ports[0].clone(), ports[1].clone()];
        for _ in 0..setup.callers {
            callers.spawn(call(pair.clone(), setup.clone(), Arc::clone(&meter)));
        }
    } else {
        for port in &ports {
            start(port, &setup, &meter, &mut callers);
        }
    }
    wait(&mut callers, WARM_UP).await?;
    let before = Sample::take(&meter, pid)?;
    meter.start();
    wait(&mut callers, setup.time).await?;
    let after = Sample::take(&meter, pid)?;
    println!("{}", meter.report(&before, &after));
    // Streams may still wait for the server: the report is out, so leave.
    std::process::exit(0)
}

fn start(port: &Port, setup: &Setup, meter: &Arc<Meter>, callers: &mut JoinSet<io::Result<()>>) {
    if setup.load == Load::SlowReader {
        callers.spawn(read_slowly(port.clone()));
    }
    for _ in 0..setup.callers {
        let (port, setup, meter) = (port.clone(), setup.clone(), Arc::clone(meter));
        match setup.load {
            Load::Unary | Load::SlowReader => callers.spawn(call([port], setup, meter)),
            Load::PingPong | Load::Stream => callers.spawn(stream(port, setup, meter)),
            Load::TwoConnections => unreachable!("these callers need both connections"),
        };
    }
}

/// Lets the callers work; they never end by themselves unless one fails.
async fn wait(callers: &mut JoinSet<io::Result<()>>, time: Duration) -> Result<(), Failure> {
    match tokio::time::timeout(time, callers.join_next()).await {
        Err(_) => Ok(()),
        Ok(ended) => Err(format!("a caller ended early: {ended:?}").into()),
    }
}

/// A connection of the shape that is asked for, once the server has greeted.
pub(crate) async fn connect(setup: &Setup, server: SocketAddr) -> Result<Port, Failure> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    #[cfg(feature = "tls")]
    let io = match setup.tls {
        true => crate::tls::connect(stream).await?,
        false => Io::Tcp(stream),
    };
    #[cfg(not(feature = "tls"))]
    let io = Io::Tcp(stream);
    let ready = Arc::new(Notify::new());
    let mut config = Config::default();
    config.initial_stream_window = setup.window;
    let connection = Connection::client(config, Instant::now());
    let role = ClientRole::new(Arc::clone(&ready));
    let turn = Turn::new(io, connection, role, setup);
    let port = match setup.shape {
        Shape::Owner => {
            let queue = Arc::new(Queue::default());
            tokio::spawn(Owner::new(turn, Arc::clone(&queue), setup));
            Port::Owner(queue)
        }
        Shape::Locked => {
            let locked = Locked::new(turn);
            tokio::spawn(Arc::clone(&locked).run());
            Port::Locked(locked)
        }
        Shape::Mixed => {
            let mixed = Mixed::new(turn);
            tokio::spawn(Arc::clone(&mixed).run(setup.clone()));
            Port::Mixed(mixed)
        }
    };
    ready.notified().await;
    Ok(port)
}

/// Unary calls, one after the other, on the ports in turn.
async fn call<const N: usize>(ports: [Port; N], setup: Setup, meter: Arc<Meter>) -> io::Result<()> {
    let head = Method::of(setup.load, setup.handler).head();
    let message = message::request(setup.request, setup.response);
    let expected = message::PREFIX + setup.response;
    for port in ports.iter().cycle() {
        let start = Instant::now();
        let soon = start + Duration::from_secs(1);
        let lazy = (setup.deadline == Deadline::Lazy).then_some(soon);
        let call = unary(port, head, message.clone(), start, lazy);
        let received = match setup.deadline {
            Deadline::PerCall => tokio::time::timeout_at(soon.into(), call).await??,
            _ => call.await?,
        };
        if received != expected {
            return Err(io::ErrorKind::InvalidData.into());
        }
        meter.done(start);
    }
    Ok(())
}

async fn stream(port: Port, setup: Setup, meter: Arc<Meter>) -> io::Result<()> {
    let head = Method::of(setup.load, setup.handler).head();
    let message = message::request(setup.request, setup.response);
    let mut stream = Stream::open(port, head, message.clone()).await;
    loop {
        let start = Instant::now();
        stream.receive().await?;
        meter.done(start);
        if setup.load == Load::PingPong {
            stream.send(message.clone(), start).await;
        }
    }
}

/// Takes a message of 64 KiB each millisecond; the server would send many more.
async fn read_slowly(port: Port) -> io::Result<()> {
    let head = Method::Stream.head();
    let mut stream = Stream::open(port, head, message::request(0, 64 << 10)).await;
    loop {
        stream.receive().await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
