//! Calls with interceptors around them.

mod begin;
mod held;
mod immediate;
mod outlet;

use super::{channel::Channel, options::CallOptions, start};
use crate::call::{
    Extensions, Knobs, Payload,
    intercept::{Call, ClientEnd, Link, Outcome, Outlet, Parts},
};
use farcall_core::{Codec, MethodDescriptor, Status, message::encode_message};
use std::{mem, sync::Arc, time::Instant};

pub(super) use held::Held;
pub(super) use immediate::ImmediateCall;

/// Whether a call is to pass interceptors.
#[inline]
pub(super) fn is_intercepted(channel: &Channel, options: &CallOptions) -> bool {
    channel.is_surrounded() || options.extras.is_some()
}

/// A unary call; `Err`: one whose interceptors may wait, or that is over.
#[inline]
pub(super) fn unary<Req, C: Codec<Req>>(
    channel: &Channel,
    method: &MethodDescriptor,
    codec: &C,
    message: &Req,
    options: &mut CallOptions,
) -> Result<ImmediateCall, Held> {
    match request(channel, codec, message, &options.knobs) {
        Ok(message) => begin_unary(channel, method, codec.content_subtype(), message, options),
        Err(status) => Err(over(Err(status))),
    }
}

fn begin_unary(
    channel: &Channel,
    method: &MethodDescriptor,
    subtype: &'static str,
    message: Payload,
    options: &mut CallOptions,
) -> Result<ImmediateCall, Held> {
    let attached = channel.attached(options.extras.as_deref());
    if attached.around.chain.immediates().is_some() {
        let method = (method, subtype);
        return ImmediateCall::start(attached, method, message, options)
            .map_err(|outcome| over(*outcome));
    }
    let entry = attached.around.chain.entry();
    let options = mem::take(options);
    let (call, deadline) = call(attached, method, subtype, options, Some(message), None);
    Err(Held::new(entry.of_client(call), deadline))
}

/// A call that has ended before it was started.
#[cold]
fn over(outcome: Outcome) -> Held {
    Held::new(Box::pin(std::future::ready(outcome)), None)
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
    let attached = channel.attached(options.extras.as_deref());
    let entry = attached.around.chain.entry();
    let (call, deadline) = call(attached, method, content_subtype, options, message, shared);
    let chain = entry.of_client(call);
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

/// A call as interceptors see it, and its deadline.
#[inline]
fn call(
    outlet: Arc<dyn Outlet>,
    method: &MethodDescriptor,
    content_subtype: &'static str,
    options: CallOptions,
    message: Option<Payload>,
    link: Option<Arc<Link>>,
) -> (Call, Option<Instant>) {
    let CallOptions { mut knobs, extras } = options;
    let extensions = extras.map_or_else(Extensions::default, |extras| extras.extensions);
    let deadline = start::own_deadline(&knobs);
    (knobs.timeout, knobs.deadline) = (None, None);
    let metadata = mem::take(&mut knobs.metadata);
    let parts = Parts::new(metadata, deadline, message, extensions);
    let end = ClientEnd::new(outlet, method.clone(), content_subtype, knobs, link);
    (Call::of_client(parts, end), deadline)
}
