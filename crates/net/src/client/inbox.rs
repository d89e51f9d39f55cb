//! What reaches the control task of a channel: orders of its handles, and news of its connections.
//!
//! Two plain vectors behind one short lock, not two of tokio's channels: those keep blocks of 32 places each, which is
//! more memory than all else that an idle channel keeps beside its connection. What comes here is rare.

use super::{news::News, picker_cell::Notice};
use farcall_core::Status;
use farcall_lb::subchannel::ConnectionId;
use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};
use tokio::sync::oneshot;

/// What handles ask of the control task.
#[derive(Debug)]
pub(crate) enum Order {
    /// A dispatch has something to tell.
    Notice(Notice),
    /// Connect, and say how it went.
    Connect(oneshot::Sender<Result<(), Status>>),
    /// Whatever waits after a failure is to try again now.
    ResetBackoff,
    /// End everything.
    Close,
}

impl Order {
    /// There is no channel any more to carry it out.
    pub(crate) fn fail(self, status: &Status) {
        if let Order::Notice(notice) = self {
            notice.fail(status);
        }
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    batch: Batch,
    /// Of the control task, while it rests.
    waker: Option<Waker>,
    /// The last handle is gone.
    abandoned: bool,
    /// The control task is gone.
    closed: bool,
}

/// Everything that has come since the last look, each kind in order.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) orders: Vec<Order>,
    pub(crate) news: Vec<(ConnectionId, News)>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.news.is_empty()
    }
}

/// What the control task finds.
pub(crate) enum Found {
    /// Nothing; it is woken when something comes.
    Nothing,
    Batch(Batch),
    /// These are the last orders: the channel has no handles any more.
    Last(Vec<Order>),
}

impl Inbox {
    /// An order of a handle; refused if the task has gone with its runtime, whose end has failed the calls that waited.
    pub(crate) fn order(&self, order: Order) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return order.fail(&Status::cancelled("the channel is closed"));
        }
        state.batch.orders.push(order);
        wake(state);
    }

    /// News of a connection.
    ///
    /// # Errors
    /// The control task is gone: the news come back.
    pub(crate) fn tell(&self, id: ConnectionId, news: News) -> Result<(), News> {
        let mut state = self.lock();
        if state.closed {
            return Err(news);
        }
        state.batch.news.push((id, news));
        wake(state);
        Ok(())
    }

    /// The last handle is gone: the task ends when it has seen the orders before that.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        wake(state);
    }

    /// (control task) Takes everything, or leaves its waker.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Found {
        let mut state = self.lock();
        if state.abandoned {
            return Found::Last(mem::take(&mut state.batch.orders));
        }
        if !state.batch.is_empty() {
            return Found::Batch(mem::take(&mut state.batch));
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Found::Nothing
    }

    /// (control task) Its end: nothing more comes in, and this is what nobody has looked at.
    pub(crate) fn close(&self) -> Batch {
        let mut state = self.lock();
        state.closed = true;
        state.waker = None;
        mem::take(&mut state.batch)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way from a connection to its channel.
pub(crate) struct Reporter {
    pub(crate) id: ConnectionId,
    pub(crate) inbox: Arc<Inbox>,
}

impl Reporter {
    pub(crate) fn tell(&self, news: News) {
        // The channel may be gone; then nobody wants to know, but calls must not be left alone.
        if let Err(refused) = self.inbox.tell(self.id, news) {
            refused.fail();
        }
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farcall_lb::subchannel::SubchannelId;

    fn id() -> ConnectionId {
        ConnectionId::new(SubchannelId::new(1), 1)
    }

    #[test]
    fn the_last_orders_are_found_before_the_end_and_news_after_it_come_back() {
        let (inbox, cx) = (Inbox::default(), Context::from_waker(Waker::noop()));
        assert!(matches!(inbox.poll(&cx), Found::Nothing));
        inbox.order(Order::Notice(Notice::default()));
        inbox.tell(id(), News::Ready).unwrap();
        match inbox.poll(&cx) {
            Found::Batch(batch) => assert_eq!((batch.orders.len(), batch.news.len()), (1, 1)),
            _ => panic!(),
        }
        inbox.order(Order::Notice(Notice::default()));
        inbox.tell(id(), News::Ready).unwrap();
        inbox.abandon();
        assert!(matches!(inbox.poll(&cx), Found::Last(orders) if orders.len() == 1));
        assert_eq!(inbox.close().news.len(), 1);
        assert!(inbox.tell(id(), News::Ready).is_err());
    }

    #[test]
    fn whoever_waits_for_an_order_hears_of_the_end() {
        let inbox = Inbox::default();
        inbox.close();
        let (answer, mut outcome) = oneshot::channel();
        inbox.order(Order::Connect(answer));
        assert_eq!(
            outcome.try_recv().unwrap_err(),
            oneshot::error::TryRecvError::Closed
        );
    }
}
