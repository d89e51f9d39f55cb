//! Calls with interceptors around them.

mod begin;
mod held;
mod outlet;

use super::{channel::Channel, options::CallOptions, start};
use crate::call::{
    Extensions, Knobs, Payload,
    intercept::{Call, ClientEnd, Link, OutcomeFuture, Parts},
};
use farcall_core::{Codec, MethodDescriptor, Status, message::encode_message};
use std::{mem, sync::Arc, time::Instant};

pub(super) use held::Held;

/// Whether a call is to pass interceptors.
#[inline]
pub(super) fn is_intercepted(channel: &Channel, options: &CallOptions) -> bool {
    channel.is_surrounded() || options.extras.is_some()
}

/// A unary call.
pub(super) fn unary<Req, C: Codec<Req>>(
    channel: &Channel,
    method: &MethodDescriptor,
    codec: &C,
    message: &Req,
    options: CallOptions,
) -> Held {
    match request(channel, codec, message, &options.knobs) {
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
    let message = request(channel, codec, message, &options.knobs)?;
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
    knobs: &Knobs,
) -> Result<Payload, Status> {
    // What is compressed is measured when it is.
    let limit = match channel.compressor(channel.encoding(knobs))? {
        Some(_) => usize::MAX,
        None => channel.max_send(knobs),
    };
    encode_message(codec, message, None, limit).map(Payload::prefixed)
}

/// The interceptors with the call inside, and its deadline.
#[inline]
fn around(
    channel: &Channel,
    method: &MethodDescriptor,
    content_subtype: &'static str,
    options: CallOptions,
    message: Option<Payload>,
    link: Option<Arc<Link>>,
) -> (OutcomeFuture, Option<Instant>) {
    let CallOptions { mut knobs, extras } = options;
    let attached = channel.attached(extras.as_deref());
    let extensions = extras.map_or_else(Extensions::default, |extras| extras.extensions);
    let deadline = start::own_deadline(&knobs);
    (knobs.timeout, knobs.deadline) = (None, None);
    let metadata = mem::take(&mut knobs.metadata);
    let entry = attached.around.chain.entry();
    let parts = Parts::new(metadata, deadline, message, extensions);
    let end = ClientEnd::new(attached, method.clone(), content_subtype, knobs, link);
    (entry.of_client(Call::of_client(parts, end)), deadline)
}
