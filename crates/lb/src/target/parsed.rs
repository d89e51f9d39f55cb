//! A target and its parts.

use std::{fmt, sync::Arc};

use super::error::{TargetError, TargetProblem};
use super::host_port::split_host_port;
use super::uri;

/// The scheme of a target that names none.
pub const DEFAULT_SCHEME: &str = "dns";

/// The schemes that this crate knows: `dns`, `passthrough`, `ipv4`, `ipv6`, `unix`, `unix-abstract` and `vsock`.
pub const BUILT_IN_SCHEMES: [&str; 7] = [
    "dns",
    "passthrough",
    "ipv4",
    "ipv6",
    "unix",
    "unix-abstract",
    "vsock",
];

/// The name of what a channel talks to: a URI (RFC 3986) whose scheme selects the resolver.
///
/// A text that is no URI, or whose scheme nobody knows, is read again as `dns:///text`; this is how `localhost:50051`
/// works. Schemes are case-insensitive. Clones share the text.
///
/// ```
/// use farcall_lb::Target;
///
/// let target = Target::parse("greeter.example:50051").unwrap();
/// assert_eq!(target.scheme(), "dns");
/// assert_eq!(target.endpoint(), "greeter.example:50051");
/// assert_eq!(target.to_string(), "dns:///greeter.example:50051");
///
/// let error = Target::parse("zookeeper://fleet/greeter").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"target "zookeeper://fleet/greeter": no resolver is registered for the scheme "zookeeper""#,
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Arc<Parts>);

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    original: String,
    scheme: String,
    authority: String,
    path: Vec<u8>,
    endpoint: String,
    query: Option<String>,
    fragment: Option<String>,
}

impl Target {
    /// Parses a target for the built-in schemes, default scheme `dns`.
    ///
    /// # Errors
    /// See [`TargetProblem`]. Only the URI is checked here; the scheme's own rules are checked when the channel is made.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        Self::parse_with(text, DEFAULT_SCHEME, |scheme| {
            BUILT_IN_SCHEMES.contains(&scheme)
        })
    }

    /// Parses a target where `is_known` tells for which schemes (in lower case) there is a resolver, and
    /// `default_scheme` is tried for a text that names none of them.
    ///
    /// # Errors
    /// As for [`Target::parse`]; also when `default_scheme` itself is not known.
    pub fn parse_with(
        text: &str,
        default_scheme: &str,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Self, TargetError> {
        let refuse = |problem| TargetError::new(text, problem);
        if text.is_empty() {
            return Err(refuse(TargetProblem::Empty));
        }
        uri::check_characters(text).map_err(refuse)?;
        let unknown = match uri::split(text) {
            Some(parts) => {
                let scheme = parts.scheme.to_ascii_lowercase();
                if is_known(&scheme) {
                    return Self::from_parts(text, scheme, &parts);
                }
                Some(scheme)
            }
            None => None,
        };
        let default_scheme = default_scheme.to_ascii_lowercase();
        // `name://` can be no host and port: what is wrong is the scheme, not the port.
        let unknown = unknown.filter(|scheme| text[scheme.len()..].starts_with("://"));
        if let (Some(scheme), "dns") = (unknown, &default_scheme[..]) {
            return Err(refuse(TargetProblem::UnknownScheme { scheme }));
        }
        if !is_known(&default_scheme) {
            let scheme = default_scheme;
            return Err(refuse(TargetProblem::UnknownScheme { scheme }));
        }
        let full = format!("{default_scheme}:///{text}");
        match uri::split(&full) {
            Some(parts) => Self::from_parts(text, default_scheme.clone(), &parts),
            None => Err(refuse(TargetProblem::UnknownScheme {
                scheme: default_scheme,
            })),
        }
    }

    fn from_parts(
        original: &str,
        scheme: String,
        parts: &uri::Parts<'_>,
    ) -> Result<Self, TargetError> {
        let not_utf8 = |_| TargetError::new(original, TargetProblem::NotUtf8);
        let authority = String::from_utf8(uri::decode(parts.authority.unwrap_or_default()))
            .map_err(not_utf8)?;
        let path = uri::decode(parts.path);
        let endpoint_bytes = path.strip_prefix(b"/").unwrap_or(&path);
        let endpoint = match String::from_utf8(endpoint_bytes.to_vec()) {
            Ok(endpoint) => endpoint,
            // A file name may be any bytes; everything else is text.
            Err(_) if scheme.starts_with("unix") => uri::encode(endpoint_bytes, uri::keep_in_path),
            Err(error) => return Err(not_utf8(error)),
        };
        Ok(Self(Arc::new(Parts {
            original: original.to_owned(),
            scheme,
            authority,
            path,
            endpoint,
            query: parts.query.map(str::to_owned),
            fragment: parts.fragment.map(str::to_owned),
        })))
    }

    /// The target as the user wrote it. [`Display`](fmt::Display) gives the canonical form instead.
    pub fn as_str(&self) -> &str {
        &self.0.original
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// What stands between `//` and the next `/`, percent-decoded; mostly empty. For `dns` it is the name server.
    pub fn authority(&self) -> &str {
        &self.0.authority
    }

    /// The path without its leading `/`, percent-decoded: the name to resolve. A Unix path that is not UTF-8 stays
    /// percent-encoded here, [`Target::path_bytes`] has it exactly.
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// The bytes of the path, percent-decoded, with its leading `/` if it has one.
    pub fn path_bytes(&self) -> &[u8] {
        &self.0.path
    }

    /// What stands behind `?`, as written.
    pub fn query(&self) -> Option<&str> {
        self.0.query.as_deref()
    }

    /// What stands behind `#`, as written.
    pub fn fragment(&self) -> Option<&str> {
        self.0.fragment.as_deref()
    }

    /// Whether it is to be connected to at port 443 because it names no port, or one of its addresses does not. False for schemes
    /// without ports.
    ///
    /// ```
    /// use farcall_lb::Target;
    ///
    /// assert!(Target::parse("greeter.example").unwrap().lacks_port());
    /// assert!(Target::parse("ipv4:10.0.0.1:50051,10.0.0.2").unwrap().lacks_port());
    /// assert!(!Target::parse("greeter.example:443").unwrap().lacks_port());
    /// ```
    pub fn lacks_port(&self) -> bool {
        let lacks = |text| matches!(split_host_port(text), Ok((_, None)));
        match &self.0.scheme[..] {
            "dns" => lacks(&self.0.endpoint),
            "ipv4" | "ipv6" => self.0.endpoint.split(',').any(lacks),
            _ => false,
        }
    }

    pub(super) fn endpoint_bytes(&self) -> &[u8] {
        self.0.path.strip_prefix(b"/").unwrap_or(&self.0.path)
    }

    pub(super) fn refuse_authority(&self) -> Result<(), TargetError> {
        if self.0.authority.is_empty() {
            return Ok(());
        }
        Err(TargetError::new(
            self.as_str(),
            TargetProblem::AuthorityNotAllowed {
                scheme: self.0.scheme.clone(),
                authority: self.0.authority.clone(),
            },
        ))
    }

    pub(super) fn refuse_query(&self) -> Result<(), TargetError> {
        if self.0.query.is_none() && self.0.fragment.is_none() {
            return Ok(());
        }
        let scheme = self.0.scheme.clone();
        Err(TargetError::new(
            self.as_str(),
            TargetProblem::QueryNotAllowed { scheme },
        ))
    }

    pub(crate) fn refuse_empty(&self) -> Result<(), TargetError> {
        if !self.endpoint_bytes().is_empty() {
            return Ok(());
        }
        let scheme = self.0.scheme.clone();
        Err(TargetError::new(
            self.as_str(),
            TargetProblem::EmptyEndpoint { scheme },
        ))
    }
}

/// The canonical form: scheme in lower case, always with authority and path (`scheme://authority/endpoint`; `unix:` and
/// `unix-abstract:` with a relative path stay without), percent-encoded only where needed. It parses to the same target.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relative = !self.0.path.starts_with(b"/");
        if relative && self.0.scheme.starts_with("unix") {
            write!(f, "{}:", self.0.scheme)?;
        } else {
            let authority = uri::encode(self.0.authority.as_bytes(), uri::keep_in_authority);
            write!(f, "{}://{authority}/", self.0.scheme)?;
        }
        f.write_str(&uri::encode(self.endpoint_bytes(), uri::keep_in_path))?;
        if let Some(query) = &self.0.query {
            write!(f, "?{query}")?;
        }
        if let Some(fragment) = &self.0.fragment {
            write!(f, "#{fragment}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
