//! Each target over each kept input: what fuzzing has found stays found, without a fuzzer.

use farcall_fuzz::TARGETS;
use std::{fs, path::Path};

#[test]
fn every_kept_input_passes_its_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["corpus", "findings"] {
        for entry in fs::read_dir(root.join(folder)).expect("the folder of kept inputs") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let target = TARGETS.iter().find(|target| target.name == name);
            let target =
                target.unwrap_or_else(|| panic!("{} belongs to no target", path.display()));
            let count = replay(&path, target.run);
            println!("{folder}/{name}: {count}");
            // A run of the fuzzer makes the folder for its findings before there are any.
            assert!(count > 0 || folder == "findings", "{name} has no corpus");
        }
    }
}

fn replay(folder: &Path, run: fn(&[u8])) -> usize {
    let inputs = fs::read_dir(folder).expect("a folder for each target");
    inputs
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let bytes = fs::read(&path).expect("an input");
            if let Err(cause) = std::panic::catch_unwind(|| run(&bytes)) {
                eprintln!("in {}", path.display());
                std::panic::resume_unwind(cause);
            }
        })
        .count()
}

#[test]
fn every_target_has_a_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in TARGETS {
        assert!(
            corpus.join(target.name).is_dir(),
            "no corpus for {}",
            target.name
        );
    }
}

#[test]
fn every_target_copes_with_no_input_and_with_plain_noise() {
    for target in TARGETS {
        (target.run)(&[]);
        let mut state = 1_u64;
        for len in 0..300 {
            let noise: Vec<u8> = (0..len)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            (target.run)(&noise);
        }
    }
}
