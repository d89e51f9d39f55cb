//! What a shutdown had to cut, and where connections write that down.

use crate::peer::SocketAddress;
use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Calls that a report names.
const NAMED: usize = 1000;

/// What a shutdown had to cut.
///
/// ```
/// use farcall::Server;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().bind("127.0.0.1:0").await?;
/// let now = std::future::ready(());
/// let report = server.serve_with_shutdown(now, Duration::from_secs(30)).await;
/// assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections that were still open when the drain ended. Not counted: those that had ended and were waiting for the
    /// client to close too, and those that never began to speak HTTP/2, which get a second from the start of the drain.
    pub connections_cut: usize,
    /// Calls that were lost with them: those that were still running or arriving, and those that were answered without the
    /// client taking the whole answer. An answer that could still be written within a second after the cut is not lost.
    pub calls_cut: usize,
    /// Those calls by name, of those that were still running or arriving; at most 1,000 of them.
    pub calls: Vec<CutCall>,
}

/// A call that a shutdown has cut. `Display` writes `/pkg.Service/Method of 192.0.2.1:40000`.
///
/// ```
/// use farcall::server::ShutdownReport;
///
/// fn tell(report: &ShutdownReport) {
///     for call in &report.calls {
///         eprintln!("cut: {call}");
///     }
///     let streams = report.calls.iter().filter(|call| call.method == "/chat.Chat/Listen");
///     eprintln!("{} of {} were listeners", streams.count(), report.calls_cut);
/// }
/// # tell(&ShutdownReport::default());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CutCall {
    /// The full method name, `/package.Service/Method`; that of [unknown services](crate::Server::unknown_service) is `/*/*`.
    pub method: String,
    /// Whose call it was.
    pub peer: SocketAddress,
}

impl fmt::Display for CutCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.method, self.peer)
    }
}

/// What was cut so far.
#[derive(Default)]
pub(crate) struct Cut {
    count: AtomicUsize,
    named: Mutex<Vec<CutCall>>,
}

impl Cut {
    /// So many more calls.
    pub(super) fn add(&self, calls: usize) {
        self.count.fetch_add(calls, Ordering::Relaxed);
    }

    /// Their methods, of one peer; they have been counted.
    pub(super) fn name<'a>(&self, peer: &SocketAddress, methods: impl Iterator<Item = &'a str>) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let room = NAMED - named.len();
        named.extend(methods.take(room).map(|method| CutCall {
            method: method.to_owned(),
            peer: peer.clone(),
        }));
    }

    pub(super) fn tell(&self, report: &mut ShutdownReport) {
        report.calls_cut = self.count.load(Ordering::Relaxed);
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        report.calls.clone_from(&named);
    }
}
