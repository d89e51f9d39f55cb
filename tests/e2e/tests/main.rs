//! End-to-end tests of the channel and the server, by topic.

mod bad_input;
mod bad_input_log;
mod bad_messages;
mod broken_sockets;
mod cancel;
mod completion;
mod compression;
mod context;
mod cut;
mod deadline;
mod dns;
mod half_close;
mod limits;
mod metadata;
mod panics;
mod service_config;
mod shards;
mod shutdown;
mod simulated;
mod simulated_calls;
mod status;
mod stress;
mod transparent;
mod uploads;
mod wrong_answers;
mod wrong_servers;
