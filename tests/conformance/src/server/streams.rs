//! Calls with a stream of responses.

use super::{
    definition::{failure, pause, payload},
    seen::Seen,
};
use crate::{
    headers,
    pb::{
        BidiStreamRequest, BidiStreamResponse, ConformancePayload, ServerStreamRequest,
        ServerStreamResponse, StreamResponseDefinition,
    },
};
use farcall::{Request, Sender, Status, Streaming};

/// All responses that the request defines; nothing without a definition.
pub(super) async fn server_stream(
    request: &Request<ServerStreamRequest>,
    replies: &mut Sender<ServerStreamResponse>,
) -> Result<(), Status> {
    let mut seen = Seen::of(request);
    seen.add(&**request);
    let Some(definition) = &request.response_definition else {
        return Ok(());
    };
    let mut answer = Answer::begin(definition, replies)?;
    while let Some(payload) = answer.next(&mut seen).await {
        replies
            .send(ServerStreamResponse {
                payload: Some(payload),
            })
            .await?;
    }
    answer.end(&mut seen)
}

/// Full duplex: a response for each request while there are any, then the rest. Half duplex: all requests first.
pub(super) async fn bidi_stream(
    mut requests: Request<Streaming<BidiStreamRequest>>,
    replies: &mut Sender<BidiStreamResponse>,
) -> Result<(), Status> {
    let mut seen = Seen::of(&requests);
    let Some(first) = requests.message().await? else {
        return Ok(());
    };
    seen.add(&first);
    let definition = first.response_definition.unwrap_or_default();
    let mut answer = Answer::begin(&definition, replies)?;
    let mut more = true;
    while more {
        if first.full_duplex {
            let Some(payload) = answer.next(&mut seen).await else {
                break;
            };
            replies
                .send(BidiStreamResponse {
                    payload: Some(payload),
                })
                .await?;
        }
        more = match requests.message().await? {
            Some(request) => {
                seen.add(&request);
                true
            }
            None => false,
        };
    }
    while let Some(payload) = answer.next(&mut seen).await {
        replies
            .send(BidiStreamResponse {
                payload: Some(payload),
            })
            .await?;
    }
    answer.end(&mut seen)
}

/// A definition, and how much of it has been sent.
struct Answer<'a> {
    definition: &'a StreamResponseDefinition,
    sent: usize,
}

impl<'a> Answer<'a> {
    /// Sends the headers at once and leaves the trailers ready.
    fn begin<T>(
        definition: &'a StreamResponseDefinition,
        replies: &mut Sender<T>,
    ) -> Result<Answer<'a>, Status> {
        headers::append(replies.metadata_mut(), &definition.response_headers);
        headers::append(replies.trailers_mut(), &definition.response_trailers);
        replies.send_metadata()?;
        Ok(Answer {
            definition,
            sent: 0,
        })
    }

    /// The next response, after its delay, with what was seen since the last one.
    async fn next(&mut self, seen: &mut Seen) -> Option<ConformancePayload> {
        let data = self.definition.response_data.get(self.sent)?.clone();
        pause(self.definition.response_delay_ms).await;
        let is_news = self.sent == 0 || !seen.is_empty();
        self.sent += 1;
        Some(if is_news {
            payload(data, seen)
        } else {
            ConformancePayload {
                data,
                request_info: None,
            }
        })
    }

    /// The end that was asked for.
    fn end(&self, seen: &mut Seen) -> Result<(), Status> {
        match &self.definition.error {
            Some(error) => Err(failure(error, (self.sent == 0).then_some(seen))),
            None => Ok(()),
        }
    }
}
