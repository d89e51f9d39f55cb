//! The client's side of one attempt.

mod http_error;
mod request;
mod response;

pub use request::{
    RequestHead, RequestTemplate, USER_AGENT, common_headers, pseudo_headers, user_agent,
};
pub use response::ResponseMachine;
