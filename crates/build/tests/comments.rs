//! Comments of every sort become documentation that rustdoc accepts without a warning and in which no test runs.

use farcall_build::Config;
use prost::Message;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, SourceCodeInfo,
    source_code_info::Location,
};
use std::{env, fs, path::PathBuf, process::Command};

/// Pieces that mean something in Markdown, alone or together.
#[rustfmt::skip]
const PIECES: [&str; 48] = [
    "word", " ", "  ", "    ", "\n", "\n", "\n\n", "\n    ", "\n     ", "\n        ", "\n - ", "\n - x", "\n 1. ", "\n 10. y",
    "\n ```", "\n ```rust\n", "\n ~~~", "```", "`", "``", "[", "]", "[a]", "[a](b)", "(", ")", "<", ">", "<b>", "</b>", "<!--",
    "https://a.b/c", "http://", "<https://x.y>", "[t](https://x.y)", "\\", "\\[", "*", "**", "_", "# ", "\n # h", "\n > ", "\n ---",
    "\n ===", "|", "&lt;", "\n * ",
];

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }

    fn comment(&mut self) -> String {
        (0..self.below(70))
            .map(|_| PIECES[self.below(PIECES.len())])
            .collect()
    }
}

/// A file with a message for each comment.
fn file(comments: &[String]) -> Vec<u8> {
    let message = |index: usize| DescriptorProto {
        name: Some(format!("M{index}")),
        ..Default::default()
    };
    let location = |(index, comment): (usize, &String)| Location {
        path: vec![4, index as i32],
        span: vec![index as i32, 0, 1],
        leading_comments: Some(comment.clone()),
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("random.proto".into()),
        syntax: Some("proto3".into()),
        package: Some("random".into()),
        message_type: (0..comments.len()).map(message).collect(),
        source_code_info: Some(SourceCodeInfo {
            location: comments.iter().enumerate().map(location).collect(),
        }),
        ..Default::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
}

/// The comments alone, on items that need no other crate.
fn items(code: &str) -> String {
    let lines = code.lines().map(str::trim_start);
    let mut out = String::from("//! Items.\n");
    let mut documentation = String::new();
    for line in lines {
        if line.starts_with("///") {
            documentation.push_str(line);
            documentation.push('\n');
        } else if let Some(name) = line.strip_prefix("pub struct ") {
            out.push_str(&format!(
                "{documentation}pub struct {}\n",
                name.replace(" {", ";")
            ));
            documentation.clear();
        } else if !line.starts_with('#') {
            documentation.clear();
        }
    }
    out
}

#[test]
fn random_comments_never_warn_and_never_run() {
    let mut random = Random(7);
    let comments: Vec<String> = (0..800).map(|_| random.comment()).collect();
    let generated = Config::new()
        .descriptor_set(file(&comments))
        .generate()
        .unwrap();
    let source = items(&generated.code);
    assert_eq!(source.matches("pub struct ").count(), comments.len());

    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("comments");
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("random.rs");
    fs::write(&path, source).unwrap();
    let rustdoc = || {
        let mut command = Command::new(env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into()));
        command
            .arg("--edition=2024")
            .arg(&path)
            .current_dir(&directory);
        command
    };
    let built = rustdoc()
        .args([
            "-D",
            "warnings",
            "-D",
            "rustdoc::all",
            "--crate-type=lib",
            "-o",
            "html",
        ])
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let tested = rustdoc().arg("--test").output().unwrap();
    let report = String::from_utf8_lossy(&tested.stdout);
    assert!(report.contains("running 0 tests"), "{report}");
}
