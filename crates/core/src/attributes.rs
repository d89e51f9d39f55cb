//! Typed values that travel with an address, an endpoint or a call, without the layers between knowing them.

use std::{
    any::{Any, TypeId},
    fmt,
    sync::Arc,
};

/// An immutable set with at most one value per type. Clones share; equal when all values are equal.
///
/// ```
/// use farcall_core::Attributes;
///
/// #[derive(PartialEq, Debug)]
/// struct Weight(u32);
///
/// let plain = Attributes::new();
/// let heavy = plain.with(Weight(3));
/// assert_eq!(heavy.find::<Weight>(), Some(&Weight(3)));
/// assert_ne!(plain, heavy);
/// ```
#[derive(Clone, Default)]
pub struct Attributes {
    /// A few values at most: a linear search beats a map. `None` when empty, so that empty sets cost nothing.
    values: Option<Arc<[Arc<dyn Attribute>]>>,
}

impl Attributes {
    /// The empty set; does not allocate.
    pub const fn new() -> Attributes {
        Attributes { values: None }
    }

    /// This set with `value` in place of the value of its type, if there is one.
    pub fn with<T: PartialEq + fmt::Debug + Send + Sync + 'static>(&self, value: T) -> Attributes {
        self.rebuilt::<T>(Some(Arc::new(value)))
    }

    /// This set without a value of type `T`.
    pub fn without<T: 'static>(&self) -> Attributes {
        self.rebuilt::<T>(None)
    }

    /// The value of type `T`.
    pub fn find<T: 'static>(&self) -> Option<&T> {
        self.slice()
            .iter()
            .find_map(|value| (**value).as_any().downcast_ref())
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.slice().is_empty()
    }

    fn slice(&self) -> &[Arc<dyn Attribute>] {
        self.values.as_deref().unwrap_or_default()
    }

    fn rebuilt<T: 'static>(&self, value: Option<Arc<dyn Attribute>>) -> Attributes {
        let others = self
            .slice()
            .iter()
            .filter(|v| (***v).as_any().type_id() != TypeId::of::<T>())
            .cloned();
        let values: Vec<_> = others.chain(value).collect();
        Attributes {
            values: (!values.is_empty()).then(|| values.into()),
        }
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Attributes) -> bool {
        let (a, b) = (self.slice(), other.slice());
        a.len() == b.len()
            && a.iter()
                .all(|x| b.iter().any(|y| (**x).same((**y).as_any())))
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.slice()).finish()
    }
}

/// What every value can do; implemented for all fitting types.
trait Attribute: fmt::Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn same(&self, other: &dyn Any) -> bool;
}

impl<T: PartialEq + fmt::Debug + Send + Sync + 'static> Attribute for T {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn same(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<T>().is_some_and(|other| other == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_type_and_replaced_by_the_next_of_that_type() {
        let set = Attributes::new()
            .with(1u32)
            .with("zone a".to_string())
            .with(2u32);
        assert_eq!(set.find::<u32>(), Some(&2));
        assert_eq!(set.find::<String>().map(String::as_str), Some("zone a"));
        assert_eq!(set.find::<u64>(), None);
    }

    #[test]
    fn equality_ignores_the_order_of_insertion_but_not_the_values() {
        let a = Attributes::new().with(1u32).with(2u64);
        let b = Attributes::new().with(2u64).with(1u32);
        assert_eq!(a, b);
        assert_ne!(a, a.with(3u64));
        assert_ne!(a, a.with('x'));
        assert_ne!(a.with('x'), a);
    }

    #[test]
    fn removing_the_last_value_gives_the_empty_set() {
        let set = Attributes::new().with(1u32).without::<u32>();
        assert!(set.is_empty());
        assert_eq!(set, Attributes::new());
    }
}
