//! Where calls leave by that interceptors have let go on.

use super::super::{attempts::Preparing, channel::Attached, credentials::check, start};
use crate::{
    call::{
        Knobs, Payload,
        intercept::{Opened, Outlet},
    },
    transport::mailbox::{Finish, Interest},
};
use farcall_core::{MethodDescriptor, Status, call::ReceiveOptions};

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
            Some(message) => {
                let compressor = channel.compressor(channel.encoding(knobs))?;
                Some(message.into_wire(compressor, channel.max_send(knobs))?)
            }
        };
        if let Some(all) = &self.around.per_attempt {
            check(&all.credentials, channel.security_level()).map_err(Status::unauthenticated)?;
            let preparation = Preparing::new(all, channel.shared(), method);
            knobs.rarely().preparation = Some(Box::new(preparation));
        }
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
