//! The scope of a token: what its holder may read and do.

use std::{collections::BTreeSet, fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

use crate::Tlp;

/// The limits of a token: feeds, types, outputs, TLP level, source networks, and permissions.
///
/// [`Scope::new`] allows every feed, type and output from everywhere and no permission; narrow it with the `with_…`
/// methods. [`Scope::unrestricted`] is the scope of a token without one, which includes clearing the cache.
/// [`Scope::only`] is for a token with one purpose, which does not read feeds.
///
/// ```
/// use token_crypto::{Permission, Scope, Tlp};
///
/// let scope = Scope::new().with_feeds(["block"]).with_max_tlp(Tlp::Amber).with_permissions([Permission::Lookup]);
/// assert!(scope.permits_feed("block") && !scope.permits_feed("hunt"));
/// assert!(scope.permits(Permission::Lookup) && !scope.permits(Permission::Sightings));
/// assert!(scope.permits_address("192.0.2.7".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scope {
    /// Feed names, as in the URL.
    pub feeds: Allowed,
    /// Indicator types, as in the URL.
    pub types: Allowed,
    /// Outputs and vendors, as in the URL.
    pub outputs: Allowed,
    /// The most closed TLP level that the holder sees; red limits nothing.
    pub max_tlp: Tlp,
    /// Source networks of either family; an empty list means every network that the site allows.
    pub networks: Vec<IpNet>,
    /// Whether the holder may read feeds. If not, only [`permissions`](Self::permissions) count, for the feeds and
    /// types of the lists above.
    pub reads_feeds: bool,
    /// The permissions of the holder beside reading feeds, or instead of it.
    pub permissions: Permissions,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            feeds: Allowed::All,
            types: Allowed::All,
            outputs: Allowed::All,
            max_tlp: Tlp::Red,
            networks: Vec::new(),
            reads_feeds: true,
            permissions: Permissions::NONE,
        }
    }
}

impl Scope {
    /// Returns every feed, type and output, from everywhere, without permissions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the scope of a token that was made without one, and of every legacy token: [`Scope::new`] and
    /// [`Permission::ClearCache`], as in Cratos FastAPI.
    #[must_use]
    pub fn unrestricted() -> Self {
        Self {
            permissions: [Permission::ClearCache].into_iter().collect(),
            ..Self::default()
        }
    }

    /// Allows these feeds only.
    #[must_use]
    pub fn with_feeds<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.feeds = Allowed::only(names);
        self
    }

    /// Allows these indicator types only.
    #[must_use]
    pub fn with_types<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.types = Allowed::only(names);
        self
    }

    /// Allows these outputs and vendors only.
    #[must_use]
    pub fn with_outputs<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.outputs = Allowed::only(names);
        self
    }

    /// Allows only indicators of this TLP level and of more open ones.
    #[must_use]
    pub fn with_max_tlp(mut self, level: Tlp) -> Self {
        self.max_tlp = level;
        self
    }

    /// Allows requests from these networks only; an empty list allows every address.
    #[must_use]
    pub fn with_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.networks = networks.into_iter().collect();
        self
    }

    /// Replaces the permissions.
    #[must_use]
    pub fn with_permissions(mut self, permissions: impl IntoIterator<Item = Permission>) -> Self {
        self.permissions = permissions.into_iter().collect();
        self
    }

    /// Allows these permissions and no feed. A version of this crate that does not know such tokens refuses them.
    #[must_use]
    pub fn only(mut self, permissions: impl IntoIterator<Item = Permission>) -> Self {
        self.reads_feeds = false;
        self.with_permissions(permissions)
    }

    /// Returns whether this feed is in the list of feeds. See also [`reads_feeds`](Self::reads_feeds).
    #[must_use]
    pub fn permits_feed(&self, name: &str) -> bool {
        self.feeds.contains(name)
    }

    /// Returns whether this indicator type may be read.
    #[must_use]
    pub fn permits_type(&self, name: &str) -> bool {
        self.types.contains(name)
    }

    /// Returns whether this output or vendor may be used.
    #[must_use]
    pub fn permits_output(&self, name: &str) -> bool {
        self.outputs.contains(name)
    }

    /// Returns whether the token may be used from this address.
    ///
    /// An IPv4 address that is mapped into IPv6 (`::ffff:10.1.2.3`) counts as the IPv4 address.
    #[must_use]
    pub fn permits_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&address))
    }

    /// Returns whether the holder has this permission.
    #[must_use]
    pub fn permits(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// Returns whether nothing narrows the scope: it reads every feed, type, output and TLP level from every address.
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        let lists = [&self.feeds, &self.types, &self.outputs];
        let is_limited = self.max_tlp < Tlp::Red;
        lists.iter().all(|list| **list == Allowed::All) && self.networks.is_empty() && !is_limited && self.reads_feeds
    }
}

/// A list of names, or all names of this version and of later ones.
///
/// ```
/// use token_crypto::Allowed;
///
/// assert!(Allowed::All.contains("block"));
/// assert!(!Allowed::only(["alert"]).contains("block"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Allowed {
    /// Every name, also those of later versions.
    #[default]
    All,
    /// These names; an empty list allows nothing.
    Only(BTreeSet<String>),
}

impl Allowed {
    /// Returns the list of these names.
    pub fn only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::Only(names.into_iter().map(Into::into).collect())
    }

    /// Returns whether the name is allowed; exact spelling.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }
}

/// Something that a token may allow beside reading feeds.
///
/// ```
/// use token_crypto::Permission;
///
/// assert_eq!("lookup".parse(), Ok(Permission::Lookup));
/// assert_eq!(Permission::ClearCache.to_string(), "clear_cache");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// Look up whether a single value is listed (`lookup`).
    Lookup,
    /// See the events behind an indicator (`context`).
    Context,
    /// Follow changes as they happen (`stream`).
    Stream,
    /// Report sightings to MISP (`sightings`).
    Sightings,
    /// See the state of the mirror of the token's site and the feeds that are held back, and act on both (`operate`).
    Operate,
    /// Have a feed fetched anew (`clear_cache`).
    ClearCache,
}

impl Permission {
    /// Every permission, in the order of their bits on the wire.
    pub const ALL: &[Self] = &[
        Self::Lookup,
        Self::Context,
        Self::Stream,
        Self::Sightings,
        Self::Operate,
        Self::ClearCache,
    ];

    /// The permissions that a new token can have.
    pub const OFFERED: &[Self] = Self::ALL;

    /// The permissions that a token can have as its one purpose, for [`Scope::only`].
    pub const PURPOSES: &[Self] = &[Self::Lookup, Self::Sightings, Self::Stream, Self::Operate];

    /// Returns the name as configuration and command line write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Context => "context",
            Self::Stream => "stream",
            Self::Sightings => "sightings",
            Self::Operate => "operate",
            Self::ClearCache => "clear_cache",
        }
    }

    /// Returns a sentence for people about the permission.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Lookup => "Ask whether a single value is listed.",
            Self::Context => "See the events behind an indicator.",
            Self::Stream => "Follow changes as they happen.",
            Self::Sightings => "Report sightings to MISP.",
            Self::Operate => "See the state of the mirror of MISP, and have it read anew.",
            Self::ClearCache => "Have a feed fetched anew from MISP before its time.",
        }
    }

    /// Returns the bit on the wire; a bit never gets another meaning.
    fn bit(self) -> u8 {
        match self {
            Self::Lookup => 1,
            Self::Context => 1 << 1,
            Self::Stream => 1 << 2,
            Self::Sightings => 1 << 3,
            Self::Operate => 1 << 4,
            Self::ClearCache => 1 << 5,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error for a text that names no permission.
///
/// ```
/// let error = "look-up".parse::<token_crypto::Permission>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown permission: write lookup, context, stream, sightings, operate or clear_cache");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission: write lookup, context, stream, sightings, operate or clear_cache")]
#[non_exhaustive]
pub struct UnknownPermission;

/// Reads the name of a permission that is [offered](Permission::OFFERED).
impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(name: &str) -> Result<Self, UnknownPermission> {
        Self::OFFERED
            .iter()
            .copied()
            .find(|permission| permission.as_str() == name)
            .ok_or(UnknownPermission)
    }
}

/// A set of [`Permission`]s.
///
/// ```
/// use token_crypto::{Permission, Permissions};
///
/// let set: Permissions = [Permission::Stream].into_iter().collect();
/// assert!(set.contains(Permission::Stream) && !set.contains(Permission::Lookup));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Returns whether the permission is in the set.
    #[must_use]
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Returns the set with that permission in it.
    #[must_use]
    pub fn with(self, permission: Permission) -> Self {
        Self(self.0 | permission.bit())
    }

    /// Returns the permissions in the set, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |permission| self.contains(*permission))
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn to_wire(self) -> u8 {
        self.0
    }

    /// Returns `None` for bits that this version does not know.
    pub(crate) fn from_wire(bits: u8) -> Option<Self> {
        let known = Permission::ALL
            .iter()
            .fold(0, |bits, permission| bits | permission.bit());
        (bits & !known == 0).then_some(Self(bits))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::as_str)).finish()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_names_read_back() {
        for permission in Permission::OFFERED {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
        let offered: Permissions = Permission::OFFERED.iter().copied().collect();
        assert!(Permission::PURPOSES.iter().all(|purpose| offered.contains(*purpose)));
        assert_eq!(offered, Permission::ALL.iter().copied().collect());
        assert_eq!("ClearCache".parse::<Permission>(), Err(UnknownPermission));
    }

    /// Tokens in use hold these bits.
    #[test]
    fn bits_never_move_and_unknown_ones_are_refused() {
        let bits: Vec<u8> = Permission::ALL.iter().map(|permission| permission.bit()).collect();
        assert_eq!(bits, [1, 2, 4, 8, 16, 32]);
        assert!(Permissions::from_wire(0b0011_1111).is_some());
        for unknown in [0b0100_0000, 0b1000_0001] {
            assert_eq!(Permissions::from_wire(unknown), None);
        }
    }

    #[test]
    fn permissions_are_shown_by_name_and_each_has_a_sentence_of_its_own() {
        let permissions: Permissions = [Permission::Stream, Permission::Lookup].into_iter().collect();
        assert_eq!(format!("{permissions:?}"), r#"{"lookup", "stream"}"#);
        let sentences: BTreeSet<_> = Permission::ALL.iter().map(|permission| permission.summary()).collect();
        assert_eq!(sentences.len(), Permission::ALL.len());
        assert!(sentences.iter().all(|sentence| sentence.ends_with('.')));
    }

    #[test]
    fn a_scope_has_no_permissions_unless_it_is_the_unscoped_one() {
        assert!(Scope::new().with_feeds(["block"]).permissions.is_empty());
        let unscoped: Vec<_> = Scope::unrestricted().permissions.iter().collect();
        assert_eq!(unscoped, [Permission::ClearCache]);
    }

    #[test]
    fn a_token_for_one_purpose_reads_no_feeds() {
        let scope = Scope::new().only([Permission::Lookup]);
        assert!(scope.permits(Permission::Lookup) && !scope.reads_feeds && !scope.is_unrestricted());
        assert!(Scope::new().reads_feeds && Scope::unrestricted().reads_feeds);
    }

    #[test]
    fn an_empty_list_allows_nothing_and_no_list_allows_all() {
        assert!(Scope::new().permits_feed("block"));
        assert!(!Scope::new().with_feeds(Vec::<String>::new()).permits_feed("block"));
        let scope = Scope::new().with_types(["ipv4"]).with_outputs(["txt"]);
        assert!(scope.permits_type("ipv4") && !scope.permits_type("ipv4ext"));
        assert!(scope.permits_output("txt") && !scope.permits_output("TXT"));
        assert!(!scope.is_unrestricted() && Scope::unrestricted().is_unrestricted());
        assert!(!Scope::new().with_max_tlp(Tlp::AmberStrict).is_unrestricted());
    }

    #[test]
    fn networks_of_both_families_hold_the_source_address() {
        let scope = Scope::new().with_networks(["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"] {
            assert!(scope.permits_address(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.1.2.3", "::ffff:11.1.2.3", "2001:db9::1", "::"] {
            assert!(!scope.permits_address(outside.parse().unwrap()), "{outside}");
        }
        assert!(Scope::new().permits_address("192.0.2.1".parse().unwrap()));
    }
}
