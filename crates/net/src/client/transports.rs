//! The connections of one subchannel, as a pick finds them.

use super::gauge::Gauge;
use crate::transport::{Mailbox, Submit};
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
            if member.gauge.take() {
                if mailbox.attach(&member.submit) {
                    return Attached::Yes;
                }
            } else {
                alive = true;
            }
        }
        match alive {
            true => Attached::Full,
            false => Attached::Gone,
        }
    }
}
