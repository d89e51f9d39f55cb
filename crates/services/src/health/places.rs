//! How many may watch at a time, and how many of them from one address.

use farcall_net::peer::SocketAddress;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

/// Whom watchers are counted by: the IP address of a client, or of IPv6 the network of 64 bits, any address of which a client of
/// it can have. All without an IP address are one (`None`).
pub(super) type Origin = Option<IpAddr>;

/// The places for watchers. A client alone can take about half of them, since an address that has more than are free gets no
/// more: so those who come from elsewhere always find one.
pub(super) struct Places {
    max: usize,
    taken: usize,
    by_origin: HashMap<Origin, usize>,
}

/// Why there is no place.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum NoPlace {
    /// All of this many are taken.
    Full(usize),
    /// Too many of them are taken by the same address.
    Share {
        /// The places there are.
        max: usize,
        /// Those that the address has.
        own: usize,
    },
}

impl Places {
    pub(super) fn new(max: usize) -> Places {
        Places {
            max,
            taken: 0,
            by_origin: HashMap::new(),
        }
    }

    pub(super) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// The places that are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    pub(super) fn take(&mut self, origin: Origin) -> Result<(), NoPlace> {
        let max = self.max;
        let own = self.by_origin.get(&origin).map_or(0, |own| *own);
        match max.saturating_sub(self.taken) {
            0 => Err(NoPlace::Full(max)),
            free if own > free => Err(NoPlace::Share { max, own }),
            _ => {
                self.taken += 1;
                self.by_origin.insert(origin, own + 1);
                Ok(())
            }
        }
    }

    /// A place that was taken is free again.
    pub(super) fn leave(&mut self, origin: Origin) {
        self.taken -= 1;
        if let Some(own) = self.by_origin.get_mut(&origin) {
            *own -= 1;
            if *own == 0 {
                self.by_origin.remove(&origin);
            }
        }
    }
}

/// Whom a client is counted by.
pub(super) fn origin(address: Option<&SocketAddress>) -> Origin {
    match address?.ip()?.ip().to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Some(Ipv6Addr::from_bits(network).into())
        }
        v4 => Some(v4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Origin {
        origin(Some(&SocketAddress::Ip(address.parse().unwrap())))
    }

    #[test]
    fn an_address_gets_half_of_the_places_and_others_find_one() {
        let mut places = Places::new(100);
        let greedy = (0..100).filter(|_| places.take(from("192.0.2.1:1")).is_ok());
        assert_eq!(greedy.count(), 51);
        let refused = places.take(from("192.0.2.1:2"));
        assert_eq!(refused, Err(NoPlace::Share { max: 100, own: 51 }));
        // Each that follows gets half of what is left.
        let second = (0..100).filter(|_| places.take(None).is_ok());
        assert_eq!(second.count(), 25);
        for host in 1..=24 {
            assert_eq!(places.take(from(&format!("198.51.100.{host}:1"))), Ok(()));
        }
        let late = places.take(from("203.0.113.1:1"));
        assert_eq!(late, Err(NoPlace::Full(100)));
    }

    #[test]
    fn a_place_that_is_left_is_free_and_nothing_is_kept_of_who_is_gone() {
        let mut places = Places::new(2);
        let one = from("192.0.2.1:1");
        assert_eq!((places.take(one), places.take(one)), (Ok(()), Ok(())));
        assert_eq!(places.take(None), Err(NoPlace::Full(2)));
        places.leave(one);
        assert_eq!(places.take(None), Ok(()));
        places.leave(one);
        places.leave(None);
        assert!(places.taken() == 0 && places.by_origin.is_empty());
    }

    #[test]
    fn ports_and_the_lower_half_of_ipv6_make_no_difference() {
        assert_eq!(from("192.0.2.1:1"), from("192.0.2.1:2"));
        assert_ne!(from("192.0.2.1:1"), from("192.0.2.2:1"));
        assert_eq!(from("192.0.2.1:1"), from("[::ffff:192.0.2.1]:1"));
        assert_eq!(from("[2001:db8::1]:1"), from("[2001:db8::f:0:0:2]:1"));
        assert_ne!(from("[2001:db8::1]:1"), from("[2001:db8:0:1::1]:1"));
        assert_eq!(origin(Some(&SocketAddress::UnixUnnamed)), None);
    }
}
