//! Several credentials as one.

use super::{CallCredentials, CallInfo, List, SecurityLevel};
use farcall_core::{Metadata, Status};

/// Several credentials as one: a call gets the metadata of all, in order.
///
/// ```
/// use farcall::credentials::{Composite, Token};
///
/// let both = Composite::new(Token::fixed("of the service")).and(Token::fixed("of the user").header("x-user-token"));
/// # let _ = both;
/// ```
#[derive(Clone, Debug)]
pub struct Composite {
    list: List,
}

impl Composite {
    /// These alone.
    pub fn new(first: impl CallCredentials) -> Composite {
        let list = List::default();
        Composite { list }.and(first)
    }

    /// These too.
    pub fn and(mut self, next: impl CallCredentials) -> Composite {
        self.list.push(next);
        self
    }
}

impl CallCredentials for Composite {
    async fn metadata(&self, call: &CallInfo) -> Result<Metadata, Status> {
        let mut metadata = Metadata::new();
        for each in self.list.iter() {
            metadata.extend(&each.metadata(call).await?);
        }
        Ok(metadata)
    }

    /// What the most demanding of them needs.
    fn required_security(&self) -> SecurityLevel {
        let needed = self.list.iter().map(|each| each.required_security());
        needed.max().unwrap_or(SecurityLevel::None)
    }
}
