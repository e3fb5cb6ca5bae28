//! How many of the places one address may have.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use service_kit::LogLimit;

/// A host that opens more and more connections is told of once a minute.
static TOO_MANY: LogLimit = LogLimit::once_a_minute();

/// Counts the open connections of every address: without a bound a single host, which needs no token for that, could take all places.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

/// One connection of an address, until it is dropped.
#[derive(Debug)]
pub(super) struct Share(Option<(Shares, IpAddr)>);

impl Shares {
    /// Bounds what one address may have of so many places: half of them. Many enforcing hosts may well share the address of a router.
    pub(super) fn of(places: usize) -> Self {
        Self {
            open: Arc::default(),
            most: places.div_ceil(2),
        }
    }

    /// Counts one more connection of this address, or says in the log that there are too many.
    pub(super) fn take(&self, address: IpAddr) -> Option<Share> {
        let holder = holder(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(holder).or_default();
        if *count < self.most {
            *count += 1;
            return Some(Share(Some((self.clone(), holder))));
        }
        drop(open);
        TOO_MANY.say(|more| {
            tracing::warn!(%address, most = self.most, more, "a connection was closed: its address holds half of all connections; if it is a proxy's, list it in `reverse_proxy_trusted`");
        });
        None
    }
}

impl Share {
    /// Returns the share of a connection that is not counted, since its proxy stands for many callers.
    pub(super) fn of_a_proxy() -> Self {
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

/// A host with IPv6 has a whole `/64` of addresses (RFC 4291, 2.5.4).
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
        move |address| shares.take(address.parse().unwrap())
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
    fn the_only_place_is_anybodys() {
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
    fn nothing_is_remembered_of_who_has_left() {
        let shares = Shares::of(4);
        drop(shares.take("192.0.2.1".parse().unwrap()));
        assert!(shares.open.lock().unwrap().is_empty());
    }
}
