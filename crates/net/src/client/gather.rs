//! A unary response on its way: gathered by the driver as long as it is what responses mostly are, so that the caller
//! is woken once; anything unusual goes to the caller's machine as it arrives.

use crate::transport::{Pieces, mailbox::Incoming};
use bytes::Bytes;
use farcall_core::{
    call::client::{is_plain_head, is_plain_ok},
    message::{PREFIX, whole_message},
};
use farcall_http2::Headers;
use std::sync::Arc;

/// The header lists of the last plain responses: a list is looked at once, not once per call.
#[derive(Default)]
pub(super) struct Plain {
    head: Option<Arc<Headers>>,
    trailers: Option<Arc<Headers>>,
}

impl Plain {
    pub(super) fn is_head(&mut self, headers: &Arc<Headers>) -> bool {
        is_known(&mut self.head, headers, is_plain_head)
    }

    fn is_ok(&mut self, trailers: &Arc<Headers>) -> bool {
        is_known(&mut self.trailers, trailers, is_plain_ok)
    }
}

fn is_known(
    known: &mut Option<Arc<Headers>>,
    list: &Arc<Headers>,
    check: fn(&Headers) -> bool,
) -> bool {
    if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, list)) {
        return true;
    }
    let plain = check(list);
    // A list that nobody else holds on to is not handed over again.
    if plain && Arc::strong_count(list) > 1 {
        *known = Some(Arc::clone(list));
    }
    plain
}

/// What has come of a response.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) head: Option<Arc<Headers>>,
    data: Pieces,
    received: usize,
    /// Bytes that the prefix of the message announces, its own included.
    announced: usize,
}

impl Gathered {
    /// Takes payload. False: this is not one uncompressed message within `limit` bytes (its prefix included).
    pub(super) fn push(&mut self, data: Bytes, limit: usize) -> bool {
        if data.is_empty() {
            return true;
        }
        if self.received == 0 {
            self.announced = match data.first_chunk::<PREFIX>() {
                Some([0, a, b, c, d]) => {
                    (u32::from_be_bytes([*a, *b, *c, *d]) as usize).saturating_add(PREFIX)
                }
                _ => usize::MAX,
            };
        }
        self.received += data.len();
        self.data.push(data);
        self.announced <= limit && self.received <= self.announced
    }

    /// The stream is over: the message of a response that had nothing else to say.
    pub(super) fn message(
        &self,
        plain: &mut Plain,
        trailers: &Arc<Headers>,
        limit: usize,
    ) -> Option<Bytes> {
        self.head.as_ref()?;
        if !plain.is_ok(trailers) {
            return None;
        }
        whole_message(self.data.only()?, limit - PREFIX)
    }

    /// All of it, for the caller's machine.
    pub(super) fn into_incoming(self) -> Incoming {
        Incoming {
            head: self.head,
            data: self.data,
            ..Incoming::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farcall_http2::{Field, KnownName};

    fn gathered(chunks: &[&'static [u8]], limit: usize) -> (Gathered, Vec<bool>) {
        let mut gathered = Gathered {
            head: Some(Arc::default()),
            ..Gathered::default()
        };
        let fits = chunks
            .iter()
            .map(|chunk| gathered.push(Bytes::from_static(chunk), limit))
            .collect();
        (gathered, fits)
    }

    fn ok() -> Arc<Headers> {
        let fields = vec![Field::new(KnownName::GrpcStatus, "0")];
        Arc::new(Headers {
            fields,
            ..Headers::default()
        })
    }

    #[test]
    fn one_message_and_ok_is_a_message() {
        let (gathered, fits) = gathered(&[b"\0\0\0\0\x02hi"], 7);
        assert_eq!(fits, [true]);
        let message = gathered.message(&mut Plain::default(), &ok(), 7);
        assert_eq!(message.as_deref(), Some(&b"hi"[..]));
    }

    #[test]
    fn a_message_in_pieces_is_gathered_for_the_machine() {
        let (gathered, fits) = gathered(&[b"\0\0\0\0\x02h", b"i"], 7);
        assert_eq!(fits, [true, true]);
        assert!(gathered.message(&mut Plain::default(), &ok(), 7).is_none());
        let mut incoming = gathered.into_incoming();
        let all = std::iter::from_fn(|| incoming.data.pop()).collect::<Vec<_>>();
        assert_eq!(all.concat(), b"\0\0\0\0\x02hi");
    }

    #[test]
    fn what_is_not_one_plain_message_within_the_limit_is_seen_at_its_prefix() {
        for (chunks, limit) in [
            (&[&b"\0\0\0\0\x03hi"[..]][..], 7),
            (&[b"\x01\0\0\0\x02hi"], 7),
            (&[b"\0\0\0\0\x02hi", b"x"], 100),
            (&[b"\0\0\0"], 100),
            (&[b"\0\xff\xff\xff\xff"], 100),
        ] {
            let (_, fits) = gathered(chunks, limit);
            assert_eq!(fits.last(), Some(&false), "{chunks:?}");
        }
    }
}
