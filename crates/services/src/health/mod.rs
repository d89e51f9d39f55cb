//! Health: tells those who choose among servers which of them are fit to take calls (`grpc.health.v1.Health`).
//!
//! [`service`] gives the service, [`HealthService::reporter`] the handle through which the program says how its services
//! are. The server as a whole has the empty name; it is [`Serving`](ServingStatus::Serving) from the start. When a server
//! that has the service is told to shut down, everything is [`NotServing`](ServingStatus::NotServing), and those who watch
//! know before any of them is told to go away (GOAWAY).
//!
//! | call | answer |
//! |---|---|
//! | `Check` | the status; `NOT_FOUND` for a service of which nobody has said anything |
//! | `Watch` | the status and each change of it, `SERVICE_UNKNOWN` first if nobody has said anything; a slow reader misses what was in between, never the newest |
//! | `List` | all of them (gRFC A90); `RESOURCE_EXHAUSTED` if there are more than 100 |
//!
//! ```
//! use farcall::health::{self, ServingStatus};
//! use farcall::{Channel, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let health = health::service();
//! let reporter = health.reporter();
//! reporter.set_not_serving("shop.Orders"); // its database is not reachable yet
//!
//! let server = Server::builder().add_service(health).bind("127.0.0.1:0").await?;
//! # let channel = Channel::builder(server.local_addr()?.to_string()).insecure().build()?;
//! # tokio::spawn(server.serve());
//!
//! use farcall::health::proto::{HealthCheckRequest, HealthClient};
//! let client = HealthClient::new(channel);
//! let orders = || HealthCheckRequest { service: "shop.Orders".into() };
//! assert_eq!(client.check(orders()).await?.status(), ServingStatus::NotServing);
//! reporter.set_serving("shop.Orders");
//! assert_eq!(client.check(orders()).await?.status(), ServingStatus::Serving);
//! # Ok(()) }
//! ```

mod board;
pub(crate) mod generated;
mod places;
mod reporter;
mod server;
#[cfg(test)]
mod tests;

pub use generated::grpc::health::v1 as proto;
pub use proto::health_check_response::ServingStatus;
pub use reporter::HealthReporter;
pub use server::{HealthService, service};
