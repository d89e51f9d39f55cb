//! What can go wrong, by whom and why.

use bytes::Bytes;
use std::fmt;

/// An HTTP/2 error code (RFC 9113 §7); unknown codes are kept.
///
/// ```
/// use farcall_http2::Reason;
///
/// assert_eq!(Reason::CANCEL.to_string(), "CANCEL");
/// assert_eq!(Reason(0x77).to_string(), "0x77");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reason(pub u32);

#[allow(missing_docs)] // the names of RFC 9113 §7
impl Reason {
    pub const NO_ERROR: Reason = Reason(0x0);
    pub const PROTOCOL_ERROR: Reason = Reason(0x1);
    pub const INTERNAL_ERROR: Reason = Reason(0x2);
    pub const FLOW_CONTROL_ERROR: Reason = Reason(0x3);
    pub const SETTINGS_TIMEOUT: Reason = Reason(0x4);
    pub const STREAM_CLOSED: Reason = Reason(0x5);
    pub const FRAME_SIZE_ERROR: Reason = Reason(0x6);
    pub const REFUSED_STREAM: Reason = Reason(0x7);
    pub const CANCEL: Reason = Reason(0x8);
    pub const COMPRESSION_ERROR: Reason = Reason(0x9);
    pub const CONNECT_ERROR: Reason = Reason(0xa);
    pub const ENHANCE_YOUR_CALM: Reason = Reason(0xb);
    pub const INADEQUATE_SECURITY: Reason = Reason(0xc);
    pub const HTTP_1_1_REQUIRED: Reason = Reason(0xd);
}

impl Reason {
    /// The name of RFC 9113 §7, if the code has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0 => "NO_ERROR",
            0x1 => "PROTOCOL_ERROR",
            0x2 => "INTERNAL_ERROR",
            0x3 => "FLOW_CONTROL_ERROR",
            0x4 => "SETTINGS_TIMEOUT",
            0x5 => "STREAM_CLOSED",
            0x6 => "FRAME_SIZE_ERROR",
            0x7 => "REFUSED_STREAM",
            0x8 => "CANCEL",
            0x9 => "COMPRESSION_ERROR",
            0xa => "CONNECT_ERROR",
            0xb => "ENHANCE_YOUR_CALM",
            0xc => "INADEQUATE_SECURITY",
            0xd => "HTTP_1_1_REQUIRED",
            _ => return None,
        })
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:x}", self.0),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Which end did it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initiator {
    /// This end.
    Local,
    /// The peer.
    Peer,
}

macro_rules! crimes {
    ($($name:ident => $reason:ident, $sentence:literal, $section:literal;)*) => {
        /// A crime of the peer, by name, so that tests assert one cause and logs explain themselves.
        /// `Display` gives the sentence with the rule that was broken.
        ///
        /// ```
        /// use farcall_http2::{PeerMisbehaved, Reason};
        ///
        /// let crime = PeerMisbehaved::ZeroWindowUpdate;
        /// assert_eq!(crime.to_string(), "WINDOW_UPDATE with an increment of 0 (RFC 9113, section 6.9)");
        /// assert_eq!(crime.reason(), Reason::PROTOCOL_ERROR);
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum PeerMisbehaved { $(#[doc = concat!("Section ", $section, ": ", $sentence, ".")] $name,)* }

        impl PeerMisbehaved {
            /// Every crime there is.
            pub const ALL: &[PeerMisbehaved] = &[$(PeerMisbehaved::$name),*];

            /// Its name here, for counters: `"ZeroWindowUpdate"`.
            pub const fn name(self) -> &'static str {
                match self { $(PeerMisbehaved::$name => stringify!($name),)* }
            }

            /// The error code that answers it, in RST_STREAM or GOAWAY.
            pub const fn reason(self) -> Reason {
                match self { $(PeerMisbehaved::$name => Reason::$reason,)* }
            }

            /// The rule that was broken and what was done, without the section.
            pub const fn sentence(self) -> &'static str {
                match self { $(PeerMisbehaved::$name => $sentence,)* }
            }

            const fn section(self) -> &'static str {
                match self { $(PeerMisbehaved::$name => $section,)* }
            }
        }
    };
}

// The one place that chooses the error code of each crime. Sections are of RFC 9113 unless they say otherwise.
crimes! {
    BadPreface => PROTOCOL_ERROR, "the connection does not begin with the HTTP/2 preface", "3.4";
    SpeaksHttp1 => PROTOCOL_ERROR, "the peer speaks HTTP/1.1, not HTTP/2", "3.4";
    SpeaksTls => PROTOCOL_ERROR, "the peer speaks TLS, and the connection is in plaintext", "3.4";
    AnswersWithTlsAlert => PROTOCOL_ERROR, "the peer answers with a TLS alert: it expects TLS, and the connection is in plaintext", "3.4";
    SpeaksSsh => PROTOCOL_ERROR, "the peer speaks SSH, not HTTP/2", "3.4";
    SpeaksSmtp => PROTOCOL_ERROR, "the peer greets as SMTP and FTP servers do, not in HTTP/2", "3.4";
    SpeaksText => PROTOCOL_ERROR, "the peer speaks a protocol of text, not HTTP/2", "3.4";
    FirstFrameNotSettings => PROTOCOL_ERROR, "the first frame is not SETTINGS", "3.4";
    FrameTooLarge => FRAME_SIZE_ERROR, "a frame is larger than our SETTINGS_MAX_FRAME_SIZE", "4.2";
    WrongFrameSize => FRAME_SIZE_ERROR, "a frame has a length that its type does not allow", "4.2";
    PaddingTooLong => PROTOCOL_ERROR, "a frame's padding is longer than its payload", "6.1";
    FrameOnStreamZero => PROTOCOL_ERROR, "a frame that belongs to a stream came on stream 0", "5.1.1";
    ConnectionFrameOnStream => PROTOCOL_ERROR, "a frame that belongs to the connection came on a stream", "5.1.1";
    FrameOnIdleStream => PROTOCOL_ERROR, "a frame came on a stream that was never opened", "5.1";
    WrongStreamParity => PROTOCOL_ERROR, "the peer opened a stream whose id is not its to use", "5.1.1";
    StreamIdNotIncreasing => PROTOCOL_ERROR, "the peer opened a stream with an id below one it used before", "5.1.1";
    FrameOnClosedStream => STREAM_CLOSED, "a frame came on a stream that had ended", "5.1";
    FrameAfterEndStream => STREAM_CLOSED, "DATA or HEADERS came after END_STREAM", "5.1";
    DataBeforeHeaders => PROTOCOL_ERROR, "DATA came before the response's header list", "8.1";
    TrailersWithoutEndStream => PROTOCOL_ERROR, "a second header list came without END_STREAM", "8.1";
    SelfDependency => PROTOCOL_ERROR, "a stream depends on itself", "5.3.1 of RFC 7540";
    ExpectedContinuation => PROTOCOL_ERROR, "a header block was interrupted by another frame", "6.10";
    UnexpectedContinuation => PROTOCOL_ERROR, "CONTINUATION came without an unfinished header block", "6.10";
    PushPromise => PROTOCOL_ERROR, "PUSH_PROMISE came although push is off", "6.6";
    StreamLimitExceeded => REFUSED_STREAM, "more streams than our SETTINGS_MAX_CONCURRENT_STREAMS allows", "5.1.2";
    InvalidEnablePush => PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH has a value that the peer must not send", "6.5.2";
    InvalidInitialWindow => FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is above 2^31-1", "6.5.2";
    InvalidMaxFrameSize => PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE is outside of 16,384 to 16,777,215", "6.5.2";
    UnexpectedSettingsAck => PROTOCOL_ERROR, "an acknowledgement of SETTINGS that were not sent", "6.5.3";
    ZeroWindowUpdate => PROTOCOL_ERROR, "WINDOW_UPDATE with an increment of 0", "6.9";
    WindowOverflow => FLOW_CONTROL_ERROR, "a flow-control window was raised above 2^31-1", "6.9.1";
    StreamWindowExceeded => FLOW_CONTROL_ERROR, "DATA beyond the stream's flow-control window", "6.9.1";
    ConnectionWindowExceeded => FLOW_CONTROL_ERROR, "DATA beyond the connection's flow-control window", "6.9.1";
    GoAwayIdIncreased => PROTOCOL_ERROR, "a GOAWAY names a higher last stream than one before it", "6.8";
    HpackTruncated => COMPRESSION_ERROR, "a header block ends inside of a field", "4.3";
    HpackInvalidIndex => COMPRESSION_ERROR, "a header block refers to an entry outside of the tables", "2.3.3 of RFC 7541";
    HpackIntegerOverflow => COMPRESSION_ERROR, "an integer in a header block is too large", "5.1 of RFC 7541";
    HpackInvalidHuffman => COMPRESSION_ERROR, "a string in a header block is not valid Huffman code", "5.2 of RFC 7541";
    HpackTableSize => COMPRESSION_ERROR, "a header table size update is too large, misplaced, missing or one too many", "4.2 of RFC 7541";
    HeaderListTooLarge => ENHANCE_YOUR_CALM, "a header list is larger than our SETTINGS_MAX_HEADER_LIST_SIZE or has too many fields", "10.5.1";
    HeaderBlockTooLarge => ENHANCE_YOUR_CALM, "a header block goes on far beyond our SETTINGS_MAX_HEADER_LIST_SIZE", "10.5.1";
    TooManyContinuations => ENHANCE_YOUR_CALM, "a header block is cut into too many CONTINUATION frames", "10.5";
    InvalidFieldName => PROTOCOL_ERROR, "a field name is empty, has upper case or characters that are not allowed", "8.2.1";
    InvalidFieldValue => PROTOCOL_ERROR, "a field value has NUL, CR or LF in it", "8.2.1";
    ConnectionSpecificField => PROTOCOL_ERROR, "a field that belongs to HTTP/1.1 connections", "8.2.2";
    InvalidTe => PROTOCOL_ERROR, "te has a value other than trailers", "8.2.2";
    PseudoAfterRegular => PROTOCOL_ERROR, "a pseudo-header field after a regular field", "8.3";
    DuplicatePseudo => PROTOCOL_ERROR, "a pseudo-header field came twice", "8.3";
    UnknownPseudo => PROTOCOL_ERROR, "a pseudo-header field that is not defined for this kind of message", "8.3";
    PseudoInTrailers => PROTOCOL_ERROR, "a pseudo-header field in trailers", "8.1";
    MissingPseudo => PROTOCOL_ERROR, "a mandatory pseudo-header field is missing or empty", "8.3.1";
    ConnectNotAllowed => PROTOCOL_ERROR, "a CONNECT request, which is off or carries :scheme or :path", "8.5";
    InvalidStatus => PROTOCOL_ERROR, ":status is not a status code that HTTP/2 allows", "8.3.2";
    InterimWithEndStream => PROTOCOL_ERROR, "an interim response ends the stream", "8.1";
    InvalidContentLength => PROTOCOL_ERROR, "content-length is not a number, or its repetitions differ", "8.1.1";
    ContentLengthMismatch => PROTOCOL_ERROR, "the body is not as long as content-length says", "8.1.1";
    HeaderBlockTooSlow => ENHANCE_YOUR_CALM, "a header block was not finished in time", "10.5.1";
    ResponsesUnread => ENHANCE_YOUR_CALM, "the peer asks for more than it reads, and has read nothing for too long", "10.5";
    HeaderMemoryExceeded => REFUSED_STREAM, "the header lists of the open streams are too large together", "10.5.1";
    BacklogExceeded => REFUSED_STREAM, "too much of what the peer asked for waits to be read by it", "10.5";
    TooManyResets => ENHANCE_YOUR_CALM, "streams are opened and reset too fast", "10.5";
    TooManyStreamErrors => ENHANCE_YOUR_CALM, "too many streams had to be reset for the peer's errors", "10.5";
    TooManyRefusals => ENHANCE_YOUR_CALM, "too many streams were opened beyond what the connection allows", "10.5";
    TooManySettings => ENHANCE_YOUR_CALM, "too many SETTINGS frames", "10.5";
    TooManyPings => ENHANCE_YOUR_CALM, "too many PING frames", "10.5";
    TooManyEmptyFrames => ENHANCE_YOUR_CALM, "too many DATA frames without payload", "10.5";
    TooManyTinyFrames => ENHANCE_YOUR_CALM, "too many DATA frames of a few octets", "10.5";
    TooManyDribbles => ENHANCE_YOUR_CALM, "the peer takes its DATA in too small pieces", "10.5";
    TooManyLateFrames => ENHANCE_YOUR_CALM, "too many frames on streams that were reset", "10.5";
    TooManyGoAways => ENHANCE_YOUR_CALM, "too many GOAWAY frames", "10.5";
    TooManyIdleFrames => ENHANCE_YOUR_CALM, "too many frames that do no work", "10.5";
    TooManyUnreadReplies => ENHANCE_YOUR_CALM, "the peer asks for answers and does not read them", "10.5";
}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sentence, section) = (self.sentence(), self.section());
        match section.split_once(" of ") {
            None => write!(f, "{sentence} (RFC 9113, section {section})"),
            Some((section, rfc)) => write!(f, "{sentence} ({rfc}, section {section})"),
        }
    }
}

/// Why a connection ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer broke a rule; we sent GOAWAY with [the code](PeerMisbehaved::reason) that answers it.
    Misbehaved(PeerMisbehaved),
    /// The peer sent GOAWAY and closed, or its GOAWAY left nothing to do.
    GoAway(Reason, Bytes),
    /// The transport's end of stream came, in order (`Initiator::Peer`) or by our own shutdown.
    Eof(Initiator),
    /// The peer did not answer a keepalive PING in time.
    KeepaliveTimeout,
    /// The peer did not acknowledge our SETTINGS in time (RFC 9113 §6.5.3).
    SettingsTimeout,
}

/// Why [`Connection::open`](crate::Connection::open) gave no stream. Nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The peer's MAX_CONCURRENT_STREAMS is reached; [`Event::CanOpen`](crate::Event::CanOpen) follows.
    TooManyStreams,
    /// GOAWAY was sent or received, the ids are used up, or the connection is closed: open elsewhere.
    GoingAway,
    /// The header list is larger than the peer's SETTINGS_MAX_HEADER_LIST_SIZE.
    HeaderListTooLarge {
        /// Of the list.
        size: usize,
        /// The peer's.
        limit: usize,
    },
}

/// Why a command on a stream had no effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The stream has ended (its `Reset` event may still be on its way), or our side of it is closed.
    StreamGone,
    /// The command does not fit: DATA before the header list, a second header list that does not end the
    /// stream.
    OutOfOrder,
    /// The header list is larger than the peer's SETTINGS_MAX_HEADER_LIST_SIZE.
    HeaderListTooLarge {
        /// Of the list.
        size: usize,
        /// The peer's.
        limit: usize,
    },
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectionError::Misbehaved(crime) => {
                write!(f, "the peer broke a rule ({}): {crime}", crime.reason())
            }
            ConnectionError::GoAway(reason, debug) => {
                write!(
                    f,
                    "the peer went away ({reason}): \"{}\"",
                    debug.escape_ascii()
                )
            }
            ConnectionError::Eof(Initiator::Peer) => f.write_str("the peer closed the connection"),
            ConnectionError::Eof(Initiator::Local) => f.write_str("the connection was shut down"),
            ConnectionError::KeepaliveTimeout => {
                f.write_str("the peer did not answer a keepalive PING in time")
            }
            ConnectionError::SettingsTimeout => {
                f.write_str("the peer did not acknowledge SETTINGS in time")
            }
        }
    }
}

impl std::error::Error for ConnectionError {}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::TooManyStreams => f.write_str("as many streams are open as the peer allows"),
            OpenError::GoingAway => f.write_str("the connection takes no new streams"),
            OpenError::HeaderListTooLarge { size, limit } => too_large(f, *size, *limit),
        }
    }
}

impl std::error::Error for OpenError {}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::StreamGone => f.write_str("the stream has ended"),
            SendError::OutOfOrder => f.write_str("not allowed in this state of the stream"),
            SendError::HeaderListTooLarge { size, limit } => too_large(f, *size, *limit),
        }
    }
}

impl std::error::Error for SendError {}

fn too_large(f: &mut fmt::Formatter<'_>, size: usize, limit: usize) -> fmt::Result {
    write!(
        f,
        "the header list has {size} bytes, the peer allows {limit}"
    )
}
