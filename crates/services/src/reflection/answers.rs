//! Questions and answers of one stream.

use super::{
    files::Files,
    proto::{
        ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
        ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
};
use farcall_core::{Code, Status};
use std::{collections::HashSet, sync::Arc};

/// What a server has to tell.
#[derive(Default)]
pub(super) struct Knowledge {
    /// Sorted.
    pub(super) services: Vec<&'static str>,
    pub(super) files: Files,
}

/// One stream: it remembers which files it has sent.
pub(super) struct Answers {
    knowledge: Arc<Knowledge>,
    sent: HashSet<usize>,
}

impl Answers {
    pub(super) fn new(knowledge: Arc<Knowledge>) -> Answers {
        Answers {
            knowledge,
            sent: HashSet::new(),
        }
    }

    /// # Errors
    /// `INVALID_ARGUMENT` if nothing is asked, or something that this version of the service does not know.
    pub(super) fn answer(
        &mut self,
        request: ServerReflectionRequest,
    ) -> Result<ServerReflectionResponse, Status> {
        let Some(question) = &request.message_request else {
            return Err(Status::invalid_argument("the request asks for nothing"));
        };
        let response = self
            .find(question)
            .unwrap_or_else(MessageResponse::ErrorResponse);
        Ok(ServerReflectionResponse {
            valid_host: request.host.clone(),
            original_request: Some(request),
            message_response: Some(response),
        })
    }

    fn find(&mut self, question: &MessageRequest) -> Result<MessageResponse, ErrorResponse> {
        let files = &self.knowledge.files;
        let file = match question {
            MessageRequest::ListServices(_) => return Ok(self.services()),
            MessageRequest::AllExtensionNumbersOfType(of) => {
                let numbers = files
                    .extensions(of)
                    .ok_or_else(|| not_found(format!("unknown type {of:?}")))?;
                return Ok(MessageResponse::AllExtensionNumbersResponse(
                    ExtensionNumberResponse {
                        base_type_name: of.clone(),
                        extension_number: numbers,
                    },
                ));
            }
            MessageRequest::FileByFilename(name) => files
                .by_name(name)
                .ok_or_else(|| not_found(format!("unknown file {name:?}")))?,
            MessageRequest::FileContainingSymbol(name) => files
                .by_symbol(name)
                .ok_or_else(|| not_found(format!("unknown symbol {name:?}")))?,
            MessageRequest::FileContainingExtension(one) => files
                .by_extension(&one.containing_type, one.extension_number)
                .ok_or_else(|| {
                    let (of, number) = (&one.containing_type, one.extension_number);
                    not_found(format!("unknown extension {number} of {of:?}"))
                })?,
        };
        Ok(MessageResponse::FileDescriptorResponse(
            FileDescriptorResponse {
                file_descriptor_proto: files.with_imports(file, &mut self.sent),
            },
        ))
    }

    fn services(&self) -> MessageResponse {
        let services = self.knowledge.services.iter();
        let service = services.map(|name| ServiceResponse {
            name: (*name).to_owned(),
        });
        MessageResponse::ListServicesResponse(ListServiceResponse {
            service: service.collect(),
        })
    }
}

/// Names come back from the peer that sent them, of any length: enough of them is shown to recognise them.
fn not_found(what: String) -> ErrorResponse {
    const ENOUGH: usize = 512;
    let end = what
        .char_indices()
        .nth(ENOUGH)
        .map_or(what.len(), |(end, _)| end);
    ErrorResponse {
        error_code: Code::NotFound as i32,
        error_message: what[..end].to_owned(),
    }
}
