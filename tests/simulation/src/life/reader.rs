//! How an application reads: at once, slowly, or message by message.

use farcall_testkit::Rng;

/// The temper of one stream's reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Temper {
    /// Releases what has arrived at once.
    Eager,
    /// Releases some, some time.
    Slow,
    /// Takes whatever is there while it waits for a message, and says how much it still needs.
    Messages,
    /// The same, but releases a message only when it is whole.
    Hoarder,
}

/// What a reader wants of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Wish {
    pub(crate) release: usize,
    pub(crate) expect: usize,
}

/// One stream's reader: counts bytes, splits them into messages.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    temper: Temper,
    /// Received and not released.
    unread: usize,
    /// The bytes of a prefix that is not whole.
    prefix: Vec<u8>,
    /// Bytes of the current message that are still missing, once its prefix is whole.
    missing: usize,
    /// Bytes since the last message ended.
    incomplete: usize,
    announced: bool,
}

impl Reader {
    pub(crate) fn new(rng: &mut Rng, hoarders: bool) -> Reader {
        let temper = rng.pick(&[
            Temper::Eager,
            Temper::Slow,
            Temper::Messages,
            Temper::Hoarder,
        ]);
        let temper = if temper == Temper::Hoarder && !hoarders {
            Temper::Messages
        } else {
            temper
        };
        Reader {
            temper,
            unread: 0,
            prefix: Vec::new(),
            missing: 0,
            incomplete: 0,
            announced: false,
        }
    }

    /// Whatever it was, it reads everything from now on.
    pub(crate) fn hurry(&mut self) -> usize {
        self.temper = if self.temper == Temper::Hoarder {
            Temper::Messages
        } else {
            self.temper
        };
        if self.temper == Temper::Slow {
            self.temper = Temper::Eager;
        }
        std::mem::take(&mut self.unread)
    }

    /// Throws away what is unread.
    pub(crate) fn discard(&mut self) -> usize {
        std::mem::take(&mut self.unread)
    }

    pub(crate) fn on_data(&mut self, mut data: &[u8]) -> Wish {
        self.unread += data.len();
        while !data.is_empty() {
            self.incomplete += 1;
            if self.missing > 0 {
                let taken = self.missing.min(data.len());
                self.incomplete += taken - 1;
                self.missing -= taken;
                data = &data[taken..];
                if self.missing == 0 {
                    self.end_of_message();
                }
                continue;
            }
            self.prefix.push(data[0]);
            data = &data[1..];
            if self.prefix.len() == 5 {
                let len = u32::from_be_bytes([
                    self.prefix[1],
                    self.prefix[2],
                    self.prefix[3],
                    self.prefix[4],
                ]);
                self.prefix.clear();
                self.missing = len as usize;
                if len == 0 {
                    self.end_of_message();
                }
            }
        }
        self.wish()
    }

    fn end_of_message(&mut self) {
        (self.incomplete, self.announced) = (0, false);
    }

    fn wish(&mut self) -> Wish {
        let release = match self.temper {
            Temper::Slow => 0,
            Temper::Eager | Temper::Messages => self.unread,
            Temper::Hoarder => self.unread - self.incomplete,
        };
        self.unread -= release;
        let waits = matches!(self.temper, Temper::Messages | Temper::Hoarder)
            && self.missing > 0
            && !self.announced;
        self.announced |= waits;
        Wish {
            release,
            expect: if waits { self.missing } else { 0 },
        }
    }

    /// A slow reader takes some.
    pub(crate) fn nibble(&mut self, rng: &mut Rng) -> usize {
        if self.temper != Temper::Slow {
            return 0;
        }
        let taken = rng.range(0..self.unread + 1);
        self.unread -= taken;
        taken
    }

    pub(crate) fn unread(&self) -> usize {
        self.unread
    }
}
