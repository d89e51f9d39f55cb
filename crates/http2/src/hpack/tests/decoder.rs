//! The decoder's rules that random lists do not reach.

use super::appendix_c::unhex;
use crate::headers::{KnownName, Name};
use crate::hpack::{DecodeError, DecodeLimits, Decoder, Outcome, TooLarge};
use bytes::Bytes;

fn run(decoder: &mut Decoder, hex: &str) -> Result<Vec<(Name, Bytes)>, DecodeError> {
    let mut list = Vec::new();
    decoder.decode(&unhex(hex), DecodeLimits::default(), |name, value, _| {
        list.push((name, value))
    })?;
    Ok(list)
}

fn outcome(decoder: &mut Decoder, hex: &str) -> Outcome {
    decoder
        .decode(&unhex(hex), DecodeLimits::default(), |_, _, _| ())
        .unwrap()
}

#[track_caller]
fn refused(decoder: &mut Decoder, hex: &str, error: DecodeError) {
    assert_eq!(run(decoder, hex), Err(error));
}

#[test]
fn indices_outside_of_the_tables_are_refused() {
    for hex in ["80", "be", "ff00", "ff8080808008", "7e0161", "0f700161"] {
        refused(&mut Decoder::new(4096), hex, DecodeError::InvalidIndex);
    }
}

#[test]
fn blocks_that_end_inside_of_a_field_are_refused() {
    for hex in [
        "ff",
        "40",
        "4001",
        "400161",
        "40016101",
        "0001610361",
        "5f",
        "04",
        "3f",
        "0085f2b24a84ff",
    ] {
        refused(&mut Decoder::new(4096), hex, DecodeError::Truncated);
    }
}

#[test]
fn huge_declared_strings_and_endless_integers_are_refused_without_memory() {
    refused(
        &mut Decoder::new(4096),
        "007f80ffffff0f",
        DecodeError::Truncated,
    );
    refused(
        &mut Decoder::new(4096),
        "00ff80ffffff0f",
        DecodeError::Truncated,
    );
    refused(
        &mut Decoder::new(4096),
        "007f80ffffff7f",
        DecodeError::IntegerOverflow,
    );
    refused(
        &mut Decoder::new(4096),
        "ff808080808080808080808000",
        DecodeError::IntegerOverflow,
    );
    refused(
        &mut Decoder::new(4096),
        "3f808080808080808080808000",
        DecodeError::IntegerOverflow,
    );
}

#[test]
fn wrong_huffman_padding_and_the_end_of_string_code_are_refused() {
    refused(
        &mut Decoder::new(4096),
        "04811e",
        DecodeError::InvalidPadding,
    );
    refused(
        &mut Decoder::new(4096),
        "04821fff",
        DecodeError::InvalidPadding,
    );
    refused(
        &mut Decoder::new(4096),
        "0484ffffffff",
        DecodeError::EndOfStringCode,
    );
    // Also in a string that is too large to be kept, and after the limit was passed.
    let limits = DecodeLimits {
        max_count: 0,
        ..DecodeLimits::default()
    };
    let result = Decoder::new(4096).decode(&unhex("8204811e"), limits, |_, _, _| ());
    assert_eq!(result, Err(DecodeError::InvalidPadding));
}

#[test]
fn size_updates_stand_at_the_front_at_most_two_and_within_the_limit() {
    assert!(run(&mut Decoder::new(4096), "3fe11f82").is_ok()); // 4,096
    refused(
        &mut Decoder::new(4096),
        "3fe21f82",
        DecodeError::TableSizeTooLarge,
    ); // 4,097
    refused(&mut Decoder::new(4096), "8220", DecodeError::LateSizeUpdate);
    assert!(run(&mut Decoder::new(4096), "203fe11f82").is_ok());
    refused(
        &mut Decoder::new(4096),
        "20202082",
        DecodeError::TooManySizeUpdates,
    );
    let flood = "20".repeat(4000);
    refused(
        &mut Decoder::new(4096),
        &flood,
        DecodeError::TooManySizeUpdates,
    );
}

#[test]
fn a_lowered_limit_must_be_answered_by_the_next_block() {
    let mut decoder = Decoder::new(4096);
    decoder.set_max_table_size(100);
    refused(&mut decoder, "82", DecodeError::MissingSizeUpdate);

    let mut decoder = Decoder::new(4096);
    decoder.set_max_table_size(100);
    refused(&mut decoder, "3f4682", DecodeError::TableSizeTooLarge); // 101
    let mut decoder = Decoder::new(4096);
    decoder.set_max_table_size(100);
    assert!(run(&mut decoder, "3f4582").is_ok()); // 100
    assert!(run(&mut decoder, "82").is_ok());

    // Lowered and raised again: the smallest size must be said first (RFC 7541 §4.2).
    let mut decoder = Decoder::new(4096);
    decoder.set_max_table_size(0);
    decoder.set_max_table_size(8192);
    refused(&mut decoder, "3fe13f82", DecodeError::TableSizeTooLarge);
    let mut decoder = Decoder::new(4096);
    decoder.set_max_table_size(0);
    decoder.set_max_table_size(8192);
    assert!(run(&mut decoder, "203fe13f82").is_ok());

    // The smallest size stays due when a larger one follows that is also below what the peer uses.
    let mut decoder = Decoder::new(4096);
    decoder.set_max_table_size(0);
    decoder.set_max_table_size(100);
    refused(&mut decoder, "3f4582", DecodeError::TableSizeTooLarge);

    // Not lower than what the peer uses: nothing is due.
    let mut decoder = Decoder::new(4096);
    decoder.set_max_table_size(8192);
    decoder.set_max_table_size(4096);
    assert!(run(&mut decoder, "82").is_ok());
}

#[test]
fn a_size_update_evicts() {
    let mut decoder = Decoder::new(4096);
    run(&mut decoder, "400161016240016301644001650166").unwrap(); // a: b, c: d, e: f of 34 each
    assert_eq!(run(&mut decoder, "3f26bebf").unwrap().len(), 2); // 69: two are left
    refused(&mut decoder, "c0", DecodeError::InvalidIndex);
    run(&mut decoder, "20").unwrap();
    refused(&mut decoder, "be", DecodeError::InvalidIndex);
}

#[test]
fn an_entry_larger_than_the_table_empties_it_and_is_still_delivered() {
    let mut decoder = Decoder::new(64);
    run(&mut decoder, "4001610162").unwrap();
    let long = format!("4001611f{}", "78".repeat(31)); // 64: just fits
    assert_eq!(run(&mut decoder, &long).unwrap()[0].1, "x".repeat(31));
    assert_eq!(run(&mut decoder, "be").unwrap()[0].1, "x".repeat(31));
    let longer = format!("40016120{}", "79".repeat(32));
    assert_eq!(run(&mut decoder, &longer).unwrap()[0].1, "y".repeat(32));
    refused(&mut decoder, "be", DecodeError::InvalidIndex);
}

#[test]
fn an_entry_may_take_its_name_from_the_entry_that_it_evicts() {
    let mut decoder = Decoder::new(64);
    run(&mut decoder, "40026b310162").unwrap();
    let list = run(&mut decoder, &format!("7e1e{}", "76".repeat(30))).unwrap();
    assert_eq!(
        list,
        [(Name::from_static("k1"), Bytes::from("v".repeat(30)))]
    );
    assert_eq!(run(&mut decoder, "be").unwrap(), list);
}

#[test]
fn names_come_classified_from_literals_and_from_both_tables() {
    let mut decoder = Decoder::new(4096);
    // grpc-status: 0 as a literal that is inserted, then indexed; content-type by a static name.
    let list = run(&mut decoder, "400b677270632d737461747573 0130 be 0f10 0161").unwrap();
    let status = (Name::Known(KnownName::GrpcStatus), Bytes::from("0"));
    assert_eq!(
        list,
        [
            status.clone(),
            status,
            (Name::Known(KnownName::ContentType), Bytes::from("a"))
        ]
    );
    // Upper case is not the same name; RFC 9113 §8.2 is for the layer above.
    let list = run(&mut decoder, "00025445 00").unwrap();
    assert_eq!(list[0].0, Name::Other(Bytes::from("TE")));
}

#[test]
fn a_bomb_of_references_stops_at_the_limits() {
    // One entry of 4,000 octets, then 10,000 references to it (CVE-2016-6581).
    let mut block = unhex("4001617f8a1e");
    block.extend([b'x'; 3977]);
    block.extend([0xbe; 10_000]);
    let mut delivered = 0;
    let mut decoder = Decoder::new(4096);
    let outcome = decoder
        .decode(&block, DecodeLimits::default(), |_, value, _| {
            delivered += value.len()
        })
        .unwrap();
    assert_eq!(
        (outcome.too_large, outcome.count),
        (Some(TooLarge::ListSize), 10_001)
    );
    assert!(delivered <= 8192);

    let tiny = vec![0x82; 15_000];
    let limits = DecodeLimits {
        max_list_size: usize::MAX,
        max_count: 100,
        max_string: 100,
    };
    let mut count = 0;
    let outcome = decoder.decode(&tiny, limits, |_, _, _| count += 1).unwrap();
    assert_eq!((outcome.too_large, count), (Some(TooLarge::Count), 100));
}

#[test]
fn the_outcome_tells_what_may_be_remembered() {
    let mut decoder = Decoder::new(4096);
    let start = decoder.generation();
    assert!(outcome(&mut decoder, "82").repeatable);
    assert!(outcome(&mut decoder, "0001610162").repeatable);
    assert!(!outcome(&mut decoder, "1001610162").repeatable); // never indexed
    assert_eq!(decoder.generation(), start);
    assert!(!outcome(&mut decoder, "4001610162").repeatable);
    let inserted = decoder.generation();
    assert_ne!(inserted, start);
    assert!(outcome(&mut decoder, "be").repeatable);
    assert!(!outcome(&mut decoder, "20").repeatable);
    assert_ne!(decoder.generation(), inserted);
    let mut small = Decoder::new(64);
    run(&mut small, "4001610162").unwrap();
    let before = small.generation();
    assert!(!outcome(&mut small, &format!("40016120{}", "79".repeat(32))).repeatable);
    assert_ne!(small.generation(), before); // emptied
}
