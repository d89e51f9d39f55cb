//! Calls that are expected to fail.

use super::payload::{LARGE_REQUEST, LARGE_RESPONSE, download, simple};
use crate::{
    env::{Env, WithMetadata},
    failure::{Failure, Outcome, check_code, check_eq, fail},
    pb::{
        EchoStatus, Empty, SimpleRequest, StreamingOutputCallRequest, UnimplementedServiceClient,
    },
};
use farcall::{Code, Status};

pub(super) async fn status_code_and_message(env: &Env) -> Outcome {
    let wanted = EchoStatus {
        code: Code::Unknown.into(),
        message: "test status message".to_owned(),
    };
    unary(env, simple(LARGE_REQUEST, LARGE_RESPONSE), &wanted).await?;
    full_duplex(env, &wanted).await
}

/// The message has blanks at its ends and characters outside of ASCII and of the basic multilingual plane.
pub(super) async fn special_status_message(env: &Env) -> Outcome {
    let message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n".to_owned();
    unary(
        env,
        SimpleRequest::default(),
        &EchoStatus {
            code: Code::Unknown.into(),
            message,
        },
    )
    .await
}

pub(super) async fn unimplemented_method(env: &Env) -> Outcome {
    let result = env.client().unimplemented_call(env.request(Empty {})).await;
    check_code(&failure_of(result)?, Code::Unimplemented)
}

pub(super) async fn unimplemented_service(env: &Env) -> Outcome {
    let client = UnimplementedServiceClient::new(env.channel());
    let result = client.unimplemented_call(env.request(Empty {})).await;
    check_code(&failure_of(result)?, Code::Unimplemented)
}

async fn unary(env: &Env, request: SimpleRequest, wanted: &EchoStatus) -> Outcome {
    let request = SimpleRequest {
        response_status: Some(wanted.clone()),
        ..request
    };
    let result = env.client().unary_call(env.request(request)).await;
    check_status(&failure_of(result)?, wanted)
}

async fn full_duplex(env: &Env, wanted: &EchoStatus) -> Outcome {
    let (mut sender, mut replies) = env.client().full_duplex_call().metadata_of(env).split();
    let request = StreamingOutputCallRequest {
        response_status: Some(wanted.clone()),
        ..download(0, &[])
    };
    sender.send(request).await?;
    sender.half_close();
    check_status(&failure_of(replies.message().await)?, wanted)
}

fn check_status(found: &Status, wanted: &EchoStatus) -> Outcome {
    check_eq!(
        (i32::from(found.code()), found.message()),
        (wanted.code, &*wanted.message),
        "the status"
    );
    Ok(())
}

/// The status of a call that must not work.
fn failure_of<T: std::fmt::Debug>(result: Result<T, Status>) -> Result<Status, Failure> {
    match result {
        Err(status) => Ok(status),
        Ok(reply) => fail!("the call was expected to fail, but it got {reply:?}"),
    }
}
