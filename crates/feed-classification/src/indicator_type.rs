//! Indicator types: the kinds of values that a consumer can request.

use crate::names::named;

named! {
    /// The kind of the values in a feed, by its name in a URL.
    ///
    /// The types are a closed set; see the crate's documentation for the reason.
    ///
    /// ```
    /// use feed_classification::IndicatorType;
    ///
    /// let kind: IndicatorType = "file-md5".parse()?;
    /// assert!(kind.default_attribute_types().contains(&"filename|md5"));
    /// # Ok::<(), feed_classification::UnknownName>(())
    /// ```
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

#[cfg(test)]
mod tests {
    use super::IndicatorType;

    #[test]
    fn names_are_in_the_order_of_the_documentation_and_read_back() {
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
}
