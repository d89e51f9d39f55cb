//! The look-ups of `dns:` targets: addresses, and the service config in TXT records (gRFC A2).

mod exchange;
mod system;

pub(crate) use system::lookup as system_lookup;

use farcall_core::{
    ServiceConfig,
    service_config::{Canary, ServiceConfigError},
};
use farcall_lb::{
    dns::{Answer, RecordType, ResolvConf},
    target::DnsTarget,
};
use std::{
    fs,
    future::{Future, poll_fn},
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    pin::pin,
    task::Poll,
    time::Duration,
};
use tokio::time::timeout;

/// A whole look-up takes no longer; as in grpc-go.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Nobody waits longer for a service config: mostly there is none, and some name servers do not even say so.
const CONFIG_TIMEOUT: Duration = Duration::from_secs(5);
const CONFIG_PREFIX: &str = "_grpc_config.";
const CONFIG_ATTRIBUTE: &[u8] = b"grpc_config=";

/// What to look up.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) target: DnsTarget,
    /// Whether to ask for a service config.
    pub(crate) service_config: bool,
    /// Which of those who try new configs this client belongs to; see [`Canary::percentile`].
    pub(crate) percentile: u8,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Never empty.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) service_config: Config,
    /// For how long the addresses hold, where the answer says it.
    pub(crate) ttl: Option<Duration>,
}

/// What was found of the service config.
#[derive(Clone, Debug)]
pub(crate) enum Config {
    /// Nobody could be asked.
    Unknown,
    /// There is none.
    None,
    Some(Result<ServiceConfig, ServiceConfigError>),
}

/// Looks up what the target asks for: at its name server if it names one, else as other programs on the machine do, and
/// the service config at the system's name servers.
///
/// # Errors
/// There are no addresses, or nobody knows; the text names the host. What is wrong with the config fails no look-up.
pub(crate) async fn lookup(question: &Question) -> io::Result<Found> {
    timeout(TIMEOUT, run(question)).await.unwrap_or_else(|_| {
        let text = format!("{}: no answer within 30 s", question.target);
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

async fn run(question: &Question) -> io::Result<Found> {
    let target = &question.target;
    let Some((host, port)) = target.server() else {
        let (addresses, service_config) = both(
            system::lookup(target.host(), target.port()),
            service_config(question, None),
        )
        .await;
        return Ok(Found {
            addresses: addresses?,
            service_config,
            ttl: None,
        });
    };
    let conf = server_alone(host, port).await?;
    let (found, service_config) = both(
        addresses(&conf, target),
        service_config(question, Some(&conf)),
    )
    .await;
    let (addresses, ttl) = found?;
    Ok(Found {
        addresses,
        service_config,
        ttl,
    })
}

/// Waits for two futures at the same time.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none() {
            first = ready_or_none(a.as_mut().poll(cx));
        }
        if second.is_none() {
            second = ready_or_none(b.as_mut().poll(cx));
        }
        if first.is_none() || second.is_none() {
            return Poll::Pending;
        }
        first
            .take()
            .zip(second.take())
            .map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

fn ready_or_none<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Asks one name server, for names as they are.
async fn server_alone(host: &str, port: u16) -> io::Result<ResolvConf> {
    let mut conf = ResolvConf::parse("");
    conf.servers = system::lookup(host, port).await?;
    Ok(conf)
}

async fn addresses(
    conf: &ResolvConf,
    target: &DnsTarget,
) -> io::Result<(Vec<SocketAddr>, Option<Duration>)> {
    let (v6, v4) = both(
        exchange::ask(conf, target.host(), RecordType::Aaaa),
        exchange::ask(conf, target.host(), RecordType::A),
    )
    .await;
    let answers = match (v6, v4) {
        (Err(error), Err(_)) => {
            let text = format!("cannot resolve \"{}\": {error}", target.host());
            return Err(io::Error::new(error.kind(), text));
        }
        (v6, v4) => [v6, v4].into_iter().flatten(),
    };
    let answers: Vec<Answer> = answers.collect();
    let ttl = answers.iter().filter_map(Answer::ttl).min();
    let found = answers.iter().flat_map(Answer::addresses);
    let found = found.map(|ip| SocketAddr::new(*ip, target.port()));
    let mut addresses = system::unique(found);
    if addresses.is_empty() {
        let text = format!(
            "cannot resolve \"{}\": the name has no addresses",
            target.host()
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    // What cannot be reached at all comes last (RFC 6724 §6, rule 1); else IPv6 is first.
    addresses.sort_by_cached_key(|address| !has_route(*address));
    Ok((addresses, ttl))
}

/// Whether the machine has a way to the address; nothing is sent.
fn has_route(address: SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => [0, 0, 0, 0].into(),
        SocketAddr::V6(_) => [0u16; 8].into(),
    };
    UdpSocket::bind((any, 0)).is_ok_and(|socket| socket.connect(address).is_ok())
}

/// The service config, of the system's name servers if none is given.
async fn service_config(question: &Question, conf: Option<&ResolvConf>) -> Config {
    let host = question.target.host();
    // Such names have no records of their own (gRFC A10).
    if !question.service_config || host.parse::<IpAddr>().is_ok() || host == "localhost" {
        return Config::None;
    }
    let system;
    let conf = match conf {
        Some(conf) => conf,
        None => {
            let Ok(text) = fs::read_to_string("/etc/resolv.conf") else {
                return Config::Unknown;
            };
            system = ResolvConf::parse(&text);
            &system
        }
    };
    let name = format!("{CONFIG_PREFIX}{host}");
    let asked = exchange::ask(conf, &name, RecordType::Txt);
    match timeout(CONFIG_TIMEOUT, asked).await {
        Ok(Ok(answer)) => choose(&answer, question.percentile, &hostname()),
        Ok(Err(_)) | Err(_) => Config::Unknown,
    }
}

/// The choice that is meant for this client, of the first record that has the attribute.
fn choose(answer: &Answer, percentile: u8, hostname: &str) -> Config {
    let mut texts = answer.texts().iter();
    let Some(text) = texts.find_map(|text| text.strip_prefix(CONFIG_ATTRIBUTE)) else {
        return Config::None;
    };
    let client = Canary {
        hostname,
        percentile,
    };
    match client.choose(&String::from_utf8_lossy(text)) {
        Ok(None) => Config::None,
        Ok(Some(config)) => Config::Some(Ok(config)),
        Err(error) => Config::Some(Err(error)),
    }
}

fn hostname() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/hostname");
    let name = kernel.or_else(|_| std::env::var("HOSTNAME"));
    name.unwrap_or_default().trim_end().to_owned()
}
