//! `hedgingPolicy`: when a call gets several attempts at once.

use super::{attempts::max_attempts, codes::CodeSet, error::ServiceConfigError, json::Json};
use std::time::Duration;

/// When a call gets another attempt although the first one has not failed (gRFC A6, `hedgingPolicy`).
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct HedgingPolicy {
    /// Attempts at most, the first one included; at least 2. The channel has a cap of its own.
    pub max_attempts: u32,
    /// The head start of each attempt over the next. Default zero: all start at once.
    pub hedging_delay: Duration,
    /// An attempt that ends with one of these leaves the others alone; any other code ends the call. Default none.
    pub non_fatal_codes: CodeSet,
}

impl HedgingPolicy {
    pub(super) fn parse(json: &Json) -> Result<HedgingPolicy, ServiceConfigError> {
        let delay = json.field("hedgingDelay")?;
        let codes = json.field("nonFatalStatusCodes")?;
        Ok(HedgingPolicy {
            max_attempts: max_attempts(json)?,
            hedging_delay: delay.map_or(Ok(Duration::ZERO), |delay| delay.as_duration())?,
            non_fatal_codes: codes
                .map_or(Ok(CodeSet::default()), |codes| CodeSet::parse(&codes))?,
        })
    }
}
