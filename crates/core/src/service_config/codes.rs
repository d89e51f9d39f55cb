//! Sets of status codes, as policies of retries and hedging name them.

use super::{error::ServiceConfigError, json::Json};
use crate::status::Code;
use std::fmt;

/// A set of status codes.
///
/// ```
/// use farcall_core::{Code, service_config::CodeSet};
///
/// let set: CodeSet = [Code::Unavailable, Code::Aborted].into_iter().collect();
/// assert!(set.contains(Code::Aborted) && !set.contains(Code::Internal));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeSet(u32);

impl CodeSet {
    /// Whether the code is in it.
    pub const fn contains(self, code: Code) -> bool {
        self.0 >> code as u32 & 1 == 1
    }

    /// Whether there is none in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Numbers, or names in whatever case (gRFC A6).
    pub(super) fn parse(json: &Json) -> Result<CodeSet, ServiceConfigError> {
        json.items()?.iter().map(code).collect()
    }
}

fn code(json: &Json) -> Result<Code, ServiceConfigError> {
    if let Ok(number) = json.as_u64() {
        let code = usize::try_from(number).ok().and_then(|n| Code::ALL.get(n));
        let unknown = || json.error(format!("there is no status code {number}"));
        return code.copied().ok_or_else(unknown);
    }
    let name = json.as_str()?;
    let named = |code: &Code| code.name().eq_ignore_ascii_case(name);
    let code = Code::ALL.into_iter().find(named);
    code.ok_or_else(|| json.error(format!("there is no status code {name:?}")))
}

impl FromIterator<Code> for CodeSet {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> CodeSet {
        let bits = codes.into_iter().map(|code| 1u32 << code as u32);
        CodeSet(bits.fold(0, |set, bit| set | bit))
    }
}

impl fmt::Debug for CodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = Code::ALL.into_iter().filter(|code| self.contains(*code));
        f.debug_set().entries(codes).finish()
    }
}
