//! The guard: rules that keep values out of every feed that would do harm on the devices that enforce it.

mod guarded;
mod name_set;
mod own;
mod public_suffix;
mod special_names;

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

use crate::grammar::address;
use crate::names::named;
use crate::{AddressSet, FalsePositives, IndicatorType, TypeSet, network_of, special_purpose, url_host};

pub use guarded::{Guarded, GuardedBuilder};
pub use own::{NeverExport, NotExportable, OwnValue};

use name_set::NameSet;

/// The most networks that one network is cut into. One that would give more is refused as a whole: a thousand holes in
/// one network are a sign that it is not an indicator, and packet filters have limits too.
pub const MAX_PARTS: usize = 1024;

named! {
    /// A rule of the guard.
    ///
    /// ```
    /// use feed_classification::GuardRule;
    ///
    /// assert_eq!(GuardRule::SpecialPurpose.as_str(), "special_purpose");
    /// ```
    pub enum GuardRule as "guard rule" {
        /// The value is, or overlaps, a special-purpose address range or a special-use name, for example 10.0.0.0/8.
        SpecialPurpose = "special_purpose",
        /// The network is wider than /8 (IPv4) or /19 (IPv6).
        WidePrefixes = "wide_prefixes",
        /// The name is a public suffix such as co.uk, or stands above one.
        PublicSuffixes = "public_suffixes",
        /// The value belongs to the networks, names, URLs and hashes that the site never exports.
        NeverExport = "never_export",
        /// An analyst called the value harmless, or an address that the network contains.
        FalsePositive = "false_positive",
        /// Without the harmless and own addresses in it, the network would be more than 1024 networks.
        TooManyParts = "too_many_parts",
    }
}

/// The rules that a site switches on, and the values that it never exports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct GuardRules {
    /// Special-purpose addresses and special-use names are not exported.
    pub special_purpose: bool,
    /// Networks that are wider than any allocated one are not exported.
    pub wide_prefixes: bool,
    /// Public suffixes and names above them are not exported.
    pub public_suffixes: bool,
    /// The site's own values.
    pub never_export: NeverExport,
}

impl GuardRules {
    /// No rule; values that an analyst called harmless are still not exported.
    pub const NONE: Self = Self {
        special_purpose: false,
        wide_prefixes: false,
        public_suffixes: false,
        never_export: NeverExport::EMPTY,
    };
}

/// All rules, and no own value.
impl Default for GuardRules {
    fn default() -> Self {
        Self {
            special_purpose: true,
            wide_prefixes: true,
            public_suffixes: true,
            never_export: NeverExport::EMPTY,
        }
    }
}

/// Judges every value of a feed by [`GuardRules`] and [`FalsePositives`]. Clones are cheap.
///
/// - **Addresses and networks**: one inside of a forbidden range is refused. A network that only overlaps one is cut
///   around it; every other address of it stays. Documentation ranges are not special-purpose here.
/// - **Names**: an own name, every name below it and every name above it are refused, and so are special-use names
///   (`localhost`, `local`, `home.arpa`, …) and public suffixes.
/// - **URLs**: refused if the host is a forbidden address, an own name or a name below one. A URL at a name *above* an
///   own one passes, since it blocks no other name.
/// - **E-mail addresses**: refused if the domain is an own name or a name below one.
/// - **Hashes and fingerprints**: refused if they are own ones.
/// - Every other value passes, unless it is a false positive.
///
/// ```
/// use feed_classification::{FalsePositives, Guard, GuardRules, IndicatorSet, IndicatorType};
///
/// let mut rules = GuardRules::default();
/// rules.never_export.add("203.0.113.128/25".parse()?);
/// let listed = ["10.1.2.3", "0.0.0.0/0", "203.0.113.0/24", "192.0.2.1"];
/// let listed = IndicatorSet::of(IndicatorType::Ip, listed);
///
/// let guarded = Guard::new(rules).applied_to(listed, &FalsePositives::default(), 1_000).unwrap();
/// assert!(guarded.values.iter().eq(["192.0.2.1", "203.0.113.0/25"]));
/// # Ok::<(), feed_classification::NotExportable>(())
/// ```
#[derive(Clone)]
pub struct Guard(Arc<Compiled>);

struct Compiled {
    rules: GuardRules,
    own_addresses: AddressSet,
    own_names: NameSet,
    /// Without an own URL, no listed one needs its key.
    has_own_urls: bool,
}

/// The judgement of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is exported as it is.
    Exported,
    /// It is a network of which these parts are exported, in order of addresses.
    Cut(GuardRule, Vec<IpNet>),
    /// It is not exported.
    Refused(GuardRule),
}

impl Verdict {
    /// Returns the rule that does not let the value pass as it is.
    #[must_use]
    pub fn rule(&self) -> Option<GuardRule> {
        match self {
            Self::Exported => None,
            Self::Cut(rule, _) | Self::Refused(rule) => Some(*rule),
        }
    }
}

impl Guard {
    /// Returns the guard with these rules.
    #[must_use]
    pub fn new(rules: GuardRules) -> Self {
        Self(Arc::new(Compiled {
            own_addresses: rules.never_export.networks().collect(),
            own_names: rules.never_export.names().collect(),
            has_own_urls: rules.never_export.has_urls(),
            rules,
        }))
    }

    /// Returns the rules.
    #[must_use]
    pub fn rules(&self) -> &GuardRules {
        &self.0.rules
    }

    /// Judges a value in normal form, as [`crate::Extractor`] gives it.
    #[must_use]
    pub fn judge(&self, kind: IndicatorType, value: &str, harmless: &FalsePositives) -> Verdict {
        if harmless.contains(kind, value) {
            return Verdict::Refused(GuardRule::FalsePositive);
        }
        if TypeSet::ADDRESSES.contains(kind) {
            return network_of(value).map_or(Verdict::Exported, |network| self.judge_network(network, harmless));
        }
        self.rule_against(kind, value)
            .map_or(Verdict::Exported, Verdict::Refused)
    }

    /// Returns whether no address of a network is exported, whatever listed network contains it.
    #[must_use]
    pub fn hides(&self, network: IpNet, harmless: &FalsePositives) -> bool {
        let forbidden = self.forbidden(harmless);
        let is_touched = forbidden.iter().any(|(_, addresses)| addresses.overlaps(network));
        is_touched && rest_of(network, &forbidden).is_empty()
    }

    fn judge_network(&self, network: IpNet, harmless: &FalsePositives) -> Verdict {
        let network = address::unmapped(network);
        if self.0.rules.wide_prefixes && special_purpose::is_too_wide(network) {
            return Verdict::Refused(GuardRule::WidePrefixes);
        }
        let forbidden = self.forbidden(harmless);
        let mut touching = forbidden.iter().filter(|(_, addresses)| addresses.overlaps(network));
        let Some((first, _)) = touching.next() else {
            return Verdict::Exported;
        };
        if let Some((rule, _)) = forbidden.iter().find(|(_, addresses)| addresses.covers(network)) {
            return Verdict::Refused(*rule);
        }
        let rest = rest_of(network, &forbidden);
        // Without the rule on wide prefixes, a part may be a network that is too wide and that an analyst marked.
        let parts = rest.networks().filter(|part| !harmless.covers(*part));
        let parts: Vec<IpNet> = parts.take(MAX_PARTS + 1).collect();
        match parts.len() {
            0 => Verdict::Refused(*first),
            1..=MAX_PARTS => Verdict::Cut(*first, parts),
            _ => Verdict::Refused(GuardRule::TooManyParts),
        }
    }

    /// Returns the addresses that are not exported.
    fn forbidden<'a>(&'a self, harmless: &'a FalsePositives) -> [(GuardRule, &'a AddressSet); 3] {
        static NONE: AddressSet = AddressSet::new();
        let special = match self.0.rules.special_purpose {
            true => special_purpose::addresses(),
            false => &NONE,
        };
        [
            (GuardRule::SpecialPurpose, special),
            (GuardRule::NeverExport, &self.0.own_addresses),
            (GuardRule::FalsePositive, harmless.addresses()),
        ]
    }

    /// Returns the rule that refuses a value that is not an address.
    fn rule_against(&self, kind: IndicatorType, value: &str) -> Option<GuardRule> {
        match kind {
            IndicatorType::Domain | IndicatorType::Hostname => self.rule_against_name(value),
            IndicatorType::Url => self.rule_against_url(value),
            IndicatorType::EmailAddress => {
                let domain = value.rsplit_once('@').map_or("", |(_, domain)| domain);
                self.0.own_names.holds(domain).then_some(GuardRule::NeverExport)
            }
            _ => {
                let own = &self.0.rules.never_export;
                own.has_digest(kind, value).then_some(GuardRule::NeverExport)
            }
        }
    }

    fn rule_against_name(&self, name: &str) -> Option<GuardRule> {
        let Compiled { rules, own_names, .. } = &*self.0;
        let special = special_names::names();
        let is_special = || special.holds(name) || special.is_above(name);
        if rules.special_purpose && is_special() {
            return Some(GuardRule::SpecialPurpose);
        }
        if own_names.holds(name) || own_names.is_above(name) {
            return Some(GuardRule::NeverExport);
        }
        (rules.public_suffixes && public_suffix::is_one_or_above(name)).then_some(GuardRule::PublicSuffixes)
    }

    fn rule_against_url(&self, url: &str) -> Option<GuardRule> {
        let Compiled {
            rules,
            own_addresses,
            own_names,
            has_own_urls,
        } = &*self.0;
        if *has_own_urls && rules.never_export.has_url(url) {
            return Some(GuardRule::NeverExport);
        }
        let host = url_host(url)?;
        // Few hosts are addresses, and reading one costs more than a look at its first character.
        let may_be_address = host.contains(':') || host.starts_with(|first: char| first.is_ascii_digit());
        if let Some(network) = network_of(&host).filter(|_| may_be_address) {
            let is_special = rules.special_purpose && special_purpose::addresses().covers(network);
            let is_own = own_addresses.covers(network).then_some(GuardRule::NeverExport);
            return is_special.then_some(GuardRule::SpecialPurpose).or(is_own);
        }
        if rules.special_purpose && special_names::names().holds(&host) {
            return Some(GuardRule::SpecialPurpose);
        }
        own_names.holds(&host).then_some(GuardRule::NeverExport)
    }
}

/// Returns the addresses of the network that are not forbidden.
fn rest_of(network: IpNet, forbidden: &[(GuardRule, &AddressSet)]) -> AddressSet {
    let whole: AddressSet = std::iter::once(network).collect();
    forbidden
        .iter()
        .fold(whole, |rest, (_, addresses)| rest.without(addresses))
}

/// The guard with all rules and no own value.
impl Default for Guard {
    fn default() -> Self {
        Self::new(GuardRules::default())
    }
}

/// Two guards with the same rules judge alike.
impl PartialEq for Guard {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.rules == other.0.rules
    }
}

impl Eq for Guard {}

impl std::hash::Hash for Guard {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.rules.hash(state);
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.0.rules).finish()
    }
}
