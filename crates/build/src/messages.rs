//! Messages and enums, through prost-build.

use crate::{
    config::{Config, On},
    descriptor::{Files, comment_of},
    docs::markdown,
    error::Error,
    model::Types,
};
use prost_build::Module;
use prost_types::FileDescriptorProto;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Stands for a comment while prost-build works: its own treatment of comments lets doctests and broken links through.
const MARK: &str = "farcall-comment-";

/// The code of each file's messages and enums, in the order of `files`.
///
/// # Errors
/// If prost-build refuses, in whatever way.
pub(crate) fn generate(
    config: &Config,
    files: &Files,
    types: &Types,
) -> Result<Vec<String>, Error> {
    let mut comments = Vec::new();
    let requests: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(index, file)| (module(index), with_marks(file, &mut comments)))
        .collect();
    let count = requests.len();
    let mut generator = generator(config, types);
    // It panics on descriptors that no compiler makes.
    let generated = catch_unwind(AssertUnwindSafe(|| generator.generate(requests)));
    let mut generated = match generated {
        Ok(result) => result.map_err(|error| Error::new(error.to_string()))?,
        Err(panic) => {
            let reason = panic.downcast_ref::<String>().map(String::as_str);
            let reason = reason
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no reason given");
            return Err(Error::new(format!(
                "the generator of messages cannot handle these descriptors: {reason}"
            )));
        }
    };
    let code = (0..count).map(|index| generated.remove(&module(index)).unwrap_or_default());
    Ok(code.map(|code| finish(&code, &comments)).collect())
}

/// A key of its own for each file, so that each file's code comes back by itself.
fn module(index: usize) -> Module {
    Module::from_parts([index.to_string()])
}

fn generator(config: &Config, types: &Types) -> prost_build::Config {
    let mut generator = prost_build::Config::new();
    generator
        .prost_path(config.prost_path())
        .compile_well_known_types()
        .bytes(&config.bytes)
        .btree_map(&config.btree_maps)
        .enable_type_names()
        .type_name_domain(["."], "type.googleapis.com");
    for (proto, rust) in types.elsewhere() {
        generator.extern_path(proto, rust);
    }
    for path in &config.boxed {
        generator.boxed(path);
    }
    for attribute in &config.attributes {
        let (path, text) = (&attribute.path, &attribute.text);
        match attribute.on {
            On::Type => generator.type_attribute(path, text),
            On::Message => generator.message_attribute(path, text),
            On::Enum => generator.enum_attribute(path, text),
            On::Field => generator.field_attribute(path, text),
        };
    }
    generator
}

/// The file with marks for comments.
fn with_marks(file: &FileDescriptorProto, comments: &mut Vec<Vec<String>>) -> FileDescriptorProto {
    let mut file = file.clone();
    file.service.clear();
    for location in file
        .source_code_info
        .iter_mut()
        .flat_map(|info| &mut info.location)
    {
        let comment = markdown(&comment_of(location));
        location.leading_comments =
            (!comment.is_empty()).then(|| format!(" {MARK}{}", comments.len()));
        location.trailing_comments = None;
        location.leading_detached_comments.clear();
        if !comment.is_empty() {
            comments.push(comment);
        }
    }
    file
}

/// The code with comments in place of marks, evenly indented, without prost-build's first line.
fn finish(code: &str, comments: &[Vec<String>]) -> String {
    let mut page = Page::default();
    for line in code.lines().skip(1).map(str::trim_start) {
        let mark = line
            .strip_prefix("/// ")
            .and_then(|text| text.strip_prefix(MARK))
            .and_then(|text| text.parse().ok());
        match mark.and_then(|number: usize| comments.get(number)) {
            Some(comment) => comment
                .iter()
                .for_each(|text| page.text(&format!("/// {text}"))),
            // prost-build writes the functions of `Name` on one line, with the brace that ends the implementation.
            None if line.starts_with("fn full_name()") => {
                line.replace(" { ", " {\n")
                    .replace(" }fn ", "\n}\nfn ")
                    .replace(" }}", "\n}\n}")
                    .lines()
                    .for_each(|line| page.code(line));
            }
            None => page.code(line),
        }
    }
    page.out
}

#[derive(Default)]
struct Page {
    out: String,
    depth: usize,
}

impl Page {
    fn text(&mut self, text: &str) {
        self.out
            .push_str(format!("{:indent$}{text}", "", indent = self.depth * 4).trim_end());
        self.out.push('\n');
    }

    fn code(&mut self, line: &str) {
        self.depth = self
            .depth
            .saturating_sub(usize::from(line.starts_with('}')));
        self.text(line);
        self.depth += usize::from(line.ends_with('{') && !line.starts_with("//"));
    }
}
