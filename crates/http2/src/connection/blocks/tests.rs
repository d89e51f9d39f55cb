use super::*;
use crate::{
    Field, KnownName, Part,
    connection::tests::pair::Random,
    hpack::{Encoder, Outcome},
};

const GET: &[u8] = &[0x82, 0x86, 0x84]; // GET http /
const REQUEST: ListKind = ListKind::Request;

/// What the connection does with a block.
fn decode(
    blocks: &mut Blocks,
    block: &[u8],
    kind: ListKind,
) -> Result<Result<Decoded, PeerMisbehaved>, PeerMisbehaved> {
    match blocks.known(block, kind).cloned() {
        Some(list) => Ok(Ok(list)),
        None => blocks.decode(block, kind),
    }
}

/// A request that ends with its header list.
fn arrival(stream: u32) -> Arrival {
    Arrival {
        stream,
        end_stream: true,
        self_dependency: false,
    }
}

#[test]
fn a_repeated_block_gives_the_same_list_again_but_not_for_another_kind() {
    let mut blocks = Blocks::new(&Config::default());
    let mut decode = |kind| decode(&mut blocks, GET, kind).unwrap();
    let lists: Vec<_> = (0..4).map(|_| decode(REQUEST).unwrap()).collect();
    let same = |a: &Decoded, b: &Decoded| Arc::ptr_eq(&a.headers, &b.headers);
    assert!(same(&lists[1], &lists[2]) && same(&lists[2], &lists[3]));
    assert_eq!(
        decode(ListKind::Trailers),
        Err(PeerMisbehaved::PseudoInTrailers)
    );
    assert_eq!(
        decode(ListKind::Response),
        Err(PeerMisbehaved::UnknownPseudo)
    );
}

#[test]
fn a_block_in_pieces_is_put_together() {
    let mut blocks = Blocks::new(&Config::default());
    blocks.begin(Instant::now(), arrival(5), &GET[..1]).unwrap();
    assert_eq!(blocks.unfinished(), Some(5));
    assert!(blocks.append(&GET[1..2], false).unwrap().is_none());
    let block = blocks.append(&GET[2..], true).unwrap().unwrap();
    assert_eq!((&block.bytes[..], block.arrival), (GET, arrival(5)));
    assert_eq!(blocks.unfinished(), None);
    assert_eq!(
        blocks.append(b"", true).err(),
        Some(PeerMisbehaved::UnexpectedContinuation)
    );
}

#[test]
fn endless_blocks_are_stopped_by_number_and_by_size() {
    let mut blocks = Blocks::new(&Config::default());
    blocks.begin(Instant::now(), arrival(1), b"").unwrap();
    let crime = (0..100).find_map(|_| blocks.append(b"", false).err());
    assert_eq!(crime, Some(PeerMisbehaved::TooManyContinuations));
    let mut blocks = Blocks::new(&Config::default());
    blocks.begin(Instant::now(), arrival(1), b"").unwrap();
    let crime = (0..16).find_map(|_| blocks.append(&[0; 16_384], false).err());
    assert_eq!(crime, Some(PeerMisbehaved::HeaderBlockTooLarge));
}

#[test]
fn a_list_that_is_too_large_ends_the_stream_only_and_the_table_stays_in_step() {
    let mut config = Config::default();
    (
        config.max_header_list_size,
        config.accepted_header_list_size,
    ) = (150, 150);
    let mut blocks = Blocks::new(&config);
    let mut big = vec![0x40, 1, b'a', 0x7f, 0x80 - 0x7f + 100];
    big.extend([b'x'; 128 + 100]);
    big[3..5].copy_from_slice(&[0x7f, 101]); // a length of 228
    assert_eq!(
        decode(&mut blocks, &big, REQUEST),
        Ok(Err(PeerMisbehaved::HeaderListTooLarge))
    );
    let with_index = [GET, &[0xbe]].concat(); // refers to the entry of the refused list
    assert_eq!(
        decode(&mut blocks, &with_index, REQUEST),
        Ok(Err(PeerMisbehaved::HeaderListTooLarge))
    );
    assert!(decode(&mut blocks, GET, REQUEST).unwrap().is_ok());
}

/// What the block means, without any memory.
fn plainly(
    decoder: &mut Decoder,
    block: &[u8],
) -> Result<(Headers, Option<TimeoutValue>, Outcome), Option<PeerMisbehaved>> {
    let mut validator = Validator::new(REQUEST);
    let sink = |name, value, sensitive| validator.push(name, value, sensitive);
    let limits = Blocks::new(&Config::default()).limits;
    let outcome = decoder.decode(block, limits, sink).map_err(|_| None)?;
    let (timeout, _) = validator.timeout();
    let headers = validator.finish().map_err(Some)?;
    Ok((headers, timeout, outcome))
}

fn request() -> [Field; 4] {
    [
        Field::new(KnownName::Method, "POST"),
        Field::new(KnownName::Scheme, "http"),
        Field::new(KnownName::Path, "/p.S/M"),
        Field::new(KnownName::Authority, "a:1"),
    ]
}

fn timeout(text: &str) -> Field {
    Field::new(KnownName::GrpcTimeout, text.to_owned())
}

#[test]
fn requests_that_differ_in_their_timeout_share_a_list() {
    let (mut encoder, mut blocks) = (Encoder::new(4096), Blocks::new(&Config::default()));
    let common = [Field::new(KnownName::Te, "trailers")];
    let lists: Vec<_> = (0..6)
        .map(|n| {
            let request = request();
            let own = [timeout(&format!("{}m", 9997 + n))];
            let parts = [&request[..], &own, &common].map(Part::Fields);
            let mut block = Vec::new();
            encoder.encode(&parts, &mut block);
            decode(&mut blocks, &block, REQUEST).unwrap().unwrap()
        })
        .collect();
    for (n, list) in lists.iter().enumerate() {
        let text = format!("{}m", 9997 + n);
        assert_eq!(list.timeout.as_deref(), Some(text.as_bytes()));
        let fields: usize = request().iter().chain(&common).map(Field::size).sum();
        assert_eq!(list.size as usize, fields + timeout(&text).size());
        assert_eq!(*list.headers, *lists[0].headers);
    }
    for list in &lists[3..] {
        assert!(Arc::ptr_eq(&list.headers, &lists[3].headers));
    }
}

#[test]
fn memories_change_nothing_whatever_comes_between() {
    let mut random = Random::new(5);
    // A small table: other lists push its entries out all the time.
    for size in [200, 4096] {
        let mut encoder = Encoder::new(size);
        let (mut blocks, mut decoder) = (Blocks::new(&Config::default()), Decoder::new(4096));
        for _ in 0..5000 {
            let mut list = request().to_vec();
            list[2].value = format!("/p.S/M{}", random.below(3)).into();
            let mut own = Vec::new();
            for _ in 0..[0, 1, 1, 1, 1, 2][random.below(6)] {
                let text = ["1S", "20m", "12345678u", "soon it is", "", "0n"][random.below(6)];
                own.push(timeout(text));
            }
            if random.one_in(4) {
                let name = crate::Name::from_static(["x-a", "x-b"][random.below(2)]);
                let mut field = Field::new(name, random.below(9).to_string());
                field.sensitive = random.one_in(3);
                own.insert(random.below(own.len() + 1), field);
            }
            if random.one_in(20) {
                encoder.set_peer_max_table_size([100, 200, 4096][random.below(3)]);
            }
            let mut block = Vec::new();
            encoder.encode(&[Part::Fields(&list), Part::Fields(&own)], &mut block);
            let (headers, timeout, outcome) = plainly(&mut decoder, &block).unwrap();
            let decoded = decode(&mut blocks, &block, REQUEST).unwrap().unwrap();
            assert_eq!((&*decoded.headers, decoded.timeout), (&headers, timeout));
            assert_eq!(decoded.size as usize, outcome.list_size);
        }
    }
}

#[test]
fn whatever_stands_in_the_place_of_a_timeout_means_what_it_says() {
    let mut random = Random::new(6);
    let mut encoder = Encoder::new(4096);
    let [a, b] = [&b"1S"[..], b"2S"].map(|text| {
        let own = [timeout(std::str::from_utf8(text).unwrap())];
        let (request, last) = (request(), [Field::new(KnownName::Te, "trailers")]);
        let parts = [&request[..], &own, &last].map(Part::Fields);
        let mut block = Vec::new();
        (0..3).for_each(|_| {
            block.clear();
            encoder.encode(&parts, &mut block);
        });
        (text, block)
    });
    assert_eq!(a.1.len(), b.1.len());
    let at = a.1.windows(2).position(|octets| octets == a.0).unwrap() - 1;
    let (front, back) = (&a.1[..at], &a.1[at + 3..]);
    let mut known = 0;
    for _ in 0..20_000 {
        let mut place: Vec<u8> = (0..random.below(14)).map(|_| random.next() as u8).collect();
        if random.one_in(2) {
            place = (0..random.below(12))
                .map(|_| b"0123456789mS"[random.below(12)])
                .collect();
            let huffman = if random.one_in(3) { 0x80 } else { 0 };
            place.insert(0, (place.len() + random.below(8) / 7) as u8 | huffman);
        }
        let block = [front, &place, back].concat();
        let (mut blocks, mut decoder) = (Blocks::new(&Config::default()), Decoder::new(4096));
        let mut first = Vec::new();
        let mut other = Encoder::new(4096);
        // The same table as above, and the two blocks as often as it takes to remember them.
        other.encode(&[Part::Fields(&request())], &mut first);
        other.encode(
            &[Part::Fields(&[Field::new(KnownName::Te, "trailers")])],
            &mut first,
        );
        for block in [&first, &a.1, &b.1, &a.1] {
            decode(&mut blocks, block, REQUEST).unwrap().unwrap();
            plainly(&mut decoder, block).unwrap();
        }
        assert!(
            blocks
                .timed
                .as_mut()
                .expect("requests were remembered")
                .find(&b.1, blocks.decoder.generation())
                .is_some()
        );
        known += usize::from(
            blocks
                .timed
                .as_mut()
                .expect("requests were remembered")
                .find(&block, blocks.decoder.generation())
                .is_some(),
        );
        match (
            decode(&mut blocks, &block, REQUEST),
            plainly(&mut decoder, &block),
        ) {
            (Ok(Ok(decoded)), Ok((headers, timeout, outcome))) => {
                assert_eq!((&*decoded.headers, decoded.timeout), (&headers, timeout));
                assert_eq!(decoded.size as usize, outcome.list_size);
            }
            (Ok(Err(crime)), Err(Some(expected))) => assert_eq!(crime, expected),
            (Err(_), Err(None)) => {}
            (got, expected) => panic!("{block:?}: {got:?}, not {expected:?}"),
        }
    }
    assert!(known > 1000, "{known}");
}
