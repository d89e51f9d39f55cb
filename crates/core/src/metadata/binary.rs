//! The base64 of `-bin` values: written without padding, read with or without (PROTOCOL-HTTP2, "Binary-Header").

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        // Other implementations do not look at the bits behind the last byte either.
        .with_decode_allow_trailing_bits(true),
);

/// Base64 without padding.
pub(crate) fn encode(bytes: &[u8]) -> Bytes {
    ENGINE.encode(bytes).into()
}

/// The bytes, if `text` is base64.
pub(crate) fn decode(text: &[u8]) -> Option<Bytes> {
    ENGINE.decode(text).ok().map(Bytes::from)
}
