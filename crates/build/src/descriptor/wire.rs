//! Work on the encoded set, so that nothing is lost that `prost-types` does not know (custom options, features).

use prost::encoding::{WireType, decode_key, decode_varint, encode_varint};

/// `FileDescriptorSet.file`, length-delimited.
const FILE: u32 = 1;
/// `FileDescriptorProto.source_code_info`, length-delimited.
const SOURCE_CODE_INFO: u32 = 9;

/// An encoded `FileDescriptorSet` without source positions and comments. `None` if it is not well-formed.
pub(super) fn without_source_info(set: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(set.len());
    fields(set, |field| {
        if field.number == FILE && field.length_delimited {
            let mut file = Vec::with_capacity(field.content.len());
            fields(field.content, |part| {
                if part.number != SOURCE_CODE_INFO {
                    file.extend_from_slice(part.whole);
                }
                Some(())
            })?;
            encode_varint(u64::from(FILE << 3 | 2), &mut out);
            encode_varint(file.len() as u64, &mut out);
            out.extend_from_slice(&file);
        }
        Some(())
    })?;
    Some(out)
}

/// The encoded `FileDescriptorProto`s of a plugin request (`CodeGeneratorRequest.proto_file`, 15) as an encoded
/// `FileDescriptorSet`.
pub(crate) fn set_of_request(request: &[u8]) -> Option<Vec<u8>> {
    const PROTO_FILE: u32 = 15;
    let mut out = Vec::with_capacity(request.len());
    fields(request, |field| {
        if field.number == PROTO_FILE && field.length_delimited {
            encode_varint(u64::from(FILE << 3 | 2), &mut out);
            encode_varint(field.content.len() as u64, &mut out);
            out.extend_from_slice(field.content);
        }
        Some(())
    })?;
    Some(out)
}

struct Field<'a> {
    number: u32,
    length_delimited: bool,
    /// What follows key and length.
    content: &'a [u8],
    /// Key, length and content.
    whole: &'a [u8],
}

fn fields<'a>(message: &'a [u8], mut each: impl FnMut(Field<'a>) -> Option<()>) -> Option<()> {
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        let (number, wire) = decode_key(&mut rest).ok()?;
        let length = match wire {
            WireType::Varint => {
                decode_varint(&mut rest).ok()?;
                0
            }
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::LengthDelimited => usize::try_from(decode_varint(&mut rest).ok()?).ok()?,
            // Descriptors have no groups.
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        let whole = &start[..start.len() - after.len()];
        each(Field {
            number,
            length_delimited: wire == WireType::LengthDelimited,
            content,
            whole,
        })?;
        rest = after;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use prost_types::{FileDescriptorProto, FileDescriptorSet, SourceCodeInfo};

    #[test]
    fn only_source_information_is_taken_out() {
        let file = |info| FileDescriptorProto {
            name: Some("a.proto".into()),
            dependency: vec!["b.proto".into()],
            source_code_info: info,
            ..Default::default()
        };
        let mut bytes = FileDescriptorSet {
            file: vec![file(Some(SourceCodeInfo::default())), file(None)],
        }
        .encode_to_vec();
        let bare = without_source_info(&bytes).unwrap();
        assert_eq!(
            FileDescriptorSet::decode(&*bare).unwrap().file,
            [file(None), file(None)]
        );
        bytes.pop();
        assert_eq!(without_source_info(&bytes), None);
    }

    #[test]
    fn fields_that_nobody_knows_are_kept() {
        // A file with field 999, varint 5, and a fixed64.
        let file = [0xb8, 0x3e, 5, 0x09, 1, 2, 3, 4, 5, 6, 7, 8];
        let set = [&[0x0a, file.len() as u8][..], &file].concat();
        assert_eq!(without_source_info(&set).unwrap(), set);
    }
}
