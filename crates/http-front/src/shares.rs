//! How many connections one address may have.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::refusal::Refusal;

/// Counts the open connections of every address. Without a limit one host, which needs no credentials for that, could
/// take all places.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

/// One connection of an address, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share(Option<(Shares, IpAddr)>);

impl Shares {
    /// Gives one address half of so many places. Not less, since many hosts may share the address of a router.
    pub(crate) fn of(places: usize) -> Self {
        Self {
            open: Arc::default(),
            most: places.div_ceil(2),
        }
    }

    /// Counts one more connection of this address.
    ///
    /// # Errors
    /// [`Refusal::TooManyConnections`] where the address has its share already.
    pub(crate) fn take(&self, address: IpAddr) -> Result<Share, Refusal> {
        let holder = holder(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(holder).or_default();
        if *count >= self.most {
            return Err(Refusal::TooManyConnections {
                address,
                most: self.most,
            });
        }
        *count += 1;
        Ok(Share(Some((self.clone(), holder))))
    }
}

impl Share {
    /// Returns a share that is not counted, for a proxy, which stands for many clients.
    pub(crate) fn of_a_proxy() -> Self {
        Self(None)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some((shares, holder)) = &self.0 else { return };
        let mut open = shares.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(holder);
            }
        }
    }
}

/// Returns the address that is counted: a host with IPv6 has a whole `/64` of addresses (RFC 4291, 2.5.4).
fn holder(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares_of(places: usize) -> impl Fn(&str) -> Option<Share> {
        let shares = Shares::of(places);
        move |address| shares.take(address.parse().unwrap()).ok()
    }

    #[test]
    fn one_address_gets_half_and_the_others_theirs() {
        let take = shares_of(4);
        let (first, _second) = (take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_none());
        let _other = take("192.0.2.2").unwrap();
        drop(first);
        assert!(take("192.0.2.1").is_some(), "one has ended");
    }

    #[test]
    fn a_single_place_can_be_taken() {
        assert!(shares_of(1)("192.0.2.1").is_some());
    }

    #[test]
    fn the_addresses_of_one_host_count_together() {
        let take = shares_of(4);
        let _held = (take("2001:db8::1").unwrap(), take("2001:db8::ffff:2").unwrap());
        assert!(take("2001:db8::3").is_none());
        assert!(take("2001:db8:0:1::3").is_some());
    }

    #[test]
    fn an_address_without_connections_is_forgotten() {
        let shares = Shares::of(4);
        drop(shares.take("192.0.2.1".parse().unwrap()));
        assert!(shares.open.lock().unwrap().is_empty());
    }
}
