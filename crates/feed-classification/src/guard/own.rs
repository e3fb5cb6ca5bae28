//! The values that a site never exports: its own networks, names, URLs and hashes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;

use super::public_suffix;
use crate::grammar::{hash, name, url};
use crate::{IndicatorType, TypeSet, canonical_key, network_of, special_purpose};

/// Types whose values are hexadecimal digests.
const DIGESTS: TypeSet = TypeSet::of(&[
    IndicatorType::FileMd5,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
    IndicatorType::X509FingerprintMd5,
    IndicatorType::X509FingerprintSha1,
    IndicatorType::X509FingerprintSha256,
    IndicatorType::Ja3,
    IndicatorType::HasshMd5,
    IndicatorType::HasshServerMd5,
    IndicatorType::Imphash,
]);

/// Own values, in any order, each once.
///
/// ```
/// use feed_classification::{NeverExport, OwnValue};
///
/// let mut own = NeverExport::EMPTY;
/// own.add("192.0.2.7/24".parse()?);
/// own.add("Own.Example.".parse()?);
/// let written: Vec<String> = own.values().map(ToString::to_string).collect();
/// assert_eq!(written, ["192.0.2.0/24", "own.example"]);
/// assert!("co.uk".parse::<OwnValue>().is_err());
/// # Ok::<(), feed_classification::NotExportable>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NeverExport(BTreeSet<OwnValue>);

/// One own value, in normal form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnValue {
    /// A network, or an address as a network of one. Its addresses are not exported.
    Network(IpNet),
    /// A name, which may have one label only. It, the names below it and those above it are not exported.
    Name(Box<str>),
    /// The canonical key of a URL.
    Url(Box<str>),
    /// The digest of a file, a certificate or a handshake, in lower case.
    Digest(Box<str>),
}

/// The reason why a text is not an own value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotExportable {
    /// It is not a network, a name, a URL or a hash.
    #[error("is not an address, network, name, URL or hash")]
    Unreadable,
    /// A name with `*`.
    #[error("has a `*`")]
    Wildcard,
    /// A name below which a registry gives out names.
    #[error("is a public suffix, and every name below it would leave all feeds")]
    PublicSuffix,
    /// A network that is wider than any allocated one.
    #[error("is wider than any allocated network, and all its addresses would leave all feeds")]
    TooWide,
}

impl NeverExport {
    /// No value.
    pub const EMPTY: Self = Self(BTreeSet::new());

    /// Adds a value.
    pub fn add(&mut self, value: OwnValue) {
        self.0.insert(value);
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the values in order.
    pub fn values(&self) -> impl Iterator<Item = &OwnValue> {
        self.0.iter()
    }

    pub(super) fn networks(&self) -> impl Iterator<Item = IpNet> {
        self.0.iter().filter_map(|value| match value {
            OwnValue::Network(network) => Some(*network),
            _ => None,
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|value| match value {
            OwnValue::Name(name) => Some(&**name),
            _ => None,
        })
    }

    pub(super) fn has_urls(&self) -> bool {
        self.0.iter().any(|value| matches!(value, OwnValue::Url(_)))
    }

    pub(super) fn has_url(&self, url: &str) -> bool {
        let key = canonical_key(IndicatorType::Url, url);
        self.0.contains(&OwnValue::Url((*key).into()))
    }

    pub(super) fn has_digest(&self, kind: IndicatorType, digest: &str) -> bool {
        DIGESTS.contains(kind) && !self.0.is_empty() && self.0.contains(&OwnValue::Digest(digest.into()))
    }
}

impl Extend<OwnValue> for NeverExport {
    fn extend<I: IntoIterator<Item = OwnValue>>(&mut self, values: I) {
        self.0.extend(values);
    }
}

impl FromStr for OwnValue {
    type Err = NotExportable;

    /// Reads an address, a network, 32, 40 or 64 hexadecimal digits (also with colons between pairs), a URL, or a name.
    ///
    /// # Errors
    /// [`NotExportable`] for other texts, and for a name or network that would empty feeds.
    fn from_str(text: &str) -> Result<Self, NotExportable> {
        let text = text.trim();
        if let Some(network) = network_of(text) {
            let is_special = special_purpose::addresses().covers(network);
            return match special_purpose::is_too_wide(network) && !is_special {
                true => Err(NotExportable::TooWide),
                false => Ok(Self::Network(network)),
            };
        }
        let digest = [32, 40, 64]
            .iter()
            .find_map(|digits| hash::fingerprint(text, *digits).ok());
        if let Some(digest) = digest {
            return Ok(Self::Digest((*digest).into()));
        }
        if text.contains(['/', ':', '?']) {
            let url = url::url(text).map_err(|_| NotExportable::Unreadable)?;
            let host = url::host(url).unwrap_or_default();
            // `192.0.2.0/33` is a mistake in a network rather than a page of a web server.
            return match !url::is_absolute(url) && network_of(&host).is_some() {
                true => Err(NotExportable::Unreadable),
                false => Ok(Self::Url((*url::key(url)).into())),
            };
        }
        if text.contains('*') {
            return Err(NotExportable::Wildcard);
        }
        let name = name::host(text).map_err(|_| NotExportable::Unreadable)?;
        match public_suffix::is_registry(&name) {
            true => Err(NotExportable::PublicSuffix),
            false => Ok(Self::Name((*name).into())),
        }
    }
}

impl fmt::Display for OwnValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Name(text) | Self::Url(text) | Self::Digest(text) => f.pad(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NotExportable, OwnValue};

    fn read(text: &str) -> Result<String, NotExportable> {
        text.parse::<OwnValue>().map(|value| format!("{value:?}"))
    }

    #[test]
    fn each_kind_of_value_is_read_in_normal_form() {
        for (text, value) in [
            ("192.0.2.77/24", "Network(192.0.2.0/24)"),
            ("::ffff:192.0.2.1", "Network(192.0.2.1/32)"),
            ("fc00::/7", "Network(fc00::/7)"),
            ("Bücher.Example.", "Name(\"xn--bcher-kva.example\")"),
            ("corp", "Name(\"corp\")"),
            ("own.github.io", "Name(\"own.github.io\")"),
            ("HTTP://Own.Example", "Url(\"http://own.example/\")"),
            ("own.example/login", "Url(\"own.example/login\")"),
            (
                "D41D8CD98F00B204E9800998ECF8427E",
                "Digest(\"d41d8cd98f00b204e9800998ecf8427e\")",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value), "{text}");
        }
        let colons = ["aB"; 20].join(":");
        assert_eq!(read(&colons), Ok(format!("Digest({:?})", "ab".repeat(20))));
    }

    #[test]
    fn a_value_that_would_empty_feeds_or_cannot_be_read_is_refused() {
        for (text, reason) in [
            ("0.0.0.0/0", NotExportable::TooWide),
            ("2000::/3", NotExportable::TooWide),
            ("com", NotExportable::PublicSuffix),
            ("co.uk", NotExportable::PublicSuffix),
            ("*.own.example", NotExportable::Wildcard),
            ("", NotExportable::Unreadable),
            ("own example", NotExportable::Unreadable),
            ("192.0.2.1/33", NotExportable::Unreadable),
            ("192.0.2.0/255.255.255.0", NotExportable::Unreadable),
            ("hxxp://own.example/", NotExportable::Unreadable),
        ] {
            assert_eq!(read(text), Err(reason), "{text}");
        }
    }
}
