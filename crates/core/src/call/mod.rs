//! The machines of one attempt of a call.
//!
//! They stand between an HTTP/2 stream and the user: header lists, payload and resets go in; metadata, whole
//! messages and a status come out; illegal input never gets further. The stream's owner feeds them and does
//! what they ask for:
//!
//! | | client | server |
//! |---|---|---|
//! | what is sent first | [`client::RequestHead`] | [`server::ResponseTemplate::head`] |
//! | what is received first | [`client::ResponseMachine::on_headers`] | [`server::RequestHead::parse`], else a [`server::Rejection`] |
//! | messages to send | [`encode_message`](crate::message::encode_message) | the same |
//! | messages received | [`client::ResponseMachine`] | [`server::RequestMachine`] |
//! | the end | [`Progress::Done`] | [`server::trailers`] |

pub mod client;
mod content_type;
mod header_list;
mod inbox;
mod progress;
pub mod server;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod transitions;

pub use content_type::content_type;
pub use header_list::HeaderList;
pub use progress::{Progress, ReceiveOptions, Shape};
