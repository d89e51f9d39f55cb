//! What the system says, in words.

use std::io;

/// The common causes in plain words, without "(os error 111)"; others in the system's.
pub(crate) fn words(error: &io::Error) -> String {
    use io::ErrorKind::*;
    match error.kind() {
        NotFound if error.raw_os_error().is_some() => "no such file".to_owned(),
        kind @ (ConnectionRefused | ConnectionReset | ConnectionAborted | HostUnreachable
        | NetworkUnreachable | TimedOut | PermissionDenied | AddrInUse
        | AddrNotAvailable)
            if error.raw_os_error().is_some() =>
        {
            kind.to_string()
        }
        _ => error.to_string(),
    }
}
