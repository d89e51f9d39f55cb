//! Messages on standard input and output: a length of four octets, big-endian, and so many octets of Protobuf.

use prost::Message;
use std::io::{self, ErrorKind, Read, Write};

/// The next message; `None` at the end of the input.
///
/// # Errors
/// The input fails, ends inside a message, or holds something else.
pub fn read<T: Message + Default>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut len = Vec::new();
    input.by_ref().take(4).read_to_end(&mut len)?;
    let Ok(len) = <[u8; 4]>::try_from(len.as_slice()) else {
        return if len.is_empty() {
            Ok(None)
        } else {
            Err(ErrorKind::UnexpectedEof.into())
        };
    };
    let len = u32::from_be_bytes(len);
    let mut message = Vec::new();
    input.by_ref().take(len.into()).read_to_end(&mut message)?;
    if message.len() < len as usize {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    T::decode(message.as_slice())
        .map(Some)
        .map_err(io::Error::other)
}

/// Writes a message and flushes.
///
/// # Errors
/// The output fails, or the message is longer than 4 GiB.
pub fn write<T: Message>(output: &mut impl Write, message: &T) -> io::Result<()> {
    let message = message.encode_to_vec();
    let len = u32::try_from(message.len()).map_err(io::Error::other)?;
    output.write_all(&len.to_be_bytes())?;
    output.write_all(&message)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::Header;

    fn header() -> Header {
        Header {
            name: "tenant".to_owned(),
            value: vec!["a".to_owned()],
        }
    }

    #[test]
    fn what_was_written_is_read_until_the_end() {
        let mut wire = Vec::new();
        write(&mut wire, &header()).unwrap();
        write(&mut wire, &Header::default()).unwrap();
        assert_eq!(wire[..4], [0, 0, 0, 11]);
        let mut input = wire.as_slice();
        assert_eq!(read(&mut input).unwrap(), Some(header()));
        assert_eq!(read(&mut input).unwrap(), Some(Header::default()));
        assert_eq!(read::<Header>(&mut input).unwrap(), None);
    }

    #[test]
    fn an_input_that_ends_inside_a_message_is_an_error() {
        let mut wire = Vec::new();
        write(&mut wire, &header()).unwrap();
        for len in 1..wire.len() {
            let error = read::<Header>(&mut &wire[..len]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{len}");
        }
    }

    #[test]
    fn octets_that_are_no_message_are_an_error() {
        assert!(read::<Header>(&mut &[0, 0, 0, 1, 0x0a][..]).is_err());
    }
}
