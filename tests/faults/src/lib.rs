//! Real sockets, real processes, real faults: what [`load`] sends, what the [`service`] answers and notes, what a fault
//! costs in [`resources`], and the faults themselves in [`cases`].
#![forbid(unsafe_code)]

pub mod cases;
pub mod child;
pub mod ledger;
pub mod load;
pub mod relay;
pub mod report;
pub mod resources;
pub mod service;
