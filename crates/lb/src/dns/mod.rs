//! DNS as octets: questions, answers, and the system's configuration. Whoever has sockets asks with it.

mod message;
mod name;
mod resolv_conf;

pub use message::{Answer, AnswerError, RecordType, query};
pub use resolv_conf::ResolvConf;
