//! What peers have done wrong, in numbers.

use farcall_http2::{Act, Connection, PeerMisbehaved};
use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Counters of what the peers of one server or one channel have done wrong, and of what was done about it, since it was
/// made. A cheap handle: clones count the same. Made by [`Server::peer_reports`](crate::Server::peer_reports) and
/// [`Channel::peer_reports`](crate::Channel::peer_reports).
///
/// ```
/// use farcall::{Server, peer::PeerMisbehaved};
/// # use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
/// use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().add_service(GreeterServer::new(MyGreeter));
/// let reports = server.peer_reports();
/// let server = server.bind("127.0.0.1:0").await?;
/// let address = server.local_addr()?;
/// tokio::spawn(server.serve());
///
/// let mut browser = TcpStream::connect(address).await?;
/// browser.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
/// browser.read_to_end(&mut Vec::new()).await?;
/// let report = reports.snapshot();
/// assert_eq!(report.times(PeerMisbehaved::SpeaksHttp1), 1);
/// assert_eq!(report.goaways_sent, 1);
/// for (what, times) in report.misbehaved() {
///     println!("{} ({what}): {times}", what.name());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct PeerReports {
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    /// Most peers do nothing wrong.
    kinds: OnceLock<Box<Kinds>>,
    goaways_sent: AtomicU64,
    reading_paused: AtomicU64,
    handshakes_failed: AtomicU64,
    connections_refused: AtomicU64,
}

/// What has many kinds.
struct Kinds {
    misbehaved: [AtomicU64; PeerMisbehaved::ALL.len()],
    acts: [AtomicU64; Act::ALL.len()],
}

impl Counters {
    /// Counts of a kind, for the first time perhaps.
    fn kinds(&self) -> &Kinds {
        self.kinds.get_or_init(|| {
            Box::new(Kinds {
                misbehaved: [const { AtomicU64::new(0) }; PeerMisbehaved::ALL.len()],
                acts: [const { AtomicU64::new(0) }; Act::ALL.len()],
            })
        })
    }
}

/// What [`PeerReports`] had counted at one moment, over all connections of the server or the channel.
///
/// ```
/// use farcall::{Server, peer::PeerReport};
///
/// /// What has to be looked at, of the time between two looks.
/// fn alarming(before: &PeerReport, now: &PeerReport) -> bool {
///     now.goaways_sent - before.goaways_sent > 100 || now.connections_refused > before.connections_refused
/// }
///
/// let reports = Server::builder().peer_reports();
/// let (before, now) = (reports.snapshot(), reports.snapshot());
/// assert!(!alarming(&before, &now));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PeerReport {
    misbehaved: [u64; PeerMisbehaved::ALL.len()],
    acts: [u64; Act::ALL.len()],
    /// Connections that this side has ended with GOAWAY for what the peer did, or did not do in time.
    pub goaways_sent: u64,
    /// How often a connection was not read from for a while, because its peer had spent much of a
    /// [budget](crate::peer::Act) or did not read what it had asked for.
    pub reading_paused: u64,
    /// (server) Connections that ended before their TLS handshake was done.
    pub handshakes_failed: u64,
    /// (server) Connections that were closed as soon as they were accepted, being beyond
    /// [`max_connections`](crate::Server::max_connections) or
    /// [`max_connections_per_address`](crate::Server::max_connections_per_address).
    pub connections_refused: u64,
}

impl PeerReports {
    /// The numbers now. Takes no lock; numbers that change meanwhile may be of slightly different moments.
    pub fn snapshot(&self) -> PeerReport {
        let counters = &*self.counters;
        let kinds = counters.kinds.get();
        let load = |count: &AtomicU64| count.load(Relaxed);
        PeerReport {
            misbehaved: kinds.map_or([0; PeerMisbehaved::ALL.len()], |kinds| {
                kinds.misbehaved.each_ref().map(load)
            }),
            acts: kinds.map_or([0; Act::ALL.len()], |kinds| kinds.acts.each_ref().map(load)),
            goaways_sent: counters.goaways_sent.load(Relaxed),
            reading_paused: counters.reading_paused.load(Relaxed),
            handshakes_failed: counters.handshakes_failed.load(Relaxed),
            connections_refused: counters.connections_refused.load(Relaxed),
        }
    }

    #[cold]
    pub(crate) fn misbehaved(&self, crime: PeerMisbehaved) {
        if let Some(count) = self.counters.kinds().misbehaved.get(crime as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// A connection is over: what its peer did in all that time.
    pub(crate) fn ended(&self, connection: &Connection) {
        for (at, act) in Act::ALL.iter().enumerate() {
            match connection.counted(*act) {
                0 => {}
                times => drop(self.counters.kinds().acts[at].fetch_add(times, Relaxed)),
            }
        }
    }

    #[cold]
    pub(crate) fn goaway_sent(&self) {
        self.counters.goaways_sent.fetch_add(1, Relaxed);
    }

    #[cold]
    pub(crate) fn reading_paused(&self) {
        self.counters.reading_paused.fetch_add(1, Relaxed);
    }

    #[cold]
    pub(crate) fn handshake_failed(&self) {
        self.counters.handshakes_failed.fetch_add(1, Relaxed);
    }

    #[cold]
    pub(crate) fn connection_refused(&self) {
        self.counters.connections_refused.fetch_add(1, Relaxed);
    }
}

impl fmt::Debug for PeerReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerReports")
    }
}

impl PeerReport {
    /// How often peers did this: each time a connection or a call was ended for it.
    pub fn times(&self, crime: PeerMisbehaved) -> u64 {
        self.misbehaved.get(crime as usize).copied().unwrap_or(0)
    }

    /// How often peers did what has a budget, allowed or not, on connections that are over.
    pub fn acted(&self, act: Act) -> u64 {
        self.acts.get(act as usize).copied().unwrap_or(0)
    }

    /// What peers did, and how often; what nobody did is left out.
    pub fn misbehaved(&self) -> impl Iterator<Item = (PeerMisbehaved, u64)> + '_ {
        let all = PeerMisbehaved::ALL.iter().copied().zip(self.misbehaved);
        all.filter(|(_, times)| *times > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crime_has_a_counter_of_its_own() {
        let reports = PeerReports::default();
        for (at, crime) in PeerMisbehaved::ALL.iter().enumerate() {
            for _ in 0..=at {
                reports.misbehaved(*crime);
            }
        }
        let report = reports.clone().snapshot();
        for (at, crime) in PeerMisbehaved::ALL.iter().enumerate() {
            assert_eq!(report.times(*crime), at as u64 + 1, "{crime:?}");
        }
        assert_eq!(report.misbehaved().count(), PeerMisbehaved::ALL.len());
        assert_eq!(PeerReports::default().snapshot().misbehaved().count(), 0);
    }
}
