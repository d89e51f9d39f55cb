//! Messages with payloads, and checks of those that come back.

use crate::{
    env::Env,
    failure::{Outcome, check, check_eq, fail},
    pb::{
        Payload, PayloadType, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
        StreamingOutputCallRequest, StreamingOutputCallResponse,
    },
    server::zeros,
};

/// The payload of a large request, in bytes.
pub(super) const LARGE_REQUEST: usize = 271_828;
/// The payload of a large response, in bytes.
pub(super) const LARGE_RESPONSE: usize = 314_159;

pub(super) fn payload(len: usize) -> Option<Payload> {
    Some(Payload {
        r#type: PayloadType::Compressable.into(),
        body: zeros(len),
    })
}

/// A unary request of so many bytes that asks for so many.
pub(super) fn simple(request: usize, response: usize) -> SimpleRequest {
    SimpleRequest {
        response_size: size(response),
        payload: payload(request),
        ..SimpleRequest::default()
    }
}

pub(super) fn large() -> SimpleRequest {
    simple(LARGE_REQUEST, LARGE_RESPONSE)
}

pub(super) fn upload(len: usize) -> StreamingInputCallRequest {
    StreamingInputCallRequest {
        payload: payload(len),
        expect_compressed: None,
    }
}

/// A streaming request of so many bytes that asks for responses of these sizes.
pub(super) fn download(request: usize, responses: &[usize]) -> StreamingOutputCallRequest {
    let wanted = |&len: &usize| ResponseParameters {
        size: size(len),
        ..ResponseParameters::default()
    };
    StreamingOutputCallRequest {
        response_parameters: responses.iter().map(wanted).collect(),
        payload: (request > 0).then(|| payload(request)).flatten(),
        ..StreamingOutputCallRequest::default()
    }
}

/// Checks that a payload consists of so many zeros.
pub(super) fn check_payload(found: Option<&Payload>, len: usize) -> Outcome {
    let Some(found) = found else {
        check_eq!(
            0,
            len,
            "the size of the response's payload, which is absent"
        );
        return Ok(());
    };
    check_eq!(
        found.r#type,
        i32::from(PayloadType::Compressable),
        "the type of the response's payload"
    );
    check_eq!(found.body.len(), len, "the size of the response's payload");
    check!(
        found.body.iter().all(|&byte| byte == 0),
        "the response's payload is not all zeros"
    );
    Ok(())
}

/// Checks one message of a response stream.
pub(super) fn check_reply(found: Option<StreamingOutputCallResponse>, len: usize) -> Outcome {
    match found {
        Some(reply) => check_payload(reply.payload.as_ref(), len),
        None => fail!("the stream ended where a response of {len} bytes was expected"),
    }
}

/// Checks the compressed flag of a response.
pub(super) fn check_compressed(env: &Env, found: bool, expected: bool) -> Outcome {
    if env.check_compressed {
        check_eq!(found, expected, "the compressed flag of the response");
    }
    Ok(())
}

/// Checks that a response stream ends well.
pub(super) fn check_end(found: Option<StreamingOutputCallResponse>) -> Outcome {
    check!(
        found.is_none(),
        "a response came where the stream should have ended: {found:?}"
    );
    Ok(())
}

fn size(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}
