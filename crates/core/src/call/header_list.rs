//! A header list to send: a part that repeats from call to call, and the call's own.

use farcall_http2::{Field, Fields, Part};
use std::sync::Arc;

/// Response headers or trailers, ready to be sent.
///
/// ```
/// use farcall_core::{Metadata, Status, call::server};
///
/// let trailers = server::trailers(&Status::OK, &Metadata::new());
/// let again = server::trailers(&Status::OK, &Metadata::new());
/// // The very same list each time, so that HTTP/2 encodes it once per connection.
/// assert!(std::sync::Arc::ptr_eq(trailers.shared().unwrap(), again.shared().unwrap()));
/// let fields: Vec<_> = trailers.fields().cloned().collect();
/// assert_eq!(fields[0].value, "0");
/// ```
#[derive(Clone, Default, Debug)]
pub struct HeaderList {
    shared: Option<Arc<Fields>>,
    /// Boxed: most lists have none, and are moved along with every call.
    own: Option<Box<Fields>>,
}

impl HeaderList {
    pub(crate) fn new(shared: Option<Arc<Fields>>, own: Fields) -> HeaderList {
        let own = (!own.is_empty()).then(|| Box::new(own));
        HeaderList { shared, own }
    }

    /// A list that other calls share, and nothing else.
    #[inline]
    pub(crate) fn of_shared(shared: &Arc<Fields>) -> HeaderList {
        HeaderList {
            shared: Some(Arc::clone(shared)),
            own: None,
        }
    }

    /// The pieces in order, as HTTP/2 takes them; either may be empty.
    pub fn parts(&self) -> [Part<'_>; 2] {
        [
            self.shared.as_ref().map_or(Part::Fields(&[]), Part::Shared),
            Part::Fields(self.own()),
        ]
    }

    /// The part that other calls share.
    pub fn shared(&self) -> Option<&Arc<Fields>> {
        self.shared.as_ref()
    }

    /// The fields of this one call, behind the shared ones.
    pub fn own(&self) -> &[Field] {
        self.own.as_deref().map_or(&[], |own| own)
    }

    /// All fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.shared
            .iter()
            .flat_map(|list| list.iter())
            .chain(self.own())
    }

    /// The size that header-list limits count (RFC 9113 §6.5.2).
    pub fn size(&self) -> usize {
        self.fields().map(Field::size).sum()
    }
}
