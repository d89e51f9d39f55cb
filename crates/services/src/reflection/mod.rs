//! Reflection: describes a server's services to tools that do not have their `.proto` files (`grpc.reflection.v1` and
//! `v1alpha`), such as grpcurl, ghz, buf and Postman.
//!
//! [`service`] is added like any other service, before or after them. What it tells comes from the generated code, which
//! carries the descriptors of its files and of all that they import; nothing has to be registered. It lists exactly the
//! services of the server that it was added to. Services without descriptors (those that were not generated, or with
//! `embed_descriptors(false)`) are listed and not described.
//!
//! | request | answer |
//! |---|---|
//! | `list_services` | the names, sorted |
//! | `file_by_filename` | the file, and of those that it imports the ones not sent on this stream before |
//! | `file_containing_symbol` | likewise, of the file with this service, method, message, field, oneof, enum, value or extension |
//! | `file_containing_extension` | likewise, of the file with the extension of this message and number |
//! | `all_extension_numbers_of_type` | the numbers, sorted |
//!
//! The standard details of statuses (`google.rpc.BadRequest` and the others) are always described, so that tools can show them.
//!
//! What is not known is answered with the code `NOT_FOUND` inside the stream, which goes on; a request that asks for nothing ends it
//! with `INVALID_ARGUMENT`.
//!
//! *Whoever can call it learns the names of all messages and fields that the generated code knows.* Servers for the public
//! often leave it out, or add it on an address for operators only.
//!
//! ```
//! use farcall::{Channel, Server, reflection};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder()
//!     .add_service(farcall::health::service())
//!     .add_service(reflection::service())
//!     .bind("127.0.0.1:0")
//!     .await?;
//! # let channel = Channel::builder(server.local_addr()?.to_string()).insecure().build()?;
//! # tokio::spawn(server.serve());
//!
//! use reflection::proto::{ServerReflectionClient, ServerReflectionRequest};
//! use reflection::proto::{server_reflection_request::MessageRequest, server_reflection_response::MessageResponse};
//! let (mut questions, mut answers) = ServerReflectionClient::new(channel).server_reflection_info().split();
//! let list = MessageRequest::ListServices(String::new());
//! questions.send(ServerReflectionRequest { host: String::new(), message_request: Some(list) }).await?;
//! questions.half_close();
//! let answer = answers.message().await?.expect("one answer for each question");
//! let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else { panic!() };
//! let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
//! assert_eq!(names, ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]);
//! # Ok(()) }
//! ```

mod answers;
mod files;
pub(crate) mod generated;
mod server;
mod symbols;
#[cfg(test)]
mod tests;

pub use generated::grpc::reflection::v1 as proto;
pub use server::{ReflectionService, service};
