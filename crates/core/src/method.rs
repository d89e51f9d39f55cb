//! Methods: their paths, their kinds, their message types.

use crate::codec::Prost;
use bytes::Bytes;
use std::{
    error::Error,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::Arc,
};

/// Which of the two sides sends many messages.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::MethodKind;
///
/// assert!(MethodKind::ClientStreaming.client_streams());
/// assert!(!MethodKind::ClientStreaming.server_streams());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MethodKind {
    /// One request, one response.
    Unary,
    /// Many requests, one response.
    ClientStreaming,
    /// One request, many responses.
    ServerStreaming,
    /// Many requests, many responses.
    Bidi,
}

impl MethodKind {
    /// Whether the client may send any number of messages.
    pub const fn client_streams(self) -> bool {
        matches!(self, MethodKind::ClientStreaming | MethodKind::Bidi)
    }

    /// Whether the server may send any number of messages.
    pub const fn server_streams(self) -> bool {
        matches!(self, MethodKind::ServerStreaming | MethodKind::Bidi)
    }
}

/// A method without its types: path and kind. Cheap to clone.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{MethodDescriptor, MethodKind};
///
/// let method = MethodDescriptor::from_static("/helloworld.Greeter/SayHello", MethodKind::Unary);
/// assert_eq!(method.service(), "helloworld.Greeter");
/// assert_eq!(method.name(), "SayHello");
/// ```
#[derive(Clone)]
pub struct MethodDescriptor {
    path: Path,
    /// Where the last slash is.
    slash: u32,
    kind: MethodKind,
}

/// Small, since it is moved along with every call.
#[derive(Clone)]
enum Path {
    /// Known at compile time: nobody has to check that it is UTF-8.
    Constant(&'static str),
    Shared(Arc<Bytes>),
}

impl MethodDescriptor {
    /// A method whose path is known at compile time.
    ///
    /// # Panics
    /// If `path` is not of the form `/service/name`; in a `const` or `static` the compiler says so.
    pub const fn from_static(path: &'static str, kind: MethodKind) -> MethodDescriptor {
        match last_slash(path.as_bytes()) {
            Some(slash) => MethodDescriptor {
                path: Path::Constant(path),
                slash: slash as u32,
                kind,
            },
            None => panic!("a method path has the form /service/name"),
        }
    }

    /// A method whose path is known at run time, for proxies and generic clients.
    ///
    /// # Errors
    /// If `path` is not UTF-8 of the form `/service/name`.
    pub fn new(path: impl Into<Bytes>, kind: MethodKind) -> Result<MethodDescriptor, InvalidPath> {
        let path = path.into();
        if std::str::from_utf8(&path).is_err() {
            return Err(InvalidPath);
        }
        let slash = last_slash(&path).ok_or(InvalidPath)?;
        let slash = u32::try_from(slash).map_err(|_| InvalidPath)?;
        Ok(MethodDescriptor {
            path: Path::Shared(Arc::new(path)),
            slash,
            kind,
        })
    }

    /// `/service/name`.
    pub fn path(&self) -> &str {
        match &self.path {
            Path::Constant(path) => path,
            Path::Shared(path) => text(path),
        }
    }

    /// The path as it goes into `:path`; shares memory.
    pub fn path_bytes(&self) -> Bytes {
        match &self.path {
            Path::Constant(path) => Bytes::from_static(path.as_bytes()),
            Path::Shared(path) => Bytes::clone(path),
        }
    }

    /// The octets of the path.
    pub fn path_octets(&self) -> &[u8] {
        match &self.path {
            Path::Constant(path) => path.as_bytes(),
            Path::Shared(path) => path,
        }
    }

    /// The full name of the service: what stands between the first and the last slash.
    pub fn service(&self) -> &str {
        text(&self.path_octets()[1..self.slash as usize])
    }

    /// What follows the last slash.
    pub fn name(&self) -> &str {
        text(&self.path_octets()[self.slash as usize + 1..])
    }

    /// Which sides stream.
    pub fn kind(&self) -> MethodKind {
        self.kind
    }
}

impl PartialEq for MethodDescriptor {
    fn eq(&self, other: &Self) -> bool {
        self.path_octets() == other.path_octets() && self.kind == other.kind
    }
}

impl Eq for MethodDescriptor {}

impl Hash for MethodDescriptor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.path_octets(), self.kind).hash(state);
    }
}

impl fmt::Debug for MethodDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.path(), self.kind)
    }
}

/// A method with its message types and its codec: what generated code holds in a `static` per method.
///
/// ```
/// use bytes::Bytes;
/// # use farcall_core as farcall;
/// use farcall::{Method, MethodKind, Raw};
///
/// static ECHO: Method<Bytes, Bytes, Raw> = Method::with_codec("/example.Echo/Once", MethodKind::Unary, Raw);
/// assert_eq!(ECHO.descriptor().name(), "Once");
/// ```
pub struct Method<Req, Res, C = Prost> {
    descriptor: MethodDescriptor,
    codec: C,
    types: PhantomData<fn(Req) -> Res>,
}

impl<Req, Res> Method<Req, Res, Prost> {
    /// One request, one response.
    ///
    /// # Panics
    /// Like [`MethodDescriptor::from_static`].
    pub const fn unary(path: &'static str) -> Self {
        Method::with_codec(path, MethodKind::Unary, Prost)
    }

    /// Many requests, one response.
    ///
    /// # Panics
    /// Like [`MethodDescriptor::from_static`].
    pub const fn client_streaming(path: &'static str) -> Self {
        Method::with_codec(path, MethodKind::ClientStreaming, Prost)
    }

    /// One request, many responses.
    ///
    /// # Panics
    /// Like [`MethodDescriptor::from_static`].
    pub const fn server_streaming(path: &'static str) -> Self {
        Method::with_codec(path, MethodKind::ServerStreaming, Prost)
    }

    /// Many requests, many responses.
    ///
    /// # Panics
    /// Like [`MethodDescriptor::from_static`].
    pub const fn bidi(path: &'static str) -> Self {
        Method::with_codec(path, MethodKind::Bidi, Prost)
    }
}

impl<Req, Res, C> Method<Req, Res, C> {
    /// Any kind, any codec.
    ///
    /// # Panics
    /// Like [`MethodDescriptor::from_static`].
    pub const fn with_codec(path: &'static str, kind: MethodKind, codec: C) -> Self {
        Method {
            descriptor: MethodDescriptor::from_static(path, kind),
            codec,
            types: PhantomData,
        }
    }

    /// A method that is only known at run time.
    pub const fn new(descriptor: MethodDescriptor, codec: C) -> Self {
        Method {
            descriptor,
            codec,
            types: PhantomData,
        }
    }

    /// Path and kind.
    pub const fn descriptor(&self) -> &MethodDescriptor {
        &self.descriptor
    }

    /// `/service/name`.
    pub fn path(&self) -> &str {
        self.descriptor.path()
    }

    /// Which sides stream.
    pub const fn kind(&self) -> MethodKind {
        self.descriptor.kind
    }

    /// How messages become bytes.
    pub const fn codec(&self) -> &C {
        &self.codec
    }
}

impl<Req, Res, C: Clone> Clone for Method<Req, Res, C> {
    fn clone(&self) -> Self {
        Method {
            descriptor: self.descriptor.clone(),
            codec: self.codec.clone(),
            types: PhantomData,
        }
    }
}

impl<Req, Res, C> fmt::Debug for Method<Req, Res, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.descriptor.fmt(f)
    }
}

/// A path that does not have the form `/service/name`.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{MethodDescriptor, MethodKind, method::InvalidPath};
///
/// let error = MethodDescriptor::new("SayHello", MethodKind::Unary).unwrap_err();
/// assert_eq!(error, InvalidPath);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidPath;

impl fmt::Display for InvalidPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed method name")
    }
}

impl Error for InvalidPath {}

/// Splits `/service/name` at the last slash. `None` without a leading slash or without a second one.
///
/// ```
/// use farcall_core::method::split_path;
///
/// assert_eq!(split_path("/a.B/C"), Some(("a.B", "C")));
/// assert_eq!(split_path("/nothing"), None);
/// ```
pub fn split_path(path: &str) -> Option<(&str, &str)> {
    let slash = last_slash(path.as_bytes())?;
    Some((&path[1..slash], &path[slash + 1..]))
}

/// The index of the last slash, if it is not the leading one (which must be there).
const fn last_slash(path: &[u8]) -> Option<usize> {
    if path.is_empty() || path[0] != b'/' {
        return None;
    }
    let mut index = path.len() - 1;
    while index > 0 {
        if path[index] == b'/' {
            return Some(index);
        }
        index -= 1;
    }
    None
}

/// Both constructors checked that the path is UTF-8, and it is cut at ASCII characters only.
fn text(path: &[u8]) -> &str {
    std::str::from_utf8(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_its_last_slash() {
        assert_eq!(
            split_path("/pkg.Service/Method"),
            Some(("pkg.Service", "Method"))
        );
        assert_eq!(split_path("/a/b/c"), Some(("a/b", "c")));
        assert_eq!(split_path("//m"), Some(("", "m")));
        assert_eq!(split_path("/s/"), Some(("s", "")));
    }

    #[test]
    fn a_path_without_two_slashes_or_without_a_leading_one_is_malformed() {
        for path in ["", "/", "service", "/service", "service/method", "*"] {
            assert_eq!(split_path(path), None, "{path}");
            assert_eq!(
                MethodDescriptor::new(path.to_string(), MethodKind::Unary),
                Err(InvalidPath)
            );
        }
        assert_eq!(
            MethodDescriptor::new(&b"/\xff/b"[..], MethodKind::Unary),
            Err(InvalidPath)
        );
    }

    #[test]
    fn descriptors_of_compile_time_and_run_time_are_equal() {
        static FIXED: MethodDescriptor = MethodDescriptor::from_static("/p.S/M", MethodKind::Bidi);
        assert_eq!(
            FIXED,
            MethodDescriptor::new("/p.S/M".to_string(), MethodKind::Bidi).unwrap()
        );
        assert_eq!(
            (FIXED.path(), FIXED.service(), FIXED.name()),
            ("/p.S/M", "p.S", "M")
        );
    }

    #[test]
    fn constructors_set_the_kind() {
        assert_eq!(Method::<(), ()>::unary("/a/b").kind(), MethodKind::Unary);
        assert_eq!(
            Method::<(), ()>::client_streaming("/a/b").kind(),
            MethodKind::ClientStreaming
        );
        assert_eq!(
            Method::<(), ()>::server_streaming("/a/b").kind(),
            MethodKind::ServerStreaming
        );
        assert_eq!(Method::<(), ()>::bidi("/a/b").kind(), MethodKind::Bidi);
    }

    #[test]
    fn a_method_is_shareable_whatever_its_message_types_are() {
        fn shareable<T: Send + Sync>() {}
        shareable::<Method<std::rc::Rc<()>, std::cell::Cell<()>>>();
    }

    #[test]
    fn random_paths_never_panic() {
        let mut random = crate::random::XorShift::new(5);
        for _ in 0..20_000 {
            let path = random.bytes_of(b"//ab.\xc3\xa4", 12);
            if let Ok(method) = MethodDescriptor::new(path, MethodKind::Unary) {
                let _ = (
                    method.path().len(),
                    method.service().len(),
                    method.name().len(),
                );
            }
        }
    }
}
