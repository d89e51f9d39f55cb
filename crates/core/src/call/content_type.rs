//! `application/grpc`, its subtypes and parameters.

use bytes::Bytes;

const BASE: &[u8] = b"application/grpc";

/// The value of `content-type` for a codec's subtype. `""` and `"proto"` give `application/grpc`.
///
/// ```
/// use farcall_core::call::content_type;
///
/// assert_eq!(content_type("proto"), "application/grpc");
/// assert_eq!(content_type("json"), "application/grpc+json");
/// ```
pub fn content_type(subtype: &str) -> Bytes {
    match subtype {
        "" | "proto" => Bytes::from_static(BASE),
        subtype => with_subtype(subtype.as_bytes()),
    }
}

/// The value with this very subtype; `""` for none.
pub(super) fn with_subtype(subtype: &[u8]) -> Bytes {
    match subtype {
        b"" => Bytes::from_static(BASE),
        b"proto" => Bytes::from_static(b"application/grpc+proto"),
        subtype => [BASE, b"+", subtype].concat().into(),
    }
}

/// What follows the plus, in lower case, without parameters; empty if there is no plus; `None` if the value is
/// not gRPC's.
pub(super) fn subtype(value: &Bytes) -> Option<Bytes> {
    match &value[..] {
        BASE => return Some(Bytes::new()),
        b"application/grpc+proto" => return Some(Bytes::from_static(b"proto")),
        _ => {}
    }
    let (base, rest) = value.split_at_checked(BASE.len())?;
    if !base.eq_ignore_ascii_case(BASE) {
        return None;
    }
    let rest = match rest.iter().position(|&byte| byte == b';') {
        Some(parameters) => rest[..parameters].trim_ascii_end(),
        None => rest,
    };
    match rest.split_first() {
        None => Some(Bytes::new()),
        Some((b'+', subtype)) => Some(subtype.to_ascii_lowercase().into()),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_type_a_subtype_and_parameters_are_grpc() {
        for (value, expected) in [
            ("application/grpc", ""),
            ("application/grpc+proto", "proto"),
            ("application/grpc+json", "json"),
            ("application/grpc;charset=utf-8", ""),
            ("application/grpc ; x=y", ""),
            ("application/grpc+proto; x=y", "proto"),
            ("Application/GRPC+Proto", "proto"),
            ("application/grpc+", ""),
        ] {
            assert_eq!(
                subtype(&Bytes::from_static(value.as_bytes())).unwrap(),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn other_types_are_not() {
        for value in [
            "",
            "application/grp",
            "application/grpc-web",
            "application/grpcx",
            "text/plain",
            "application/json",
        ] {
            assert_eq!(
                subtype(&Bytes::from_static(value.as_bytes())),
                None,
                "{value}"
            );
        }
    }

    #[test]
    fn random_values_never_panic() {
        let mut random = crate::random::XorShift::new(8);
        for _ in 0..20_000 {
            let mut value = b"application/grpc".to_vec();
            value.truncate(random.below(40));
            value.extend(random.bytes_of(b"+;; =x\xff", 6));
            subtype(&value.into());
        }
    }
}
