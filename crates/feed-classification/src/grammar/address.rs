//! Addresses and networks of both families.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::DropReason;

/// The length of the prefix `::ffff:0:0/96`, which maps IPv4 addresses into IPv6.
const MAPPED_PREFIX: u8 = 96;

/// The value of an `ip-src` or `ip-dst`, in canonical form: one address, or a network of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Address(IpAddr),
    /// A network of several addresses with its host bits cleared.
    Network(IpNet),
}

impl Host {
    /// Returns the network, or its address if it has only one.
    fn of(network: IpNet) -> Self {
        let network = unmapped(network).trunc();
        if network.prefix_len() == network.max_prefix_len() {
            Self::Address(network.addr())
        } else {
            Self::Network(network)
        }
    }

    /// Returns the addresses as a network.
    pub(crate) fn network(self) -> IpNet {
        match self {
            Self::Address(address) => IpNet::from(address),
            Self::Network(network) => network,
        }
    }
}

/// Reads an address or a network that makes up the whole value.
///
/// The parser of the standard library refuses leading zeros (`192.0.2.010` is octal to some and decimal to others) and
/// zone ids.
pub(crate) fn host(value: &str) -> Result<Host, DropReason> {
    let host = match value.split_once('/') {
        None => value
            .parse::<IpAddr>()
            .ok()
            .map(|address| Host::Address(address.to_canonical())),
        Some((address, prefix)) => network(address, prefix).map(Host::of),
    };
    host.ok_or(DropReason::NotAnAddress)
}

/// Returns the network with IPv4 addresses that are mapped into IPv6 (`::ffff:192.0.2.0/120`) as the IPv4 network that
/// it names.
///
/// The whole block `::ffff:0:0/96` is left as it is: it names a part of the IPv6 space. As IPv4 it would be
/// `0.0.0.0/0`.
pub(crate) fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let prefix = mapped
        .prefix_len()
        .checked_sub(MAPPED_PREFIX)
        .filter(|prefix| *prefix > 0);
    let v4 = prefix.and_then(|prefix| Ipv4Net::new(mapped.addr().to_ipv4_mapped()?, prefix).ok());
    v4.map_or(network, IpNet::V4)
}

/// Returns the one spelling of an address or network: dotted quads, or RFC 5952 for IPv6, and `/` only after a network
/// of more than one address. `typed` is the text that it was read from.
pub(crate) fn canonical(host: Host, typed: &str) -> Cow<'_, str> {
    // The parser refuses leading zeros, so an IPv4 address has one spelling.
    if is_plain_v4(typed) {
        return Cow::Borrowed(typed);
    }
    let text = match host {
        Host::Address(address) => address.to_string(),
        Host::Network(network) => network.to_string(),
    };
    if text == typed {
        Cow::Borrowed(typed)
    } else {
        Cow::Owned(text)
    }
}

/// Returns the one spelling of an address or network; any other text comes back unchanged.
pub(crate) fn canonical_text(typed: &str) -> Cow<'_, str> {
    if is_plain_v4(typed) {
        return Cow::Borrowed(typed);
    }
    host(typed).map_or(Cow::Borrowed(typed), |host| canonical(host, typed))
}

/// Returns whether the text, if it is an address or network, is a single IPv4 address.
fn is_plain_v4(typed: &str) -> bool {
    !typed.bytes().any(|byte| matches!(byte, b':' | b'/'))
}

/// Passes every address of a network to `found`, its first and last included, if they are at most `limit`.
pub(crate) fn expand(network: IpNet, limit: u32, found: &mut dyn FnMut(&str)) -> Result<(), DropReason> {
    let host_bits = u32::from(network.max_prefix_len() - network.prefix_len());
    if 1_u64
        .checked_shl(host_bits)
        .is_none_or(|addresses| addresses > u64::from(limit))
    {
        return Err(DropReason::NetworkTooLarge);
    }
    match network {
        IpNet::V4(network) => expand_v4(network, found),
        IpNet::V6(network) => expand_v6(network, found),
    }
    Ok(())
}

fn network(address: &str, prefix: &str) -> Option<IpNet> {
    let well_written = prefix.len() <= 3 && prefix.bytes().all(|byte| byte.is_ascii_digit());
    if !well_written || (prefix.len() > 1 && prefix.starts_with('0')) {
        return None;
    }
    IpNet::new(address.parse().ok()?, prefix.parse().ok()?).ok()
}

fn expand_v4(network: Ipv4Net, found: &mut dyn FnMut(&str)) {
    for bits in u32::from(network.network())..=u32::from(network.broadcast()) {
        found(&Ipv4Addr::from(bits).to_string());
    }
}

/// The block of mapped addresses is the one IPv6 network with such addresses in it, and larger than any limit.
fn expand_v6(network: Ipv6Net, found: &mut dyn FnMut(&str)) {
    for bits in u128::from(network.network())..=u128::from(network.broadcast()) {
        found(&Ipv6Addr::from(bits).to_string());
    }
}
