//! DNS questions and answers as octets (RFC 1035).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::name;

/// What is asked for.
///
/// ```
/// use farcall_lb::dns::{RecordType, query};
///
/// // One question for each kind of address, as a resolver asks them.
/// let questions = [RecordType::A, RecordType::Aaaa].map(|kind| query(7, "greeter.example", kind).unwrap());
/// assert_ne!(questions[0], questions[1]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses (RFC 3596).
    Aaaa,
    /// Texts.
    Txt,
}

const CNAME: u16 = 5;
const CLASS_IN: u16 = 1;
const HEADER: usize = 12;

impl RecordType {
    const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
            Self::Txt => 16,
        }
    }
}

/// A question, to be sent as one datagram, or behind its length over TCP. `None`: `name` is no domain name.
///
/// ```
/// use farcall_lb::dns::{RecordType, query};
///
/// let octets = query(7, "greeter.example", RecordType::A).unwrap();
/// assert_eq!(&octets[..6], [0, 7, 1, 0, 0, 1]); // id, "recursion desired", one question
/// assert!(query(7, "two..dots", RecordType::A).is_none());
/// ```
pub fn query(id: u16, name: &str, record: RecordType) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(HEADER + name.len() + 6);
    out.extend_from_slice(&id.to_be_bytes());
    // Standard query, recursion desired; one question and nothing else (RFC 1035 §4.1.1).
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    name::write(name, &mut out)?;
    out.extend_from_slice(&record.number().to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    Some(out)
}

/// What a name server has answered.
///
/// ```
/// use farcall_lb::dns::{Answer, RecordType, query};
///
/// let question = query(7, "greeter.example", RecordType::A).unwrap();
/// let mut octets = question.clone();
/// octets[2..4].copy_from_slice(&[0x81, 0x80]); // a response
/// octets[7] = 1; // with one answer: for the name at octet 12, 60 seconds, an address
/// octets.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1]);
/// let answer = Answer::parse(&question, &octets).unwrap();
/// assert_eq!(answer.addresses(), ["10.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
/// assert_eq!(answer.ttl(), Some(std::time::Duration::from_secs(60)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    addresses: Vec<IpAddr>,
    texts: Vec<Vec<u8>>,
    ttl: Option<Duration>,
}

/// Why a datagram or message is no answer that can be used.
///
/// ```
/// use farcall_lb::dns::{Answer, AnswerError, RecordType, query};
///
/// let question = query(7, "greeter.example", RecordType::A).unwrap();
/// assert_eq!(Answer::parse(&question, b"hello"), Err(AnswerError::Unrelated));
/// assert_eq!(AnswerError::Refused(5).to_string(), "the name server refuses (REFUSED)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// It does not answer this question: wait for another one.
    Unrelated,
    /// It did not fit: ask again over TCP (RFC 1035 §4.2.1).
    Truncated,
    /// The server says no, with this code other than NXDOMAIN (RFC 1035 §4.1.1): another server may know.
    Refused(u8),
    /// It cannot be read.
    Malformed,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrelated => f.write_str("the message does not answer the question"),
            Self::Truncated => f.write_str("the answer is truncated"),
            Self::Malformed => f.write_str("the answer is malformed"),
            Self::Refused(code) => {
                let name = match code {
                    1 => "FORMERR",
                    2 => "SERVFAIL",
                    4 => "NOTIMP",
                    5 => "REFUSED",
                    code => return write!(f, "the name server refuses (code {code})"),
                };
                write!(f, "the name server refuses ({name})")
            }
        }
    }
}

impl std::error::Error for AnswerError {}

impl Answer {
    /// Reads what came back for `question`, which [`query`] has made. A name that does not exist gives an answer without
    /// records.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn parse(question: &[u8], message: &[u8]) -> Result<Self, AnswerError> {
        let related = question.len() > HEADER
            && message.len() >= question.len()
            && message[..2] == question[..2]
            && message[2] & 0xf8 == 0x80
            && message[4..6] == [0, 1]
            && message[HEADER..question.len()].eq_ignore_ascii_case(&question[HEADER..]);
        if !related {
            return Err(AnswerError::Unrelated);
        }
        if message[2] & 2 != 0 {
            return Err(AnswerError::Truncated);
        }
        match message[3] & 0x0f {
            0 | 3 => Self::records(question, message).ok_or(AnswerError::Malformed),
            code => Err(AnswerError::Refused(code)),
        }
    }

    /// The addresses of the name.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// The texts of the name, the strings of each record put together.
    pub fn texts(&self) -> &[Vec<u8>] {
        &self.texts
    }

    /// For how long the answer holds: the least of its records. `None` without records.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    fn records(question: &[u8], message: &[u8]) -> Option<Self> {
        let (mut owner, _) = name::read(question, HEADER)?;
        let count = u16::from_be_bytes([message[6], message[7]]);
        let mut answer = Self {
            addresses: Vec::new(),
            texts: Vec::new(),
            ttl: None,
        };
        let mut at = question.len();
        for _ in 0..count {
            let (name, start) = name::read(message, at)?;
            let fixed = message.get(start..start + 10)?;
            let number = |i: usize| u16::from_be_bytes([fixed[i], fixed[i + 1]]);
            let (kind, class, length) = (number(0), number(2), usize::from(number(8)));
            let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
            let data = start + 10;
            let octets = message.get(data..data + length)?;
            at = data + length;
            // Servers tell an alias before what it stands for (RFC 1034 §4.3.2).
            if class != CLASS_IN || name != owner {
                continue;
            }
            // Beyond 31 bits it is to be taken for 0 (RFC 2181 §8).
            let ttl = i32::try_from(ttl).map_or(0, i32::unsigned_abs);
            let ttl = Duration::from_secs(ttl.into());
            answer.ttl = Some(answer.ttl.map_or(ttl, |least| least.min(ttl)));
            match kind {
                CNAME => owner = name::read(message, data)?.0,
                1 => {
                    let octets: [u8; 4] = octets.try_into().ok()?;
                    answer.addresses.push(Ipv4Addr::from(octets).into());
                }
                28 => {
                    let octets: [u8; 16] = octets.try_into().ok()?;
                    answer.addresses.push(Ipv6Addr::from(octets).into());
                }
                16 => answer.texts.push(strings(octets)?),
                _ => {}
            }
        }
        Some(answer)
    }
}

/// The strings of a TXT record, put together.
fn strings(mut octets: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(octets.len());
    while let Some((length, rest)) = octets.split_first() {
        let (string, rest) = rest.split_at_checked(usize::from(*length))?;
        text.extend_from_slice(string);
        octets = rest;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response to `question` with these records, each as its name's octets, type, TTL and data.
    fn response(question: &[u8], records: &[(&[u8], u16, u32, &[u8])]) -> Vec<u8> {
        let mut out = question.to_vec();
        (out[2], out[3]) = (0x81, 0x80);
        out[7] = records.len() as u8;
        for (name, kind, ttl, data) in records {
            out.extend_from_slice(name);
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&[0, 1]);
            out.extend_from_slice(&ttl.to_be_bytes());
            out.extend_from_slice(&(data.len() as u16).to_be_bytes());
            out.extend_from_slice(data);
        }
        out
    }

    const OWN: &[u8] = &[0xc0, 12];

    fn asked(record: RecordType) -> Vec<u8> {
        query(0x1234, "Greeter.example.", record).unwrap()
    }

    #[test]
    fn a_name_is_written_in_labels() {
        let octets = query(1, "a.bc", RecordType::Txt).unwrap();
        assert_eq!(&octets[12..], b"\x01a\x02bc\0\0\x10\0\x01");
        assert!(query(1, "", RecordType::A).is_none());
        assert!(query(1, &"x".repeat(64), RecordType::A).is_none());
        assert!(query(1, &["x"; 128].join("."), RecordType::A).is_none());
        assert!(query(1, &["x"; 127].join("."), RecordType::A).is_some());
    }

    #[test]
    fn addresses_are_read_behind_aliases_with_the_least_ttl() {
        let question = asked(RecordType::A);
        let alias = b"\x05other\xc0\x14"; // other.example
        let message = response(
            &question,
            &[
                (OWN, CNAME, 300, alias),
                (alias, 1, 60, &[10, 0, 0, 1]),
                (alias, 1, 90, &[10, 0, 0, 2]),
                (b"\x05spoof\0", 1, 1, &[6, 6, 6, 6]),
            ],
        );
        let answer = Answer::parse(&question, &message).unwrap();
        let expected: Vec<IpAddr> = vec![[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
        assert_eq!(answer.addresses(), expected);
        assert_eq!(answer.ttl(), Some(Duration::from_secs(60)));
    }

    #[test]
    fn the_strings_of_a_text_are_put_together_and_records_stay_apart() {
        let question = asked(RecordType::Txt);
        let message = response(
            &question,
            &[(OWN, 16, 5, b"\x03abc\0\x02de"), (OWN, 16, 5, b"\x01f")],
        );
        let answer = Answer::parse(&question, &message).unwrap();
        assert_eq!(answer.texts(), [b"abcde".to_vec(), b"f".to_vec()]);
    }

    #[test]
    fn a_name_that_does_not_exist_has_no_records() {
        let question = asked(RecordType::Aaaa);
        let mut message = response(&question, &[]);
        message[3] |= 3;
        let answer = Answer::parse(&question, &message).unwrap();
        assert!(answer.addresses().is_empty() && answer.ttl().is_none());
    }

    #[test]
    fn answers_to_other_questions_are_told_apart_from_refusals() {
        let question = asked(RecordType::A);
        let change = |at: usize, octet: u8| {
            let mut message = response(&question, &[]);
            message[at] = octet;
            Answer::parse(&question, &message).unwrap_err()
        };
        assert_eq!(change(0, 9), AnswerError::Unrelated, "id");
        assert_eq!(change(2, 1), AnswerError::Unrelated, "a question");
        assert_eq!(change(14, b'x'), AnswerError::Unrelated, "name");
        assert_eq!(change(2, 0x83), AnswerError::Truncated);
        assert_eq!(change(3, 0x82), AnswerError::Refused(2));
        assert_eq!(
            change(7, 1),
            AnswerError::Malformed,
            "a record that is not there"
        );
    }

    #[test]
    fn pointers_that_go_round_or_forward_end_the_reading() {
        let question = asked(RecordType::A);
        let end = question.len() as u8;
        for name in [[0xc0, end], [0xc0, end + 40], [0x80, 0]] {
            let message = response(&question, &[(&name, 1, 1, &[1, 2, 3, 4])]);
            assert_eq!(
                Answer::parse(&question, &message),
                Err(AnswerError::Malformed)
            );
        }
    }

    #[test]
    fn no_octets_make_the_reader_panic() {
        let question = asked(RecordType::Txt);
        let good = response(
            &question,
            &[
                (OWN, CNAME, 1, OWN),
                (OWN, 16, 5, b"\x03abc"),
                (OWN, 1, 1, &[1]),
            ],
        );
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let mut message = good.clone();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(HEADER - 6..message.len());
                message[at] = rng.u8(..);
            }
            message.truncate(rng.usize(..=message.len()));
            Answer::parse(&question, &message).ok();
        }
    }
}
