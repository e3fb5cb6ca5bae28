//! Source networks: a count, then per network one byte for family and prefix, and the bytes that the prefix covers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Reader;
use crate::SealError;

/// Networks per token.
const MAX_NETWORKS: usize = 32;
/// First byte of an IPv6 network of prefix 0; IPv4 takes 0 to 32.
const IPV6_BASE: u8 = 64;

/// Writes the networks without their host bits, or nothing for an empty list.
pub(super) fn write(out: &mut Vec<u8>, networks: &[IpNet]) -> Result<(), SealError> {
    if networks.is_empty() {
        return Ok(());
    }
    let too_many = SealError::TooMany {
        list: "networks",
        max: MAX_NETWORKS,
    };
    out.push(
        u8::try_from(networks.len())
            .ok()
            .filter(|_| networks.len() <= MAX_NETWORKS)
            .ok_or(too_many)?,
    );
    for network in networks {
        let covered = usize::from(network.prefix_len().div_ceil(8));
        match network.network() {
            IpAddr::V4(address) => {
                out.push(network.prefix_len());
                out.extend(address.octets().iter().take(covered));
            }
            IpAddr::V6(address) => {
                out.push(IPV6_BASE + network.prefix_len());
                out.extend(address.octets().iter().take(covered));
            }
        }
    }
    Ok(())
}

/// Reads the networks. Returns `None` for an empty list, for too many and for a network with host bits.
pub(super) fn read(from: &mut Reader<'_>) -> Option<Vec<IpNet>> {
    let count = usize::from(from.byte()?);
    if !(1..=MAX_NETWORKS).contains(&count) {
        return None;
    }
    (0..count).map(|_| read_one(from)).collect()
}

fn read_one(from: &mut Reader<'_>) -> Option<IpNet> {
    let code = from.byte()?;
    let network = match code.checked_sub(IPV6_BASE) {
        None => IpNet::from(Ipv4Net::new(Ipv4Addr::from(covered_bytes(from, code)?), code).ok()?),
        Some(prefix) => IpNet::from(Ipv6Net::new(Ipv6Addr::from(covered_bytes(from, prefix)?), prefix).ok()?),
    };
    (network.trunc() == network).then_some(network)
}

/// Returns the bytes that a prefix of that length covers, the rest zero, or `None` if the address is shorter.
fn covered_bytes<const N: usize>(from: &mut Reader<'_>, prefix: u8) -> Option<[u8; N]> {
    let mut octets = [0; N];
    let covered = octets.get_mut(..usize::from(prefix.div_ceil(8)))?;
    covered.copy_from_slice(from.take(covered.len())?);
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_both_families_read_back() {
        let all: Vec<IpNet> = [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "192.0.2.128/25",
            "192.0.2.1/32",
            "::/0",
            "2001:db8::/33",
            "::1/128",
        ]
        .map(|network| network.parse().unwrap())
        .to_vec();
        let mut out = Vec::new();
        write(&mut out, &all).unwrap();
        let mut reader = Reader(&out);
        assert_eq!(read(&mut reader), Some(all));
        assert!(reader.0.is_empty());
    }

    #[test]
    fn host_bits_are_cut_when_written_and_refused_when_read() {
        let mut out = Vec::new();
        write(&mut out, &["10.1.2.3/9".parse().unwrap()]).unwrap();
        assert_eq!(out, [1, 9, 10, 0]);
        assert_eq!(read(&mut Reader(&[1, 9, 10, 1])), None);
        for bad in [
            &[0][..],
            &[33],
            &[1, 33, 1, 2, 3, 4],
            &[1, 63],
            &[1, 193],
            &[1, 32, 1, 2, 3],
        ] {
            assert_eq!(read(&mut Reader(bad)), None, "{bad:?}");
        }
    }
}
