//! Calls with interceptors around them.

mod begin;
mod end;
mod held;

use super::{
    channel::{Attached, Channel},
    options::CallOptions,
    start,
};
use crate::call::{
    Context, Payload,
    intercept::{Call, Link, OutcomeFuture, Parts},
};
use end::Outbound;
use farcall_core::{Codec, MethodDescriptor, Status, message::encode_message};
use std::{mem, sync::Arc, time::Instant};

pub(super) use held::Held;

/// Whether a call is to pass interceptors.
#[inline]
pub(super) fn is_intercepted(channel: &Channel, options: &CallOptions) -> bool {
    channel.attached().is_some() || options.extras.is_some()
}

/// A unary call.
pub(super) fn unary<Req, C: Codec<Req>>(
    channel: &Channel,
    method: &MethodDescriptor,
    codec: &C,
    message: &Req,
    options: CallOptions,
) -> Held {
    match request(channel, codec, message, &options) {
        Ok(message) => {
            let subtype = codec.content_subtype();
            let (chain, deadline) = around(channel, method, subtype, options, Some(message), None);
            Held::new(chain, deadline)
        }
        Err(status) => Held::new(Box::pin(std::future::ready(Err(status))), None),
    }
}

/// A server-streaming call: what its receiving half is made with.
///
/// # Errors
/// What is wrong with the request message.
#[cold]
pub(super) fn server_streaming<Req, C: Codec<Req>>(
    channel: &Channel,
    method: &MethodDescriptor,
    codec: &C,
    message: &Req,
    options: CallOptions,
) -> Result<Arc<Link>, Status> {
    let message = request(channel, codec, message, &options)?;
    let subtype = codec.content_subtype();
    Ok(halves(channel, method, subtype, options, Some(message)))
}

/// A call with a stream of requests: what its halves are made with.
#[cold]
pub(super) fn halves(
    channel: &Channel,
    method: &MethodDescriptor,
    content_subtype: &'static str,
    options: CallOptions,
    message: Option<Payload>,
) -> Arc<Link> {
    let link = Arc::new(Link::default());
    let shared = Some(Arc::clone(&link));
    let (chain, deadline) = around(channel, method, content_subtype, options, message, shared);
    begin::begin(chain, &link, deadline);
    link
}

/// The message as interceptors see it.
fn request<Req, C: Codec<Req>>(
    channel: &Channel,
    codec: &C,
    message: &Req,
    options: &CallOptions,
) -> Result<Payload, Status> {
    // What is compressed is measured when it is.
    let limit = match channel.compressor(channel.encoding(options))? {
        Some(_) => usize::MAX,
        None => channel.max_send(options),
    };
    encode_message(codec, message, None, limit).map(Payload::prefixed)
}

/// The interceptors with the call inside, and its deadline.
fn around(
    channel: &Channel,
    method: &MethodDescriptor,
    content_subtype: &'static str,
    mut options: CallOptions,
    message: Option<Payload>,
    link: Option<Arc<Link>>,
) -> (OutcomeFuture, Option<Instant>) {
    let deadline = start::deadline(&options, Context::current().as_ref());
    let metadata = mem::take(&mut options.metadata);
    let mut parts = Parts::new(method.clone(), metadata, deadline, message);
    let attached = channel.attached().cloned();
    let Attached {
        mut chain,
        mut credentials,
    } = attached.unwrap_or_default();
    if let Some(extras) = options.extras.take() {
        parts.extensions = extras.extensions;
        credentials.extend(&extras.credentials);
        if !extras.chain.is_empty() {
            Arc::make_mut(&mut chain).extend(&extras.chain);
        }
    }
    let end = Outbound::new(channel.clone(), content_subtype, options, link, credentials);
    let call = Call::of_client(parts, Box::new(end));
    (chain.of_client(call), deadline)
}
