//! The tables of `/proc/net`, which every user may read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The flag of a route that has a gateway.
const RTF_GATEWAY: u32 = 2;

/// The state of an established connection.
const ESTABLISHED: &str = "01";

/// Returns the gateways of default routes in `route`.
pub(super) fn gateways_v4(route: &str) -> impl Iterator<Item = IpAddr> {
    route.lines().filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (destination, gateway, flags) = (columns.next()?, columns.next()?, columns.next()?);
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let is_default = destination == "00000000" && flags & RTF_GATEWAY != 0;
        is_default.then(|| v4(gateway)).flatten().map(IpAddr::V4)
    })
}

/// Returns the gateways of default routes in `ipv6_route`.
pub(super) fn gateways_v6(route: &str) -> impl Iterator<Item = IpAddr> {
    route.lines().filter_map(|line| {
        let mut columns = line.split_whitespace();
        let (destination, prefix) = (columns.next()?, columns.next()?);
        let hop = u128::from_str_radix(columns.nth(2)?, 16).ok()?;
        let is_default = destination.bytes().all(|byte| byte == b'0') && prefix == "00" && hop != 0;
        is_default.then(|| IpAddr::V6(Ipv6Addr::from(hop)))
    })
}

/// Returns the addresses of this host in `fib_trie`: those above a line `/32 host LOCAL`.
pub(super) fn own_v4(fib_trie: &str) -> impl Iterator<Item = IpAddr> {
    let mut above = None;
    fib_trie.lines().filter_map(move |line| {
        if let Some(address) = line.trim_start().strip_prefix("|-- ") {
            above = address.parse::<Ipv4Addr>().ok();
            return None;
        }
        let is_own = line.trim() == "/32 host LOCAL";
        is_own.then_some(above).flatten().map(IpAddr::V4)
    })
}

/// Returns the addresses of this host in `if_inet6`.
pub(super) fn own_v6(if_inet6: &str) -> impl Iterator<Item = IpAddr> {
    if_inet6.lines().filter_map(|line| {
        let number = u128::from_str_radix(line.split_whitespace().next()?, 16).ok()?;
        Some(IpAddr::V6(Ipv6Addr::from(number)))
    })
}

/// Returns the peers of these ports in the table `tcp` or `tcp6`.
pub(super) fn peers<'a>(table: &'a str, ports: &'a [u16]) -> impl Iterator<Item = IpAddr> + 'a {
    table.lines().filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (local, remote, state) = (columns.next()?, columns.next()?, columns.next()?);
        let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
        let wanted = state == ESTABLISHED && ports.contains(&port);
        wanted.then(|| address(remote.split_once(':')?.0)).flatten()
    })
}

fn address(hex: &str) -> Option<IpAddr> {
    if hex.len() == 8 {
        return v4(hex).map(IpAddr::V4);
    }
    // Four words, each in the byte order of the machine.
    let mut octets = [0; 16];
    for (index, octets) in octets.chunks_exact_mut(4).enumerate() {
        octets.copy_from_slice(&v4(hex.get(8 * index..8 * index + 8)?)?.octets());
    }
    (hex.len() == 32).then(|| IpAddr::V6(Ipv6Addr::from(octets)).to_canonical())
}

/// A word as the kernel prints it: the four octets read as a number of this machine.
fn v4(hex: &str) -> Option<Ipv4Addr> {
    let number = u32::from_str_radix(hex, 16).ok()?;
    (hex.len() == 8).then(|| Ipv4Addr::from(number.to_ne_bytes()))
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(addresses: impl Iterator<Item = IpAddr>) -> String {
        addresses
            .map(|address| address.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn default_gateways_of_both_families_are_found() {
        let v4 = "Iface\tDestination\tGateway \tFlags\nnone\t00000000\t010200C0\t0003\t0\neth0\t000200C0\t00000000\t0001\t0\n";
        assert_eq!(shown(gateways_v4(v4)), "192.0.2.1");
        let other_routes = "Iface\tDestination\tGateway\tFlags\n\
            ppp0\t00000000\t00000000\t0001\nppp1\t00000000\t00000000\t0000\neth0\t006433C6\t090200C0\t0003\n";
        assert_eq!(
            shown(gateways_v4(other_routes)),
            "",
            "a link, one that is down, and a route to one network"
        );
        let zero = "0".repeat(32);
        let hop = format!("{:032x}", u128::from("2001:db8::1".parse::<Ipv6Addr>().unwrap()));
        let v6 = format!(
            "{zero} 00 {zero} 00 {hop} 00000400 1 0 00000003 eth0\n{zero} 00 {zero} 00 {zero} ffffffff 1 0 00200200 lo\n"
        );
        assert_eq!(shown(gateways_v6(&v6)), "2001:db8::1");
    }

    #[test]
    fn own_addresses_are_found() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 192.0.2.2\n        /32 host LOCAL\n";
        assert_eq!(shown(own_v4(trie)), "192.0.2.2");
        assert_eq!(
            shown(own_v6("00000000000000000000000000000001 01 80 10 80 lo\n")),
            "::1"
        );
    }

    #[test]
    fn peers_of_both_families_are_found() {
        let v4 = "   0: 00000000:0016 00000000:0000 0A\n   1: 020200C0:0016 0A0200C0:D431 01\n   2: 020200C0:01BB 0B0200C0:D431 01\n";
        assert_eq!(shown(peers(v4, &[22])), "192.0.2.10");
        let mapped = "   1: 0000000000000000FFFF0000020200C0:0016 0000000000000000FFFF00000A0200C0:D431 01\n";
        assert_eq!(shown(peers(mapped, &[22])), "192.0.2.10");
        let v6 = "   1: B80D0120000000000000000002000000:0016 B80D0120000000000000000001000000:D431 01\n";
        assert_eq!(shown(peers(v6, &[22])), "2001:db8::1");
    }

    proptest! {
        #[test]
        fn no_table_makes_the_readers_panic(text in "[ 0-9A-Fa-f:\n\t|./-]{0,200}\\PC{0,40}") {
            let _ = (shown(gateways_v4(&text)), shown(gateways_v6(&text)), shown(own_v4(&text)), shown(own_v6(&text)));
            let _ = shown(peers(&text, &[22]));
        }
    }
}
