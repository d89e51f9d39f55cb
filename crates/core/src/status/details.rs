//! Typed details.

use super::{Any, Status};

/// A protobuf message that can be attached to a [`Status`].
///
/// The ten standard ones are in [`rpc`](super::rpc); others need one line:
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::Detail};
///
/// #[derive(PartialEq, prost::Message)]
/// struct Position {
///     #[prost(uint32, tag = "1")]
///     line: u32,
/// }
///
/// impl Detail for Position {
///     const TYPE_URL: &'static str = "type.googleapis.com/example.Position";
/// }
///
/// let status = Status::invalid_argument("syntax error").with_detail(Position { line: 7 });
/// assert_eq!(status.details::<Position>().unwrap().line, 7);
/// ```
pub trait Detail: prost::Message + Default {
    /// `type.googleapis.com/` and the full name of the message type. Readers look at the name only.
    const TYPE_URL: &'static str;
}

impl Status {
    /// The first detail of type `T` that can be decoded.
    ///
    /// ```
    /// # use farcall_core as farcall;
    /// use farcall::{Status, status::rpc::RetryInfo};
    /// use std::time::Duration;
    ///
    /// let status = Status::unavailable("busy").with_detail(RetryInfo::after(Duration::from_secs(3)));
    /// assert_eq!(status.details::<RetryInfo>().unwrap().delay(), Some(Duration::from_secs(3)));
    /// ```
    pub fn details<T: Detail>(&self) -> Option<T> {
        self.all_details().next()
    }

    /// All details of type `T` that can be decoded, in order.
    pub fn all_details<T: Detail>(&self) -> impl Iterator<Item = T> {
        let name = T::TYPE_URL.rsplit('/').next().unwrap_or_default();
        let same = self
            .any_details()
            .iter()
            .filter(move |any| any.type_name() == name);
        same.filter_map(|any| T::decode(any.value.clone()).ok())
    }

    /// The same status with one more detail.
    pub fn with_detail<T: Detail>(self, detail: T) -> Status {
        self.with_any_detail(Any::new(T::TYPE_URL, detail.encode_to_vec()))
    }
}
