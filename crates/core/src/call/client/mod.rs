//! The client's side of one attempt.

mod http_error;
mod plain;
mod request;
mod response;
mod trailers_only;

pub use plain::{is_plain_head, is_plain_ok};
pub use request::{
    RequestHead, RequestTemplate, USER_AGENT, common_headers, pseudo_headers, user_agent,
};
pub use response::ResponseMachine;
pub use trailers_only::{end_of_response, trailers_only};
