//! DNS: questions and answers. What a name server may say is any bytes; a good answer written by a plain second writer is read
//! as it was meant.

use crate::input::Input;
use farcall_lb::dns::{Answer, AnswerError, RecordType, query};
use std::{net::IpAddr, time::Duration};

const NAMES: [&str; 5] = [
    "a",
    "Greeter.Example",
    "x.y.z.example.",
    "_grpc_config.a.b",
    "-",
];
const RECORDS: [RecordType; 3] = [RecordType::A, RecordType::Aaaa, RecordType::Txt];

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.u8() % 4 {
        0 => question(&mut input),
        1 => written(&mut input),
        2 => {
            // The answer to our question, with anything for records.
            let question = ask(&mut input);
            let mut message = question.clone();
            (message[2], message[3]) = (0x80, 0);
            message[6..8].copy_from_slice(&input.u16().to_be_bytes());
            message.extend_from_slice(input.rest());
            read(&question, &message);
        }
        _ => {
            let question = ask(&mut input);
            read(&question, input.rest());
        }
    }
}

fn ask(input: &mut Input<'_>) -> Vec<u8> {
    let (id, name, record) = (input.u16(), input.pick(&NAMES), input.pick(&RECORDS));
    query(id, name, record).expect("these are names")
}

/// Any text as a name: what is accepted is within the limits of RFC 1035 §2.3.4, and answers itself.
fn question(input: &mut Input<'_>) {
    let (id, record) = (input.u16(), input.pick(&RECORDS));
    let Ok(name) = std::str::from_utf8(input.rest()) else {
        return;
    };
    let Some(question) = query(id, name, record) else {
        return;
    };
    assert!(question.len() <= 12 + 255 + 4, "{name:?}");
    let mut message = question.clone();
    message[2] |= 0x80;
    assert!(Answer::parse(&question, &message).is_ok(), "{name:?}");
}

/// Reads any bytes as the answer.
fn read(question: &[u8], message: &[u8]) {
    match Answer::parse(question, message) {
        Ok(answer) => {
            assert_eq!(message[..2], question[..2]);
            // No more than was sent: a record has eleven octets in front of its data.
            let texts: usize = answer.texts().iter().map(|text| text.len() + 11).sum();
            assert!(answer.addresses().len() * 15 + texts <= message.len());
            assert!(
                answer
                    .ttl()
                    .is_none_or(|ttl| ttl <= Duration::from_secs(i32::MAX as u64))
            );
            assert!(answer.ttl().is_some() || answer.addresses().is_empty());
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            if let AnswerError::Refused(code) = error {
                assert!((1..16).contains(&code) && code != 3);
            }
        }
    }
}

/// Records that mean something, written plainly; what the reader must make of them is kept beside.
fn written(input: &mut Input<'_>) {
    let question = ask(input);
    let mut message = question.clone();
    (message[2], message[3]) = (0x81, 0x80 | input.pick(&[0, 3]));
    let (mut addresses, mut texts, mut least) = (Vec::<IpAddr>::new(), Vec::new(), None);
    // Where the name is that records must have to count: aliases move it.
    let mut owner = 12_u16;
    let count = input.u8() % 12;
    message[7] = count;
    for _ in 0..count {
        let kind = input.u8() % 6;
        let ttl = input.u32();
        let strange = kind == 5;
        let mut counts = !strange;
        if strange {
            message.extend_from_slice(b"\x05other\x07another\0");
        } else {
            message.extend_from_slice(&(0xc000 | owner).to_be_bytes());
        }
        let (number, data): (u16, Vec<u8>) = match kind {
            0 | 5 => (1, input.u32().to_be_bytes().to_vec()),
            1 => {
                let mut octets = [0; 16];
                octets[12..].copy_from_slice(&input.u32().to_be_bytes());
                (28, octets.to_vec())
            }
            2 => {
                let mut data = Vec::new();
                let mut text = Vec::new();
                for _ in 0..input.u8() % 3 {
                    let string = input.short();
                    data.push(string.len() as u8);
                    data.extend_from_slice(string);
                    text.extend_from_slice(string);
                }
                texts.push(text);
                (16, data)
            }
            3 => (5, b"\x04next\x03net\0".to_vec()),
            // A kind that nobody asked for counts for its time alone, one of another class not at all.
            _ => {
                counts = input.u8() & 1 == 0;
                (if counts { 99 } else { 1 }, vec![1; 4])
            }
        };
        message.extend_from_slice(&number.to_be_bytes());
        message.extend_from_slice(&[0, if counts || strange { 1 } else { 3 }]);
        message.extend_from_slice(&ttl.to_be_bytes());
        message.extend_from_slice(&(data.len() as u16).to_be_bytes());
        if kind == 3 {
            owner = message.len() as u16;
        }
        message.extend_from_slice(&data);
        match (kind, counts) {
            (0, _) => addresses.push(<[u8; 4]>::try_from(data).expect("four").into()),
            (1, _) => addresses.push(<[u8; 16]>::try_from(data).expect("sixteen").into()),
            _ => {}
        }
        if counts {
            // RFC 2181 §8: the highest bit must not be set; then it is taken for 0.
            let ttl = if ttl > i32::MAX as u32 { 0 } else { ttl };
            least = Some(least.map_or(ttl, |known: u32| known.min(ttl)));
        }
    }
    let answer = Answer::parse(&question, &message).expect("a good answer");
    assert_eq!(answer.addresses(), addresses);
    assert_eq!(answer.texts(), texts);
    assert_eq!(
        answer.ttl(),
        least.map(|ttl| Duration::from_secs(ttl.into()))
    );
    // And every part of it is survived.
    for len in 0..message.len() {
        read(&question, &message[..len]);
    }
}
