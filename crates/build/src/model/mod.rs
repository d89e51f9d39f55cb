//! Services as the emitter sees them: names chosen, types resolved, comments ready.

mod build;
mod conflicts;
mod names;
mod service;
mod types;

pub(crate) use build::services;
pub(crate) use conflicts::check;
pub(crate) use service::{Method, Service};
pub(crate) use types::Types;
