//! Messages as JSON, as Protobuf's own mapping has it.

use crate::arguments::Output;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::Read;

/// # Errors
/// It holds a `google.protobuf.Any` of a type that is not known.
pub(crate) fn print(message: &DynamicMessage, output: Output) -> Result<String, serde_json::Error> {
    match output.compact {
        true => print_with(message, output, CompactFormatter),
        false => print_with(message, output, PrettyFormatter::new()),
    }
}

fn print_with(
    message: &DynamicMessage,
    output: Output,
    formatter: impl Formatter,
) -> Result<String, serde_json::Error> {
    let options = SerializeOptions::new()
        .skip_default_fields(!output.defaults)
        .use_proto_field_name(output.proto_names);
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, formatter);
    message.serialize_with_options(&mut serializer, &options)?;
    Ok(String::from_utf8(text).expect("JSON is UTF-8"))
}

/// The JSON values that come out of `from`, one behind the other, as messages: each is told as soon as its last bracket is there. Ends
/// after the first error.
pub(crate) fn messages<R: Read>(
    from: R,
    of: MessageDescriptor,
) -> impl Iterator<Item = Result<DynamicMessage, String>> {
    let mut values = serde_json::Deserializer::from_reader(from).into_iter::<serde_json::Value>();
    let mut number = 0;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        number += 1;
        let read = values
            .next()?
            .map_err(|error| format!("request {number} is not JSON: {error}"));
        let message = read.and_then(|value| {
            DynamicMessage::deserialize(of.clone(), value)
                .map_err(|error| format!("request {number} is no {}: {error}", of.full_name()))
        });
        ended = message.is_err();
        Some(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_reflect::DescriptorPool;

    const PLAIN: Output = Output {
        compact: true,
        defaults: false,
        proto_names: false,
    };

    fn point() -> MessageDescriptor {
        let set = farcall_build::Config::new()
            .proto("../../examples/proto/route_guide.proto")
            .descriptors()
            .unwrap();
        let pool = DescriptorPool::decode(&*set).unwrap();
        pool.get_message_by_name("routeguide.Point").unwrap()
    }

    #[test]
    fn values_are_read_one_behind_the_other() {
        let text = r#"{"latitude": 1} {"longitude": 2}{}"#;
        let messages: Result<Vec<_>, _> = messages(text.as_bytes(), point()).collect();
        let printed: Vec<_> = messages
            .unwrap()
            .iter()
            .map(|one| print(one, PLAIN).unwrap())
            .collect();
        assert_eq!(printed, [r#"{"latitude":1}"#, r#"{"longitude":2}"#, "{}"]);
    }

    #[test]
    fn the_first_mistake_ends_it_and_says_which_request_it_is() {
        let all: Vec<_> = messages(r#"{} {"height": 3} {}"#.as_bytes(), point()).collect();
        assert_eq!(all.len(), 2);
        let error = all[1].as_ref().unwrap_err();
        assert!(
            error.contains("request 2 is no routeguide.Point"),
            "{error}"
        );
        assert!(error.contains("height"), "{error}");
        let mut broken = messages("{".as_bytes(), point());
        assert!(broken.next().unwrap().unwrap_err().contains("not JSON"));
    }

    #[test]
    fn defaults_and_names_are_printed_as_told() {
        let message = DynamicMessage::new(point());
        let output = Output {
            defaults: true,
            ..PLAIN
        };
        assert_eq!(
            print(&message, output).unwrap(),
            r#"{"latitude":0,"longitude":0}"#
        );
    }
}
