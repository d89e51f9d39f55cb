//! Why a target is refused.

use std::fmt;

/// Why a target was refused: the target as the user wrote it and what is wrong with it.
///
/// ```
/// use farcall_lb::target::{DnsTarget, Target, TargetProblem};
///
/// let error = DnsTarget::parse(&Target::parse("greeter:http").unwrap()).unwrap_err();
/// assert_eq!(error.problem(), &TargetProblem::BadPort { port: "http".into() });
/// assert_eq!(
///     error.to_string(),
///     r#"target "greeter:http": the port "http" is not a number from 0 to 65535"#,
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetError {
    target: String,
    problem: TargetProblem,
}

impl TargetError {
    /// An error about `target`; for resolvers that check their own part of the URI.
    pub fn new(target: impl Into<String>, problem: TargetProblem) -> Self {
        Self {
            target: target.into(),
            problem,
        }
    }

    /// The target as it was written.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &TargetProblem {
        &self.problem
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "target {:?}: {}", self.target, self.problem)
    }
}

impl std::error::Error for TargetError {}

/// The single thing that is wrong with a target.
///
/// ```
/// use farcall_lb::target::{Target, TargetProblem};
///
/// let error = Target::parse("unix:///tmp/100%").unwrap_err();
/// assert_eq!(error.problem(), &TargetProblem::BadPercentEncoding { offset: 15 });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetProblem {
    /// The target is the empty string.
    Empty,
    /// A character that RFC 3986 does not allow here; it has to be percent-encoded.
    ForbiddenCharacter {
        /// The character.
        character: char,
        /// Its offset in bytes.
        offset: usize,
    },
    /// A `%` that two hexadecimal digits do not follow (RFC 3986 §2.1).
    BadPercentEncoding {
        /// The offset of the `%` in bytes.
        offset: usize,
    },
    /// The decoded text is not UTF-8 and the scheme needs text.
    NotUtf8,
    /// No resolver is registered for the scheme.
    UnknownScheme {
        /// The scheme, lower case.
        scheme: String,
    },
    /// The scheme has no use for an authority (`scheme://authority/...`).
    AuthorityNotAllowed {
        /// The scheme.
        scheme: String,
        /// The authority.
        authority: String,
    },
    /// The scheme has no use for `?query` or `#fragment`; `?` and `#` have to be percent-encoded.
    QueryNotAllowed {
        /// The scheme.
        scheme: String,
    },
    /// There is nothing after the scheme.
    EmptyEndpoint {
        /// The scheme.
        scheme: String,
    },
    /// A `[` without `]`, or text between `]` and the port.
    BadBrackets {
        /// The host and port as written.
        text: String,
    },
    /// A `:` with no port after it.
    MissingPort {
        /// The host and port as written.
        text: String,
    },
    /// The port is not a number from 0 to 65535.
    BadPort {
        /// The port as written.
        port: String,
    },
    /// The host is neither a name nor an IP address.
    BadHost {
        /// The host as written.
        host: String,
    },
    /// The text is not an address of the family that the scheme names.
    NotAnAddress {
        /// `IPv4` or `IPv6`.
        family: &'static str,
        /// The text.
        text: String,
    },
    /// The text is not `cid:port`.
    NotAVsockAddress {
        /// The text.
        text: String,
    },
    /// The socket path does not fit in the system's socket address.
    PathTooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest length that fits.
        limit: usize,
    },
    /// What a custom resolver has to say.
    Other(String),
}

impl fmt::Display for TargetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::ForbiddenCharacter { character, offset } => write!(
                f,
                "{character:?} at byte {offset} is not allowed in a URI, percent-encode it"
            ),
            Self::BadPercentEncoding { offset } => write!(
                f,
                "the '%' at byte {offset} is not followed by two hexadecimal digits (write %25 for a literal '%')"
            ),
            Self::NotUtf8 => f.write_str("it is not UTF-8 after percent-decoding"),
            Self::UnknownScheme { scheme } => {
                write!(f, "no resolver is registered for the scheme {scheme:?}")?;
                match &scheme[..] {
                    "http" | "https" | "grpc" | "grpcs" | "tcp" => f.write_str(
                        "; a target is a name, not a URL of a web page: leave the scheme away and write host:port \
                         (whether there is TLS is a matter of the channel's credentials)",
                    ),
                    _ => Ok(()),
                }
            }
            Self::AuthorityNotAllowed { scheme, authority } => write!(
                f,
                "the scheme {scheme:?} takes no authority, but {authority:?} stands after the slashes"
            ),
            Self::QueryNotAllowed { scheme } => write!(
                f,
                "the scheme {scheme:?} takes no '?' query or '#' fragment (write %3F or %23 for the character itself)"
            ),
            Self::EmptyEndpoint { scheme } => {
                write!(f, "nothing stands after the scheme {scheme:?}")
            }
            Self::BadBrackets { text } => {
                write!(f, "the brackets in {text:?} do not enclose an IPv6 address")
            }
            Self::MissingPort { text } => write!(f, "no port follows the colon in {text:?}"),
            Self::BadPort { port } => {
                write!(f, "the port {port:?} is not a number from 0 to 65535")
            }
            Self::BadHost { host } => {
                write!(f, "{host:?} is neither a host name nor an IP address")?;
                match host.contains(',') {
                    true => f.write_str(
                        "; several addresses are written ipv4:10.0.0.1:443,10.0.0.2:443 or ipv6:[fd00::1]:443,[fd00::2]:443",
                    ),
                    false => Ok(()),
                }
            }
            Self::NotAnAddress { family, text } => {
                write!(f, "{text:?} is not an {family} address")
            }
            Self::NotAVsockAddress { text } => write!(
                f,
                "{text:?} is not a vsock address: it must be cid:port, two numbers"
            ),
            Self::PathTooLong { length, limit } => write!(
                f,
                "the socket path has {length} bytes, a socket address holds at most {limit}"
            ),
            Self::Other(text) => f.write_str(text),
        }
    }
}
