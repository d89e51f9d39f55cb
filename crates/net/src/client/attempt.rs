//! One connection of a channel: made, then driven to its end.

use super::{
    connection::ClientRole,
    connector::Connector,
    gauge::Gauge,
    inbox::Reporter,
    naming::Naming,
    news::News,
    race,
    shared::{Settings, Shared},
    via,
};
use crate::{
    clock,
    log::Log,
    peer::{Peer, SocketAddress},
    transport::{
        Driver, Mailbox, Submit,
        connect::{ConnectError, ConnectTime, Limit, Stage as Step, connect, secure},
        io::Io,
    },
};
use farcall_core::status::Explained;
use farcall_http2::{Config, Connection};
use farcall_lb::subchannel::Cause;
use farcall_lb::{Address, Location};
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

/// Connects to an address and drives the connection until it is over. Aborting the task cuts it.
///
/// Written by hand, and the connecting boxed: an `async fn` would keep room for connecting beside the driver as long as
/// the connection lives.
pub(crate) struct Attempt {
    stage: Stage,
}

#[allow(
    clippy::large_enum_variant,
    reason = "it is in a task of its own, and spends its life as the large variant"
)]
enum Stage {
    Connecting(Connecting),
    Driving(Driver<ClientRole>),
}

type Established = Result<(Io, Peer), Cause>;

struct Connecting {
    connect: Pin<Box<dyn Future<Output = Established> + Send>>,
    http2: Arc<Config>,
    polling: Duration,
    log: Arc<Log>,
    /// Bytes that are kept of a call without a policy.
    call_buffer: usize,
    /// The server's, where it is not the channel's.
    name: Option<Box<str>>,
    submit: Arc<Submit<Mailbox>>,
    gauge: Option<Arc<Gauge>>,
    reporter: Option<Reporter>,
}

impl Attempt {
    pub(crate) fn new(
        shared: Arc<Shared>,
        address: Address,
        time: ConnectTime,
        http2: Arc<Config>,
        submit: Arc<Submit<Mailbox>>,
        gauge: Option<Arc<Gauge>>,
        reporter: Reporter,
    ) -> Attempt {
        let polling = shared.settings.polling;
        let log = Arc::clone(&shared.settings.log);
        let call_buffer = shared.settings.retries.call_buffer();
        let name = shared.settings.name_of(&address);
        let name = (name != shared.settings.authority).then(|| Box::from(name));
        let connect = Box::pin(async move { establish(&shared.settings, &address, time).await });
        Attempt {
            stage: Stage::Connecting(Connecting {
                connect,
                http2,
                polling,
                log,
                call_buffer,
                name,
                submit,
                gauge,
                reporter: Some(reporter),
            }),
        }
    }
}

impl Future for Attempt {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let attempt = match &mut this.stage {
                Stage::Driving(driver) => return Pin::new(driver).poll(cx),
                Stage::Connecting(attempt) => attempt,
            };
            let outcome = ready!(attempt.connect.as_mut().poll(cx));
            let Some(reporter) = attempt.reporter.take() else {
                return Poll::Ready(());
            };
            match outcome {
                Ok((io, peer)) => {
                    let now = clock::now();
                    let machine = Connection::client(attempt.http2.clone(), now);
                    let submit = Arc::clone(&attempt.submit);
                    let role = ClientRole::new(
                        Naming::new(attempt.name.as_deref(), &peer),
                        submit,
                        reporter,
                        Arc::clone(&attempt.log),
                        now,
                        attempt.call_buffer,
                        attempt.gauge.take(),
                    );
                    let driver = Driver::new(io, machine, Arc::clone(&attempt.submit), role);
                    this.stage = Stage::Driving(driver.polling(attempt.polling));
                }
                Err(cause) => {
                    reporter.tell(News::Refused(cause));
                    return Poll::Ready(());
                }
            }
        }
    }
}

/// For a target that names no port.
const DEFAULT_PORT_HINT: &str = "the target names no port, and 443 is the default";

/// What few channels do is boxed: those that make a thousand connections at once make room for it a thousand times.
async fn establish(settings: &Settings, address: &Address, time: ConnectTime) -> Established {
    if let Some(connector) = &settings.connector {
        return Box::pin(custom(&**connector, settings, address, time))
            .await
            .map_err(|error| explained(error, address));
    }
    if let Some(routes) = &settings.proxy
        && let Some(destination) = routes.destination(address)
    {
        return Box::pin(via::proxy(
            settings,
            routes,
            &destination,
            settings.name_of(address),
            time,
        ))
        .await
        .map_err(|error| explained(error, address));
    }
    let (options, name) = (settings.tcp_options(), settings.name_of(address));
    let connect = |address: SocketAddress| async move {
        connect(&address, &settings.security, name, options, time).await
    };
    match race::first(socket_addresses(address, time).await?, connect).await {
        Some(outcome) => outcome.map_err(|error| {
            let hint = settings.target.lacks_port().then_some(DEFAULT_PORT_HINT);
            explained(error.with_hint(hint), address)
        }),
        None => Err(Arc::new(io::Error::new(
            io::ErrorKind::NotFound,
            format!("{address} has no addresses"),
        ))),
    }
}

/// An error in words, to follow the address that the channel has tried.
fn explained(error: ConnectError, address: &Address) -> Cause {
    let same = error.address().to_string() == address.to_string();
    let text = match same {
        true => error.what().to_string(),
        false => error.to_string(),
    };
    Arc::new(Explained::new(text, error))
}

/// The sockets' addresses behind an address; names are looked up only here (`passthrough:`).
async fn socket_addresses(
    address: &Address,
    time: ConnectTime,
) -> Result<Vec<SocketAddress>, Cause> {
    let one = match address.location() {
        Location::Ip(ip) => SocketAddress::Ip(*ip),
        Location::Unix(path) => SocketAddress::Unix(path.clone()),
        Location::UnixAbstract(name) => SocketAddress::UnixAbstract(name.clone()),
        Location::Named(name) => {
            let server = SocketAddress::Other(name.as_str().into());
            let limit = Limit::until(&server, time).ahead();
            let looking = tokio::net::lookup_host(name);
            let found = limit.apply(Step::Connect, looking).await;
            let found = found.map_err(|error| explained(error, address))?;
            return Ok(found.map(SocketAddress::Ip).collect());
        }
        other => {
            let text = format!(
                "{other}: only a connector of one's own can connect there, see ChannelBuilder::connector"
            );
            return Err(Arc::new(io::Error::new(io::ErrorKind::Unsupported, text)));
        }
    };
    Ok(vec![one])
}

async fn custom(
    connector: &dyn Connector,
    settings: &Settings,
    address: &Address,
    time: ConnectTime,
) -> Result<(Io, Peer), ConnectError> {
    let remote = match address.location() {
        Location::Ip(ip) => SocketAddress::Ip(*ip),
        &Location::Vsock { cid, port } => SocketAddress::Vsock { cid, port },
        other => SocketAddress::Other(other.to_string().into()),
    };
    let open = async {
        let stream = connector.connect(address).await?;
        Ok((Io::custom(stream), SocketAddress::Other("custom".into())))
    };
    let limit = Limit::until(&remote, time).ahead();
    let (security, name) = (&settings.security, settings.name_of(address));
    secure(&limit, Step::Connect, open, security, name).await
}
