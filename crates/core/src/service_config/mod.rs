//! The service config: what the owner of a service tells its clients about balancing, timeouts, sizes, retries and health
//! checks, as JSON (gRPC's service-config document; gRFCs A2, A6, A21, A24).
//!
//! It stands in `core` because the rules of a call (deadline, sizes, retries) read it. What needs the registry of
//! policies, the choice from `loadBalancingConfig`, is left as JSON here and made by the channel.

mod attempts;
mod canary;
mod codes;
mod config;
mod duration;
mod error;
mod hedging;
mod json;
mod method;
mod retry;
#[cfg(test)]
mod tests;
mod throttling;

pub use canary::Canary;
pub use codes::CodeSet;
pub use config::{PolicyChoice, ServiceConfig};
pub use error::ServiceConfigError;
pub use hedging::HedgingPolicy;
pub use json::Json;
pub use method::MethodConfig;
pub use retry::RetryPolicy;
pub use throttling::RetryThrottling;
