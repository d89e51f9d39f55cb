//! From rustls' errors to words about what is wrong at which end.

use super::error::{Kind, Side, TlsError};
use rustls::{AlertDescription, CertificateError, InvalidMessage, pki_types::UnixTime};
use std::{io, net::IpAddr, time::Duration};

/// The explanation of an error during the handshake with `peer`.
pub(super) fn handshake_error(error: io::Error, peer: Side) -> TlsError {
    let kind = match rustls_error(&error) {
        Some(cause) => kind_of(cause, peer),
        None if error.kind() == io::ErrorKind::UnexpectedEof => Kind::HungUp,
        None => Kind::Other,
    };
    TlsError {
        kind,
        peer,
        cause: Some(error),
    }
}

/// Explains an error of an established stream. Errors of the transport below pass unchanged.
///
/// With TLS 1.3 a client learns here that the server does not accept its certificate: its own handshake was
/// complete before the server had seen it (RFC 8446 §4.4.4).
pub(crate) fn io_error(error: io::Error, peer: Side) -> io::Error {
    let kind = match rustls_error(&error) {
        Some(cause) => kind_of(cause, peer),
        None if is_truncation(&error) => Kind::Truncated,
        None => return error,
    };
    io::Error::new(
        error.kind(),
        TlsError {
            kind,
            peer,
            cause: Some(error),
        },
    )
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// rustls' own end of file: one with a text of its own, unlike the system's.
fn is_truncation(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
        && error.get_ref().is_some_and(|inner| !inner.is::<TlsError>())
}

fn kind_of(error: &rustls::Error, peer: Side) -> Kind {
    use rustls::Error;
    match error {
        // The first byte of a record names its type; no plaintext protocol starts with one of the five.
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => Kind::NotTls,
        Error::NoApplicationProtocol
        | Error::AlertReceived(AlertDescription::NoApplicationProtocol) => Kind::Alpn,
        Error::PeerIncompatible(
            rustls::PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon,
        ) => Kind::Other,
        Error::PeerIncompatible(_) | Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            Kind::Incompatible
        }
        Error::NoCertificatesPresented => Kind::NoCertificate,
        Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected,
            presented,
        }) => Kind::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| plain_name(name)).collect(),
        },
        Error::InvalidCertificate(CertificateError::NotValidForName) => {
            Kind::Untrusted("it is for another name".to_owned())
        }
        Error::InvalidCertificate(error) => Kind::Untrusted(distrust(error)),
        Error::AlertReceived(alert) => alert_kind(*alert, peer),
        _ => Kind::Other,
    }
}

/// The peer's last words.
fn alert_kind(alert: AlertDescription, peer: Side) -> Kind {
    use AlertDescription::*;
    match alert {
        CertificateRequired | NoCertificate => Kind::CertificateRequired,
        UnknownCA => Kind::Rejected("signed by an authority that it does not trust"),
        CertificateExpired => Kind::Rejected("expired"),
        CertificateRevoked => Kind::Rejected("revoked"),
        UnsupportedCertificate => Kind::Rejected("of a kind that it does not support"),
        BadCertificate if peer == Side::Client => {
            Kind::Rejected("not good, perhaps for another name")
        }
        BadCertificate | CertificateUnknown | AccessDenied => {
            Kind::Rejected("not good, it says no more")
        }
        HandshakeFailure | InsufficientSecurity => Kind::Incompatible,
        _ => Kind::Other,
    }
}

/// rustls wraps the names of a certificate in their kind: `DnsName("localhost")`, `IpAddress(127.0.0.1)`.
/// It writes `0::1` for `::1`, too.
fn plain_name(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    let inner = inner.unwrap_or(name);
    let plain = inner
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(inner);
    plain
        .parse()
        .map_or_else(|_| plain.to_owned(), |ip: IpAddr| ip.to_string())
}

fn distrust(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "no configured authority has signed it".to_owned(),
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("it expired {} ago", span(since(*not_after, *time)))
        }
        CertificateError::NotValidYet => "it is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!(
                "it is not valid for another {} (are the clocks right?)",
                span(since(*time, *not_before))
            )
        }
        CertificateError::Revoked => "it has been revoked".to_owned(),
        CertificateError::BadSignature => "its signature is wrong".to_owned(),
        CertificateError::BadEncoding => "it is malformed".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it was made for another purpose (extended key usage)".to_owned()
        }
        // What rustls passes on from its verifier has no words but its name.
        CertificateError::Other(other) => match other.0.to_string().as_str() {
            "UnsupportedCertVersion" => {
                "it is of X.509 version 1, where version 3 is needed".to_owned()
            }
            "CaUsedAsEndEntity" => {
                "it is an authority's own, as self-signed ones often are (CA:TRUE)".to_owned()
            }
            name => name.to_owned(),
        },
        other => other.to_string(),
    }
}

/// A certificate without extensions, which rustls does not read.
pub(super) fn is_version_1(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other) if other.0.to_string() == "UnsupportedCertVersion")
}

fn since(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

/// In the largest unit that fits: this is for people.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_wrapping_of_their_kind() {
        assert_eq!(plain_name("DnsName(\"localhost\")"), "localhost");
        assert_eq!(plain_name("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(plain_name("IpAddress(0::1)"), "::1");
        assert_eq!(plain_name("plain"), "plain");
    }

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        let text = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(text(1), "1 second");
        assert_eq!(text(90), "90 seconds");
        assert_eq!(text(600), "10 minutes");
        assert_eq!(text(7_200), "2 hours");
        assert_eq!(text(86_400 * 30), "30 days");
    }

    #[test]
    fn an_error_of_the_transport_below_passes_unchanged() {
        let error = io_error(io::ErrorKind::ConnectionReset.into(), Side::Server);
        assert!(error.get_ref().is_none());
        let error = io_error(io::ErrorKind::UnexpectedEof.into(), Side::Server);
        assert!(error.get_ref().is_none());
    }

    #[test]
    fn the_alert_of_a_server_that_wants_a_certificate_is_put_in_words() {
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let error = io_error(
            io::Error::new(io::ErrorKind::InvalidData, alert),
            Side::Server,
        );
        assert_eq!(error.to_string(), "the server requires a certificate");
        let inner = error.get_ref().unwrap().downcast_ref::<TlsError>().unwrap();
        assert!(inner.is_certificate_required());
    }
}
