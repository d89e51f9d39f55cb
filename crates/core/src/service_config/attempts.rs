//! `maxAttempts`, which the policies of retries and of hedging have in common.

use super::{error::ServiceConfigError, json::Json};

pub(super) fn max_attempts(json: &Json) -> Result<u32, ServiceConfigError> {
    let field = json.required("maxAttempts")?;
    match field.as_u64()? {
        attempts @ (0 | 1) => Err(field.error(format!("must be at least 2, not {attempts}"))),
        attempts => Ok(u32::try_from(attempts).unwrap_or(u32::MAX)),
    }
}
