//! Seeded random numbers and header lists, the same in every run.

use crate::headers::{Field, KnownName, Name};
use bytes::Bytes;

/// xorshift64*.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((self.next() >> 32) as usize) % bound
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    pub(super) fn octets(&mut self, max: usize) -> Vec<u8> {
        let text = self.one_in(2);
        (0..self.below(max + 1))
            .map(|_| {
                if text {
                    b'!' + self.below(90) as u8
                } else {
                    self.next() as u8
                }
            })
            .collect()
    }

    /// A field as gRPC peers send them, mostly; sometimes odd, sometimes sensitive.
    pub(super) fn field(&mut self) -> Field {
        let name = match self.below(4) {
            0 | 1 => Name::Known(*self.pick(KnownName::ALL)),
            2 => Name::from_static(self.pick::<&str>(&[
                "accept",
                "via",
                "x-trace",
                "x-request-id",
                "etag",
                "a",
            ])),
            _ => Name::from_bytes(Bytes::from(self.octets(20))),
        };
        let value = match self.below(6) {
            0 => Bytes::from_static(
                self.pick::<&str>(&["", "0", "200", "POST", "gzip", "application/grpc"])
                    .as_bytes(),
            ),
            1..=3 => Bytes::from(format!("value-{}", self.below(20))),
            4 => Bytes::from(self.octets(40)),
            _ if self.one_in(20) => Bytes::from(self.octets(5000)),
            _ => Bytes::from(self.octets(200)),
        };
        Field {
            name,
            value,
            sensitive: self.one_in(8),
        }
    }

    pub(super) fn list(&mut self) -> Vec<Field> {
        (0..self.below(12)).map(|_| self.field()).collect()
    }
}
