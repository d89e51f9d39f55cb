//! The start of a call: options become a request head and a mailbox, and the mailbox is dispatched.

use super::{
    channel::Channel,
    heads::{Start, StartConfig},
};
use crate::{
    call::{Context, Knobs, intercept::Opened},
    clock,
    transport::{
        Mailbox,
        chunks::Chunks,
        mailbox::{
            Configured, End, Finish, Head, Interest, Kept, Late, Outgoing, Route, earlier,
            too_large,
        },
    },
};
use bytes::Bytes;
use farcall_core::{
    MethodDescriptor, Status,
    call::client::RequestTemplate,
    message::{Compressor, PREFIX},
    retry::{RetryOptions, RetryPlan, RetryState},
    service_config::MethodConfig,
};
use farcall_lb::Authority;
use std::{
    mem,
    sync::{Arc, Mutex},
    time::Instant,
};

/// Starts a call; `data` is its first message. Takes the metadata out of the knobs.
///
/// # Errors
/// What is wrong with the options themselves. Everything else reaches the mailbox.
pub(crate) fn start(
    channel: &Channel,
    method: &MethodDescriptor,
    content_subtype: &'static str,
    knobs: &mut Knobs,
    interest: Interest,
    data: Option<Bytes>,
    finish: Finish,
) -> Result<Opened, Status> {
    knobs.metadata.check()?;
    let encoding = channel.encoding(knobs);
    channel.compressor(encoding)?;
    let context = Context::current();
    let mut terms = Terms {
        deadline: deadline(knobs, context.as_ref()),
        wait_for_ready: knobs.wait_for_ready.unwrap_or(false),
        max_receive: channel.max_receive(knobs),
    };
    let place = match channel.limits() {
        None => None,
        Some(limits) => limits.admit()?.map(|place| Box::new(place) as _),
    };
    let Start {
        template,
        config,
        plan,
    } = channel.start(method, content_subtype, encoding);
    let config = match config {
        StartConfig::None => Configured::None,
        StartConfig::Known(config) => {
            terms.apply(&config, knobs, data.as_ref())?;
            Configured::Known(config)
        }
        StartConfig::Awaited => {
            let mut late = Late::new(clock::now(), knobs.wait_for_ready);
            if let Some(limits) = channel.limits() {
                let limited = limits.deadline(terms.deadline);
                late = late.limited(limited.is_default, limited.latest);
            }
            Configured::Late(Box::new(late))
        }
    };
    if let Some(limits) = channel.limits() {
        terms.deadline = limits.deadline(terms.deadline).deadline;
    }
    let Terms {
        deadline,
        wait_for_ready,
        max_receive,
    } = terms;
    let own_authority = knobs.authority().is_some();
    let template = match knobs.authority() {
        None => template,
        Some(Ok(authority)) => named(&template, authority),
        Some(Err(status)) => return Err(status.clone()),
    };
    let hedged = plan.as_ref().is_some_and(|plan| plan.repeat.is_hedged());
    let head = Head::Request {
        template,
        own_authority,
        refused: false,
        retry: retry_state(channel, plan, knobs.retry()),
        picked: None,
    };
    let route = Route {
        method: method.clone(),
        metadata: mem::take(&mut knobs.metadata),
        wait_for_ready,
        receive_limit: max_receive.saturating_add(PREFIX),
        config,
        kept: match (place, knobs.take_preparation()) {
            (None, None) => None,
            (place, preparation) => {
                let place = Mutex::new(place);
                Some(Box::new(Kept { place, preparation }))
            }
        },
    };
    // Made where it is handed over: each variable between would be a copy.
    let outgoing = Outgoing {
        head: Some(head),
        data: data.map(Chunks::from).unwrap_or_default(),
        finish,
        reset: None,
        release: 0,
        expect: 0,
    };
    let mailbox = Mailbox::new(deadline, interest, outgoing, Some(route));
    if let Some(context) = context {
        context.adopt(&mailbox);
    }
    match hedged {
        false => channel.dispatch(&mailbox),
        true => channel.hedge(&mailbox),
    }
    Ok(Opened {
        mailbox,
        max_receive,
    })
}

/// The lists of a call with an authority of its own.
#[cold]
fn named(template: &RequestTemplate, authority: &Authority) -> RequestTemplate {
    template.with_authority(authority.as_str().to_owned())
}

/// What keeps count of a call's attempts, if anything has to.
#[inline]
fn retry_state(
    channel: &Channel,
    plan: Option<Arc<RetryPlan>>,
    options: Option<RetryOptions>,
) -> Option<RetryState> {
    if plan.is_none() && options.is_none() {
        return None;
    }
    let plan = plan.unwrap_or_else(|| channel.bare_plan());
    let options = options.unwrap_or_default();
    Some(RetryState::new(plan, options))
}

/// What caller, context and service config have agreed on.
struct Terms {
    deadline: Option<Instant>,
    wait_for_ready: bool,
    max_receive: usize,
}

impl Terms {
    /// The earlier deadline and the smaller limits count; about waiting the caller's word.
    fn apply(
        &mut self,
        config: &MethodConfig,
        knobs: &Knobs,
        data: Option<&Bytes>,
    ) -> Result<(), Status> {
        if config.timeout.is_some() {
            self.deadline = earlier(self.deadline, clock::now(), config);
        }
        let waits = knobs.wait_for_ready.or(config.wait_for_ready);
        self.wait_for_ready = waits.unwrap_or(false);
        if let Some(limit) = config.max_response_message_bytes {
            self.max_receive = self.max_receive.min(limit);
        }
        let size = data.map_or(0, |data| data.len().saturating_sub(PREFIX));
        match config.max_request_message_bytes {
            Some(limit) if size > limit => Err(too_large(size, limit)),
            _ => Ok(()),
        }
    }
}

/// The compressor of what a streaming call sends; one that is not built in fails the call when it starts.
pub(crate) fn compressor(channel: &Channel, knobs: &Knobs) -> Option<Arc<dyn Compressor>> {
    channel.shared_compressor(channel.encoding(knobs))
}

/// A call that never started looks like one that has failed.
pub(crate) fn started_or_failed(started: Result<Opened, Status>) -> Opened {
    started.unwrap_or_else(|status| {
        let mailbox = Mailbox::new(None, Interest::Any, Outgoing::default(), None);
        mailbox.deliver_end(
            None,
            End::Failed(status),
            Some(farcall_http2::StreamKey::NONE),
        );
        Opened {
            mailbox,
            max_receive: 0,
        }
    })
}

/// The earliest of the call's own deadline, its timeout and the deadline of the call being handled.
#[inline]
fn deadline(knobs: &Knobs, context: Option<&Context>) -> Option<Instant> {
    let outer = context.and_then(Context::deadline);
    match own_deadline(knobs) {
        None => outer,
        Some(own) => Some(outer.map_or(own, |outer| outer.min(own))),
    }
}

/// The earlier of the call's own deadline and its timeout.
#[inline]
pub(crate) fn own_deadline(knobs: &Knobs) -> Option<Instant> {
    if knobs.timeout.is_none() {
        return knobs.deadline;
    }
    let passed = knobs.timeout.map(|timeout| {
        let now = clock::now();
        now.checked_add(timeout).unwrap_or(now + clock::FOREVER)
    });
    [passed, knobs.deadline].into_iter().flatten().min()
}
