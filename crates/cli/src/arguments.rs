//! The command line.

use crate::{
    duration,
    failure::EXIT_CODES,
    headers::{self, Header},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, time::Duration};

/// Calls gRPC services, describes them, asks for their health, and generates code for them.
#[derive(Parser)]
#[command(name = "farcall", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Call a method with messages as JSON.
    #[command(after_help = EXIT_CODES)]
    Call(CallArguments),
    /// List services, or the methods of one.
    List(ListArguments),
    /// Show services, methods, messages and enums as a .proto file would have them.
    Describe(DescribeArguments),
    /// Ask for the health of a server or of one of its services.
    #[command(after_help = EXIT_CODES)]
    Health(HealthArguments),
    /// Generate Rust from .proto files, to be checked in; `farcall gen --help` has its options.
    #[command(disable_help_flag = true)]
    Gen(GenArguments),
}

#[derive(Args)]
pub(crate) struct CallArguments {
    /// Where: `localhost:50051`, `dns:///greeter.example:443`, `unix:/run/greeter.sock`
    pub(crate) target: String,
    /// What: `package.Service/Method`, or with a dot
    pub(crate) method: String,
    /// The requests as JSON: any number of values each, `@FILE` to read a file, `-` to read stdin.
    /// None: the empty message, or stdin if the method takes many
    #[arg(value_name = "JSON")]
    pub(crate) requests: Vec<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) schema: SchemaFiles,
    /// Wait for a connection instead of failing with UNAVAILABLE while there is none
    #[arg(long)]
    pub(crate) wait_for_ready: bool,
    /// Compress what is sent: gzip, deflate, zstd or snappy
    #[arg(long, value_name = "NAME")]
    pub(crate) compress: Option<String>,
    /// Largest response that is accepted, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub(crate) max_receive_size: usize,
    /// Show headers, trailers and the status, on stderr
    #[arg(long, short)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Whether to tell on stderr how far a long call is
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    pub(crate) progress: Progress,
}

/// How messages are printed.
#[derive(Args, Clone, Copy)]
pub(crate) struct Output {
    /// One line for each message
    #[arg(long)]
    pub(crate) compact: bool,
    /// Print fields that have their default values, too
    #[arg(long)]
    pub(crate) defaults: bool,
    /// Print fields under their names in the .proto file, `point_count` instead of `pointCount`
    #[arg(long)]
    pub(crate) proto_names: bool,
}

/// When to tell how far a call is.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// If stderr is a terminal and stdout is not
    Auto,
    Always,
    Never,
}

#[derive(Args)]
pub(crate) struct ListArguments {
    /// The target, unless the schema is given by files; then a service, to list its methods
    #[arg(value_name = "TARGET] [SERVICE", num_args = 0..=2)]
    pub(crate) arguments: Vec<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) schema: SchemaFiles,
}

#[derive(Args)]
pub(crate) struct DescribeArguments {
    /// The target, unless the schema is given by files; then names of services, methods, messages, enums. None: all services
    #[arg(value_name = "TARGET] [NAME")]
    pub(crate) arguments: Vec<String>,
    /// Show a message as JSON to be filled in
    #[arg(long)]
    pub(crate) template: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) schema: SchemaFiles,
}

#[derive(Args)]
pub(crate) struct HealthArguments {
    /// Where
    pub(crate) target: String,
    /// Which service; none: the server as a whole
    #[arg(default_value = "")]
    pub(crate) service: String,
    /// Go on telling changes until interrupted or until --timeout has passed
    #[arg(long, short)]
    pub(crate) watch: bool,
    /// Tell the health of everything that the server knows
    #[arg(long, conflicts_with_all = ["service", "watch"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args)]
pub(crate) struct GenArguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}

/// How to get there.
#[derive(Args)]
pub(crate) struct Connection {
    /// Do not encrypt. Without it TLS is used
    #[arg(long, short, conflicts_with_all = ["ca", "cert", "key", "server_name"])]
    pub(crate) plaintext: bool,
    /// Trust these certificates (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The certificate chain to show to the server (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The private key of --cert (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The name that the server's certificate must have, if it is not that of the target
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// The :authority of the calls, if it is not that of the target
    #[arg(long, value_name = "NAME")]
    pub(crate) authority: Option<String>,
    /// Metadata of all calls, those of reflection too; values of -bin keys are base64
    #[arg(long = "metadata", short = 'H', value_name = "KEY: VALUE", value_parser = headers::parse)]
    pub(crate) metadata: Vec<Header>,
    /// How long it may take altogether: 1.5s, 200ms, 2m
    #[arg(long, short, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) timeout: Option<Duration>,
    /// How long one attempt to connect may take
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10s")]
    pub(crate) connect_timeout: Duration,
}

/// Where to find out what messages look like. Without any of it the server is asked by reflection.
#[derive(Args)]
pub(crate) struct SchemaFiles {
    /// A .proto file; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) proto: Vec<PathBuf>,
    /// Where to look for imports of --proto
    #[arg(long = "include", short = 'I', value_name = "DIR", requires = "proto")]
    pub(crate) includes: Vec<PathBuf>,
    /// An encoded FileDescriptorSet with its imports, as of `buf build -o x.binpb` or `protoc --include_imports`
    #[arg(long, value_name = "FILE", conflicts_with = "proto")]
    pub(crate) descriptor_set: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
