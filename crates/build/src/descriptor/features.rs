//! The part of descriptors that `prost-types` leaves out: editions and their features (descriptor.proto of protobuf 27 and later).

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Set {
    #[prost(message, repeated, tag = "1")]
    pub(super) file: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct File {
    #[prost(message, repeated, tag = "4")]
    pub(super) messages: Vec<Descriptor>,
    #[prost(message, optional, tag = "8")]
    pub(super) options: Option<FileOptions>,
    /// `Edition`: 1000 is 2023, 1001 is 2024.
    #[prost(int32, optional, tag = "14")]
    pub(super) edition: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FileOptions {
    #[prost(message, optional, tag = "50")]
    pub(super) features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Descriptor {
    #[prost(message, repeated, tag = "2")]
    pub(super) fields: Vec<Field>,
    #[prost(message, repeated, tag = "3")]
    pub(super) nested: Vec<Descriptor>,
    #[prost(message, optional, tag = "7")]
    pub(super) options: Option<MessageOptions>,
    #[prost(message, repeated, tag = "8")]
    pub(super) oneofs: Vec<Oneof>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MessageOptions {
    #[prost(message, optional, tag = "12")]
    pub(super) features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Oneof {
    #[prost(message, optional, tag = "2")]
    pub(super) options: Option<OneofOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OneofOptions {
    #[prost(message, optional, tag = "1")]
    pub(super) features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Field {
    #[prost(message, optional, tag = "8")]
    pub(super) options: Option<FieldOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FieldOptions {
    #[prost(message, optional, tag = "21")]
    pub(super) features: Option<Features>,
}

/// `FeatureSet`, as far as it changes what is on the wire or in the Rust types.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Features {
    /// 1 explicit, 2 implicit, 3 required.
    #[prost(int32, optional, tag = "1")]
    pub(super) field_presence: Option<i32>,
    /// 1 packed, 2 expanded.
    #[prost(int32, optional, tag = "3")]
    pub(super) repeated_encoding: Option<i32>,
    /// 1 length-prefixed, 2 delimited.
    #[prost(int32, optional, tag = "5")]
    pub(super) message_encoding: Option<i32>,
}

impl Features {
    pub(super) const IMPLICIT: i32 = 2;
    pub(super) const REQUIRED: i32 = 3;
    pub(super) const PACKED: i32 = 1;
    pub(super) const DELIMITED: i32 = 2;

    /// The defaults of edition 2023, which 2024 did not change for these three.
    pub(super) const DEFAULTS: Features = Features {
        field_presence: Some(1),
        repeated_encoding: Some(1),
        message_encoding: Some(1),
    };

    /// These features where `inner` does not say otherwise.
    pub(super) fn overridden(self, inner: Option<Features>) -> Features {
        let inner = inner.unwrap_or_default();
        Features {
            field_presence: inner.field_presence.or(self.field_presence),
            repeated_encoding: inner.repeated_encoding.or(self.repeated_encoding),
            message_encoding: inner.message_encoding.or(self.message_encoding),
        }
    }
}
