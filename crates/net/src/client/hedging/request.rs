//! The request of a hedged call, as each of its attempts sends it.

use crate::clock;
use crate::transport::{
    Mailbox,
    chunks::Chunks,
    mailbox::{Configured, Finish, Head, Interest, Kept, Late, Outgoing, Preparation, Route},
};
use bytes::Bytes;
use farcall_core::{
    Attributes, Metadata, MethodDescriptor,
    call::client::RequestTemplate,
    retry::{RetryOptions, RetryPlan, RetryState},
};
use std::{
    mem,
    sync::{Arc, Mutex},
    time::Instant,
};

pub(super) struct Request {
    template: RequestTemplate,
    own_authority: bool,
    metadata: Metadata,
    /// What pickers are told, if they are told something.
    attributes: Attributes,
    method: Option<MethodDescriptor>,
    /// What has to be done before each attempt.
    preparation: Option<Box<dyn Preparation>>,
    wait_for_ready: bool,
    deadline: Option<Instant>,
    /// Of each attempt.
    plan: Arc<RetryPlan>,
    options: RetryOptions,
    kept: Vec<Bytes>,
    bytes: usize,
    half_closed: bool,
    too_large: bool,
}

impl Request {
    pub(super) fn new(
        front: &Mailbox,
        template: RequestTemplate,
        own_authority: bool,
        plan: RetryPlan,
        options: RetryOptions,
    ) -> Request {
        let route = front.route.as_ref();
        Request {
            template,
            own_authority,
            metadata: front.metadata().clone(),
            attributes: route
                .and_then(Route::attributes)
                .cloned()
                .unwrap_or_default(),
            method: route.map(|route| route.method.clone()),
            preparation: route
                .and_then(Route::preparation)
                .map(Preparation::of_attempt),
            wait_for_ready: route.is_some_and(Route::waits),
            deadline: front.deadline(),
            plan: Arc::new(plan),
            options,
            kept: Vec::new(),
            bytes: 0,
            half_closed: false,
            too_large: false,
        }
    }

    /// Bytes that have been sent.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is larger than what may be kept: the next attempt is the last one.
    pub(super) fn is_too_large(&self) -> bool {
        self.too_large
    }

    pub(super) fn set_too_large(&mut self) {
        self.too_large = true;
    }

    /// An attempt before which so many have started, with everything that has been sent so far.
    pub(super) fn attempt(&self, earlier: u32) -> Arc<Mailbox> {
        let retry = RetryState::new(Arc::clone(&self.plan), self.options);
        let mut data = Chunks::default();
        for chunk in &self.kept {
            data.push(chunk.clone());
        }
        let head = Head::Request {
            template: self.template.clone(),
            own_authority: self.own_authority,
            refused: false,
            retry: Some(retry.with_earlier_attempts(earlier)),
            picked: None,
        };
        let outgoing = Outgoing {
            head: Some(head),
            data,
            finish: match self.half_closed {
                true => Finish::HalfClose,
                false => Finish::Open,
            },
            ..Outgoing::default()
        };
        let route = self.method.clone().map(|method| Route {
            method,
            metadata: self.metadata.clone(),
            wait_for_ready: self.wait_for_ready,
            receive_limit: usize::MAX,
            config: self.configured(),
            kept: self.preparation.as_ref().map(|preparation| {
                let preparation = Some(preparation.of_attempt());
                Box::new(Kept {
                    place: Mutex::default(),
                    preparation,
                })
            }),
        });
        Mailbox::new(self.deadline, Interest::Any, outgoing, route)
    }

    /// What an attempt is told of the call's config: pickers look there.
    fn configured(&self) -> Configured {
        if self.attributes.is_empty() {
            return Configured::None;
        }
        let attributes = self.attributes.clone();
        let (waits, deadline) = (self.wait_for_ready, self.deadline);
        let late = Late::of_attempt(waits, deadline, clock::now(), attributes);
        Configured::Late(Box::new(late))
    }

    /// Gives more of it to all attempts; keeps it for others, unless the call is committed to the one there is.
    pub(super) fn send(
        &mut self,
        data: &mut Chunks,
        finish: Finish,
        attempts: &[Arc<Mailbox>],
        committed: bool,
    ) {
        while let Some(chunk) = data.pop() {
            self.bytes += chunk.len();
            for attempt in attempts {
                attempt.send(chunk.len(), |outgoing| outgoing.data.push(chunk.clone()));
            }
            if !committed {
                self.kept.push(chunk);
            }
        }
        if matches!(finish, Finish::HalfClose) && !mem::replace(&mut self.half_closed, true) {
            for attempt in attempts {
                attempt.send(0, |outgoing| outgoing.finish = Finish::HalfClose);
            }
        }
    }

    /// No other attempt follows.
    pub(super) fn forget(&mut self) {
        self.kept = Vec::new();
    }
}
