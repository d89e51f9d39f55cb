//! Calls that end before they are complete.

use super::payload::{check_reply, download};
use crate::{
    env::{Env, WithMetadata},
    failure::{Outcome, check_code, fail},
};
use farcall::Code;
use std::time::Duration;

pub(super) async fn cancel_after_begin(env: &Env) -> Outcome {
    let (mut sender, response) = env.client().streaming_input_call().metadata_of(env).split();
    sender.cancel();
    match response.await {
        Err(status) => check_code(&status, Code::Cancelled),
        Ok(reply) => fail!("the cancelled call got {reply:?}"),
    }
}

pub(super) async fn cancel_after_first_response(env: &Env) -> Outcome {
    let (mut sender, mut replies) = env.client().full_duplex_call().metadata_of(env).split();
    sender.send(download(27_182, &[31_415])).await?;
    check_reply(replies.message().await?, 31_415)?;
    sender.cancel();
    match replies.message().await {
        Err(status) => check_code(&status, Code::Cancelled),
        Ok(reply) => fail!("the cancelled call got {reply:?}"),
    }
}

/// The server waits for more requests, so only the deadline can end the call.
pub(super) async fn timeout_on_sleeping_server(env: &Env) -> Outcome {
    let call = env
        .client()
        .full_duplex_call()
        .metadata_of(env)
        .timeout(Duration::from_millis(1));
    let (mut sender, mut replies) = call.split();
    // The deadline may pass before there is anything to send on.
    let _ = sender.send(download(27_182, &[])).await;
    match replies.message().await {
        Err(status) => check_code(&status, Code::DeadlineExceeded),
        Ok(reply) => fail!("the sleeping server sent {reply:?}"),
    }
}
