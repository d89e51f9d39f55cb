//! The connections of one subchannel, as a pick finds them.

use super::gauge::Gauge;
use crate::transport::{Mailbox, Submit, mailbox::Entered};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Mostly it is one.
pub(crate) enum Transports {
    One(Arc<Submit<Mailbox>>),
    Several(Box<Several>),
}

/// Connections that are told apart by how much room they have.
pub(crate) struct Several {
    members: Box<[Member]>,
    /// Where the next call begins to look; `None`: always with the first, so that no more connections are used than are needed.
    turn: Option<AtomicUsize>,
}

pub(crate) struct Member {
    pub(crate) submit: Arc<Submit<Mailbox>>,
    pub(crate) gauge: Arc<Gauge>,
}

/// What has become of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attached {
    Yes,
    /// The connection has just gone.
    Gone,
    /// Every connection carries all that the server allows.
    Full,
    /// Nobody waits for it any more.
    Needless,
}

impl Transports {
    /// `spread`: calls take turns.
    pub(crate) fn several(members: Vec<Member>, spread: bool) -> Transports {
        Transports::Several(Box::new(Several {
            members: members.into(),
            turn: spread.then(AtomicUsize::default),
        }))
    }

    /// Sends a call to one of them.
    #[inline]
    pub(crate) fn attach(&self, mailbox: &Arc<Mailbox>) -> Attached {
        match self {
            Transports::One(submit) => match mailbox.attach(submit) {
                true => Attached::Yes,
                false => Attached::Gone,
            },
            Transports::Several(several) => several.attach(mailbox),
        }
    }
}

impl Several {
    fn attach(&self, mailbox: &Arc<Mailbox>) -> Attached {
        let count = self.members.len();
        let first = self
            .turn
            .as_ref()
            .map_or(0, |turn| turn.fetch_add(1, Relaxed));
        let mut alive = false;
        for index in 0..count {
            let member = &self.members[first.wrapping_add(index) % count];
            match mailbox.attach_counted(&member.submit, || member.gauge.take()) {
                Entered::Yes => return Attached::Yes,
                Entered::Needless => return Attached::Needless,
                Entered::Full => alive = true,
                Entered::Gone => {}
            }
        }
        match alive {
            true => Attached::Full,
            false => Attached::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::mailbox::{Interest, Outgoing};
    use farcall_core::Status;
    use farcall_http2::Reason;

    fn call() -> Arc<Mailbox> {
        Mailbox::new(None, Interest::Any, Outgoing::default(), None)
    }

    #[test]
    fn a_call_that_was_cancelled_before_it_came_takes_no_place() {
        let member = || {
            let gauge = Arc::new(Gauge::default());
            gauge.open(1);
            let submit = Arc::default();
            Member { submit, gauge }
        };
        let all = [member(), member()];
        let gauges = all.each_ref().map(|member| Arc::clone(&member.gauge));
        let transports = Transports::several(all.into(), false);
        for _ in 0..3 {
            let over = call();
            over.cancel(Reason::CANCEL, || Status::cancelled("the caller left"));
            assert_eq!(transports.attach(&over), Attached::Needless);
        }
        assert!(gauges.iter().all(|gauge| gauge.has_room()));
        let calls = [call(), call(), call()];
        let outcomes = calls.each_ref().map(|call| transports.attach(call));
        assert_eq!(outcomes, [Attached::Yes, Attached::Yes, Attached::Full]);
    }
}
