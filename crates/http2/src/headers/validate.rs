//! The rules of RFC 9113 §8 for one header list, applied while it is decoded.
//!
//! One rule is not enforced: §8.2.1 forbids space and tab at either end of a value, but `grpc-message` and
//! metadata of other gRPC implementations have them, and gRPC allows a receiver to take them.

use super::{Field, Headers, KnownName, Name, TimeoutValue};
use crate::error::PeerMisbehaved;
use bytes::Bytes;

/// What a header list is, and so which rules bind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ListKind {
    Request,
    /// That may be a CONNECT.
    RequestOrConnect,
    Response,
    Trailers,
}

/// Builds a [`Headers`] field by field. The first rule that is broken is kept; the rest of the list is then skipped.
#[derive(Debug)]
pub(crate) struct Validator {
    kind: ListKind,
    headers: Headers,
    /// Of a request; not in the list.
    timeout: Option<TimeoutValue>,
    /// How many fields of that name there are.
    timeouts: usize,
    fault: Option<PeerMisbehaved>,
}

impl Validator {
    pub(crate) fn new(kind: ListKind) -> Validator {
        Validator {
            kind,
            headers: Headers::default(),
            timeout: None,
            timeouts: 0,
            fault: None,
        }
    }

    /// The next field of the list.
    #[inline]
    pub(crate) fn push(&mut self, name: Name, value: Bytes, sensitive: bool) {
        if self.fault.is_none()
            && let Err(fault) = self.field(name, value, sensitive)
        {
            self.fault = Some(fault);
        }
    }

    /// The request's timeout that has been kept apart, and whether it is the only one.
    pub(crate) fn timeout(&self) -> (Option<TimeoutValue>, bool) {
        (self.timeout, self.timeouts == 1)
    }

    /// The whole list, if it is well-formed.
    pub(crate) fn finish(self) -> Result<Headers, PeerMisbehaved> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match self.kind {
            ListKind::Request => check_request(&self.headers, false)?,
            ListKind::RequestOrConnect => check_request(&self.headers, true)?,
            ListKind::Response if self.headers.status.is_none() => {
                return Err(PeerMisbehaved::MissingPseudo);
            }
            ListKind::Response | ListKind::Trailers => {}
        }
        Ok(self.headers)
    }

    fn field(&mut self, name: Name, value: Bytes, sensitive: bool) -> Result<(), PeerMisbehaved> {
        check_value(&value)?;
        match &name {
            Name::Known(known) if known.is_pseudo() => return self.pseudo(*known, value),
            Name::Known(KnownName::ContentLength) => self.content_length(&value)?,
            Name::Known(KnownName::Te) if !value.eq_ignore_ascii_case(b"trailers") => {
                return Err(PeerMisbehaved::InvalidTe);
            }
            Name::Known(known) if known.is_connection_specific() => {
                return Err(PeerMisbehaved::ConnectionSpecificField);
            }
            Name::Known(KnownName::GrpcTimeout) if self.is_request() => {
                self.timeouts += 1;
                if self.timeouts == 1 && !sensitive {
                    self.timeout = TimeoutValue::new(&value);
                    if self.timeout.is_some() {
                        return Ok(());
                    }
                }
            }
            Name::Known(_) => {}
            Name::Other(name) if name.first() == Some(&b':') => {
                return Err(PeerMisbehaved::UnknownPseudo);
            }
            Name::Other(name) => check_name(name)?,
        }
        if self.headers.fields.capacity() == 0 {
            // Responses and trailers are short, and the last ones of a connection are kept.
            let usual = match self.kind {
                ListKind::Request | ListKind::RequestOrConnect => 8,
                ListKind::Response | ListKind::Trailers => 2,
            };
            self.headers.fields.reserve_exact(usual);
        }
        self.headers.fields.push(Field {
            name,
            value,
            sensitive,
        });
        Ok(())
    }

    fn is_request(&self) -> bool {
        matches!(self.kind, ListKind::Request | ListKind::RequestOrConnect)
    }

    fn pseudo(&mut self, name: KnownName, value: Bytes) -> Result<(), PeerMisbehaved> {
        if self.kind == ListKind::Trailers {
            return Err(PeerMisbehaved::PseudoInTrailers);
        }
        if !self.headers.fields.is_empty() || self.timeout.is_some() {
            return Err(PeerMisbehaved::PseudoAfterRegular);
        }
        let is_response = self.kind == ListKind::Response;
        let place = match name {
            KnownName::Status if is_response => {
                let status = parse_status(&value)?;
                let old = self.headers.status.replace(status);
                return old.map_or(Ok(()), |_| Err(PeerMisbehaved::DuplicatePseudo));
            }
            KnownName::Method if !is_response => &mut self.headers.method,
            KnownName::Scheme if !is_response => &mut self.headers.scheme,
            KnownName::Authority if !is_response => &mut self.headers.authority,
            KnownName::Path if !is_response => &mut self.headers.path,
            _ => return Err(PeerMisbehaved::UnknownPseudo),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(PeerMisbehaved::DuplicatePseudo),
        }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), PeerMisbehaved> {
        // RFC 9110 §8.6: a list of equal values counts as one; here each repetition must be one number.
        let mut length = 0_u64;
        for &digit in value {
            if !digit.is_ascii_digit() {
                return Err(PeerMisbehaved::InvalidContentLength);
            }
            let next = length
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(u64::from(digit - b'0')));
            length = next.ok_or(PeerMisbehaved::InvalidContentLength)?;
        }
        let old = self.headers.content_length.replace(length);
        if value.is_empty() || old.is_some_and(|old| old != length) {
            return Err(PeerMisbehaved::InvalidContentLength);
        }
        Ok(())
    }
}

/// RFC 9113 §8.2.1. Control characters of any kind are rare: whether there is one is found out many octets at a time.
fn check_value(value: &[u8]) -> Result<(), PeerMisbehaved> {
    let any_control = value.iter().fold(false, |any, &byte| any | (byte < b' '));
    if any_control && value.iter().any(|&byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Err(PeerMisbehaved::InvalidFieldValue);
    }
    Ok(())
}

/// RFC 9113 §8.2.1. Names are classified by exact bytes, so known ones need no check.
fn check_name(name: &[u8]) -> Result<(), PeerMisbehaved> {
    let allowed = |&byte: &u8| matches!(byte, 0x21..=0x39 | 0x3b..=0x40 | 0x5b..=0x7e);
    if name.is_empty() || !name.iter().all(allowed) {
        return Err(PeerMisbehaved::InvalidFieldName);
    }
    Ok(())
}

/// RFC 9113 §8.3.1 and §8.5.
fn check_request(headers: &Headers, allow_connect: bool) -> Result<(), PeerMisbehaved> {
    let method = headers
        .method
        .as_deref()
        .filter(|method| !method.is_empty());
    if method.ok_or(PeerMisbehaved::MissingPseudo)? == b"CONNECT" {
        let proper =
            headers.scheme.is_none() && headers.path.is_none() && headers.authority.is_some();
        return if allow_connect && proper {
            Ok(())
        } else {
            Err(PeerMisbehaved::ConnectNotAllowed)
        };
    }
    let given = |value: &Option<Bytes>| value.as_ref().is_some_and(|value| !value.is_empty());
    if !given(&headers.scheme) || !given(&headers.path) {
        return Err(PeerMisbehaved::MissingPseudo);
    }
    Ok(())
}

/// Three digits; 101 has no place in HTTP/2 (RFC 9113 §8.6).
fn parse_status(value: &[u8]) -> Result<u16, PeerMisbehaved> {
    let &[a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = value else {
        return Err(PeerMisbehaved::InvalidStatus);
    };
    let digit = |byte: u8| u16::from(byte - b'0');
    match digit(a) * 100 + digit(b) * 10 + digit(c) {
        101 => Err(PeerMisbehaved::InvalidStatus),
        status => Ok(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: ListKind = ListKind::Request;
    const GET: [(&str, &str); 3] = [(":method", "GET"), (":scheme", "http"), (":path", "/")];

    fn check(kind: ListKind, list: &[(&str, &str)]) -> Result<Headers, PeerMisbehaved> {
        let mut validator = Validator::new(kind);
        for (name, value) in list {
            validator.push(
                Name::from_bytes(name.to_string().into()),
                value.to_string().into(),
                false,
            );
        }
        validator.finish()
    }

    fn get_with(extra: &[(&str, &str)]) -> Result<Headers, PeerMisbehaved> {
        check(REQUEST, &[&GET, extra].concat())
    }

    #[test]
    fn a_good_request_passes() {
        let headers = get_with(&[
            (":authority", "a"),
            ("te", "trailers"),
            ("x-y", " "),
            ("content-length", "12"),
        ])
        .unwrap();
        assert_eq!(headers.path.as_deref(), Some(&b"/"[..]));
        assert_eq!(
            (headers.content_length, headers.fields.len()),
            (Some(12), 3)
        );
    }

    #[test]
    fn each_rule_of_requests_has_its_crime() {
        use PeerMisbehaved::*;
        let cases: [(&[(&str, &str)], PeerMisbehaved); 21] = [
            (&[("X-y", "1")], InvalidFieldName),
            (&[("", "1")], InvalidFieldName),
            (&[("a b", "1")], InvalidFieldName),
            (&[("a:b", "1")], InvalidFieldName),
            (&[("Te", "trailers")], InvalidFieldName),
            (&[("x", "a\nb")], InvalidFieldValue),
            (&[("x", "a\0")], InvalidFieldValue),
            (&[("x", "\r")], InvalidFieldValue),
            (&[("connection", "close")], ConnectionSpecificField),
            (&[("transfer-encoding", "chunked")], ConnectionSpecificField),
            (&[("te", "gzip")], InvalidTe),
            (&[("x", "1"), (":authority", "a")], PseudoAfterRegular),
            (&[(":path", "/")], DuplicatePseudo),
            (&[(":status", "200")], UnknownPseudo),
            (&[(":test", "1")], UnknownPseudo),
            (&[(":protocol", "websocket")], UnknownPseudo),
            (
                &[("content-length", "1"), ("content-length", "2")],
                InvalidContentLength,
            ),
            (&[("content-length", "")], InvalidContentLength),
            (&[("content-length", "+1")], InvalidContentLength),
            (
                &[("content-length", "18446744073709551616")],
                InvalidContentLength,
            ),
            (&[(":authority", "a"), (":authority", "a")], DuplicatePseudo),
        ];
        for (extra, crime) in cases {
            assert_eq!(get_with(extra), Err(crime), "{extra:?}");
        }
        for missing in 0..3 {
            let mut list = GET.to_vec();
            list.remove(missing);
            assert_eq!(check(REQUEST, &list), Err(MissingPseudo));
        }
        assert_eq!(
            check(REQUEST, &[GET[0], GET[1], (":path", "")]),
            Err(MissingPseudo)
        );
    }

    #[test]
    fn equal_repetitions_of_content_length_are_one() {
        let headers = get_with(&[("content-length", "7"), ("content-length", "7")]).unwrap();
        assert_eq!(headers.content_length, Some(7));
    }

    #[test]
    fn connect_needs_permission_and_only_an_authority() {
        let allowed = ListKind::RequestOrConnect;
        let connect = [(":method", "CONNECT"), (":authority", "a:1")];
        assert!(check(allowed, &connect).is_ok());
        assert_eq!(
            check(REQUEST, &connect),
            Err(PeerMisbehaved::ConnectNotAllowed)
        );
        let with_path = [connect[0], connect[1], (":path", "/")];
        assert_eq!(
            check(allowed, &with_path),
            Err(PeerMisbehaved::ConnectNotAllowed)
        );
    }

    #[test]
    fn a_response_has_a_status_of_three_digits() {
        use PeerMisbehaved::*;
        let status =
            |text| check(ListKind::Response, &[(":status", text)]).map(|headers| headers.status);
        assert_eq!(status("200"), Ok(Some(200)));
        assert_eq!(status("999"), Ok(Some(999)));
        for bad in ["", "20", "2000", "099", "101", "2x0"] {
            assert_eq!(status(bad), Err(InvalidStatus), "{bad}");
        }
        assert_eq!(check(ListKind::Response, &[("x", "1")]), Err(MissingPseudo));
        assert_eq!(
            check(ListKind::Response, &[(":status", "200"), (":path", "/")]),
            Err(UnknownPseudo)
        );
        assert_eq!(
            check(
                ListKind::Response,
                &[(":status", "200"), (":status", "200")]
            ),
            Err(DuplicatePseudo)
        );
    }

    #[test]
    fn trailers_have_no_pseudo_fields_and_may_be_empty() {
        assert!(check(ListKind::Trailers, &[]).is_ok());
        assert!(check(ListKind::Trailers, &[("grpc-status", "0")]).is_ok());
        assert_eq!(
            check(ListKind::Trailers, &[(":status", "200")]),
            Err(PeerMisbehaved::PseudoInTrailers)
        );
    }
}
