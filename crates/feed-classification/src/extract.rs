//! From the value of a MISP attribute to indicators of one type.

use std::borrow::Cow;

use ipnet::IpNet;

use crate::grammar::address::{self, Host};
use crate::grammar::{email, hash, identifier, name, text, url, wallet};
use crate::{DropReason, IndicatorType, TypeSet, composite};

/// The longest value that is read, in bytes, for every type but rules.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;

/// The longest rule (`snort`, `yara`, `sigma`) that is taken, in bytes.
pub const MAX_RULE_BYTES: usize = 1024 * 1024;

/// The default for the addresses of one network that are written out: a `/16` of IPv4.
pub const DEFAULT_MAX_EXPAND: u32 = 65_536;

/// Takes the indicators of one type out of attribute values, by strict parsing of the whole value.
///
/// It never searches inside text and never corrects a value: one that does not parse is dropped with its reason. The
/// indicators are in normal form, and extracting one again gives the same text. Addresses and networks come out as
/// their [`crate::canonical_key`]; a network of one address is an address for every type.
///
/// ```
/// use feed_classification::{DropReason, Extractor, IndicatorType};
///
/// let extractor = Extractor::new(IndicatorType::Ipv4);
/// let mut found = Vec::new();
/// extractor.extract("ip-dst|port", "192.0.2.7|443", &mut |value| found.push(value.to_owned()))?;
/// assert_eq!(found, ["192.0.2.7"]);
///
/// let refused = extractor.extract("ip-dst", "see 192.0.2.7", &mut |_| unreachable!());
/// assert_eq!(refused, Err(DropReason::NotAnAddress));
/// # Ok::<(), DropReason>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extractor {
    kind: IndicatorType,
    max_expand: u32,
}

impl Extractor {
    /// Makes an extractor for one type, which writes out networks of up to [`DEFAULT_MAX_EXPAND`] addresses.
    #[must_use]
    pub const fn new(kind: IndicatorType) -> Self {
        Self {
            kind,
            max_expand: DEFAULT_MAX_EXPAND,
        }
    }

    /// Sets the largest network, in addresses, that `ipv4ext` and `ipv6ext` write out; a larger one is dropped whole.
    #[must_use]
    pub const fn max_expand(mut self, addresses: u32) -> Self {
        self.max_expand = addresses;
        self
    }

    /// Returns the type that is extracted.
    #[must_use]
    pub const fn kind(&self) -> IndicatorType {
        self.kind
    }

    /// Hands every indicator in `value` to `found`: one, or the addresses of a network for `ipv4ext` and `ipv6ext`.
    ///
    /// `attribute_type` is the type that MISP gave the attribute; of composite ones (`domain|ip`, `filename|md5`, …)
    /// the part that fits counts. White space and invisible characters (Unicode category C) around a value are cut off,
    /// except around rules. Inside of a name, an address, a hash or a URL they make the value invalid; inside of texts,
    /// for example names of files, they stay.
    ///
    /// # Errors
    /// The reason why the attribute gave nothing; `found` was not called then.
    pub fn extract(&self, attribute_type: &str, value: &str, found: &mut dyn FnMut(&str)) -> Result<(), DropReason> {
        if TypeSet::RULES.contains(self.kind) {
            if value.len() > MAX_RULE_BYTES {
                return Err(DropReason::TooLong);
            }
            found(text::rule(value)?);
            return Ok(());
        }
        let value = text::trimmed(value);
        if value.len() > MAX_VALUE_BYTES {
            return Err(DropReason::TooLong);
        }
        let value = composite::part(self.kind, attribute_type, value)?;
        if value.is_empty() {
            return Err(DropReason::Empty);
        }
        if TypeSet::ADDRESSES.contains(self.kind) {
            return self.addresses(value, found);
        }
        // MISP's `uri` holds paths too, and a file name in one (`gate.php`) reads like a site.
        if attribute_type == "uri" && self.kind == IndicatorType::Url && !url::is_absolute(value) {
            return Err(DropReason::NotAUrl);
        }
        found(&self.normal_form(value)?);
        Ok(())
    }

    fn addresses(&self, value: &str, found: &mut dyn FnMut(&str)) -> Result<(), DropReason> {
        let host = address::host(value)?;
        let is_v4 = match host {
            Host::Address(address) => address.is_ipv4(),
            Host::Network(network) => matches!(network, IpNet::V4(_)),
        };
        let wanted = match self.kind {
            IndicatorType::Ipv4 | IndicatorType::Ipv4Ext | IndicatorType::Cidr4 => is_v4,
            IndicatorType::Ipv6 | IndicatorType::Ipv6Ext | IndicatorType::Cidr6 => !is_v4,
            _ => true,
        };
        if !wanted {
            return Err(DropReason::OtherFamily);
        }
        match (self.kind, host) {
            (IndicatorType::Ipv4 | IndicatorType::Ipv6, Host::Network(_)) => Err(DropReason::NotSingle),
            (IndicatorType::Cidr4 | IndicatorType::Cidr6, Host::Address(_)) => Err(DropReason::SingleAddress),
            (IndicatorType::Ipv4Ext | IndicatorType::Ipv6Ext, Host::Network(network)) => {
                address::expand(network, self.max_expand, found)
            }
            _ => {
                found(&address::canonical(host, value));
                Ok(())
            }
        }
    }

    fn normal_form<'v>(&self, value: &'v str) -> Result<Cow<'v, str>, DropReason> {
        use IndicatorType as Kind;
        match self.kind {
            Kind::Domain | Kind::Hostname => name::domain(value),
            Kind::Url => url::url(value).map(Cow::Borrowed),
            Kind::FileMd5 | Kind::Ja3 | Kind::HasshMd5 | Kind::HasshServerMd5 | Kind::Imphash => hash::plain(value, 32),
            Kind::FileSha1 => hash::plain(value, 40),
            Kind::FileSha256 => hash::plain(value, 64),
            Kind::X509FingerprintMd5 => hash::fingerprint(value, 32),
            Kind::X509FingerprintSha1 => hash::fingerprint(value, 40),
            Kind::X509FingerprintSha256 => hash::fingerprint(value, 64),
            Kind::EmailAddress => email::address(value),
            Kind::Vulnerability => identifier::cve(value),
            Kind::CryptoCurrency => wallet::wallet(value),
            Kind::Ja4 => identifier::ja4(value),
            Kind::ChromeExtensionId | Kind::EdgeExtensionId => identifier::extension_id(value),
            Kind::Mutex | Kind::EmailSubject | Kind::EmailAttachment | Kind::Filename | Kind::UserAgent => {
                text::one_line(value).map(Cow::Borrowed)
            }
            // `extract` handles these two before; they are named here so that a new type cannot be forgotten.
            Kind::Snort | Kind::Yara | Kind::Sigma => text::rule(value).map(Cow::Borrowed),
            Kind::Ipv4Ext | Kind::Ipv4 | Kind::Ipv6 | Kind::Cidr4 | Kind::Cidr6 | Kind::Ipv6Ext | Kind::Ip => {
                address::host(value).map(|host| address::canonical(host, value))
            }
        }
    }
}
