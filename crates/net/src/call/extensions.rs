//! Typed values that travel with a call inside this process.

use std::{
    any::{Any, TypeId},
    fmt,
};

/// Values that travel with a call inside this process, at most one of each type: from the caller to its interceptors, from
/// interceptors to the handler. They never go onto the wire.
///
/// ```
/// use farcall::interceptor::Extensions;
///
/// #[derive(Debug, PartialEq)]
/// struct User(&'static str);
///
/// let mut extensions = Extensions::default();
/// extensions.insert(User("ada"));
/// assert_eq!(extensions.find(), Some(&User("ada")));
/// assert_eq!(extensions.find::<u32>(), None);
/// ```
#[derive(Default)]
pub struct Extensions {
    /// A few values at most: a linear search beats a map. Boxed: most calls have none.
    values: Option<Box<Values>>,
}

type Values = Vec<(TypeId, Box<dyn Any + Send + Sync>)>;

impl Extensions {
    /// No values; does not allocate.
    pub const fn new() -> Extensions {
        Extensions { values: None }
    }

    /// Puts `value` in place of the value of its type, which it gives back.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) -> Option<T> {
        let old = self.remove();
        let values = self.values.get_or_insert_default();
        values.push((TypeId::of::<T>(), Box::new(value)));
        old
    }

    /// The value of type `T`.
    pub fn find<T: 'static>(&self) -> Option<&T> {
        let mut values = self.values.iter().flat_map(|values| values.iter());
        values.find_map(|(_, value)| value.downcast_ref())
    }

    /// The value of type `T`, for changes.
    pub fn find_mut<T: 'static>(&mut self) -> Option<&mut T> {
        let mut values = self.values.iter_mut().flat_map(|values| values.iter_mut());
        values.find_map(|(_, value)| value.downcast_mut())
    }

    /// Takes the value of type `T` out.
    pub fn remove<T: 'static>(&mut self) -> Option<T> {
        let values = self.values.as_mut()?;
        let place = values.iter().position(|(id, _)| *id == TypeId::of::<T>())?;
        let value = values.swap_remove(place).1.downcast().ok()?;
        Some(*value)
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.values.as_ref().is_none_or(|values| values.is_empty())
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.values.as_ref().map_or(0, |values| values.len());
        f.debug_struct("Extensions").field("len", &count).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_changed_replaced_and_removed_by_its_type() {
        let mut set = Extensions::default();
        assert!(set.is_empty());
        assert_eq!(set.insert(1u32), None);
        assert_eq!(set.insert("a".to_owned()), None);
        assert_eq!(set.insert(2u32), Some(1));
        *set.find_mut::<u32>().unwrap() += 1;
        assert_eq!(set.find::<u32>(), Some(&3));
        assert_eq!(set.remove::<String>().as_deref(), Some("a"));
        assert_eq!(set.find::<String>(), None);
        assert!(!set.is_empty());
    }
}
