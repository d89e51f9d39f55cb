//! The cases of `interop-client`, as `doc/interop-test-descriptions.md` of gRPC describes them.
//!
//! Every function checks all that its description asks for, and fails with what it found instead.

mod affinity;
mod basic;
mod cancel;
mod compressed_streaming;
mod compressed_unary;
mod metadata;
mod payload;
mod soak;
mod status;
mod streaming;

use crate::{env::Env, failure::Outcome};

/// One list makes both the names and the dispatch.
macro_rules! cases {
    ($($name:literal => $case:path),* $(,)?) => {
        /// The names of all cases.
        pub const NAMES: &[&str] = &[$($name),*];

        /// Runs one case; `None` if there is no such case.
        pub async fn run(name: &str, env: &Env) -> Option<Outcome> {
            Some(match name {
                $($name => $case(env).await,)*
                _ => return None,
            })
        }
    };
}

cases! {
    "empty_unary" => basic::empty_unary,
    "large_unary" => basic::large_unary,
    "very_large_request" => basic::very_large_request,
    "cacheable_unary" => basic::cacheable_unary,
    "client_streaming" => streaming::client_streaming,
    "server_streaming" => streaming::server_streaming,
    "ping_pong" => streaming::ping_pong,
    "half_duplex" => streaming::half_duplex,
    "empty_stream" => streaming::empty_stream,
    "client_compressed_unary" => compressed_unary::client_compressed_unary,
    "client_compressed_unary_noprobe" => compressed_unary::client_compressed_unary_noprobe,
    "server_compressed_unary" => compressed_unary::server_compressed_unary,
    "client_compressed_streaming" => compressed_streaming::client_compressed_streaming,
    "client_compressed_streaming_noprobe" => compressed_streaming::client_compressed_streaming_noprobe,
    "server_compressed_streaming" => compressed_streaming::server_compressed_streaming,
    "custom_metadata" => metadata::custom_metadata,
    "status_code_and_message" => status::status_code_and_message,
    "special_status_message" => status::special_status_message,
    "unimplemented_method" => status::unimplemented_method,
    "unimplemented_service" => status::unimplemented_service,
    "cancel_after_begin" => cancel::cancel_after_begin,
    "cancel_after_first_response" => cancel::cancel_after_first_response,
    "timeout_on_sleeping_server" => cancel::timeout_on_sleeping_server,
    "pick_first_unary" => affinity::pick_first_unary,
    "long_lived_channel" => soak::long_lived_channel,
    "rpc_soak" => soak::rpc_soak,
    "channel_soak" => soak::channel_soak,
}
