//! A queue that needs no memory of its own for one element: most calls carry one message.

use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Fifo<T> {
    first: Option<T>,
    /// Boxed: mostly there is none, and then it should cost nothing to make and to drop.
    #[allow(clippy::box_collection)]
    // the point is the size and the drop of `None`, not the heap
    rest: Option<Box<VecDeque<T>>>,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo {
            first: None,
            rest: None,
        }
    }
}

impl<T> From<T> for Fifo<T> {
    #[inline]
    fn from(item: T) -> Self {
        Fifo {
            first: Some(item),
            rest: None,
        }
    }
}

impl<T> Fifo<T> {
    pub(crate) fn push(&mut self, item: T) {
        if self.first.is_none() {
            self.first = Some(item);
        } else {
            self.rest.get_or_insert_default().push_back(item);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.first.take();
        self.first = self.rest.as_mut().and_then(|rest| rest.pop_front());
        item
    }

    /// The element, if there is exactly one.
    #[inline]
    pub(crate) fn only(&self) -> Option<&T> {
        match &self.rest {
            Some(rest) if !rest.is_empty() => None,
            _ => self.first.as_ref(),
        }
    }

    /// The elements in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first
            .iter()
            .chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::Fifo;

    #[test]
    fn elements_come_out_in_the_order_they_went_in() {
        let mut fifo = Fifo::default();
        fifo.push(1);
        fifo.push(2);
        assert_eq!((fifo.pop(), fifo.only()), (Some(1), Some(&2)));
        fifo.push(3);
        assert_eq!(fifo.only(), None);
        assert_eq!(
            (fifo.pop(), fifo.pop(), fifo.pop()),
            (Some(2), Some(3), None)
        );
        assert!(fifo.is_empty());
    }
}
