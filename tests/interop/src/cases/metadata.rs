//! Metadata in both directions.

use super::payload::{
    LARGE_REQUEST, LARGE_RESPONSE, check_end, check_payload, check_reply, download, large,
};
use crate::{
    ECHO_INITIAL, ECHO_TRAILING,
    env::{Env, WithMetadata},
    failure::{Outcome, check_eq},
};
use farcall::Metadata;

const INITIAL: &str = "test_initial_metadata_value";
const TRAILING: [u8; 3] = [0xab, 0xab, 0xab];

pub(super) async fn custom_metadata(env: &Env) -> Outcome {
    unary(env).await?;
    full_duplex(env).await
}

async fn unary(env: &Env) -> Outcome {
    let mut request = env.request(large());
    request.metadata_mut().append(ECHO_INITIAL, INITIAL);
    request.metadata_mut().append(ECHO_TRAILING, TRAILING);
    let reply = env.client().unary_call(request).await?;
    check_payload(reply.payload.as_ref(), LARGE_RESPONSE)?;
    check_initial(reply.metadata())?;
    check_trailing(reply.trailers())
}

async fn full_duplex(env: &Env) -> Outcome {
    let call = env.client().full_duplex_call().metadata_of(env);
    let call = call
        .metadata(ECHO_INITIAL, INITIAL)
        .metadata(ECHO_TRAILING, TRAILING);
    let (mut sender, mut replies) = call.split();
    sender
        .send(download(LARGE_REQUEST, &[LARGE_RESPONSE]))
        .await?;
    sender.half_close();
    check_initial(replies.metadata().await?)?;
    check_reply(replies.message().await?, LARGE_RESPONSE)?;
    check_end(replies.message().await?)?;
    check_trailing(replies.trailers().unwrap_or(&Metadata::new()))
}

fn check_initial(found: &Metadata) -> Outcome {
    let values: Vec<_> = found.get_all(ECHO_INITIAL).collect();
    check_eq!(
        values,
        [INITIAL],
        format!("the initial metadata {ECHO_INITIAL}")
    );
    Ok(())
}

fn check_trailing(found: &Metadata) -> Outcome {
    let values: Vec<_> = found
        .get_all_bin(ECHO_TRAILING)
        .map(|value| value.to_vec())
        .collect();
    check_eq!(
        values,
        [TRAILING.to_vec()],
        format!("the trailer {ECHO_TRAILING}")
    );
    Ok(())
}
