//! Metadata as the runner writes it: keys with lists of values, those of `-bin` keys in base64.

use crate::pb::Header;
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use farcall::{Metadata, metadata::Value};

/// gRPC sends binary values without padding and takes them with or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// As the runner writes it: each key once, in the order of the first values.
pub(crate) fn of_metadata(metadata: &Metadata) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for (name, value) in metadata.iter() {
        let value = match value {
            Value::Text(text) => text.to_owned(),
            Value::Binary(bytes) => BASE64.encode(bytes),
        };
        match headers.iter_mut().find(|header| header.name == name) {
            Some(header) => header.value.push(value),
            None => headers.push(Header {
                name: name.to_owned(),
                value: vec![value],
            }),
        }
    }
    headers
}

/// The pairs of `headers`, in order. A binary value that is not base64 is taken as it stands.
pub(crate) fn pairs(headers: &[Header]) -> impl Iterator<Item = (&str, Vec<u8>)> {
    headers.iter().flat_map(|Header { name, value }| {
        let is_binary =
            name.len() > 4 && name.as_bytes()[name.len() - 4..].eq_ignore_ascii_case(b"-bin");
        value.iter().map(move |value| {
            let decoded = is_binary.then(|| BASE64.decode(value).ok()).flatten();
            (
                name.as_str(),
                decoded.unwrap_or_else(|| value.clone().into_bytes()),
            )
        })
    })
}

/// Adds `headers` to `metadata`.
pub(crate) fn append(metadata: &mut Metadata, headers: &[Header]) {
    for (name, value) in pairs(headers) {
        metadata.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, values: &[&str]) -> Header {
        Header {
            name: name.to_owned(),
            value: values.iter().map(|&value| value.to_owned()).collect(),
        }
    }

    #[test]
    fn metadata_becomes_headers_and_headers_become_metadata() {
        let headers = [header("a", &["1", "2"]), header("b-bin", &["AQID", ""])];
        let mut metadata = Metadata::new();
        append(&mut metadata, &headers);
        assert_eq!(metadata.get_bin("b-bin").unwrap(), &[1, 2, 3][..]);
        assert_eq!(of_metadata(&metadata), headers);
    }

    #[test]
    fn values_of_one_key_that_stand_apart_are_gathered() {
        let metadata = Metadata::from_iter([("a", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!(
            of_metadata(&metadata),
            [header("a", &["1", "3"]), header("b", &["2"])]
        );
    }

    #[test]
    fn padding_is_taken_and_not_sent() {
        let mut metadata = Metadata::new();
        append(&mut metadata, &[header("x-bin", &["AQ=="])]);
        assert_eq!(of_metadata(&metadata), [header("x-bin", &["AQ"])]);
    }
}
