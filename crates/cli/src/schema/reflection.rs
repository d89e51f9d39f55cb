//! The server, asked for its descriptors: `grpc.reflection.v1`, or `v1alpha` of servers that do not have it.

use super::set::Gathered;
use crate::{
    connection::{Connected, prepared},
    failure::Failure,
};
use farcall::{
    Channel, Code, Metadata, Method, Sender, Status, Streaming,
    client::BidiCall,
    reflection::proto::{
        ServerReflectionRequest, ServerReflectionResponse,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
};
use prost_reflect::DescriptorPool;
use std::{collections::HashSet, time::Instant};

type Info = Method<ServerReflectionRequest, ServerReflectionResponse>;

/// The messages of both versions are the same on the wire.
static V1: Info = Method::bidi("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
static V1ALPHA: Info =
    Method::bidi("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");

/// A conversation with one server, in one stream, and what came of it.
pub(crate) struct Reflection {
    channel: Channel,
    metadata: Metadata,
    deadline: Option<Instant>,
    version: &'static Info,
    stream: Option<(
        Sender<ServerReflectionRequest>,
        Streaming<ServerReflectionResponse>,
    )>,
    gathered: Gathered,
    pool: DescriptorPool,
    /// Symbols and files that the server does not know.
    unknown: HashSet<String>,
}

impl Reflection {
    pub(super) fn new(connected: &Connected) -> Reflection {
        Reflection {
            channel: connected.channel.clone(),
            metadata: connected.metadata.clone(),
            deadline: connected.deadline,
            version: &V1,
            stream: None,
            gathered: Gathered::default(),
            pool: DescriptorPool::new(),
            unknown: HashSet::new(),
        }
    }

    pub(super) async fn services(&mut self) -> Result<Vec<String>, Failure> {
        let question = MessageRequest::ListServices("*".to_owned());
        match self.ask(question).await? {
            MessageResponse::ListServicesResponse(list) => Ok(list
                .service
                .into_iter()
                .map(|service| service.name)
                .collect()),
            MessageResponse::ErrorResponse(error) => {
                Err(refused(error.error_code, error.error_message))
            }
            _ => Err(Failure::local(
                "the server answers another question than that for its services",
            )),
        }
    }

    pub(super) async fn pool_with(&mut self, symbol: &str) -> Result<DescriptorPool, Failure> {
        let known = self.pool.get_service_by_name(symbol).is_some()
            || self.pool.get_message_by_name(symbol).is_some()
            || self.pool.get_enum_by_name(symbol).is_some();
        if known || symbol.is_empty() || self.unknown.contains(symbol) {
            return Ok(self.pool.clone());
        }
        let mut question = MessageRequest::FileContainingSymbol(symbol.to_owned());
        let mut wanted = symbol.to_owned();
        loop {
            if !self.files(question).await? {
                self.unknown.insert(wanted);
                break;
            }
            match self.gathered.missing() {
                Some(name) => {
                    wanted.clone_from(&name);
                    question = MessageRequest::FileByFilename(name);
                }
                None => break,
            }
        }
        self.pool = self.gathered.pool()?;
        Ok(self.pool.clone())
    }

    /// Whether files came.
    async fn files(&mut self, question: MessageRequest) -> Result<bool, Failure> {
        match self.ask(question).await? {
            MessageResponse::FileDescriptorResponse(response) => {
                for file in response.file_descriptor_proto {
                    self.gathered.add(file.into())?;
                }
                Ok(true)
            }
            MessageResponse::ErrorResponse(error) if error.error_code == Code::NotFound as i32 => {
                Ok(false)
            }
            MessageResponse::ErrorResponse(error) => {
                Err(refused(error.error_code, error.error_message))
            }
            _ => Err(Failure::local(
                "the server answers another question than that for a file",
            )),
        }
    }

    async fn ask(&mut self, question: MessageRequest) -> Result<MessageResponse, Failure> {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(question),
        };
        let first = self.stream.is_none();
        let mut answer = self.exchange(request.clone()).await;
        let unimplemented = matches!(&answer, Err(status) if status.code() == Code::Unimplemented);
        if first && unimplemented && std::ptr::eq(self.version, &V1) {
            self.version = &V1ALPHA;
            self.stream = None;
            answer = self.exchange(request).await;
        }
        answer.map_err(|status| self.explained(&status))
    }

    async fn exchange(
        &mut self,
        request: ServerReflectionRequest,
    ) -> Result<MessageResponse, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let call = BidiCall::new(&self.channel, self.version);
                none.insert(
                    prepared!(self, call)
                        .max_receive_message_size(256 << 20)
                        .split(),
                )
            }
        };
        // If it cannot be sent, the answer says why.
        let _ = stream.0.send(request).await;
        let answer = stream.1.message().await?;
        answer
            .and_then(|answer| answer.message_response)
            .ok_or_else(|| {
                Status::internal("the server left a question of reflection without an answer")
            })
    }

    fn explained(&self, status: &Status) -> Failure {
        let mut text = format!("asking by reflection: {}", crate::explain::headline(status));
        text += crate::explain::hint(status);
        if status.code() == Code::Unimplemented {
            text += "\nhint: the server does not offer reflection; name its files with --proto or --descriptor-set";
        }
        Failure::status(status.code(), text)
    }

    /// Ends the stream in order, so that the server does not see it cancelled.
    pub(super) async fn close(&mut self) {
        if let Some((mut questions, mut answers)) = self.stream.take() {
            questions.half_close();
            while let Ok(Some(_)) = answers.message().await {}
        }
    }
}

fn refused(code: i32, message: String) -> Failure {
    let status = Status::new(Code::from_i32(code), message);
    Failure::status(
        status.code(),
        format!(
            "asking by reflection: {}",
            crate::explain::headline(&status)
        ),
    )
}
