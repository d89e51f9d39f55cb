//! The server's side of a call.

mod rejection;
mod request;
mod request_head;
mod response;

pub use rejection::Rejection;
pub use request::RequestMachine;
pub use request_head::{RequestHead, parse_timeout};
pub use response::{
    ResponseTemplate, ok_trailers, shortened, trailers, trailers_only, trailers_within,
};
