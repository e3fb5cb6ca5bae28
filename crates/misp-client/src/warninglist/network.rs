//! Addresses and networks, read as MISP reads them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Network {
    pub(super) start: u128,
    pub(super) length: u8,
}

/// The two families of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

impl Network {
    /// Reads an entry of a list; none if nothing can match it.
    pub(super) fn of_entry(entry: &str) -> Option<(Family, Self)> {
        let (address, length) = entry.split_once('/').map_or((entry, None), |(a, l)| (a, Some(l)));
        if let Ok(address) = address.parse::<Ipv4Addr>() {
            let start = u128::from(u32::from(address));
            let network = Self::new(Family::V4, start, length.map_or(Some(32), plain_number)?)?;
            // MISP compares the text of the entry with the text that it computes from the address.
            return (network.start == start).then_some((Family::V4, network));
        }
        let start = u128::from(address.parse::<Ipv6Addr>().ok()?);
        let length = length.map_or(Some(128), |text| text.trim_matches(PHP_SPACE).parse().ok())?;
        Some((Family::V6, Self::new(Family::V6, start, length)?))
    }

    fn new(family: Family, address: u128, length: u8) -> Option<Self> {
        let host_bits = family.bits().checked_sub(length)?;
        let mask = u128::MAX.checked_shl(host_bits.into()).unwrap_or(0);
        Some(Self {
            start: address & mask,
            length,
        })
    }

    pub(super) fn contains(self, family: Family, address: u128) -> bool {
        Self::new(family, address, self.length).is_some_and(|network| network.start == self.start)
    }

    pub(super) fn text(self, family: Family) -> String {
        let address = match family {
            Family::V4 => u32::try_from(self.start).map(|start| IpAddr::from(Ipv4Addr::from(start))),
            Family::V6 => Ok(IpAddr::from(Ipv6Addr::from(self.start))),
        };
        address.map_or_else(|_| String::new(), |address| format!("{address}/{}", self.length))
    }
}

/// White space around numbers, as PHP takes it.
const PHP_SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];

/// Reads a number that is written as it is printed.
fn plain_number(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number: &u8| number.to_string() == text)
}

/// An address, and the length behind its `/` if it has one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Asked<'v> {
    pub(super) family: Family,
    pub(super) address: u128,
    length: Option<&'v str>,
}

impl<'v> Asked<'v> {
    /// Reads a value; none if it is not an address or a network.
    pub(super) fn of_value(value: &'v str) -> Option<Self> {
        let mut pieces = value.split('/');
        let (family, address) = match pieces.next()?.parse().ok()? {
            IpAddr::V4(address) => (Family::V4, u128::from(u32::from(address))),
            IpAddr::V6(address) => (Family::V6, u128::from(address)),
        };
        // PHP takes "0" for nothing.
        let length = pieces.next().filter(|length| !matches!(*length, "" | "0"));
        Some(Self {
            family,
            address,
            length,
        })
    }

    /// Returns whether only the address counts.
    pub(super) fn is_address(self) -> bool {
        self.length.is_none()
    }

    /// Returns whether a network with this length is large enough for the value. PHP compares two texts as numbers if
    /// both are numbers, else as texts.
    pub(super) fn fits_into(self, length: u8) -> bool {
        let Some(mine) = self.length else { return true };
        match php_number(mine) {
            Some(mine) => mine >= f64::from(length),
            None => *mine >= *length.to_string(),
        }
    }
}

fn php_number(text: &str) -> Option<f64> {
    let text = text.trim_matches(PHP_SPACE);
    // Without this, `inf` and `nan` would be numbers.
    let only_digits = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|_| only_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_entry_counts_only_as_misp_would_print_it() {
        for entry in [
            "10.0.0.1/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "010.0.0.0/8",
            " 10.0.0.0/8",
            "10.0.0.0/8/9",
            "10.0.0.0/8 ",
            "10.0.0",
            "",
        ] {
            assert_eq!(Network::of_entry(entry), None, "{entry:?}");
        }
        for (entry, text) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            let (family, network) = Network::of_entry(entry).unwrap();
            assert_eq!((family, network.text(family).as_str()), (Family::V4, text));
        }
    }

    #[test]
    fn ipv6_entry_may_have_any_spelling() {
        for (entry, text) in [
            ("2001:DB8:0:0:0::/032", "2001:db8::/32"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("::/0", "::/0"),
        ] {
            let (family, network) = Network::of_entry(entry).unwrap();
            assert_eq!((family, network.text(family).as_str()), (Family::V6, text));
        }
        for entry in ["2001:db8::/129", "2001:db8::/", "2001:db8::/x", "fe80::1%eth0"] {
            assert_eq!(Network::of_entry(entry), None, "{entry:?}");
        }
    }

    #[test]
    fn length_of_a_value_is_compared_as_php_does() {
        let fits = |value, length| Asked::of_value(value).unwrap().fits_into(length);
        assert!(fits("10.0.0.0/8", 8) && fits("10.0.0.0/16", 8) && fits("10.0.0.0/08", 8));
        assert!(!fits("10.0.0.0/7", 8) && !fits("10.0.0.0/1e0", 8) && !fits("10.0.0.0/7/9", 8));
        assert!(
            fits("10.0.0.0/0", 8) && fits("10.0.0.0/", 8),
            "PHP takes both for nothing"
        );
        assert!(fits("10.0.0.0/abc", 8) && !fits("10.0.0.0/!", 8), "compared as texts");
        assert!(fits("10.0.0.0/inf", 32) && Asked::of_value("10.0.0").is_none());
    }
}
