//! Metadata that a server sends back.

use crate::{ECHO_INITIAL, ECHO_TRAILING};
use farcall::{Metadata, Response, Sender, Status};

pub(super) fn into_response<T>(request: &Metadata, response: &mut Response<T>) {
    initial(request, response.metadata_mut());
    trailing(request, response.trailers_mut());
}

pub(super) fn into_sender<T>(request: &Metadata, replies: &mut Sender<T>) {
    initial(request, replies.metadata_mut());
    trailing(request, replies.trailers_mut());
}

pub(super) fn into_status(request: &Metadata, mut status: Status) -> Status {
    trailing(request, status.metadata_mut());
    status
}

fn initial(request: &Metadata, to: &mut Metadata) {
    if let Some(value) = request.get(ECHO_INITIAL) {
        to.insert(ECHO_INITIAL, value);
    }
}

fn trailing(request: &Metadata, to: &mut Metadata) {
    if let Some(value) = request.get_bin(ECHO_TRAILING) {
        to.insert(ECHO_TRAILING, value);
    }
}
