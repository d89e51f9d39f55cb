//! The receiving side of a stream beyond its window: the length that was promised.

use crate::error::PeerMisbehaved;

/// What `content-length` says is still to come (RFC 9113 §8.1.1); nothing, if there was none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Body {
    missing: Option<u64>,
}

impl Body {
    pub(crate) fn new(content_length: Option<u64>) -> Body {
        Body {
            missing: content_length,
        }
    }

    /// DATA of `len` octets.
    #[inline]
    pub(crate) fn receive(&mut self, len: u32) -> Result<(), PeerMisbehaved> {
        if let Some(missing) = &mut self.missing {
            *missing = missing
                .checked_sub(u64::from(len))
                .ok_or(PeerMisbehaved::ContentLengthMismatch)?;
        }
        Ok(())
    }

    /// END_STREAM.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), PeerMisbehaved> {
        match self.missing {
            None | Some(0) => Ok(()),
            Some(_) => Err(PeerMisbehaved::ContentLengthMismatch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_must_be_as_long_as_it_was_said_to_be() {
        let mut body = Body::new(Some(10));
        body.receive(4).unwrap();
        assert_eq!(body.finish(), Err(PeerMisbehaved::ContentLengthMismatch));
        body.receive(6).unwrap();
        assert_eq!(body.finish(), Ok(()));
        assert_eq!(body.receive(1), Err(PeerMisbehaved::ContentLengthMismatch));
    }

    #[test]
    fn without_a_length_anything_goes() {
        let mut body = Body::default();
        body.receive(u32::MAX).unwrap();
        assert_eq!(body.finish(), Ok(()));
    }
}
