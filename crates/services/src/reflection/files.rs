//! The descriptors of a server's services, by name, symbol and extension.

use super::symbols::{self, Declared};
use bytes::Bytes;
use prost::{DecodeError, Message};
use prost_types::FileDescriptorProto;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// See the module. Files go by their place in the list.
#[derive(Default)]
pub(super) struct Files {
    files: Vec<File>,
    names: HashMap<String, usize>,
    symbols: HashMap<String, usize>,
    extensions: HashMap<String, BTreeMap<i32, usize>>,
}

struct File {
    /// As the compiler wrote it, with everything that this program does not know.
    encoded: Bytes,
    imports: Vec<String>,
}

/// A `FileDescriptorSet` whose files stay encoded.
#[derive(Clone, PartialEq, Message)]
struct EncodedSet {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

impl Files {
    /// Adds the files of an encoded `FileDescriptorSet`. Indexer files with the same name the first counts: sets have the files
    /// that they import, and so have others.
    ///
    /// # Errors
    /// `set` is something else.
    pub(super) fn add(&mut self, set: &'static [u8]) -> Result<(), DecodeError> {
        for encoded in EncodedSet::decode(Bytes::from_static(set))?.file {
            let file = FileDescriptorProto::decode(encoded.clone())?;
            if self.names.contains_key(file.name()) {
                continue;
            }
            let index = self.files.len();
            self.names.insert(file.name().to_owned(), index);
            symbols::of(&file, &mut Indexer { files: self, index });
            self.files.push(File {
                encoded,
                imports: file.dependency,
            });
        }
        Ok(())
    }

    pub(super) fn by_name(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) fn by_symbol(&self, name: &str) -> Option<usize> {
        self.symbols.get(name).copied()
    }

    pub(super) fn by_extension(&self, of: &str, number: i32) -> Option<usize> {
        self.extensions.get(of)?.get(&number).copied()
    }

    /// The numbers of the extensions of a message, in order; `None` if neither extensions nor such a symbol are known.
    pub(super) fn extensions(&self, of: &str) -> Option<Vec<i32>> {
        match self.extensions.get(of) {
            Some(numbers) => Some(numbers.keys().copied().collect()),
            None => self.symbols.contains_key(of).then(Vec::new),
        }
    }

    /// A file, and of those that it imports, directly or not, the ones that are not in `sent`, to which they are added. The
    /// file itself comes first and in any case.
    pub(super) fn with_imports(&self, file: usize, sent: &mut HashSet<usize>) -> Vec<Bytes> {
        let mut encoded = vec![self.files[file].encoded.clone()];
        sent.insert(file);
        let mut seen = HashSet::from([file]);
        let mut queue = VecDeque::from([file]);
        while let Some(file) = queue.pop_front() {
            let imports = &self.files[file].imports;
            for import in imports.iter().filter_map(|name| self.by_name(name)) {
                if !seen.insert(import) {
                    continue;
                }
                queue.push_back(import);
                if sent.insert(import) {
                    encoded.push(self.files[import].encoded.clone());
                }
            }
        }
        encoded
    }
}

/// Puts down what one file declares.
struct Indexer<'a> {
    files: &'a mut Files,
    index: usize,
}

impl Declared for Indexer<'_> {
    fn symbol(&mut self, name: String) {
        self.files.symbols.entry(name).or_insert(self.index);
    }

    fn extension(&mut self, of: &str, number: i32) {
        let numbers = self.files.extensions.entry(of.to_owned()).or_default();
        numbers.entry(number).or_insert(self.index);
    }
}
