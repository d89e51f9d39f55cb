//! Generated code, and where it goes.

use crate::{
    config::Config,
    descriptor::Files,
    emit::{self, Tree},
    error::Error,
    input, messages,
    model::{self, Types},
    names,
};
use prost::Message;
use prost_types::FileDescriptorSet;
use std::{
    collections::HashSet,
    env, fs,
    path::{Path, PathBuf},
};

/// What [`Config::generate`] makes.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Rust: a module tree of all packages.
    pub code: String,
    /// The encoded `FileDescriptorSet` of all files, without comments and positions: what reflection serves.
    pub descriptor_set: Vec<u8>,
}

impl Config {
    /// For build scripts: generates, writes `farcall.rs` and `farcall.descriptor.bin` into `OUT_DIR`, and tells Cargo
    /// which files the code depends on.
    ///
    /// # Errors
    /// If the input cannot be read or compiled, if names collide in Rust, or if the output cannot be written.
    pub fn compile(&self) -> Result<(), Error> {
        let directory = self
            .out_dir
            .clone()
            .or_else(|| env::var_os("OUT_DIR").map(PathBuf::from));
        let directory = directory.ok_or_else(|| {
            Error::new("OUT_DIR is not set: call compile() in a build script, set Config::out_dir, or use Config::emit_to")
        })?;
        // Before anything can fail: a corrected file must start the script again.
        println!("cargo::rerun-if-env-changed=PROTOC");
        println!("cargo::rerun-if-env-changed=PROTOC_INCLUDE");
        let named = self.protos.iter().chain(self.descriptor_path());
        named.for_each(|path| println!("cargo::rerun-if-changed={}", path.display()));
        let files = input::load(self)?;
        files
            .on_disk()
            .for_each(|path| println!("cargo::rerun-if-changed={}", path.display()));
        self.write(&directory, &from(self, &files, None)?)
    }

    /// For code that is checked in: generates and writes `farcall.rs` and `farcall.descriptor.bin` into `directory`,
    /// which is made if it is missing. Files that need no change are not touched.
    ///
    /// # Errors
    /// As [`compile`](Config::compile).
    pub fn emit_to(&self, directory: impl AsRef<Path>) -> Result<(), Error> {
        self.write(directory.as_ref(), &self.generate()?)
    }

    /// For continuous integration: generates, and compares with what [`emit_to`](Config::emit_to) wrote earlier.
    ///
    /// # Errors
    /// As [`compile`](Config::compile); with [`Error::is_stale`] if a file is missing or differs.
    pub fn check(&self, directory: impl AsRef<Path>) -> Result<(), Error> {
        let generated = self.generate()?;
        let outputs = self.outputs(directory.as_ref(), &generated);
        let stale = outputs
            .iter()
            .filter(|(path, content)| !same(path, content));
        let stale: Vec<&Path> = stale.map(|(path, _)| path.as_path()).collect();
        if stale.is_empty() {
            Ok(())
        } else {
            Err(Error::stale(&stale))
        }
    }

    /// Generates, and writes nothing.
    ///
    /// # Errors
    /// If the input cannot be read or compiled, or if names collide in Rust.
    pub fn generate(&self) -> Result<Generated, Error> {
        from(self, &input::load(self)?, None)
    }

    /// Compiles and generates nothing: the encoded `FileDescriptorSet` of all files with what they import, comments included, for
    /// tools that work with descriptors. Files of an edition are there as files of proto3 that mean the same on the wire, for those
    /// that know no editions; custom options are left out.
    ///
    /// # Errors
    /// If the input cannot be read or compiled.
    ///
    /// ```no_run
    /// let set = farcall_build::Config::new().proto("proto/greeter.proto").descriptors()?;
    /// # Ok::<(), farcall_build::Error>(())
    /// ```
    pub fn descriptors(&self) -> Result<Vec<u8>, Error> {
        let file = input::load(self)?.iter().cloned().collect();
        Ok(FileDescriptorSet { file }.encode_to_vec())
    }

    fn write(&self, directory: &Path, generated: &Generated) -> Result<(), Error> {
        fs::create_dir_all(directory).map_err(|error| Error::io("make", directory, error))?;
        for (path, content) in self.outputs(directory, generated) {
            // The time of an unchanged file stays, so that Cargo does not compile it again.
            if !same(&path, content) {
                fs::write(&path, content).map_err(|error| Error::io("write", &path, error))?;
            }
        }
        Ok(())
    }

    fn outputs<'a>(&self, directory: &Path, generated: &'a Generated) -> [(PathBuf, &'a [u8]); 2] {
        [
            (
                directory.join(format!("{}.rs", self.name)),
                generated.code.as_bytes(),
            ),
            (
                directory.join(format!("{}.descriptor.bin", self.name)),
                &generated.descriptor_set,
            ),
        ]
    }
}

/// Generates code for the files named in `only`, or for all.
pub(crate) fn from(
    config: &Config,
    files: &Files,
    only: Option<&HashSet<String>>,
) -> Result<Generated, Error> {
    let (runtime, prost) = (config.runtime.as_str(), config.prost_path());
    let foreign = config.foreign.messages.as_ref();
    let mut elsewhere = config.extern_paths.clone();
    elsewhere.extend(foreign.map(|module| (".".into(), module.clone())));
    let well_known = config.well_known && foreign.is_none();
    let types = Types::new(&elsewhere, well_known.then_some((runtime, prost.as_str())));
    model::check(files, &types)?;
    let messages = match foreign {
        Some(_) if config.foreign.codec.is_none() => {
            return Err(Error::new(
                "messages_in names messages that prost has not made: codec must name what reads and writes them",
            ));
        }
        Some(_) => files.iter().map(|_| String::new()).collect(),
        None => messages::generate(config, files, &types)?,
    };
    let services = model::services(files, &types);
    let mut tree = Tree::default();
    for (file, (messages, services)) in files.iter().zip(messages.iter().zip(&services)) {
        if only.is_some_and(|only| !only.contains(file.name())) {
            continue;
        }
        let path = names::modules(file.package());
        tree.add(&path, messages);
        for service in services {
            tree.add(&path, &emit::service(config, service));
        }
    }
    let mut code = String::from(
        "// @generated by farcall-build. Changes are lost when it is generated again.\n\n",
    );
    code.push_str(&tree.render());
    if only.is_none() && config.embed_descriptors {
        code.push_str(&format!(
            "\n/// The encoded `google.protobuf.FileDescriptorSet` of the files that this code was made from.\n\
             #[allow(dead_code, unreachable_pub)]\n\
             pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(\"{}.descriptor.bin\");\n",
            config.name
        ));
    }
    Ok(Generated {
        code,
        descriptor_set: files.encoded().to_vec(),
    })
}

fn same(path: &Path, content: &[u8]) -> bool {
    fs::read(path).is_ok_and(|present| present == content)
}
