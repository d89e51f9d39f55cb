//! The whole HPACK corpus: `hpack_corpus FOLDER` decodes every story below `FOLDER` and prints how many blocks came
//! out right; `hpack_corpus FOLDER OUT` writes the same stories with the blocks of our encoder below `OUT`,
//! for foreign decoders. `tests/tools/hpack-foreign` fetches the corpus and does both.

#[path = "../tests/hpack_corpus/story.rs"]
mod story;

use std::{env, fs, path::Path, process::ExitCode};
use story::{Story, stories};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let done = match args.as_slice() {
        [folder] => decode(Path::new(folder)),
        [folder, out] => encode(Path::new(folder), Path::new(out)),
        _ => Err("usage: hpack_corpus FOLDER [OUT]".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hpack_corpus: {error}");
            ExitCode::FAILURE
        }
    }
}

fn decode(folder: &Path) -> Result<(), String> {
    let (mut right, mut all, mut octets) = (0, 0, 0);
    for path in stories(folder)? {
        let story = Story::read(&path)?;
        let (good, wrong) = story.decode();
        if let Some(wrong) = wrong {
            eprintln!("{}: {wrong}", path.display());
        }
        right += good;
        all += story.cases.len();
        octets += story
            .cases
            .iter()
            .map(|case| case.wire.len())
            .sum::<usize>();
    }
    println!("{right} of {all} blocks, {octets} octets");
    if right == all && all > 0 {
        Ok(())
    } else {
        Err("not all blocks are right".to_owned())
    }
}

fn encode(folder: &Path, out: &Path) -> Result<(), String> {
    for path in stories(folder)? {
        let encoded = Story::read(&path)?.encoded_by_us().to_json();
        let target = out.join(
            path.strip_prefix(folder)
                .expect("stories are below the folder"),
        );
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(target.parent().expect("a story lies in a folder"))?;
            fs::write(&target, encoded.to_string())
        };
        write().map_err(|error| format!("{}: {error}", target.display()))?;
    }
    Ok(())
}
