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

/// Puts the endpoints in random order, by weight (gRFC A113): each place goes to one of those that are left, with a probability in
/// proportion to its weight. `random` gives 64 random bits.
///
/// An exponentially distributed number, divided by the weight, is drawn for each endpoint, and they are sorted by it: the
/// least of several such numbers is that of one endpoint with the probability of its share.
pub(super) fn shuffle(endpoints: &mut Vec<Endpoint>, mut random: impl FnMut() -> u64) {
    let mut draw = |endpoint: &Endpoint| {
        // 53 bits, as a double holds them; never 0, whose logarithm is infinite.
        let unit = ((random() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        -unit.ln() / f64::from(endpoint.weight().get())
    };
    let mut drawn: Vec<_> = endpoints.drain(..).map(|e| (draw(&e), e)).collect();
    drawn.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    endpoints.extend(drawn.into_iter().map(|(_, endpoint)| endpoint));
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
    use crate::address::Weight;

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

    /// How often each of the endpoints came first, in 10,000 shuffles of one seed.
    fn firsts(weights: &[u32]) -> Vec<u32> {
        let mut rng = fastrand::Rng::with_seed(7);
        let named = |(index, weight): (usize, &u32)| {
            let endpoint = Endpoint::from(Address::named(index.to_string()));
            match Weight::new(*weight) {
                Some(weight) => endpoint.with_weight(weight),
                None => endpoint,
            }
        };
        let endpoints: Vec<_> = weights.iter().enumerate().map(named).collect();
        let mut firsts = vec![0; weights.len()];
        for _ in 0..10_000 {
            let mut shuffled = endpoints.clone();
            shuffle(&mut shuffled, || rng.u64(..));
            assert_eq!(shuffled.len(), endpoints.len());
            let first = endpoints.iter().position(|e| *e == shuffled[0]).unwrap();
            firsts[first] += 1;
        }
        firsts
    }

    #[test]
    fn an_endpoint_comes_first_as_often_as_its_weight_says() {
        let firsts = firsts(&[1, 3, 6]);
        for (seen, wanted) in firsts.iter().zip([1_000, 3_000, 6_000]) {
            assert!(seen.abs_diff(wanted) < 200, "{firsts:?}");
        }
    }

    #[test]
    fn endpoints_without_a_weight_come_first_equally_often_as_one_of_weight_one() {
        let firsts = firsts(&[0, 0, 1, 0]);
        for seen in &firsts {
            assert!(seen.abs_diff(2_500) < 200, "{firsts:?}");
        }
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
