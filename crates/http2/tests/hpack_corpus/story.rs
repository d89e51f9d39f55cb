//! Stories of header blocks as JSON; the layout is told in README.md beside this file.

use farcall_http2::hpack::{DecodeLimits, Decoder, Encoder};
use farcall_http2::{Field, Name, Part};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The header blocks of one connection.
pub(crate) struct Story {
    pub(crate) cases: Vec<Case>,
}

/// One header block.
pub(crate) struct Case {
    pub(crate) wire: Vec<u8>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) table_size: Option<usize>,
}

impl Story {
    pub(crate) fn read(path: &Path) -> Result<Story, String> {
        let text =
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let story: Value =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let cases = story["cases"]
            .as_array()
            .and_then(|cases| cases.iter().map(Case::from_json).collect());
        let cases = cases.ok_or_else(|| format!("{}: not a story", path.display()))?;
        Ok(Story { cases })
    }

    /// Decodes all blocks; gives the number of those whose lists are right, and the first thing that went wrong.
    pub(crate) fn decode(&self) -> (usize, Option<String>) {
        let (mut decoder, mut table_size) = (Decoder::new(4096), 4096);
        let limits = DecodeLimits {
            max_list_size: 1 << 20,
            max_count: 1 << 10,
            max_string: 1 << 20,
        };
        let mut right = 0;
        for (at, case) in self.cases.iter().enumerate() {
            if let Some(size) = case.table_size.filter(|&size| size != table_size) {
                decoder.set_max_table_size(size);
                table_size = size;
            }
            let mut list = Vec::new();
            let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
            let outcome = decoder.decode(&case.wire, limits, |name, value, _| {
                list.push((text(name.as_bytes()), text(&value)))
            });
            match outcome {
                Err(error) => return (right, Some(format!("case {at}: {error}"))),
                Ok(_) if list != case.headers => {
                    return (right, Some(format!("case {at}: {list:?}")));
                }
                Ok(_) => right += 1,
            }
        }
        (right, None)
    }

    /// The same story with the blocks of our encoder. Half of each list is sent as a shared one, so that
    /// remembered pieces take part.
    pub(crate) fn encoded_by_us(&self) -> Story {
        let (mut encoder, mut table_size) = (Encoder::new(1 << 16), 4096);
        let mut shared: HashMap<Vec<Field>, Arc<Vec<Field>>> = HashMap::new();
        let mut encode = |case: &Case| {
            if let Some(size) = case.table_size.filter(|&size| size != table_size) {
                encoder.set_peer_max_table_size(size);
                table_size = size;
            }
            let field = |(name, value): &(String, String)| {
                Field::new(Name::from_bytes(name.clone().into()), value.clone())
            };
            let (first, second) = case.headers.split_at(case.headers.len() / 2);
            let first: Vec<Field> = first.iter().map(field).collect();
            let second: Vec<Field> = second.iter().map(field).collect();
            let first = shared
                .entry(first.clone())
                .or_insert_with(|| Arc::new(first));
            let mut wire = Vec::new();
            encoder.encode(&[Part::Shared(first), Part::Fields(&second)], &mut wire);
            Case {
                wire,
                headers: case.headers.clone(),
                table_size: case.table_size,
            }
        };
        Story {
            cases: self.cases.iter().map(&mut encode).collect(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let cases: Vec<Value> = self
            .cases
            .iter()
            .enumerate()
            .map(|(at, case)| case.to_json(at))
            .collect();
        json!({ "description": "Encoded by Farcall.", "cases": cases })
    }
}

impl Case {
    fn from_json(case: &Value) -> Option<Case> {
        let pair = |field: &Value| {
            let (name, value) = field.as_object()?.iter().next()?;
            Some((name.clone(), value.as_str()?.to_owned()))
        };
        Some(Case {
            wire: unhex(case["wire"].as_str()?)?,
            headers: case["headers"]
                .as_array()?
                .iter()
                .map(pair)
                .collect::<Option<_>>()?,
            table_size: case["header_table_size"].as_u64().map(|size| size as usize),
        })
    }

    fn to_json(&self, at: usize) -> Value {
        let headers: Vec<Value> = self
            .headers
            .iter()
            .map(|(name, value)| json!({ name: value }))
            .collect();
        let wire: String = self
            .wire
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        let mut case = json!({ "seqno": at, "wire": wire, "headers": headers });
        if let Some(size) = self.table_size {
            case["header_table_size"] = json!(size);
        }
        case
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty().then(|| {
        pairs
            .iter()
            .map(|pair| (pair[0] << 4 | pair[1]) as u8)
            .collect()
    })
}

/// Every `story_*.json` one folder below `root`, in order.
pub(crate) fn stories(root: &Path) -> Result<Vec<PathBuf>, String> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>, String> {
        let entries =
            fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect())
    };
    let mut found = Vec::new();
    for folder in list(root)?.iter().filter(|path| path.is_dir()) {
        let is_story = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("story_"))
        };
        found.extend(list(folder)?.into_iter().filter(is_story));
    }
    found.sort();
    Ok(found)
}
