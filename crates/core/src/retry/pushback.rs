//! What servers say about retries.

use farcall_http2::{Headers, KnownName, Name};
use std::time::Duration;

/// The server's word about the next attempt: `grpc-retry-pushback-ms` (gRFC A6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pushback {
    /// It says nothing.
    #[default]
    None,
    /// After exactly so long.
    After(Duration),
    /// None, please: a negative number, one that cannot be read, or several.
    Never,
}

impl Pushback {
    /// Reads it from the trailers, or from headers that are trailers too.
    pub fn of(trailers: &Headers) -> Pushback {
        let ours = |name: &Name| matches!(name, Name::Known(KnownName::GrpcRetryPushbackMs));
        let mut values = trailers.fields.iter().filter(|field| ours(&field.name));
        match (values.next(), values.next()) {
            (None, _) => Pushback::None,
            (Some(only), None) => Pushback::parse(&only.value),
            (Some(_), Some(_)) => Pushback::Never,
        }
    }

    /// A signed 32-bit number in decimal digits.
    fn parse(value: &[u8]) -> Pushback {
        let number = std::str::from_utf8(value).ok();
        // Rust's numbers may begin with a plus, which is no ASCII-encoded integer of gRPC's.
        let number = number.filter(|text| !text.starts_with('+'));
        let millis = number.and_then(|text| text.parse::<i32>().ok());
        match millis.map(u64::try_from) {
            Some(Ok(millis)) => Pushback::After(Duration::from_millis(millis)),
            _ => Pushback::Never,
        }
    }
}
