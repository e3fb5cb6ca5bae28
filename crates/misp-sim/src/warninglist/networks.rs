//! The entries of a list of networks.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The networks of one list.
#[derive(Debug, Default)]
pub(super) struct Networks {
    /// IPv4 networks with their length, only those without host bits: MISP compares texts, and no other fits.
    short: HashSet<(u32, u8)>,
    shortest: u8,
    /// IPv6 entries by length, in the order in which the lengths appear.
    long: Vec<(u8, Vec<Ipv6Addr>)>,
}

impl Networks {
    pub(super) fn of(entries: &[String]) -> Self {
        let mut networks = Self {
            shortest: 33,
            ..Self::default()
        };
        for entry in entries {
            let (address, length) = entry
                .split_once('/')
                .map_or((entry.as_str(), None), |(a, l)| (a, Some(l)));
            match address.parse() {
                Ok(IpAddr::V4(address)) => networks.add_short(address, length),
                Ok(IpAddr::V6(address)) => networks.add_long(address, length),
                Err(_) => {}
            }
        }
        networks
    }

    fn add_short(&mut self, address: Ipv4Addr, length: Option<&str>) {
        let written = length.unwrap_or("32");
        let Some(length) = written.parse::<u8>().ok().filter(|length| *length <= 32) else {
            return;
        };
        self.shortest = self.shortest.min(length);
        let address = u32::from(address);
        if address & mask(length) == address && written == length.to_string() {
            self.short.insert((address, length));
        }
    }

    fn add_long(&mut self, address: Ipv6Addr, length: Option<&str>) {
        let Some(length) = length
            .unwrap_or("128")
            .parse::<u8>()
            .ok()
            .filter(|length| *length <= 128)
        else {
            return;
        };
        match self.long.iter_mut().find(|(known, _)| *known == length) {
            Some((_, addresses)) => addresses.push(address),
            None => self.long.push((length, vec![address])),
        }
    }

    /// Returns the entry, with its length, that an address or a whole network is inside.
    pub(super) fn containing(&self, value: &str) -> Option<String> {
        let (address, asked) = value.split_once('/').map_or((value, None), |(a, l)| (a, Some(l)));
        let (text, length) = match address.parse().ok()? {
            IpAddr::V4(address) => self.short_one(address)?,
            IpAddr::V6(address) => self.long_one(address)?,
        };
        // A network that is larger than the entry is not inside it.
        let asked = asked.map_or(Some(128), |asked| asked.parse::<u8>().ok())?;
        (asked >= length).then_some(text)
    }

    fn short_one(&self, address: Ipv4Addr) -> Option<(String, u8)> {
        let address = u32::from(address);
        (self.shortest..=32).find_map(|length| {
            let start = address & mask(length);
            let known = self.short.contains(&(start, length));
            known.then(|| (format!("{}/{length}", Ipv4Addr::from(start)), length))
        })
    }

    /// MISP goes on after a hit, so that the last length that fits is named.
    fn long_one(&self, address: Ipv6Addr) -> Option<(String, u8)> {
        let inside = |(length, starts): &(u8, Vec<Ipv6Addr>)| {
            let shift = 128 - u32::from(*length);
            let start = |address: &Ipv6Addr| u128::from(*address).checked_shr(shift).unwrap_or_default();
            let found = starts.iter().find(|known| start(known) == start(&address))?;
            Some((format!("{found}/{length}"), *length))
        };
        self.long.iter().rev().find_map(inside)
    }
}

fn mask(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_network_is_named() {
        let list = [
            "10.0.0.0/8",
            "10.1.0.0/16",
            "192.0.2.7",
            "10.2.3.4/16",
            "2001:db8::1/32",
            "::/0",
        ];
        let networks = Networks::of(&list.map(str::to_owned));
        for (value, want) in [
            ("10.1.2.3", Some("10.0.0.0/8")),
            ("10.0.0.0/9", Some("10.0.0.0/8")),
            ("10.0.0.0/7", None),
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.8", None),
            ("2001:db8:1::", Some("::/0")),
            ("no address", None),
        ] {
            assert_eq!(networks.containing(value).as_deref(), want, "{value}");
        }
    }

    #[test]
    fn an_entry_with_host_bits_matches_nothing_in_ipv4() {
        let networks = Networks::of(&["10.2.3.4/16".to_owned(), "2001:db8::1/32".to_owned()]);
        assert_eq!(networks.containing("10.2.3.4"), None);
        assert_eq!(networks.containing("2001:db8:5::").as_deref(), Some("2001:db8::1/32"));
    }
}
