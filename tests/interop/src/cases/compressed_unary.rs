//! Unary calls with and without compression.
//!
//! `expect_compressed` has the server look at the compressed flag of our requests; we look at that of its responses.

use super::payload::{LARGE_RESPONSE, check_compressed, check_payload, large};
use crate::{
    env::Env,
    failure::{Outcome, check_code, fail},
    pb::{BoolValue, SimpleRequest},
};
use farcall::{Code, Encoding};

/// First a probe that must fail: does the server look at all?
pub(super) async fn client_compressed_unary(env: &Env) -> Outcome {
    let probe = env
        .client()
        .unary_call(env.request(expecting(true)))
        .compress(Encoding::Identity)
        .await;
    let Err(status) = probe else {
        fail!("the server accepted an uncompressed message that said it was compressed");
    };
    check_code(&status, Code::InvalidArgument)?;
    client_compressed_unary_noprobe(env).await
}

pub(super) async fn client_compressed_unary_noprobe(env: &Env) -> Outcome {
    for (compressed, encoding) in [(true, Encoding::Gzip), (false, Encoding::Identity)] {
        let reply = env
            .client()
            .unary_call(env.request(expecting(compressed)))
            .compress(encoding)
            .await?;
        check_payload(reply.payload.as_ref(), LARGE_RESPONSE)?;
    }
    Ok(())
}

pub(super) async fn server_compressed_unary(env: &Env) -> Outcome {
    for compressed in [true, false] {
        let wanted = SimpleRequest {
            response_compressed: Some(BoolValue { value: compressed }),
            ..large()
        };
        let reply = env.client().unary_call(env.request(wanted)).await?;
        check_compressed(env, reply.message_was_compressed(), compressed)?;
        check_payload(reply.payload.as_ref(), LARGE_RESPONSE)?;
    }
    Ok(())
}

fn expecting(compressed: bool) -> SimpleRequest {
    SimpleRequest {
        expect_compressed: Some(BoolValue { value: compressed }),
        ..large()
    }
}
