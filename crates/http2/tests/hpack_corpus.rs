//! Header blocks of 14 foreign encoders, and our own blocks of the same lists, are decoded.

#[path = "hpack_corpus/story.rs"]
mod story;

use std::path::Path;
use story::{Story, stories};

fn corpus() -> Vec<(String, Story)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hpack_corpus");
    let paths = stories(&root).unwrap();
    assert_eq!(paths.len(), 3 * 14);
    paths
        .into_iter()
        .map(|path| (path.display().to_string(), Story::read(&path).unwrap()))
        .collect()
}

#[test]
fn blocks_of_fourteen_foreign_encoders_are_decoded() {
    let mut blocks = 0;
    for (path, story) in corpus() {
        let (right, wrong) = story.decode();
        assert_eq!(wrong, None, "{path}");
        blocks += right;
    }
    assert_eq!(blocks, BLOCKS);
}

#[test]
fn the_same_lists_survive_our_own_encoder() {
    let (mut foreign, mut ours) = (0, 0);
    for (path, story) in corpus() {
        let encoded = story.encoded_by_us();
        let (right, wrong) = encoded.decode();
        assert_eq!((right, wrong), (story.cases.len(), None), "{path}");
        assert_eq!(encoded.to_json()["cases"].as_array().unwrap().len(), right);
        foreign += story
            .cases
            .iter()
            .map(|case| case.wire.len())
            .sum::<usize>();
        ours += encoded
            .cases
            .iter()
            .map(|case| case.wire.len())
            .sum::<usize>();
    }
    // Some of the foreign encoders use neither tables nor Huffman codes; on average ours does better.
    assert!(ours < foreign, "{ours} octets against {foreign}");
}

const BLOCKS: usize = 322;
