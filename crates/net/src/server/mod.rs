//! The server: listeners, connections, routes, handlers, shutdown.

mod accepting;
mod admission;
mod builder;
mod calls;
mod connection;
mod cut;
mod earned;
mod getting_ready;
mod guarded;
mod handler;
mod http1;
mod intercepted;
mod known;
mod lifecycle;
mod lifetime;
pub(crate) mod listener;
mod method_limits;
#[cfg(feature = "tower")]
mod mount;
mod overload;
mod router;
mod running;
mod serve;
mod service;
mod shards;
mod shared;
mod tap;
mod timeouts;
mod unbound;
mod unknown;
mod watch;

use std::time::Duration;

/// How long a drain waits for services to say that it is coming.
const LAME_DUCK_GRACE: Duration = Duration::from_millis(250);
/// What those get during a drain who have not begun to speak HTTP/2: no call of theirs can be lost.
const SILENT_GRACE: Duration = Duration::from_secs(1);

pub use builder::Server;
pub use cut::{CutCall, ShutdownReport};
pub use http1::Http1Connection;
pub use intercepted::Intercepted;
pub use lifecycle::{Lifecycle, ServiceInfo};
pub use listener::{BindError, Listen};
pub use method_limits::MethodLimits;
#[cfg(feature = "tower")]
pub use mount::{HttpService, ResponseBody, ResponseFuture};
pub use overload::Overload;
pub use serve::{Bound, ServeError};
pub use service::{Methods, Service, unimplemented};
pub use tap::Tapped;
pub use unbound::Unbound;
pub use unknown::UnknownService;
