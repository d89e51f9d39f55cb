//! Where calls leave by that interceptors have let go on.

use super::super::{channel::Attached, credentials::authorize, start};
use crate::{
    call::{
        Knobs, Payload,
        intercept::{Authorizing, Opened, Outlet},
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

    #[inline]
    fn authorize(&self, method: &MethodDescriptor) -> Option<Authorizing> {
        let credentials = &self.around.credentials;
        (!credentials.is_empty()).then(|| {
            let channel = &self.channel;
            let (authority, level) = (channel.authority(), channel.security_level());
            authorize(credentials.clone(), method.clone(), authority, level)
        })
    }

    fn authority(&self) -> &str {
        self.channel.authority()
    }

    fn receive_options(&self, max_receive: usize) -> ReceiveOptions {
        self.channel.receive_options(max_receive)
    }
}
