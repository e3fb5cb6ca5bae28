//! Indicator types: what kind of value a consumer asks for, and which MISP attributes hold it.

use crate::TypeSet;
use crate::names::named;

named! {
    /// What kind of value a feed holds, as it stands in a URL.
    pub enum IndicatorType as "indicator type" {
        /// IPv4 addresses, networks written out address by address.
        Ipv4Ext = "ipv4ext",
        /// Single IPv4 addresses.
        Ipv4 = "ipv4",
        /// Single IPv6 addresses.
        Ipv6 = "ipv6",
        /// IPv4 networks.
        Cidr4 = "cidr4",
        /// Domains.
        Domain = "domain",
        /// Host names.
        Hostname = "hostname",
        /// URLs.
        Url = "url",
        /// MD5 of files.
        FileMd5 = "file-md5",
        /// SHA-1 of files.
        FileSha1 = "file-sha1",
        /// SHA-256 of files.
        FileSha256 = "file-sha256",
        /// Names of mutexes.
        Mutex = "mutex",
        /// Snort rules, one or more lines each.
        Snort = "snort",
        /// YARA rules, mostly of many lines.
        Yara = "yara",
        /// Sigma rules, YAML documents of many lines.
        Sigma = "sigma",
        /// MD5 of X.509 certificates.
        X509FingerprintMd5 = "x509-fingerprint-md5",
        /// SHA-1 of X.509 certificates.
        X509FingerprintSha1 = "x509-fingerprint-sha1",
        /// SHA-256 of X.509 certificates.
        X509FingerprintSha256 = "x509-fingerprint-sha256",
        /// E-mail addresses, of senders and receivers.
        EmailAddress = "email-address",
        /// Subjects of e-mails.
        EmailSubject = "email-subject",
        /// File names of e-mail attachments.
        EmailAttachment = "email-attachment",
        /// CVE identifiers.
        Vulnerability = "vulnerability",
        /// JA3 fingerprints of TLS clients.
        Ja3 = "ja3",
        /// HASSH fingerprints of SSH clients.
        HasshMd5 = "hassh-md5",
        /// HASSH fingerprints of SSH servers.
        HasshServerMd5 = "hasshserver-md5",
        /// Import hashes of PE files.
        Imphash = "imphash",
        /// Bitcoin, Monero and Dash addresses.
        CryptoCurrency = "crypto-currency",
        /// Identifiers of extensions of Chrome.
        ChromeExtensionId = "chrome-extension-id",
        /// Identifiers of extensions of Edge.
        EdgeExtensionId = "edge-extension-id",
        /// IPv6 networks.
        Cidr6 = "cidr6",
        /// IPv6 addresses, networks written out address by address.
        Ipv6Ext = "ipv6ext",
        /// Addresses and networks of both families.
        Ip = "ip",
        /// JA4 fingerprints of TLS clients.
        Ja4 = "ja4",
        /// File names.
        Filename = "filename",
        /// User agents of HTTP clients.
        UserAgent = "user-agent",
    }
}

/// The types whose values name the same things, so that a false positive of one is one of the others too.
///
/// `192.0.2.1` is the same address in an `ipv4` and in an `ip` feed; a text that is both a mutex and a file name is two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ValueFamily {
    /// Addresses and networks: [`TypeSet::ADDRESSES`].
    Address,
    /// Names of the DNS: `domain` and `hostname`.
    Name,
    /// One type on its own.
    Only(IndicatorType),
}

impl ValueFamily {
    /// Returns the types that belong to this family.
    #[must_use]
    pub const fn types(self) -> TypeSet {
        match self {
            Self::Address => TypeSet::ADDRESSES,
            Self::Name => TypeSet::NAMES,
            Self::Only(kind) => TypeSet::of(&[kind]),
        }
    }
}

impl IndicatorType {
    /// Returns the family of types that share false positives with this one.
    #[must_use]
    pub const fn family(self) -> ValueFamily {
        if TypeSet::ADDRESSES.contains(self) {
            ValueFamily::Address
        } else if TypeSet::NAMES.contains(self) {
            ValueFamily::Name
        } else {
            ValueFamily::Only(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{IndicatorType, ValueFamily};
    use crate::TypeSet;

    #[test]
    fn names_stand_in_the_order_of_the_documentation_and_read_back() {
        assert_eq!(
            IndicatorType::NAMES.join(" "),
            "ipv4ext ipv4 ipv6 cidr4 domain hostname url file-md5 file-sha1 file-sha256 mutex snort yara sigma x509-fingerprint-md5 \
             x509-fingerprint-sha1 x509-fingerprint-sha256 email-address email-subject email-attachment vulnerability ja3 hassh-md5 \
             hasshserver-md5 imphash crypto-currency chrome-extension-id edge-extension-id cidr6 ipv6ext ip ja4 filename user-agent"
        );
        for kind in IndicatorType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
    }

    #[test]
    fn a_type_belongs_to_its_own_family() {
        for kind in IndicatorType::ALL {
            assert!(kind.family().types().contains(*kind), "{kind}");
        }
        assert_eq!(IndicatorType::Cidr6.family(), ValueFamily::Address);
        assert_eq!(IndicatorType::Hostname.family(), IndicatorType::Domain.family());
        assert_eq!(
            IndicatorType::Yara.family().types(),
            TypeSet::of(&[IndicatorType::Yara])
        );
    }
}
