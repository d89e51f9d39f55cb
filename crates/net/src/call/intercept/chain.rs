//! Interceptors in their order.

use super::{
    super::handler::HandlerFuture,
    answer::OutcomeFuture,
    call::Call,
    immediate::Immediates,
    install::{AnyInterceptor, IntoInterceptor},
    interceptor::{Erased, Others, Run},
};
use std::{fmt, sync::Arc};

/// Interceptors, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct Chain {
    list: Vec<AnyInterceptor>,
    /// All but the first.
    others: Option<Others>,
    /// The same ones, if none of them ever waits.
    immediates: Option<Immediates>,
}

impl Chain {
    /// Adds an interceptor inside of all others.
    pub(crate) fn push<K>(&mut self, interceptor: impl IntoInterceptor<K>) {
        self.list.push(interceptor.into_interceptor());
        self.arrange();
    }

    /// Adds those of another chain inside of all others.
    pub(crate) fn extend(&mut self, inside: &Chain) {
        self.list.extend(inside.list.iter().cloned());
        self.arrange();
    }

    fn arrange(&mut self) {
        let others = self.list.iter().skip(1);
        self.others =
            (self.list.len() > 1).then(|| others.map(|other| Arc::clone(&other.around)).collect());
        let immediates = self.list.iter().map(|one| one.immediate.clone());
        self.immediates = immediates
            .collect::<Option<_>>()
            .filter(|_| !self.list.is_empty());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, if there are any and none of them ever waits.
    #[inline]
    pub(crate) fn immediates(&self) -> Option<&Immediates> {
        self.immediates.as_ref()
    }

    /// Where calls begin to pass them.
    #[inline]
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            first: self.list.first().map(|first| Arc::clone(&first.around)),
            others: self.others.clone(),
        }
    }
}

/// The way of one call through a chain.
pub(crate) struct Entry {
    first: Option<Arc<dyn Erased>>,
    others: Option<Others>,
}

impl Entry {
    fn inside(&self) -> usize {
        self.others.as_ref().map_or(0, |others| others.len())
    }

    /// Runs a client's call through all of them.
    #[inline]
    pub(crate) fn of_client(self, mut call: Call) -> OutcomeFuture {
        call.set_inside(self.inside());
        match self.first {
            Some(first) => first.of_client(call, self.others),
            None => Box::pin(async move { Run::new(&[], &mut call).await }),
        }
    }

    /// Runs a server's call through all of them.
    #[inline]
    pub(crate) fn of_server(self, mut call: Call) -> HandlerFuture {
        call.set_inside(self.inside());
        match self.first {
            Some(first) => first.of_server(call, self.others),
            None => Box::pin(async move {
                let outcome = Run::new(&[], &mut call).await;
                call.reply(outcome)
            }),
        }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({})", self.list.len())
    }
}
