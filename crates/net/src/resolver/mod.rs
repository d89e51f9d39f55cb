//! Resolvers that wait for somebody: tasks that send updates to the channel's machine.

pub(crate) mod dns;
