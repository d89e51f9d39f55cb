//! Metadata on the command line, and how it is shown.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use farcall::{Metadata, metadata::Value};

/// With padding or without, as gRPC's own header values may be.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One `key: value`; the value of a `-bin` key is base64.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    key: String,
    value: Bytes,
}

#[derive(Clone, Debug)]
enum Bytes {
    Text(String),
    Binary(Vec<u8>),
}

/// # Errors
/// Says what is wrong with `text`.
pub(crate) fn parse(text: &str) -> Result<Header, String> {
    let (key, value) = text
        .split_once(':')
        .ok_or("metadata is written as `key: value`")?;
    let (key, value) = (key.trim().to_owned(), value.trim());
    let value = match key.ends_with("-bin") {
        true => {
            let binary = BASE64.decode(value);
            Bytes::Binary(
                binary.map_err(|error| format!("the value of {key} is not base64: {error}"))?,
            )
        }
        false => Bytes::Text(value.to_owned()),
    };
    let header = Header { key, value };
    header.add_to(&mut Metadata::new())?;
    Ok(header)
}

/// All of them together.
pub(crate) fn metadata(headers: &[Header]) -> Metadata {
    let mut metadata = Metadata::new();
    for header in headers {
        header
            .add_to(&mut metadata)
            .expect("it was tried when it was parsed");
    }
    metadata
}

impl Header {
    fn add_to(&self, metadata: &mut Metadata) -> Result<(), String> {
        match &self.value {
            Bytes::Text(text) => metadata.try_append(self.key.as_str(), text.as_str()),
            Bytes::Binary(binary) => metadata.try_append(self.key.as_str(), binary.clone()),
        }
        .map_err(|error| error.to_string())
    }
}

/// A line `< key: value` for each pair, binary values as base64.
pub(crate) fn lines(metadata: &Metadata, arrow: char) -> String {
    let line = |(key, value): (&str, Value<'_>)| match value {
        Value::Text(text) => format!("{arrow} {key}: {text}\n"),
        Value::Binary(bytes) => format!("{arrow} {key}: {}\n", base64(bytes)),
    };
    metadata.iter().map(line).collect()
}

/// As binary values are shown.
pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_values_are_base64_on_both_ways() {
        let headers = [
            parse("tenant: blue").unwrap(),
            parse("trace-bin: AAEC/w==").unwrap(),
        ];
        let metadata = metadata(&headers);
        assert_eq!(metadata.get("tenant"), Some("blue"));
        assert_eq!(
            metadata.get_bin("trace-bin").unwrap().as_ref(),
            [0, 1, 2, 255]
        );
        assert_eq!(
            lines(&metadata, '>'),
            "> tenant: blue\n> trace-bin: AAEC/w\n"
        );
    }

    #[test]
    fn reserved_keys_and_other_mistakes_are_told() {
        assert!(parse("no colon").unwrap_err().contains("key: value"));
        assert!(parse("grpc-timeout: 1S").is_err());
        assert!(parse("x-bin: !!!").unwrap_err().contains("base64"));
        assert!(parse("sp ace: 1").is_err());
    }
}
