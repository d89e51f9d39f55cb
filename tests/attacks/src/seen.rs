//! What came back, and whether it is what was wanted.

use crate::wire::code;
use std::collections::BTreeMap;

/// A GOAWAY.
#[derive(Clone, Debug)]
pub(crate) struct GoAway {
    pub(crate) code: u32,
    pub(crate) debug: String,
}

/// Everything a peer has said, in short.
#[derive(Default, Debug)]
pub(crate) struct Seen {
    pub(crate) goaway: Option<GoAway>,
    /// Code of RST_STREAM by stream.
    pub(crate) resets: BTreeMap<u32, u32>,
    /// `:status` by stream.
    pub(crate) http: BTreeMap<u32, u32>,
    /// `grpc-status` by stream.
    pub(crate) status: BTreeMap<u32, u32>,
    /// `grpc-message` by stream.
    pub(crate) message: BTreeMap<u32, String>,
    pub(crate) data: u64,
    /// Increments of windows by stream.
    pub(crate) increments: BTreeMap<u32, u64>,
    /// SETTINGS_INITIAL_WINDOW_SIZE.
    pub(crate) initial_window: Option<u32>,
    /// Streams that the peer has ended.
    pub(crate) ended: Vec<u32>,
    pub(crate) settings: Option<Vec<(u16, u32)>>,
    pub(crate) settings_acks: u64,
    pub(crate) ping_acks: u64,
    /// The end of the bytes, in order or not.
    pub(crate) closed: bool,
    /// The peer has stopped reading.
    pub(crate) stuck: bool,
}

/// One thing that a peer may be wanted to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want<'a> {
    /// GOAWAY with this code; the text contains this.
    GoAway(u32, &'a str),
    /// RST_STREAM with this code on this stream.
    Reset(u32, u32),
    /// RST_STREAM with this code on some stream.
    AnyReset(u32),
    /// This `grpc-status` on this stream.
    Status(u32, u32),
    /// Nothing is read any more.
    Stuck,
    /// The connection ends.
    Closed,
    /// The connection goes on: no GOAWAY, no end.
    Open,
}

impl Want<'_> {
    fn is_met(self, seen: &Seen) -> bool {
        match self {
            Want::GoAway(code, text) => seen
                .goaway
                .as_ref()
                .is_some_and(|goaway| goaway.code == code && goaway.debug.contains(text)),
            Want::Reset(stream, code) => seen.resets.get(&stream) == Some(&code),
            Want::AnyReset(code) => seen.resets.values().any(|&reset| reset == code),
            Want::Status(stream, status) => seen.status.get(&stream) == Some(&status),
            Want::Stuck => seen.stuck,
            Want::Closed => seen.closed,
            Want::Open => !seen.closed && seen.goaway.is_none(),
        }
    }
}

/// What an attack came to.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// For the table.
    pub(crate) answer: String,
    /// What is not as it must be.
    pub(crate) miss: Option<String>,
}

impl Verdict {
    /// Both hold, or the first that does not.
    pub(crate) fn and(self, other: Verdict) -> Verdict {
        let answer = if self.answer == other.answer || other.answer.is_empty() {
            self.answer
        } else {
            format!("{}; {}", self.answer, other.answer)
        };
        Verdict {
            answer,
            miss: self.miss.or(other.miss),
        }
    }

    /// Adds words to the answer.
    pub(crate) fn note(mut self, words: impl std::fmt::Display) -> Verdict {
        self.answer = format!("{}; {words}", self.answer);
        self
    }

    /// What must hold besides.
    pub(crate) fn ensure(mut self, holds: bool, what: impl std::fmt::Display) -> Verdict {
        if !holds && self.miss.is_none() {
            self.miss = Some(what.to_string());
        }
        self
    }
}

impl Seen {
    /// Bytes that the peer takes on this stream, if it is the only one, since the beginning.
    pub(crate) fn credit(&self, stream: u32) -> u64 {
        let more = |id| self.increments.get(&id).copied().unwrap_or_default();
        let initial = u64::from(self.initial_window.unwrap_or(65_535));
        (65_535 + more(0)).min(initial + more(stream))
    }

    /// One of these is wanted.
    pub(crate) fn any(&self, wants: &[Want<'_>]) -> Verdict {
        let met = wants.iter().any(|want| want.is_met(self));
        self.verdict(met, format_args!("wanted one of {wants:?}"))
    }

    /// All of these are wanted.
    pub(crate) fn all(&self, wants: &[Want<'_>]) -> Verdict {
        let unmet: Vec<_> = wants.iter().filter(|want| !want.is_met(self)).collect();
        self.verdict(unmet.is_empty(), format_args!("wanted {unmet:?}"))
    }

    fn verdict(&self, met: bool, wanted: std::fmt::Arguments<'_>) -> Verdict {
        Verdict {
            answer: self.to_string(),
            miss: (!met).then(|| wanted.to_string()),
        }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if let Some(goaway) = &self.goaway {
            let name = code::name(goaway.code);
            // The sentence is what tells the cause; the section behind it makes tables wide.
            let text = goaway.debug.split(" (RFC").next().unwrap_or_default();
            parts.push(format!("GOAWAY {name} \"{}\"", text.escape_debug()));
        }
        for (what, count) in counted(self.resets.values().map(|&reset| code::name(reset))) {
            parts.push(times(&format!("RST {what}"), count));
        }
        for (what, count) in counted(self.status.values()) {
            parts.push(times(&format!("grpc-status {what}"), count));
        }
        let http = self.http.iter().filter(|(_, status)| **status != 200);
        for (what, count) in counted(http.map(|(_, status)| status)) {
            parts.push(times(&format!("HTTP {what}"), count));
        }
        if self.stuck {
            parts.push("stops reading".into());
        } else if self.closed && self.goaway.is_none() {
            parts.push("closes".into());
        }
        if parts.is_empty() {
            parts.push("goes on".into());
        }
        f.write_str(&parts.join(", "))
    }
}

fn counted<T: Ord>(values: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts
}

fn times(what: &str, count: usize) -> String {
    if count == 1 {
        what.to_owned()
    } else {
        format!("{what} ×{count}")
    }
}
