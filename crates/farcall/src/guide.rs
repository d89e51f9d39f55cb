//! Farcall by example, chapter by chapter.
//!
//! | chapter | about |
//! |---|---|
//! | [`quick_start`] | a project, a server, a client; targets; metadata |
//! | [`code_generation`] | build scripts, checked-in code, protoc and buf, editions; what a service becomes |
//! | [`errors_and_deadlines`] | statuses, deadlines, cancellation, what drops a handler, inheritance |
//! | [`streaming`] | the halves of a stream, what ends them, back-pressure |
//! | [`tls`] | certificates of servers and clients, and what TLS errors say |
//! | [`channel`] | balancing, service config, resolvers and policies of one's own |
//! | [`connecting`] | states, idleness, proxies, closing |
//! | [`interceptors`] | code around calls, tokens that prove on whose behalf one calls |
//! | [`health_and_reflection`] | telling balancers whether a server is fit, and tools what it offers |
//! | [`limits`] | every knob with its default, unit and danger |
//! | [`compression`] | compressors and who chooses them; codecs of one's own |
//! | [`mounts`] | the server in axum and hyper, beside ordinary HTTP |
//! | [`operations`] | shutdown, drains, health, limits, logs, balancers, kernels |
//! | [`performance`] | what costs what, and how to get the most |
//! | [`testing`] | servers in tests, stubs, misbehaving peers, time |
//! | [`tool`] | the command `farcall`: calls, descriptions and health from a terminal |
//! | [`from_tonic`] | moving a service or a client, name by name |
//! | [`from_grpc_go`] | what is called how, and what differs |

// The code in these files runs as tests of the package `farcall-examples`, which has generated code to speak of.

#[cfg_attr(not(doctest), doc = include_str!("../docs/quick-start.md"))]
///
/// # More
/// [`Server`](crate::Server), [`Channel`](crate::Channel), [`Metadata`](crate::Metadata).
pub mod quick_start {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/code-generation.md"))]
///
/// # More
/// [`include_protos!`](crate::include_protos), and the crate `farcall-build`.
pub mod code_generation {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/errors-and-deadlines.md"))]
///
/// # More
/// [`Status`](crate::Status), [`Code`](crate::Code), [`status`](crate::status), [`Context`](crate::Context),
/// [`Request::cancelled`](crate::Request::cancelled).
pub mod errors_and_deadlines {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/streaming.md"))]
///
/// # More
/// [`Sender`](crate::Sender), [`Streaming`](crate::Streaming), [`client`](crate::client).
pub mod streaming {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/tls.md"))]
///
/// # More
/// `ClientTls`, `ServerTls` and the module `tls`, [`Peer`](crate::Peer), [`ConnectError`](crate::ConnectError).
pub mod tls {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/channel.md"))]
///
/// # More
/// [`ChannelBuilder`](crate::ChannelBuilder), [`lb`](crate::lb), [`resolver`](crate::resolver),
/// [`service_config`](crate::service_config).
pub mod channel {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/connecting.md"))]
///
/// # More
/// [`Channel`](crate::Channel), [`ChannelBuilder`](crate::ChannelBuilder), [`ConnectivityState`](crate::ConnectivityState).
pub mod connecting {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/interceptors.md"))]
///
/// # More
/// [`interceptor`](crate::interceptor), [`Interceptor`](crate::Interceptor), [`credentials`](crate::credentials).
pub mod interceptors {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/health-and-reflection.md"))]
///
/// # More
/// The modules `health` and `reflection`, [`Server::lame_duck`](crate::Server::lame_duck),
/// [`Lifecycle`](crate::server::Lifecycle).
pub mod health_and_reflection {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/limits.md"))]
///
/// # More
/// [`ChannelBuilder`](crate::ChannelBuilder), [`Server`](crate::Server).
pub mod limits {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/compression.md"))]
///
/// # More
/// [`compression`](mod@crate::compression), [`Encoding`](crate::Encoding), [`codec`](crate::codec).
pub mod compression {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/mounts.md"))]
///
/// # More
/// `Server::into_service` and `Server::into_router` (features `tower` and `axum`).
pub mod mounts {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/operations.md"))]
///
/// # More
/// [`Server`](crate::Server), [`ShutdownReport`](crate::ShutdownReport), [`limits`], [`health_and_reflection`].
pub mod operations {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/performance.md"))]
///
/// # More
/// [`Server`](crate::Server), [`ChannelBuilder`](crate::ChannelBuilder), [`codec`](crate::codec).
pub mod performance {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/testing.md"))]
///
/// # More
/// [`Server::bind`](crate::Server::bind), [`Channel`](crate::Channel).
pub mod testing {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/tool.md"))]
///
/// # More
/// [`health_and_reflection`], the package `farcall-cli`.
pub mod tool {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/from-tonic.md"))]
///
/// # More
/// [`Server`](crate::Server), [`Channel`](crate::Channel), [`Interceptor`](crate::Interceptor).
pub mod from_tonic {}

#[cfg_attr(not(doctest), doc = include_str!("../docs/from-grpc-go.md"))]
///
/// # More
/// [`Server`](crate::Server), [`Channel`](crate::Channel), [`Context`](crate::Context).
pub mod from_grpc_go {}
