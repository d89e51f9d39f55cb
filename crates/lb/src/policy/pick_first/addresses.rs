//! The order in which addresses are tried.

use farcall_core::Attributes;

use crate::address::{Address, Endpoint, Location};

/// An address with the attributes of its endpoint.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) address: Address,
    pub(super) endpoint_attributes: Attributes,
}

/// All addresses of all endpoints, each once, families taking turns (RFC 8305 §4, with a First Address Family Count of
/// 1: the first address keeps its place).
pub(super) fn in_order_of_attempts(endpoints: &[Endpoint]) -> Vec<Entry> {
    let mut families: Vec<(Family, Vec<Entry>)> = Vec::new();
    for endpoint in endpoints {
        for address in endpoint.addresses() {
            let family = Family::of(address);
            let at = families.iter().position(|(f, _)| *f == family);
            let at = at.unwrap_or_else(|| {
                families.push((family, Vec::new()));
                families.len() - 1
            });
            let entries = &mut families[at].1;
            if entries.iter().all(|entry| entry.address != *address) {
                entries.push(Entry {
                    address: address.clone(),
                    endpoint_attributes: endpoint.attributes().clone(),
                });
            }
        }
    }
    let total = families.iter().map(|(_, entries)| entries.len()).sum();
    let mut queues: Vec<_> = families
        .into_iter()
        .map(|(_, entries)| entries.into_iter())
        .collect();
    let mut order = Vec::with_capacity(total);
    while order.len() < total {
        order.extend(queues.iter_mut().filter_map(Iterator::next));
    }
    order
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
    Other,
}

impl Family {
    fn of(address: &Address) -> Self {
        match address.location() {
            Location::Ip(ip) if ip.is_ipv4() => Self::V4,
            Location::Ip(_) => Self::V6,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(addresses: &[&str]) -> Vec<String> {
        let endpoints: Vec<_> = addresses.iter().map(|a| Endpoint::from(parse(a))).collect();
        in_order_of_attempts(&endpoints)
            .iter()
            .map(|entry| entry.address.to_string())
            .collect()
    }

    fn parse(text: &str) -> Address {
        match text.parse::<std::net::SocketAddr>() {
            Ok(ip) => Address::from(ip),
            Err(_) => Address::named(text),
        }
    }

    #[test]
    fn families_take_turns_beginning_with_that_of_the_first_address() {
        assert_eq!(
            order(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]),
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]
        );
        assert_eq!(
            order(&["1.1.1.1:1", "name", "[::1]:1", "other", "2.2.2.2:1"]),
            ["1.1.1.1:1", "name", "[::1]:1", "2.2.2.2:1", "other"]
        );
    }

    #[test]
    fn each_address_is_tried_once() {
        assert_eq!(
            order(&["1.1.1.1:1", "1.1.1.1:2", "1.1.1.1:1"]),
            ["1.1.1.1:1", "1.1.1.1:2"]
        );
        assert!(order(&[]).is_empty());
    }
}
