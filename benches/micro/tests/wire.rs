//! What calls take on the wire: counted from what client and server wrote.

use bytes::Bytes;
use farcall::{Channel, Metadata};
use farcall_bench::{pb::BenchmarkServiceClient, request};
use farcall_micro::{
    Error, Recording, Scenario, Tape, Work, channel, record, recorded_pair, runtime,
};
use std::collections::BTreeMap;

const PREFACE: usize = 24;
const HEADERS: u8 = 1;

/// The frames of each stream, in order: type, and payload.
fn streams(tape: &Tape, client: bool) -> BTreeMap<u32, Vec<(u8, Vec<u8>)>> {
    let mut rest = &tape.written(client)[if client { PREFACE } else { 0 }..];
    let mut streams: BTreeMap<u32, Vec<(u8, Vec<u8>)>> = BTreeMap::new();
    while let Some((head, after)) = rest.split_first_chunk::<9>() {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let (payload, after) = after.split_at(len);
        streams
            .entry(id)
            .or_default()
            .push((head[3], payload.to_vec()));
        rest = after;
    }
    streams.remove(&0);
    streams
}

/// The bytes of each call, frame heads included.
fn sizes(tape: &Tape, client: bool) -> Vec<usize> {
    let size =
        |frames: &Vec<(u8, Vec<u8>)>| frames.iter().map(|(_, payload)| 9 + payload.len()).sum();
    streams(tape, client).values().map(size).collect()
}

/// The header block of each call's request.
fn request_blocks(tape: &Tape) -> Vec<Vec<u8>> {
    let block = |frames: &Vec<(u8, Vec<u8>)>| {
        assert_eq!(frames[0].0, HEADERS);
        frames[0].1.clone()
    };
    streams(tape, true).values().map(block).collect()
}

fn test<F: Future<Output = Result<(), Error>>>(test: F) {
    runtime().unwrap().block_on(test).unwrap();
}

#[test]
fn a_repeated_empty_call_takes_35_bytes_and_its_response_38() {
    for name in ["unary-0B-x1", "unary-0B-x100"] {
        let scenario = Scenario::find(name).unwrap();
        test(async {
            let tape = record(scenario, 10).await?.remove(0);
            let (requests, responses) = (sizes(&tape, true), sizes(&tape, false));
            assert_eq!(requests.len(), 10 * scenario.tasks);
            assert_eq!(responses.len(), 10 * scenario.tasks);
            // The first calls fill the tables.
            let repeated = 2 * scenario.tasks..;
            for size in &requests[repeated.clone()] {
                assert!(*size <= 35, "{name}: a request takes {size} bytes");
            }
            for size in &responses[repeated] {
                assert!(*size <= 38, "{name}: a response takes {size} bytes");
            }
            Ok(())
        });
    }
}

struct Pair {
    client: BenchmarkServiceClient,
    recording: Recording,
    _channel: Channel,
}

async fn pair() -> Result<Pair, Error> {
    let (near, far, recording) = recorded_pair();
    tokio::spawn(farcall_micro::server(Work::Unary(0))?.serve(far));
    let channel = channel(vec![near], Work::Unary(0))?;
    channel.connect().await?;
    Ok(Pair {
        client: BenchmarkServiceClient::new(channel.clone()),
        recording,
        _channel: channel,
    })
}

impl Pair {
    async fn call(&self, metadata: &Metadata) -> Result<(), Error> {
        let mut call = farcall::Request::new(request(Bytes::new(), 3));
        *call.metadata_mut() = metadata.clone();
        let response = self.client.unary_call(call).await?;
        assert_eq!(farcall_bench::body_len(response.into_inner()), 3);
        Ok(())
    }

    fn last_block(&self) -> Vec<u8> {
        request_blocks(&self.recording.tape()).pop().unwrap()
    }
}

#[test]
fn remembered_blocks_are_encoded_anew_when_the_table_has_evicted_what_they_name() {
    test(async {
        let pair = pair().await?;
        let none = Metadata::new();
        for _ in 0..4 {
            pair.call(&none).await?;
        }
        let repeated = pair.last_block();
        let mut evictions = 0;
        for round in 0..100 {
            // Enters the table at its second time, and with its like pushes everything else out of the 4,096 bytes.
            let mut filler = Metadata::new();
            for i in 0..4 {
                filler.insert(format!("filler-{i}"), format!("{round:0>1000}"));
            }
            pair.call(&filler).await?;
            pair.call(&filler).await?;
            // A block that named what is not there any more would fail the connection, or reach another method.
            pair.call(&none).await?;
            evictions += usize::from(pair.last_block().len() > repeated.len() + 20);
            for _ in 0..3 {
                pair.call(&none).await?;
            }
            assert_eq!(pair.last_block().len(), repeated.len(), "round {round}");
        }
        assert!(
            evictions > 90,
            "the fillers evicted the path {evictions} times"
        );
        Ok(())
    });
}

#[test]
fn secrets_are_spelled_out_in_every_block_and_other_metadata_is_not() {
    test(async {
        let pair = pair().await?;
        let secret = "Bearer 0123456789abcdef0123456789abcdef";
        let mut metadata = Metadata::new();
        metadata.insert("authorization", secret);
        metadata.insert_sensitive("x-key", "0123456789abcdef0123456789abcdef");
        let mut public = Metadata::new();
        public.insert("x-public", "0123456789abcdef0123456789abcdef");
        for _ in 0..5 {
            pair.call(&Metadata::new()).await?;
            pair.call(&metadata).await?;
            pair.call(&public).await?;
        }
        let blocks = request_blocks(&pair.recording.tape());
        let [.., plain, with_secrets, with_public] = &blocks[..] else {
            panic!("there were calls");
        };
        assert_eq!(with_public.len(), plain.len() + 1);
        let first = &blocks[4];
        // Two literals that no table and no memory shortens: name or its index, length, at least 5 bits for each octet.
        assert!(
            with_secrets.len() >= plain.len() + 2 * 32 * 5 / 8,
            "{}",
            with_secrets.len()
        );
        let literals = |block: &[u8]| block[plain.len()..].to_vec();
        assert_eq!(literals(with_secrets), literals(first));
        // `authorization` by its static index 23, never indexed (RFC 7541 §6.2.3).
        assert_eq!(literals(with_secrets)[..2], [0x1f, 0x08]);
        Ok(())
    });
}
