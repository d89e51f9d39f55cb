//! Codes that a control plane may not give to calls (gRFC A54).

use farcall_core::{Code, Status};

/// Turns the codes that only an application may use (INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION,
/// ABORTED, OUT_OF_RANGE, DATA_LOSS), and an OK that makes no sense, into INTERNAL; the message tells the old code
/// (gRFC A54). For statuses that come from pickers, config selectors and call credentials.
///
/// ```
/// use farcall_core::{Code, Status};
/// use farcall_lb::balancer::restrict_control_plane;
///
/// let status = restrict_control_plane(Status::not_found("no route"));
/// assert_eq!(status.code(), Code::Internal);
/// assert_eq!(restrict_control_plane(Status::unavailable("x")).code(), Code::Unavailable);
/// ```
pub fn restrict_control_plane(status: Status) -> Status {
    match status.code() {
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss => {
            let message = format!(
                "the channel's own parts may not fail a call with {}: {}",
                status.code(),
                status.message()
            );
            status.with_code(Code::Internal).with_message(message)
        }
        _ => status,
    }
}
