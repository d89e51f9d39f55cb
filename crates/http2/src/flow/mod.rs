//! Flow control, RFC 9113 §5.2 and §6.9.

mod bdp;
mod credit;
mod window;

pub(crate) use bdp::BdpEstimator;
pub(crate) use credit::{ConnectionCredit, StreamCredit};
pub(crate) use window::Window;
