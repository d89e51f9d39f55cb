//! The code in the README and in the guide, compiled and run by `cargo test -p farcall-examples --doc`: this package has
//! generated code to speak of, which `farcall` itself has not.

#[doc = include_str!("../../README.md")]
pub struct Readme;

#[doc = include_str!("../../crates/farcall/docs/quick-start.md")]
pub struct QuickStart;

#[doc = include_str!("../../crates/farcall/docs/code-generation.md")]
pub struct CodeGeneration;

#[doc = include_str!("../../crates/farcall/docs/errors-and-deadlines.md")]
pub struct ErrorsAndDeadlines;

#[doc = include_str!("../../crates/farcall/docs/streaming.md")]
pub struct Streaming;

#[doc = include_str!("../../crates/farcall/docs/tls.md")]
pub struct Tls;

#[doc = include_str!("../../crates/farcall/docs/channel.md")]
pub struct Channel;

#[doc = include_str!("../../crates/farcall/docs/connecting.md")]
pub struct Connecting;

#[doc = include_str!("../../crates/farcall/docs/interceptors.md")]
pub struct Interceptors;

#[doc = include_str!("../../crates/farcall/docs/health-and-reflection.md")]
pub struct HealthAndReflection;

#[doc = include_str!("../../crates/farcall/docs/limits.md")]
pub struct Limits;

#[doc = include_str!("../../crates/farcall/docs/compression.md")]
pub struct Compression;

#[doc = include_str!("../../crates/farcall/docs/mounts.md")]
pub struct Mounts;

#[doc = include_str!("../../crates/farcall/docs/testing.md")]
pub struct Testing;

#[doc = include_str!("../../crates/farcall/docs/operations.md")]
pub struct Operations;

#[doc = include_str!("../../crates/farcall/docs/performance.md")]
pub struct Performance;

#[doc = include_str!("../../crates/farcall/docs/tool.md")]
pub struct Tool;

#[doc = include_str!("../../crates/farcall/docs/from-tonic.md")]
pub struct FromTonic;

#[doc = include_str!("../../crates/farcall/docs/from-grpc-go.md")]
pub struct FromGrpcGo;

#[doc = include_str!("../../crates/farcall/docs/front.md")]
pub struct Front;

#[doc = include_str!("../../crates/farcall/docs/include-protos.md")]
pub struct IncludeProtos;
