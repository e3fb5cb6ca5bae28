//! Addresses and names that this host must never block, for example its gateway.

use std::collections::BTreeSet;

use feed_classification::{
    AddressSet, Extractor, IndicatorSet, IndicatorSetBuilder, IndicatorType, TypeSet, canonical_key, network_of,
    url_host,
};
use ipnet::IpNet;

use crate::Values;

/// Addresses that no host on the internet has, and that a host needs: loopback, link-local, multicast and broadcast.
const ALWAYS: &[&str] = &[
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/127",
    "fe80::/10",
    "ff00::/8",
];

/// The list of values that must never be blocked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeverBlock {
    networks: AddressSet,
    names: BTreeSet<String>,
    texts: BTreeSet<String>,
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Own {
    /// An address or a network.
    Network(IpNet),
    /// A DNS name, and all names below it.
    Name(String),
    /// Any other value: a URL, a hash, an e-mail address. It counts in every spelling, by its canonical key.
    Text(String),
}

impl Own {
    /// Reads an entry as a person writes it.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        if let Ok(network) = text.parse() {
            return Self::Network(network);
        }
        if let Ok(address) = text.parse::<std::net::IpAddr>() {
            return Self::Network(address.into());
        }
        let mut name = None;
        let extractor = Extractor::new(IndicatorType::Domain);
        match extractor.extract("", text, &mut |found| name = Some(found.to_owned())) {
            Ok(()) => name.map_or_else(|| Self::Text(text.to_owned()), Self::Name),
            Err(_) => Self::Text(text.to_owned()),
        }
    }
}

impl NeverBlock {
    /// Returns a list of these entries and of the permanent ones: loopback, link-local, multicast, reserved.
    #[must_use]
    pub fn new(own: impl IntoIterator<Item = Own>) -> Self {
        let mut list = Self::default();
        let mut networks: Vec<IpNet> = ALWAYS.iter().filter_map(|text| text.parse().ok()).collect();
        for entry in own {
            match entry {
                Own::Network(network) => networks.push(network),
                Own::Name(name) => drop(list.names.insert(name)),
                Own::Text(text) => list.texts.extend(keys(text)),
            }
        }
        list.networks = networks.into_iter().collect();
        list
    }

    /// Returns the values without those that must never be blocked, and the number of values that were taken out or
    /// cut.
    #[must_use]
    pub fn filter(&self, values: &Values) -> (Values, u64) {
        let mut hit = 0;
        let kept = values.sets().map(|set| self.filter_set(set, &mut hit)).collect();
        (kept, hit)
    }

    fn filter_set(&self, set: &IndicatorSet, hit: &mut u64) -> IndicatorSet {
        let kind = set.kind();
        let mut kept = IndicatorSetBuilder::new(kind);
        for value in set {
            match self.verdict(kind, value) {
                Verdict::Keep => kept.push(value),
                Verdict::Drop => *hit += 1,
                Verdict::Cut(left) => {
                    *hit += 1;
                    left.iter().for_each(|network| kept.push(&network.to_string()));
                }
            }
        }
        kept.finish()
    }

    fn verdict(&self, kind: IndicatorType, value: &str) -> Verdict {
        if self.texts.contains(&*canonical_key(kind, value)) {
            return Verdict::Drop;
        }
        if TypeSet::ADDRESSES.contains(kind) {
            return self.address(kind, value);
        }
        let is_own = if TypeSet::NAMES.contains(kind) {
            self.is_own_name(value) || self.names.iter().any(|own| is_below(own, value))
        } else if kind == IndicatorType::Url {
            self.is_own_url(value)
        } else {
            false
        };
        if is_own { Verdict::Drop } else { Verdict::Keep }
    }

    fn address(&self, kind: IndicatorType, value: &str) -> Verdict {
        let Some(network) = network_of(value) else {
            // The value is not an address, so it may not be enforced.
            return Verdict::Drop;
        };
        if !self.networks.overlaps(network) {
            return Verdict::Keep;
        }
        let left = AddressSet::from_iter([network]).without(&self.networks);
        let singles = [
            IndicatorType::Ipv4,
            IndicatorType::Ipv6,
            IndicatorType::Ipv4Ext,
            IndicatorType::Ipv6Ext,
        ];
        if left.is_empty() || singles.contains(&kind) {
            return Verdict::Drop;
        }
        Verdict::Cut(left.networks().collect())
    }

    /// An own name, and all names below it.
    fn is_own_name(&self, name: &str) -> bool {
        let mut rest = name;
        loop {
            if self.names.contains(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return false,
            }
        }
    }

    fn is_own_url(&self, value: &str) -> bool {
        let Some(host) = url_host(value) else { return false };
        match network_of(&host) {
            Some(address) => self.meets(address),
            None => self.is_own_name(&host),
        }
    }

    fn meets(&self, network: IpNet) -> bool {
        self.networks.overlaps(network)
    }
}

enum Verdict {
    Keep,
    Drop,
    Cut(Vec<IpNet>),
}

/// Returns the value and its canonical key for every type that it can be of.
fn keys(text: String) -> BTreeSet<String> {
    let elsewhere = TypeSet::RULES.union(TypeSet::ADDRESSES).union(TypeSet::NAMES);
    let mut keys = BTreeSet::new();
    for kind in TypeSet::ALL.without(elsewhere).iter() {
        // A text that is not a value of this type may be one of the next.
        let _ = Extractor::new(kind).extract("", &text, &mut |found| {
            keys.insert(canonical_key(kind, found).into_owned());
        });
    }
    keys.insert(text);
    keys
}

/// Returns whether `name` is below `parent`.
fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|front| front.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(own: &[&str], kind: IndicatorType, values: &[&str]) -> (Vec<String>, u64) {
        let list = NeverBlock::new(own.iter().map(|text| Own::read(text)));
        let set = IndicatorSet::of(kind, values.iter().copied());
        let (kept, hit) = list.filter(&[set].into_iter().collect());
        (kept.sets().flatten().map(str::to_owned).collect(), hit)
    }

    #[test]
    fn networks_are_cut_around_own_addresses() {
        let (kept, hit) = filtered(&["192.0.2.1"], IndicatorType::Ip, &["192.0.2.0/30", "198.51.100.7"]);
        assert_eq!(
            (kept.join(" ").as_str(), hit),
            ("192.0.2.0 192.0.2.2/31 198.51.100.7", 1)
        );
        let (kept, _) = filtered(&["192.0.2.1"], IndicatorType::Cidr4, &["192.0.2.1/30"]);
        assert_eq!(kept, ["192.0.2.0", "192.0.2.2/31"], "host bits count for nothing");
        let (kept, hit) = filtered(&["192.0.2.1"], IndicatorType::Ip, &["::ffff:192.0.2.1", "192.0.2.1/32"]);
        assert_eq!(
            (kept.as_slice(), hit),
            ([].as_slice(), 1),
            "one address in two spellings"
        );
        let (kept, hit) = filtered(&["2001:db8::/32"], IndicatorType::Ipv6, &["2001:db8::1", "2001:db9::1"]);
        assert_eq!((kept.join(" ").as_str(), hit), ("2001:db9::1", 1));
    }

    #[test]
    fn loopback_multicast_and_links_are_always_in_the_list() {
        let all = [
            "0.0.0.0",
            "127.0.0.1",
            "169.254.1.1",
            "224.0.0.251",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "ff02::1",
        ];
        assert_eq!(filtered(&[], IndicatorType::Ip, &all), (vec![], 9));
        let (kept, _) = filtered(&[], IndicatorType::Ip, &["0.0.0.0/0", "::/0"]);
        assert!(
            kept.len() > 8 && !kept.iter().any(|net| net.ends_with("/0")),
            "{kept:?}"
        );
    }

    #[test]
    fn own_names_their_parents_and_what_is_below_them_are_dropped() {
        let names = [
            "example.org",
            "org.example",
            "www.example.org",
            "a.www.example.org",
            "evil.example.org",
            "notwww.example.org",
        ];
        let (kept, hit) = filtered(&["www.example.org"], IndicatorType::Domain, &names);
        assert_eq!(
            (kept.join(" ").as_str(), hit),
            ("evil.example.org notwww.example.org org.example", 3)
        );
    }

    #[test]
    fn urls_on_own_hosts_are_dropped() {
        let urls = [
            "http://evil.example/www.example.org",
            "https://a.example.org./x",
            "http://192.0.2.1:8080/",
            "http://[2001:db8::1]/",
            "http://[::ffff:192.0.2.1]/",
            "www.example.org/x",
            "example.org:8080/x",
        ];
        let own = ["Example.org", "192.0.2.0/24", "2001:db8::/64"];
        let (kept, hit) = filtered(&own, IndicatorType::Url, &urls);
        assert_eq!((kept.as_slice(), hit), ([urls[0].to_owned()].as_slice(), 6));
    }

    #[test]
    fn any_other_value_is_taken_out_in_every_spelling() {
        let hash = "d41d8cd98f00b204e9800998ecf8427e";
        for own in [hash, &hash.to_uppercase()] {
            assert_eq!(filtered(&[own], IndicatorType::FileMd5, &[hash]), (vec![], 1));
        }
        let urls = ["http://EVIL.example", "http://evil.example/x"];
        let (kept, hit) = filtered(&["HTTP://evil.example:80/"], IndicatorType::Url, &urls);
        assert_eq!((kept.join(" ").as_str(), hit), ("http://evil.example/x", 1));
        let own = ["boss@example.org"];
        assert_eq!(filtered(&own, IndicatorType::EmailAddress, &own), (vec![], 1));
    }
}
