//! What the handles of a channel ask of its control task, and what the task starts from.

use super::picker_cell::Notice;
use farcall_core::Status;
use farcall_lb::channel::Channel as Machine;
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

/// What handles ask of the control task.
#[derive(Debug)]
pub(crate) enum Order {
    /// A dispatch has something to tell.
    Notice(Notice),
    /// Connect, and say how it went.
    Connect(oneshot::Sender<Result<(), Status>>),
}

/// What the task needs to start.
pub(crate) struct Unstarted {
    pub(crate) machine: Machine,
    pub(crate) orders: UnboundedReceiver<Order>,
}

/// The sending end of the orders, and what the task will start from.
pub(crate) fn prepare(machine: Machine) -> (UnboundedSender<Order>, Unstarted) {
    let (sender, orders) = unbounded_channel();
    (sender, Unstarted { machine, orders })
}
