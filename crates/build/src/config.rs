//! What to generate, from what, and where to.

use std::path::PathBuf;

/// How code is generated.
///
/// Name the input ([`proto`](Config::proto), [`protos`](Config::protos), [`descriptor_set`](Config::descriptor_set) or
/// [`descriptor_set_file`](Config::descriptor_set_file)), change what the defaults do not suit, then call one of
///
/// - [`compile`](Config::compile) in a build script: code goes into `OUT_DIR`, for `farcall::include_protos!()`;
/// - [`emit_to`](Config::emit_to) for code that is checked in, and [`check`](Config::check) to see that it is fresh;
/// - [`generate`](Config::generate) for the text itself.
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), farcall_build::Error> {
///     farcall_build::Config::new()
///         .include("proto")
///         .protos(["proto/acme/v1/orders.proto", "proto/acme/v1/stock.proto"])
///         .extern_path(".acme.common", "::acme_common::proto")
///         .client(false)
///         .compile()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) protos: Vec<PathBuf>,
    pub(crate) includes: Vec<PathBuf>,
    pub(crate) descriptors: Option<DescriptorSet>,
    pub(crate) protoc: Option<PathBuf>,
    pub(crate) out_dir: Option<PathBuf>,
    pub(crate) name: String,
    pub(crate) server: bool,
    pub(crate) client: bool,
    pub(crate) embed_descriptors: bool,
    pub(crate) runtime: String,
    pub(crate) prost: Option<String>,
    pub(crate) well_known: bool,
    pub(crate) extern_paths: Vec<(String, String)>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) bytes: Vec<String>,
    pub(crate) btree_maps: Vec<String>,
    pub(crate) boxed: Vec<String>,
    pub(crate) foreign: Foreign,
}

/// Messages of another generator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foreign {
    /// The module that has them.
    pub(crate) messages: Option<String>,
    /// In place of prost's.
    pub(crate) codec: Option<String>,
    /// What handlers get in place of `Message`: `path<Message>`.
    pub(crate) requests: Option<String>,
    /// The same of what clients get.
    pub(crate) responses: Option<String>,
}

/// An encoded `FileDescriptorSet`.
#[derive(Clone, Debug)]
pub(crate) enum DescriptorSet {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// An attribute for the Rust items of a Protobuf path.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) on: On,
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Which items.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Type,
    Message,
    Enum,
    Field,
}

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}

impl Config {
    /// The defaults: server and client code, runtime `::farcall`, well-known types from `prost-types`, `bytes` fields
    /// as `Bytes`, output `farcall.rs` in `OUT_DIR`.
    pub fn new() -> Config {
        Config {
            protos: Vec::new(),
            includes: Vec::new(),
            descriptors: None,
            protoc: None,
            out_dir: None,
            name: "farcall".into(),
            server: true,
            client: true,
            embed_descriptors: true,
            runtime: "::farcall".into(),
            prost: None,
            well_known: true,
            extern_paths: Vec::new(),
            attributes: Vec::new(),
            bytes: vec![".".into()],
            btree_maps: Vec::new(),
            boxed: Vec::new(),
            foreign: Foreign::default(),
        }
    }

    /// Adds a `.proto` file.
    pub fn proto(mut self, path: impl Into<PathBuf>) -> Config {
        self.protos.push(path.into());
        self
    }

    /// Adds `.proto` files.
    pub fn protos<P: Into<PathBuf>>(mut self, paths: impl IntoIterator<Item = P>) -> Config {
        self.protos.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Adds a directory in which imports are looked up, like protoc's `-I`. Files must lie in one of them.
    ///
    /// Without any, each file's root is the directory that remains when the tail that equals the file's package is
    /// taken from its path (`proto/acme/v1/a.proto` with `package acme.v1` has the root `proto`), or the directory it
    /// lies in.
    pub fn include(mut self, directory: impl Into<PathBuf>) -> Config {
        self.includes.push(directory.into());
        self
    }

    /// Adds directories in which imports are looked up.
    pub fn includes<P: Into<PathBuf>>(
        mut self,
        directories: impl IntoIterator<Item = P>,
    ) -> Config {
        self.includes
            .extend(directories.into_iter().map(Into::into));
        self
    }

    /// Takes an encoded `FileDescriptorSet`, made by protoc (`--include_imports --include_source_info
    /// --descriptor_set_out`), buf or any other compiler.
    pub fn descriptor_set(mut self, set: impl Into<Vec<u8>>) -> Config {
        self.descriptors = Some(DescriptorSet::Bytes(set.into()));
        self
    }

    /// Takes a file that holds an encoded `FileDescriptorSet`.
    pub fn descriptor_set_file(mut self, path: impl Into<PathBuf>) -> Config {
        self.descriptors = Some(DescriptorSet::File(path.into()));
        self
    }

    /// Compiles `.proto` files with this protoc. The built-in compiler needs none, but knows no editions: for files
    /// that use one, this or the environment variable `PROTOC` must name a protoc of version 27 or later.
    /// `PROTOC_INCLUDE` names the directory of `google/protobuf/*.proto` where protoc does not find them itself.
    pub fn protoc(mut self, program: impl Into<PathBuf>) -> Config {
        self.protoc = Some(program.into());
        self
    }

    /// Where [`compile`](Config::compile) writes. Default: the environment variable `OUT_DIR`, which Cargo sets for
    /// build scripts.
    pub fn out_dir(mut self, directory: impl Into<PathBuf>) -> Config {
        self.out_dir = Some(directory.into());
        self
    }

    /// The name of the output files without extension. Default: `farcall`. A build script that compiles twice needs two
    /// names; `farcall::include_protos!("name")` includes one.
    pub fn name(mut self, name: impl Into<String>) -> Config {
        self.name = name.into();
        self
    }

    /// Whether server traits and types are generated. Default: yes.
    pub fn server(mut self, yes: bool) -> Config {
        self.server = yes;
        self
    }

    /// Whether client types are generated. Default: yes.
    pub fn client(mut self, yes: bool) -> Config {
        self.client = yes;
        self
    }

    /// Whether the code has the constant `FILE_DESCRIPTOR_SET`, which generated servers hand to the reflection service: a
    /// program that serves reflection then describes its services. It costs their descriptors' size, without comments, in
    /// the program, and tells the names of all messages and fields to who reads it. Default: yes.
    pub fn embed_descriptors(mut self, yes: bool) -> Config {
        self.embed_descriptors = yes;
        self
    }

    /// The path of the crate `farcall` in generated code. Default: `::farcall`.
    pub fn runtime(mut self, path: impl Into<String>) -> Config {
        self.runtime = path.into();
        self
    }

    /// The path of the crate `prost` in generated messages. Default: `::farcall::prost`, so that `prost` need not be
    /// among the dependencies.
    pub fn prost(mut self, path: impl Into<String>) -> Config {
        self.prost = Some(path.into());
        self
    }

    /// Whether `google.protobuf` types are those of `prost-types` (`Empty` is `()`, `StringValue` is `String`, and so
    /// on). Default: yes. Otherwise they are generated like any other.
    pub fn prost_types(mut self, yes: bool) -> Config {
        self.well_known = yes;
        self
    }

    /// Says that the types of a package, or one type, exist already: nothing is generated for `proto` (which begins with
    /// a dot), and `rust` is used instead.
    ///
    /// ```
    /// # let config = farcall_build::Config::new();
    /// config.extern_path(".acme.common", "::acme_common::proto").extern_path(".acme.Id", "crate::Id");
    /// ```
    pub fn extern_path(mut self, proto: impl Into<String>, rust: impl Into<String>) -> Config {
        self.extern_paths.push((proto.into(), rust.into()));
        self
    }

    /// Puts an attribute on messages, enums and oneofs. `path` is a full name with a leading dot, the beginning of
    /// one, or `.` for all.
    ///
    /// ```
    /// # let config = farcall_build::Config::new();
    /// config.type_attribute(".acme", "#[derive(serde::Serialize)]");
    /// ```
    pub fn type_attribute(self, path: impl Into<String>, attribute: impl Into<String>) -> Config {
        self.attribute(On::Type, path, attribute)
    }

    /// Puts an attribute on messages.
    pub fn message_attribute(
        self,
        path: impl Into<String>,
        attribute: impl Into<String>,
    ) -> Config {
        self.attribute(On::Message, path, attribute)
    }

    /// Puts an attribute on enums and oneofs.
    pub fn enum_attribute(self, path: impl Into<String>, attribute: impl Into<String>) -> Config {
        self.attribute(On::Enum, path, attribute)
    }

    /// Puts an attribute on fields and on variants of enums.
    pub fn field_attribute(self, path: impl Into<String>, attribute: impl Into<String>) -> Config {
        self.attribute(On::Field, path, attribute)
    }

    /// Says which `bytes` fields are `Bytes`; the others become `Vec<u8>`, which copies them when they are decoded.
    /// Default: all (`.`).
    pub fn bytes<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Config {
        self.bytes = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Makes `map` fields `BTreeMap` instead of `HashMap`.
    pub fn btree_map(mut self, path: impl Into<String>) -> Config {
        self.btree_maps.push(path.into());
        self
    }

    /// Puts a field into a `Box`. Recursive fields are boxed anyway.
    pub fn boxed(mut self, path: impl Into<String>) -> Config {
        self.boxed.push(path.into());
        self
    }

    /// Says that another generator makes the messages of all packages: none are generated, and type `Outer.Inner` of package `a.b` is
    /// `module::a::b::outer::Inner`. [`extern_path`](Config::extern_path) says where the others are; `google.protobuf` is no exception.
    /// [`codec`](Config::codec) must name what reads and writes them.
    ///
    /// ```
    /// # let config = farcall_build::Config::new();
    /// config
    ///     .messages_in("crate::messages")
    ///     .extern_path(".google.protobuf", "::buffa_types::google::protobuf")
    ///     .codec("::farcall_buffa::Buffa");
    /// ```
    pub fn messages_in(mut self, module: impl Into<String>) -> Config {
        self.foreign.messages = Some(module.into());
        self
    }

    /// The codec of all methods: the path of a unit struct that is a `Codec` of all their messages. Default: prost's.
    pub fn codec(mut self, path: impl Into<String>) -> Config {
        self.foreign.codec = Some(path.into());
        self
    }

    /// What handlers get in place of a message `M`: `path<M>`, which the [codec](Config::codec) must be able to read and to write. For views of
    /// messages, which borrow from what was received.
    pub fn requests_as(mut self, path: impl Into<String>) -> Config {
        self.foreign.requests = Some(path.into());
        self
    }

    /// The same of responses, as clients get them.
    pub fn responses_as(mut self, path: impl Into<String>) -> Config {
        self.foreign.responses = Some(path.into());
        self
    }

    fn attribute(mut self, on: On, path: impl Into<String>, text: impl Into<String>) -> Config {
        self.attributes.push(Attribute {
            on,
            path: path.into(),
            text: text.into(),
        });
        self
    }

    /// Adds a path to those of [`bytes`](Config::bytes); the first one replaces the default.
    pub(crate) fn also_bytes(mut self, path: &str) -> Config {
        self.bytes.retain(|path| path != ".");
        self.bytes.push(path.to_owned());
        self
    }

    /// The path of prost in generated code.
    pub(crate) fn prost_path(&self) -> String {
        self.prost
            .clone()
            .unwrap_or_else(|| format!("{}::prost", self.runtime))
    }

    /// The file of the descriptor set.
    pub(crate) fn descriptor_path(&self) -> Option<&PathBuf> {
        match &self.descriptors {
            Some(DescriptorSet::File(path)) => Some(path),
            _ => None,
        }
    }
}
