//! A message as it was received.

use buffa::{DecodeError, HasMessageView, OwnedView};
use bytes::Bytes;
use std::{fmt, ops::Deref};

/// A received message `M` that has been read, and whose text and bytes stay where they are: nothing is copied, and nothing allocated for them.
///
/// It derefs to what buffa generates beside the message `Foo`, `FooOwnedView`, which has a method for each field: `request.name()` is a `&str`.
/// It keeps what was received: the message, and at times what came in the same read. [`to_message`](View::to_message) makes a message of
/// it, for what is to be kept or changed.
///
/// ```
/// use farcall::{Codec, codec::EncodeBuf};
/// use farcall_buffa::{Buffa, View};
/// # use farcall_buffa_example::messages::hello::HelloRequest;
///
/// let mut buf = EncodeBuf::new();
/// Buffa.encode(&HelloRequest { name: "Ada".into(), ..Default::default() }, &mut buf)?;
/// let received = bytes::Bytes::copy_from_slice(buf.as_slice());
///
/// let view: View<HelloRequest> = Buffa.decode(received.clone())?;
/// assert_eq!(view.name(), "Ada");
/// assert_eq!(view.name().as_ptr(), received[2..].as_ptr()); // no copy
/// assert_eq!(view.to_message().name, "Ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct View<M: HasMessageView>(M::ViewHandle);

impl<M: HasMessageView> View<M> {
    /// Reads one.
    ///
    /// # Errors
    /// It is no such message.
    pub fn decode(message: Bytes) -> Result<View<M>, DecodeError> {
        M::decode_view_handle(message).map(View)
    }

    /// The message as it was received.
    pub fn bytes(&self) -> &Bytes {
        self.owned_view().bytes()
    }

    /// A message of its own, with copies of text and of bytes that are not [`Bytes`].
    pub fn to_message(&self) -> M {
        self.owned_view().to_owned_message()
    }

    /// buffa's own type.
    pub fn into_inner(self) -> M::ViewHandle {
        self.0
    }

    fn owned_view(&self) -> &OwnedView<M::View<'static>> {
        self.0.as_ref()
    }
}

impl<M: HasMessageView> Deref for View<M> {
    type Target = M::ViewHandle;

    fn deref(&self) -> &M::ViewHandle {
        &self.0
    }
}

impl<M: HasMessageView + fmt::Debug> fmt::Debug for View<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_message().fmt(f)
    }
}
