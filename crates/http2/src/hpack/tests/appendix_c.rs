//! The examples of RFC 7541 appendix C.

use crate::hpack::{DecodeError, DecodeLimits, Decoder};

/// What a block decodes to: name, value, sensitive.
type List = Vec<(String, String, bool)>;

pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| (b as char).to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<List, DecodeError> {
    let mut list = List::new();
    decoder.decode(block, DecodeLimits::default(), |name, value, sensitive| {
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        list.push((text(name.as_bytes()), text(&value), sensitive));
    })?;
    Ok(list)
}

/// Decodes and compares the list; then reads the dynamic table out through its indices and compares that.
fn check(decoder: &mut Decoder, hex: &str, list: &[(&str, &str)], table: &[(&str, &str)]) {
    let plain = |list: List| -> Vec<(String, String)> {
        list.into_iter()
            .map(|(name, value, _)| (name, value))
            .collect()
    };
    let owned = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter()
            .map(|(n, v)| (n.to_string(), v.to_string()))
            .collect()
    };
    assert_eq!(plain(decode(decoder, &unhex(hex)).unwrap()), owned(list));
    let indices: Vec<u8> = (0..table.len() as u8).map(|i| 0x80 | (62 + i)).collect();
    assert_eq!(plain(decode(decoder, &indices).unwrap()), owned(table));
    let beyond = [0x80 | (62 + table.len() as u8)];
    assert_eq!(decode(decoder, &beyond), Err(DecodeError::InvalidIndex));
}

#[test]
fn c_2_the_four_representations() {
    let custom = [("custom-key", "custom-header")];
    check(
        &mut Decoder::new(4096),
        "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
        &custom,
        &custom,
    );
    check(
        &mut Decoder::new(4096),
        "040c2f73616d706c652f70617468",
        &[(":path", "/sample/path")],
        &[],
    );
    check(&mut Decoder::new(4096), "82", &[(":method", "GET")], &[]);
    let never = decode(
        &mut Decoder::new(4096),
        &unhex("100870617373776f726406736563726574"),
    );
    assert_eq!(never, Ok(vec![("password".into(), "secret".into(), true)]));
}

const AUTHORITY: (&str, &str) = (":authority", "www.example.com");
const NO_CACHE: (&str, &str) = ("cache-control", "no-cache");
const CUSTOM: (&str, &str) = ("custom-key", "custom-value");

fn requests(blocks: [&str; 3]) {
    let mut decoder = Decoder::new(4096);
    let get = |scheme, path| {
        [
            (":method", "GET"),
            (":scheme", scheme),
            (":path", path),
            AUTHORITY,
        ]
    };
    let first = get("http", "/");
    check(&mut decoder, blocks[0], &first, &[AUTHORITY]);
    let second = [&first[..], &[NO_CACHE]].concat();
    check(&mut decoder, blocks[1], &second, &[NO_CACHE, AUTHORITY]);
    let third = [&get("https", "/index.html")[..], &[CUSTOM]].concat();
    check(
        &mut decoder,
        blocks[2],
        &third,
        &[CUSTOM, NO_CACHE, AUTHORITY],
    );
}

#[test]
fn c_3_requests_without_huffman_coding() {
    requests([
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ]);
}

#[test]
fn c_4_requests_with_huffman_coding() {
    requests([
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ]);
}

const PRIVATE: (&str, &str) = ("cache-control", "private");
const DATE_1: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
const DATE_2: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
const LOCATION: (&str, &str) = ("location", "https://www.example.com");
const GZIP: (&str, &str) = ("content-encoding", "gzip");
const COOKIE: (&str, &str) = (
    "set-cookie",
    "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
);

/// The table has 256 octets here, so entries are evicted.
fn responses(blocks: [&str; 3]) {
    let mut decoder = Decoder::new(256);
    let (found, moved) = ((":status", "302"), (":status", "307"));
    check(
        &mut decoder,
        blocks[0],
        &[found, PRIVATE, DATE_1, LOCATION],
        &[LOCATION, DATE_1, PRIVATE, found],
    );
    check(
        &mut decoder,
        blocks[1],
        &[moved, PRIVATE, DATE_1, LOCATION],
        &[moved, LOCATION, DATE_1, PRIVATE],
    );
    check(
        &mut decoder,
        blocks[2],
        &[(":status", "200"), PRIVATE, DATE_2, LOCATION, GZIP, COOKIE],
        &[COOKIE, GZIP, DATE_2],
    );
}

#[test]
fn c_5_responses_without_huffman_coding() {
    responses([
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54
         6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f
         3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076
         657273696f6e3d31",
    ]);
}

#[test]
fn c_6_responses_with_huffman_coding() {
    responses([
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f
         0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df
         dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ]);
}
