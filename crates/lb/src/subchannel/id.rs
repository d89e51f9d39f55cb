//! Names of subchannels.

use std::fmt;

/// Names one subchannel of a channel; never used twice in one channel.
///
/// ```
/// use farcall_lb::subchannel::SubchannelId;
///
/// assert_eq!(SubchannelId::new(7).as_u64(), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubchannelId(u64);

impl SubchannelId {
    /// The id with this number. Channels number their subchannels themselves; this is for tests and tables.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SubchannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
