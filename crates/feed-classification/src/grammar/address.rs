//! Addresses and networks of both families.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::Dropped;

/// What stands in an `ip-src` or `ip-dst`: one address, or a network with its prefix length.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Host {
    Address(IpAddr),
    /// With the host bits as they were typed.
    Network(IpNet),
}

/// Reads an address or a network that makes up the whole value.
///
/// The parser of the standard library refuses leading zeros (`192.0.2.010` is octal to some and decimal to others) and zone ids.
pub(crate) fn host(value: &str) -> Result<Host, Dropped> {
    let host = match value.split_once('/') {
        None => value.parse().ok().map(Host::Address),
        Some((address, prefix)) => network(address, prefix).map(Host::Network),
    };
    host.ok_or(Dropped::NotAnAddress)
}

/// Returns the one spelling of an address or network: dotted quads, or RFC 5952 for IPv6.
pub(crate) fn canonical<'v>(host: Host, typed: &'v str) -> Cow<'v, str> {
    match host {
        // Without leading zeros there is one way to write an IPv4 address, and no other passed the parser.
        Host::Address(IpAddr::V4(_)) | Host::Network(IpNet::V4(_)) => Cow::Borrowed(typed),
        Host::Address(IpAddr::V6(address)) => Cow::Owned(address.to_string()),
        Host::Network(IpNet::V6(network)) => Cow::Owned(network.to_string()),
    }
}

/// Gives every address of a network, its first and last included, if there are at most `limit`.
pub(crate) fn expand(network: IpNet, limit: u32, found: &mut dyn FnMut(&str)) -> Result<(), Dropped> {
    let host_bits = u32::from(network.max_prefix_len() - network.prefix_len());
    if 1_u64
        .checked_shl(host_bits)
        .is_none_or(|addresses| addresses > u64::from(limit))
    {
        return Err(Dropped::NetworkTooLarge);
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

fn expand_v6(network: Ipv6Net, found: &mut dyn FnMut(&str)) {
    for bits in u128::from(network.network())..=u128::from(network.broadcast()) {
        found(&Ipv6Addr::from(bits).to_string());
    }
}
