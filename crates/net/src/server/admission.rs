//! How many connections a server holds at a time, in all and of one address.

use crate::peer::SocketAddress;
use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Counts the connections of one server.
pub(super) struct Admission {
    max: usize,
    max_of_address: usize,
    open: AtomicUsize,
    /// Kept only if addresses have a limit. At most as many as there are connections.
    of_address: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that was let in; dropped with it.
pub(super) struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

/// The limit that is in the way of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    Server(usize),
    Address(usize),
}

impl Admission {
    pub(super) fn new(max: usize, max_of_address: usize) -> Arc<Admission> {
        Arc::new(Admission {
            max,
            max_of_address,
            open: AtomicUsize::new(0),
            of_address: Mutex::default(),
        })
    }

    /// Lets a connection in, if there is room.
    pub(super) fn admit(self: &Arc<Self>, remote: &SocketAddress) -> Result<Admitted, Full> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Server(self.max));
        }
        let mut admitted = Admitted {
            admission: Arc::clone(self),
            address: None,
        };
        if self.max_of_address < usize::MAX
            && let Some(address) = remote.ip().map(|address| whose(address.ip()))
        {
            let mut counts = self.of_address();
            let count = counts.entry(address).or_default();
            if *count >= self.max_of_address {
                if *count == 0 {
                    counts.remove(&address);
                }
                return Err(Full::Address(self.max_of_address));
            }
            *count += 1;
            admitted.address = Some(address);
        }
        Ok(admitted)
    }

    fn of_address(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.of_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is counted together: an IPv4 address, or a network of 64 bits, as a single machine has it for itself in IPv6.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut counts = self.admission.of_address();
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
                if counts.is_empty() {
                    // After a crowd its room need not stay.
                    counts.shrink_to(64);
                }
            }
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Full::Server(max) => write!(f, "closed at once: {max} are open (max_connections)"),
            Full::Address(max) => write!(
                f,
                "closed at once: {max} of its address are open (max_connections_per_address)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn from(address: &str) -> SocketAddress {
        SocketAddr::new(address.parse().unwrap(), 1).into()
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_is_gone() {
        let admission = Admission::new(2, usize::MAX);
        let one = admission.admit(&from("10.0.0.1")).ok().unwrap();
        let _two = admission.admit(&SocketAddress::UnixUnnamed).ok().unwrap();
        for _ in 0..3 {
            let full = admission.admit(&from("10.0.0.2")).err();
            assert_eq!(full, Some(Full::Server(2)));
        }
        drop(one);
        assert!(admission.admit(&from("10.0.0.2")).is_ok());
    }

    #[test]
    fn addresses_are_counted_apart_and_networks_of_ipv6_together() {
        let admission = Admission::new(100, 1);
        let _v4 = admission.admit(&from("10.0.0.1")).ok().unwrap();
        let full = Some(Full::Address(1));
        assert_eq!(admission.admit(&from("10.0.0.1")).err(), full);
        assert_eq!(admission.admit(&from("::ffff:10.0.0.1")).err(), full);
        let _other = admission.admit(&from("10.0.0.2")).ok().unwrap();
        let v6 = admission.admit(&from("2001:db8::1")).ok().unwrap();
        assert_eq!(admission.admit(&from("2001:db8::2")).err(), full);
        assert!(admission.admit(&from("2001:db8:0:1::2")).is_ok());
        drop(v6);
        assert!(admission.admit(&from("2001:db8::2")).is_ok());
        // Those that have no address are told apart by nothing.
        let unix = SocketAddress::UnixUnnamed;
        let _both = [admission.admit(&unix).ok(), admission.admit(&unix).ok()].map(Option::unwrap);
        assert_eq!(admission.open.load(Ordering::Relaxed), 4);
        assert_eq!(admission.of_address().len(), 2);
    }

    #[test]
    fn no_connection_at_all_can_be_a_limit_too() {
        for admission in [Admission::new(0, usize::MAX), Admission::new(5, 0)] {
            assert!(admission.admit(&from("10.0.0.1")).is_err());
            assert!(admission.of_address().is_empty());
            assert_eq!(admission.open.load(Ordering::Relaxed), 0);
        }
    }
}
