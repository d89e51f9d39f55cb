//! A fleet on one machine: [`backend`]s in processes of their own, [`client`]s that call them over a [`wire`] that counts, a
//! [`directory`] that says where they are, and what happens to them in [`scenarios`].
#![forbid(unsafe_code)]

pub mod backend;
pub mod client;
pub mod directory;
pub mod frames;
pub mod options;
pub mod report;
pub mod scenarios;
pub mod serve;
pub mod tally;
pub mod windows;
pub mod wire;
