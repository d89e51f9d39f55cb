//! Where a client's interceptors end: the call goes out.

use super::super::{
    channel::Channel,
    credentials::{self, Authorizing, authorize},
    options::CallOptions,
    pending::PendingResponse,
    start::{self, Started},
};
use crate::{
    call::{
        Payload, Response, Watch,
        intercept::{Answer, ClientEnd, Link, Opened, Outcome, Parts, set_under_way},
    },
    transport::mailbox::{Finish, Interest},
};
use bytes::Bytes;
use farcall_core::{Metadata, Raw, Status};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

/// See the module.
pub(super) struct Outbound {
    channel: Channel,
    content_subtype: &'static str,
    /// Without what interceptors may change.
    options: CallOptions,
    /// Of a call with halves.
    link: Option<Arc<Link>>,
    credentials: credentials::List,
    state: State,
}

enum State {
    Idle,
    /// Credentials are asked. A lock that is never taken.
    Authorizing(Mutex<Authorizing>),
    /// One response is on its way.
    Response(PendingResponse<Bytes, Raw>),
    /// The receiving half tells the end.
    Stream,
}

impl Outbound {
    pub(super) fn new(
        channel: Channel,
        content_subtype: &'static str,
        options: CallOptions,
        link: Option<Arc<Link>>,
        credentials: credentials::List,
    ) -> Outbound {
        Outbound {
            channel,
            content_subtype,
            options,
            link,
            credentials,
            state: State::Idle,
        }
    }

    /// Starts the call, or what comes before it.
    fn begin(&mut self, parts: &mut Parts) -> Result<(), Status> {
        if self.credentials.is_empty() {
            return self.start(parts, parts.metadata.clone());
        }
        self.state = State::Authorizing(Mutex::new(authorize(
            self.credentials.clone(),
            parts.method.clone(),
            self.channel.authority(),
            self.channel.security_level(),
        )));
        Ok(())
    }

    #[cold]
    fn poll_authorized(
        &mut self,
        parts: &mut Parts,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Status>> {
        let State::Authorizing(authorizing) = &mut self.state else {
            return Poll::Ready(Ok(()));
        };
        let authorizing = authorizing
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let proof = ready!(authorizing.as_mut().poll(cx));
        self.state = State::Idle;
        let mut metadata = parts.metadata.clone();
        metadata.extend(&proof?);
        Poll::Ready(self.start(parts, metadata))
    }

    fn start(&mut self, parts: &mut Parts, metadata: Metadata) -> Result<(), Status> {
        let kind = parts.method.kind();
        let message = match parts.kept {
            true => parts.message.clone(),
            false => parts.message.take(),
        };
        let data = match message {
            Some(message) => Some(self.encode(parts, message)?),
            None => None,
        };
        let started = start::start(
            &self.channel,
            &parts.method,
            self.content_subtype,
            CallOptions {
                timeout: None,
                deadline: parts.deadline,
                metadata,
                extras: None,
                retry: self.options.retry.clone(),
                authority: self.options.authority.clone(),
                ..self.options
            },
            match kind.server_streams() {
                true => Interest::Any,
                false => Interest::End,
            },
            data,
            match kind.client_streams() {
                true => Finish::Open,
                false => Finish::HalfClose,
            },
        )?;
        if let Some(link) = &self.link {
            let mut watch = Watch::default();
            if let Some(hooks) = &mut parts.hooks {
                if kind.client_streams() {
                    watch.requests = hooks.take_requests();
                }
                if kind.server_streams() {
                    watch.responses = hooks.take_responses();
                    watch.heads = hooks.take_heads();
                }
            }
            let Started {
                mailbox,
                max_receive,
            } = &started;
            let opened = Opened {
                mailbox: Arc::clone(mailbox),
                max_receive: *max_receive,
            };
            link.start(opened, watch);
        }
        self.state = match kind.server_streams() {
            true => State::Stream,
            false => State::Response(PendingResponse::new(self.channel.clone(), Raw, Ok(started))),
        };
        Ok(())
    }

    fn encode(&self, parts: &mut Parts, mut message: Payload) -> Result<Bytes, Status> {
        if let Some(hooks) = &mut parts.hooks {
            hooks.apply_to_request(&mut message)?;
        }
        let compressor = self
            .channel
            .compressor(self.channel.encoding(&self.options))?;
        message.into_wire(compressor, self.channel.max_send(&self.options))
    }
}

impl ClientEnd for Outbound {
    fn poll_run(&mut self, parts: &mut Parts, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let State::Idle = self.state {
            self.begin(parts)?;
        }
        if let State::Authorizing(_) = self.state {
            ready!(self.poll_authorized(parts, cx))?;
        }
        set_under_way(true);
        let response = match &mut self.state {
            State::Response(response) => ready!(Pin::new(response).poll(cx)),
            State::Stream => {
                return match &self.link {
                    Some(link) => link.poll_end(cx),
                    None => Poll::Pending,
                };
            }
            State::Idle | State::Authorizing(_) => return Poll::Pending,
        };
        set_under_way(false);
        self.state = State::Idle;
        Poll::Ready(response.and_then(|response| answer(parts, response)))
    }

    fn abandon(&mut self) {
        // Dropping a response cancels its call.
        if let State::Stream = std::mem::replace(&mut self.state, State::Idle)
            && let Some(link) = &self.link
        {
            link.cancel(Status::cancelled("an interceptor gave the call up"));
        }
    }

    fn authority(&self) -> &str {
        self.channel.authority()
    }
}

fn answer(parts: &mut Parts, response: Response<Bytes>) -> Outcome {
    let compressed = response.message_was_compressed();
    let previous_attempts = response.attempts() - 1;
    let (message, mut metadata, trailers) = response.into_parts();
    let mut message = Payload::new(message);
    if let Some(hooks) = &mut parts.hooks {
        hooks.apply_to_response(&mut metadata, &mut message)?;
    }
    Ok(Answer {
        metadata,
        message: Some(message),
        trailers,
        compressed,
        previous_attempts,
        compression: None,
    })
}
