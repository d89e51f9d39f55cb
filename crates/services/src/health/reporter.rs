//! The program's handle.

use super::{ServingStatus, board::Board};
use std::{fmt, sync::Arc};

/// Says how the services of a server are; cheap to clone. Made by [`HealthService::reporter`](super::HealthService::reporter).
///
/// Services go by their full names, which generated servers have as `GreeterServer::<MyGreeter>::NAME`; the server as a
/// whole has the empty name. A name need not be that of a service: it is what clients and balancers are told to ask for.
///
/// ```
/// use farcall::health::{self, ServingStatus};
///
/// let reporter = health::service().reporter();
/// assert_eq!(reporter.status(""), Some(ServingStatus::Serving));
/// assert_eq!(reporter.status("shop.Orders"), None);
///
/// reporter.set_serving("shop.Orders");
/// reporter.shutdown();
/// reporter.set_serving("shop.Orders"); // comes too late
/// assert_eq!(reporter.status("shop.Orders"), Some(ServingStatus::NotServing));
/// reporter.resume();
/// assert_eq!(reporter.status("shop.Orders"), Some(ServingStatus::Serving));
/// ```
#[derive(Clone)]
pub struct HealthReporter {
    board: Arc<Board>,
}

impl HealthReporter {
    pub(super) fn new(board: Arc<Board>) -> HealthReporter {
        HealthReporter { board }
    }

    /// Calls for `service` are welcome.
    pub fn set_serving(&self, service: &str) {
        self.set_status(service, ServingStatus::Serving);
    }

    /// Calls for `service` should go elsewhere. Those that come are still served: refusing them is the handlers' affair.
    pub fn set_not_serving(&self, service: &str) {
        self.set_status(service, ServingStatus::NotServing);
    }

    /// The status of `service`, told to all who watch it. Ignored after [`shutdown`](Self::shutdown) until
    /// [`resume`](Self::resume), so that no late report brings calls to a server that is ending.
    pub fn set_status(&self, service: &str, status: ServingStatus) {
        self.board.set(service, Some(status));
    }

    /// Forgets `service`: those who watch it are told SERVICE_UNKNOWN. Ignored after [`shutdown`](Self::shutdown), too.
    pub fn clear(&self, service: &str) {
        self.board.set(service, None);
    }

    /// What is said of `service`; `None`: nothing.
    pub fn status(&self, service: &str) -> Option<ServingStatus> {
        self.board.status(service)
    }

    /// Every known service is NOT_SERVING from now on. A server that shuts down does this by itself.
    pub fn shutdown(&self) {
        self.board.shut_down();
    }

    /// Takes [`shutdown`](Self::shutdown) back: every known service is SERVING, and reports count again.
    pub fn resume(&self) {
        self.board.resume();
    }
}

impl fmt::Debug for HealthReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HealthReporter")
    }
}
