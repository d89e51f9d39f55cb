//! Streams that are expected to work.

use super::payload::{check_end, check_reply, download, upload};
use crate::{
    env::{Env, WithMetadata},
    failure::{Outcome, check_eq},
};

const REQUESTS: [usize; 4] = [27_182, 8, 1_828, 45_904];
const RESPONSES: [usize; 4] = [31_415, 9, 2_653, 58_979];

pub(super) async fn client_streaming(env: &Env) -> Outcome {
    let (mut sender, response) = env.client().streaming_input_call().metadata_of(env).split();
    for len in REQUESTS {
        sender.send(upload(len)).await?;
    }
    sender.half_close();
    check_eq!(
        response.await?.aggregated_payload_size,
        74_922,
        "the aggregated size"
    );
    Ok(())
}

pub(super) async fn server_streaming(env: &Env) -> Outcome {
    let mut replies = env
        .client()
        .streaming_output_call(env.request(download(0, &RESPONSES)))
        .await?;
    for len in RESPONSES {
        check_reply(replies.message().await?, len)?;
    }
    check_end(replies.message().await?)
}

pub(super) async fn ping_pong(env: &Env) -> Outcome {
    let (mut sender, mut replies) = env.client().full_duplex_call().metadata_of(env).split();
    for (request, response) in REQUESTS.into_iter().zip(RESPONSES) {
        sender.send(download(request, &[response])).await?;
        check_reply(replies.message().await?, response)?;
    }
    sender.half_close();
    check_end(replies.message().await?)
}

/// All requests, then all responses: not in gRPC's list, but in its service.
pub(super) async fn half_duplex(env: &Env) -> Outcome {
    let (mut sender, mut replies) = env.client().half_duplex_call().metadata_of(env).split();
    for (request, response) in REQUESTS.into_iter().zip(RESPONSES) {
        sender.send(download(request, &[response])).await?;
    }
    sender.half_close();
    for len in RESPONSES {
        check_reply(replies.message().await?, len)?;
    }
    check_end(replies.message().await?)
}

pub(super) async fn empty_stream(env: &Env) -> Outcome {
    let (mut sender, mut replies) = env.client().full_duplex_call().metadata_of(env).split();
    sender.half_close();
    check_end(replies.message().await?)
}
