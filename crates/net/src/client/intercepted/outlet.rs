//! Where calls leave by that interceptors have let go on.

use super::super::{
    attempts::Preparing,
    channel::{Attached, Channel},
    credentials::check,
    start,
};
use crate::{
    call::{
        Knobs, Payload,
        intercept::{Opened, Outlet},
    },
    transport::mailbox::{Finish, Interest},
};
use bytes::Bytes;
use farcall_core::{MethodDescriptor, Status, call::ReceiveOptions};

impl Channel {
    /// A first message as it is sent.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED`: it is too large. `INTERNAL`: there is no such encoding.
    #[inline]
    pub(super) fn to_wire(&self, message: Payload, knobs: &Knobs) -> Result<Bytes, Status> {
        let compressor = self.compressor(self.encoding(knobs))?;
        message.into_wire(compressor, self.max_send(knobs))
    }
}

impl Attached {
    /// Says what has to be done before each attempt.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`: the connection does not protect the credentials well enough.
    #[inline]
    pub(super) fn prepare(
        &self,
        method: &MethodDescriptor,
        knobs: &mut Knobs,
    ) -> Result<(), Status> {
        if let Some(all) = &self.around.per_attempt {
            let level = self.channel.security_level();
            check(&all.credentials, level).map_err(Status::unauthenticated)?;
            let preparation = Preparing::new(all, self.channel.shared(), method);
            knobs.rarely().preparation = Some(Box::new(preparation));
        }
        Ok(())
    }
}

impl Outlet for Attached {
    fn start(
        &self,
        method: &MethodDescriptor,
        content_subtype: &'static str,
        knobs: &mut Knobs,
        message: Option<Payload>,
    ) -> Result<Opened, Status> {
        let channel = &self.channel;
        let data = match message {
            None => None,
            Some(message) => Some(channel.to_wire(message, knobs)?),
        };
        self.prepare(method, knobs)?;
        let kind = method.kind();
        let interest = match kind.server_streams() {
            true => Interest::Any,
            false => Interest::End,
        };
        let finish = match kind.client_streams() {
            true => Finish::Open,
            false => Finish::HalfClose,
        };
        start::start(
            channel,
            method,
            content_subtype,
            knobs,
            interest,
            data,
            finish,
        )
    }

    fn authority(&self) -> &str {
        self.channel.authority()
    }

    fn receive_options(&self, max_receive: usize) -> ReceiveOptions {
        self.channel.receive_options(max_receive)
    }
}
