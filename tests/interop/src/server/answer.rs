//! Responses as requests configure them.

use super::zeros;
use crate::pb::{
    EchoStatus, Payload, PayloadType, StreamingOutputCallRequest, StreamingOutputCallResponse,
};
use farcall::{Code, Sender, Status};
use std::time::Duration;

/// The largest payload that can be asked for, in bytes.
const MAX_PAYLOAD: usize = 256 << 20;

/// The payload that a request asks for.
///
/// # Errors
/// `INVALID_ARGUMENT` for a type or size that does not exist.
pub(super) fn payload(kind: i32, size: i32) -> Result<Payload, Status> {
    if PayloadType::try_from(kind).is_err() {
        return Err(Status::invalid_argument(format!(
            "there is no payload type {kind}"
        )));
    }
    match usize::try_from(size) {
        Ok(len) if len <= MAX_PAYLOAD => Ok(Payload {
            r#type: kind,
            body: zeros(len),
        }),
        _ => Err(Status::invalid_argument(format!(
            "no payload has {size} bytes: the range is 0 to {MAX_PAYLOAD}"
        ))),
    }
}

/// Fails with the status that a request asks for, if any.
pub(super) fn requested_status(wanted: &Option<EchoStatus>) -> Result<(), Status> {
    match wanted {
        Some(status) if status.code != 0 => Err(Status::new(
            Code::from_i32(status.code),
            status.message.clone(),
        )),
        _ => Ok(()),
    }
}

/// Sends the responses that a request asks for.
pub(super) async fn stream(
    request: &StreamingOutputCallRequest,
    replies: &mut Sender<StreamingOutputCallResponse>,
) -> Result<(), Status> {
    requested_status(&request.response_status)?;
    for wanted in &request.response_parameters {
        if let Ok(micros @ 1..) = u64::try_from(wanted.interval_us) {
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
        let payload = payload(request.response_type, wanted.size)?;
        replies.compress(wanted.compressed.is_some_and(|compressed| compressed.value));
        replies
            .send(StreamingOutputCallResponse {
                payload: Some(payload),
            })
            .await?;
    }
    Ok(())
}
