//! A call that came over somebody else's HTTP: what a connection of ours does for one of its streams.

use super::{
    outlet::Outlet,
    upload::{AnyBody, Gather, Upload},
};
use crate::{
    call::{Accepted, Arrival, Context as CallContext, Extensions, Reply, reply::broken},
    log::Trouble,
    server::{
        handler::Route,
        running::{Running, Slots},
        shared::Shared,
    },
    transport::{
        Mailbox, Submit,
        mailbox::{Cancelled, End, Finish, Head, Outgoing},
        submit::Request,
    },
};
use bytes::Bytes;
use farcall_core::{
    Metadata, Status,
    call::{HeaderList, server},
};
use farcall_http2::{Reason, ResetCause, StreamKey};
use std::{
    future::Future,
    iter, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep, sleep_until};

/// From the request's head to its last word. Dropped before that, the call is cancelled. Ready when everything is said.
pub(super) struct MountedCall {
    stage: Stage,
    accepted: Arc<Accepted>,
    route: Arc<Route>,
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox>,
    submit: Arc<Submit<Mailbox>>,
    items: Vec<Arc<Mailbox>>,
    outlet: Arc<Outlet>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// For interceptors and handler.
    extensions: Extensions,
    head_sent: bool,
}

enum Stage {
    /// A unary request is arriving.
    Gathering(Gather),
    Handling {
        /// `None`: it is done, and what it said is on its way.
        running: Option<Box<Running>>,
        upload: Option<Upload>,
    },
    Over,
}

impl MountedCall {
    pub(super) fn new(
        accepted: Arc<Accepted>,
        route: Arc<Route>,
        shared: Arc<Shared>,
        extensions: Extensions,
        body: AnyBody,
    ) -> MountedCall {
        let deadline = route
            .timeouts
            .of(accepted.head.timeout)
            .map(|timeout| Instant::now() + timeout);
        let submit = Arc::new(Submit::default());
        let mailbox = Mailbox::attached(Arc::clone(&submit), deadline.map(Instant::into_std));
        let outlet = Outlet::new(Arc::clone(&mailbox), Arc::clone(&submit));
        let mut call = MountedCall {
            stage: Stage::Over,
            accepted,
            route,
            shared,
            mailbox,
            submit,
            items: Vec::new(),
            outlet,
            deadline: deadline.map(|deadline| Box::pin(sleep_until(deadline))),
            extensions,
            head_sent: false,
        };
        if call.route.descriptor.kind().client_streams() {
            call.start(Bytes::new(), false, Some(Upload::new(body)));
        } else {
            call.stage = Stage::Gathering(Gather::new(body));
        }
        call
    }

    pub(super) fn outlet(&self) -> &Arc<Outlet> {
        &self.outlet
    }

    fn start(&mut self, message: Bytes, compressed: bool, upload: Option<Upload>) {
        let permit = match self.route.enter() {
            Ok(permit) => permit,
            Err(status) => return self.refuse(status),
        };
        let arrival = Arrival {
            accepted: Arc::clone(&self.accepted),
            context: CallContext::new(Arc::clone(&self.mailbox)),
            compressed,
        };
        let extensions = mem::take(&mut self.extensions);
        match self.route.start(arrival, message, extensions) {
            Ok(future) => {
                let running = Running::new(
                    future,
                    Arc::clone(&self.mailbox),
                    Arc::clone(&self.route),
                    Slots::new(usize::MAX).take(permit),
                    (Arc::clone(&self.shared), Arc::clone(&self.accepted.terms)),
                );
                let running = Some(Box::new(running));
                self.stage = Stage::Handling { running, upload };
            }
            Err(panic) => {
                self.report(Trouble::Panic, &panic);
                self.end(broken(&panic, false));
            }
        }
    }

    /// Takes what the handler has put into the mailbox. Answers whether there was anything.
    fn attend(&mut self) -> bool {
        let mut items = mem::take(&mut self.items);
        let request = self.submit.take(&mut items);
        if request == Request::Close {
            self.cancel();
        }
        let attended = !items.is_empty();
        for mailbox in items.drain(..) {
            let outgoing = mailbox.take_outgoing();
            self.transmit(outgoing);
        }
        self.items = items;
        attended
    }

    fn transmit(&mut self, mut outgoing: Outgoing) {
        let Stage::Handling { upload, .. } = &mut self.stage else {
            return;
        };
        if let Some(upload) = upload {
            upload.grant(outgoing.release, outgoing.expect);
        }
        if outgoing.reset.is_some() {
            let status = Status::cancelled("the handler cancelled the call");
            return self.cut_short(&status, Cancelled::Cancelled);
        }
        let head = match outgoing.head {
            Some(Head::Response(head)) => Some(head),
            _ => None,
        };
        self.head_sent |= head.is_some();
        let end = match outgoing.finish {
            Finish::Trailers(trailers) => Some(trailers),
            Finish::Broken(status) => Some(broken(&status, self.head_sent)),
            Finish::Open | Finish::HalfClose => None,
        };
        let over = end.is_some();
        let chunks = iter::from_fn(|| outgoing.data.pop());
        let waiting = self.outlet.put(head, chunks, end);
        self.mailbox.set_outstanding(waiting, Vec::new());
        if over {
            self.detach();
        }
    }

    /// A status in place of a handler.
    fn refuse(&mut self, status: Status) {
        let reply = Reply::failure(&self.accepted.head, status, &Metadata::new());
        self.end(reply.trailers);
    }

    /// Answers in place of a handler.
    fn end(&mut self, trailers: HeaderList) {
        self.outlet.put(None, iter::empty(), Some(trailers));
        self.detach();
    }

    fn detach(&mut self) {
        self.stage = Stage::Over;
        let _ = self.mailbox.detach(StreamKey::NONE);
    }

    /// Ends the call in the place of its handler.
    fn cut_short(&mut self, status: &Status, cause: Cancelled) {
        let none = Metadata::new();
        self.outlet.cut_short(match self.head_sent {
            true => server::trailers(status, &none),
            false => server::trailers_only(b"", status, &none),
        });
        self.drop_handler(cause, End::Failed(status.clone()));
    }

    /// The caller is gone.
    fn cancel(&mut self) {
        let end = End::Reset(Reason::CANCEL, ResetCause::Peer);
        self.drop_handler(Cancelled::Cancelled, end);
    }

    /// The handler is dropped, or told, if it runs to completion.
    fn drop_handler(&mut self, cause: Cancelled, end: End) {
        let stage = mem::replace(&mut self.stage, Stage::Over);
        let Stage::Handling { running, .. } = stage else {
            return;
        };
        let _ = self.mailbox.deliver_end(None, end, Some(StreamKey::NONE));
        self.mailbox.cancel_context(cause);
        if let Some(running) = running
            && self.route.run_to_completion
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(*running);
        }
    }

    fn report(&self, trouble: Trouble, what: &dyn std::fmt::Display) {
        self.shared
            .log
            .report(trouble, &self.accepted.terms.peer, what);
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            self.deadline = None;
            let text = "the deadline passed before the handler was done";
            self.cut_short(&Status::deadline_exceeded(text), Cancelled::Deadline);
        }
    }

    /// Takes what has come of the request, and lets the handler go on.
    fn advance(&mut self, cx: &mut Context<'_>) {
        if let Stage::Gathering(gather) = &mut self.stage {
            match gather.poll(cx, &self.accepted) {
                Poll::Pending => return,
                Poll::Ready(Ok((message, compressed))) => self.start(message, compressed, None),
                Poll::Ready(Err(status)) => {
                    self.report(Trouble::Request, &status);
                    self.refuse(status);
                }
            }
        }
        if let Stage::Handling { running, upload } = &mut self.stage {
            if let Some(body) = upload
                && body.poll(cx, &self.mailbox).is_ready()
            {
                *upload = None;
            }
            if let Some(handler) = running
                && Pin::new(&mut **handler).poll(cx).is_ready()
            {
                *running = None;
            }
        }
    }
}

impl Future for MountedCall {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if !matches!(this.stage, Stage::Over) {
            this.poll_deadline(cx);
        }
        loop {
            this.advance(cx);
            // What the handler has read makes room for more, which may be there already.
            let attended = this.attend();
            if matches!(this.stage, Stage::Over) {
                return Poll::Ready(());
            }
            if !attended && this.submit.rest(cx, Request::None) {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for MountedCall {
    fn drop(&mut self) {
        self.cancel();
    }
}
