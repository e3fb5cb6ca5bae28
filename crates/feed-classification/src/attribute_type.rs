//! Every attribute type of MISP with the indicator types that take it: the one place where this is decided.
//!
//! The built-in lists of `mappings.yaml` ([`IndicatorType::default_attribute_types`]), `config.example/mappings.yaml`
//! and `docs/attribute-types.md` follow this table, and tests hold them and `describeTypes` of MISP 2.5.1 against it.
//!
//! An indicator type takes an attribute type when a consumer can act on the value without a change: a hash that its
//! programs compute, an address that a gateway sees. No indicator type takes attributes that describe a victim, a
//! report or a person.

use std::sync::LazyLock;

use crate::IndicatorType::{self, *};

/// One attribute type of MISP.
///
/// ```
/// use feed_classification::{AttributeType, IndicatorType};
///
/// let sample = AttributeType::named("malware-sample").unwrap();
/// assert_eq!(sample.taken_by, [IndicatorType::FileMd5, IndicatorType::Filename]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeType {
    /// Its name in MISP, such as `ip-dst|port`.
    pub name: &'static str,
    /// The indicator types that take it; if the list is empty, `remark` says why.
    pub taken_by: &'static [IndicatorType],
    /// The part of the value that is taken, or why no indicator type takes it; empty if the whole value is taken.
    pub remark: &'static str,
}

impl AttributeType {
    /// Returns every attribute type, in groups that belong together.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        TABLE.iter().flat_map(|group| {
            group.names.iter().map(|name| Self {
                name,
                taken_by: group.taken_by,
                remark: group.remark,
            })
        })
    }

    /// Returns the attribute type of this name, or nothing for one that MISP 2.5 does not have; case counts.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|attribute_type| attribute_type.name == name)
    }
}

impl IndicatorType {
    /// Returns the MISP attribute types that the table names for this type. A feed asks MISP for them unless
    /// `mappings.yaml` lists others.
    ///
    /// Two of them:
    /// - `ja4`: no MISP has an attribute type for JA4 (`describeTypes` of 2.5.1 has `ja3-fingerprint-md5` and
    ///   `jarm-fingerprint` only). The MISP object `ja4-plus` keeps the fingerprint in a `text` attribute, so a feed
    ///   asks for `text`, and the grammar decides, which ordinary text cannot meet by chance.
    /// - `url` takes `uri` too, but only values with a scheme: many are paths, and `gate.php` would pass for a site.
    #[must_use]
    pub fn default_attribute_types(self) -> &'static [&'static str] {
        static LISTS: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
            let names = |kind: &IndicatorType| {
                let takes = AttributeType::all().filter(|attribute_type| attribute_type.taken_by.contains(kind));
                takes.map(|attribute_type| attribute_type.name).collect()
            };
            IndicatorType::ALL.iter().map(names).collect()
        });
        LISTS.get(self as usize).map_or(&[], Vec::as_slice)
    }
}

/// Attribute types that are treated alike.
struct Group {
    names: &'static [&'static str],
    taken_by: &'static [IndicatorType],
    remark: &'static str,
}

const fn taken(names: &'static [&'static str], taken_by: &'static [IndicatorType], remark: &'static str) -> Group {
    Group {
        names,
        taken_by,
        remark,
    }
}

const fn not_taken(names: &'static [&'static str], reason: &'static str) -> Group {
    taken(names, &[], reason)
}

const TABLE: &[Group] = &[
    // Network.
    taken(
        &["ip-src", "ip-dst"],
        &[Ipv4Ext, Ipv4, Ipv6, Cidr4, Cidr6, Ipv6Ext, Ip],
        "addresses and networks, each by its family",
    ),
    taken(&["domain"], &[Domain], ""),
    taken(&["hostname"], &[Hostname], ""),
    taken(
        &["domain|ip"],
        &[Hostname, Ipv4Ext, Ipv4, Ipv6, Ipv6Ext, Ip],
        "each of the two parts",
    ),
    taken(
        &["ip-dst|port", "ip-src|port"],
        &[Ipv4Ext, Ipv4, Ipv6, Ipv6Ext, Ip],
        "the address; MISP keeps no networks here",
    ),
    taken(&["hostname|port"], &[Hostname], "the name"),
    not_taken(
        &["onion-address"],
        "a resolver or firewall never meets names under `.onion`: only a Tor client resolves them (RFC 7686)",
    ),
    taken(&["url"], &[Url], ""),
    taken(
        &["uri"],
        &[Url],
        "only with a scheme and a host; paths are dropped and counted",
    ),
    taken(&["user-agent"], &[UserAgent], ""),
    taken(&["ja3-fingerprint-md5"], &[Ja3], ""),
    taken(&["hassh-md5"], &[HasshMd5], ""),
    taken(&["hasshserver-md5"], &[HasshServerMd5], ""),
    taken(&["x509-fingerprint-md5"], &[X509FingerprintMd5], ""),
    taken(&["x509-fingerprint-sha1"], &[X509FingerprintSha1], ""),
    taken(&["x509-fingerprint-sha256"], &[X509FingerprintSha256], ""),
    not_taken(
        &["jarm-fingerprint", "favicon-mmh3", "dom-hash", "ssh-fingerprint"],
        "found by scanning a server, not in passing traffic; no indicator type",
    ),
    not_taken(
        &[
            "AS",
            "port",
            "mac-address",
            "mac-eui-64",
            "http-method",
            "community-id",
            "cookie",
        ],
        "of no use alone: it also matches harmless traffic, or a single flow or device; no indicator type",
    ),
    not_taken(
        &["dkim", "dkim-signature"],
        "a key or a signature of one message; no indicator type",
    ),
    // Mail.
    taken(&["email-dst", "email-src"], &[EmailAddress], ""),
    taken(
        &["email"],
        &[EmailAddress],
        "MISP answers with it whenever it is asked for `email-src` or `email-dst`",
    ),
    taken(&["email-reply-to"], &[EmailAddress], ""),
    taken(&["email-subject"], &[EmailSubject], ""),
    taken(&["email-attachment"], &[EmailAttachment], ""),
    not_taken(
        &[
            "email-body",
            "email-header",
            "email-src-display-name",
            "email-dst-display-name",
            "email-x-mailer",
            "email-mime-boundary",
            "email-thread-index",
            "email-message-id",
        ],
        "a part of a message that no consumer of lists compares; no indicator type",
    ),
    not_taken(
        &["target-email"],
        "the address of a victim: a list of it would block the one who was attacked",
    ),
    not_taken(
        &["whois-registrant-email", "dns-soa-email"],
        "a contact in a registry or zone, often that of a provider; it sends no mail of the attack",
    ),
    not_taken(
        &["eppn", "jabber-id"],
        "an account that looks like an e-mail address and is none",
    ),
    // Files.
    taken(&["md5"], &[FileMd5], ""),
    taken(&["sha1"], &[FileSha1], ""),
    taken(&["sha256"], &[FileSha256], ""),
    taken(&["imphash"], &[Imphash], ""),
    taken(&["filename"], &[Filename], ""),
    taken(&["filename|md5"], &[FileMd5, Filename], "each of the two parts"),
    taken(&["filename|sha1"], &[FileSha1, Filename], "each of the two parts"),
    taken(&["filename|sha256"], &[FileSha256, Filename], "each of the two parts"),
    taken(&["filename|imphash"], &[Imphash, Filename], "each of the two parts"),
    taken(
        &["malware-sample"],
        &[FileMd5, Filename],
        "the MD5 and the name of the file; never the file",
    ),
    taken(
        &[
            "filename|sha224",
            "filename|sha384",
            "filename|sha512",
            "filename|sha512/224",
            "filename|sha512/256",
            "filename|sha3-224",
            "filename|sha3-256",
            "filename|sha3-384",
            "filename|sha3-512",
            "filename|authentihash",
            "filename|vhash",
            "filename|ssdeep",
            "filename|tlsh",
            "filename|impfuzzy",
            "filename|pehash",
        ],
        &[Filename],
        "the name; the hash has no indicator type",
    ),
    not_taken(
        &[
            "sha224",
            "sha384",
            "sha512",
            "sha512/224",
            "sha512/256",
            "sha3-224",
            "sha3-256",
            "sha3-384",
            "sha3-512",
        ],
        "devices that load lists of hashes compute MD5, SHA-1 or SHA-256; no indicator type",
    ),
    not_taken(
        &["ssdeep", "tlsh", "impfuzzy", "vhash", "telfhash"],
        "compared by likeness, not as a list of equal values; no indicator type",
    ),
    not_taken(
        &["authentihash", "pehash", "cdhash"],
        "a hash of parts of a program, which no consumer of lists computes; no indicator type",
    ),
    not_taken(&["filename-pattern"], "a pattern, not a name"),
    not_taken(
        &["attachment"],
        "a file that an analyst keeps with the event, such as a report",
    ),
    not_taken(
        &["pdb", "mime-type", "size-in-bytes"],
        "a property of a file, not the file; no indicator type",
    ),
    // On a host.
    taken(&["mutex"], &[Mutex], ""),
    not_taken(
        &[
            "named pipe",
            "regkey",
            "regkey|value",
            "windows-scheduled-task",
            "windows-service-name",
            "windows-service-displayname",
            "process-state",
        ],
        "for programs on a host that take no list; no indicator type",
    ),
    taken(&["chrome-extension-id"], &[ChromeExtensionId], ""),
    taken(&["edge-extension-id"], &[EdgeExtensionId], ""),
    not_taken(&["mobile-application-id", "azure-application-id"], "no indicator type"),
    // Rules and patterns.
    taken(&["snort"], &[Snort], ""),
    taken(&["yara"], &[Yara], ""),
    taken(&["sigma"], &[Sigma], ""),
    not_taken(
        &["suricata", "bro", "zeek", "stix2-pattern", "gene", "kusto-query"],
        "rules in a language that has no indicator type",
    ),
    not_taken(
        &["pattern-in-file", "pattern-in-traffic", "pattern-in-memory"],
        "a pattern without a language: text, hexadecimal or an expression",
    ),
    // Weaknesses.
    taken(&["vulnerability"], &[Vulnerability], "only CVE identifiers"),
    not_taken(
        &["cpe", "weakness"],
        "a product or a kind of weakness, not an indicator",
    ),
    // Money.
    taken(&["btc", "xmr", "dash"], &[CryptoCurrency], ""),
    not_taken(
        &[
            "iban",
            "bic",
            "bank-account-nr",
            "aba-rtn",
            "bin",
            "cc-number",
            "prtn",
            "phone-number",
        ],
        "for fraud desks and telephone networks, whose systems take no list from here; no indicator type",
    ),
    // Texts and numbers.
    taken(&["text"], &[Ja4], "only JA4 fingerprints, which MISP keeps as text"),
    not_taken(
        &[
            "comment",
            "other",
            "hex",
            "anonymised",
            "cortex",
            "boolean",
            "counter",
            "datetime",
            "float",
            "integer",
            "uuid",
        ],
        "free text or a number whose meaning depends on the event",
    ),
    not_taken(
        &["link"],
        "the address of a report about the threat: a list of it would block the analysis",
    ),
    // Senders, victims and other people.
    not_taken(
        &["threat-actor", "campaign-name", "campaign-id", "malware-type"],
        "attribution; look-ups tell the threat actor from the tags of an event",
    ),
    not_taken(
        &[
            "whois-registrant-phone",
            "whois-registrant-name",
            "whois-registrant-org",
            "whois-registrar",
            "whois-creation-date",
        ],
        "how a name was registered; no indicator type",
    ),
    not_taken(
        &[
            "target-user",
            "target-machine",
            "target-org",
            "target-location",
            "target-external",
        ],
        "the target of the attack, not an indicator",
    ),
    not_taken(
        &[
            "github-username",
            "github-repository",
            "github-organisation",
            "twitter-id",
            "git-commit-id",
        ],
        "an account or a project at a service; no indicator type",
    ),
    not_taken(&["pgp-public-key", "pgp-private-key"], "a key; no indicator type"),
    not_taken(
        &[
            "first-name",
            "middle-name",
            "last-name",
            "full-name",
            "date-of-birth",
            "place-of-birth",
            "gender",
            "passport-number",
            "passport-country",
            "passport-expiration",
            "redress-number",
            "nationality",
            "visa-number",
            "issue-date-of-the-visa",
            "primary-residence",
            "country-of-residence",
            "special-service-request",
            "frequent-flyer-number",
            "travel-details",
            "payment-details",
            "place-port-of-original-embarkation",
            "place-port-of-clearance",
            "place-port-of-onward-foreign-destination",
            "passenger-name-record-locator-number",
            "identity-card-number",
        ],
        "data about a person",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Attribute types that MISP got after 2.5.1 (`describeTypes.json` of PyMISP, August 2026).
    const NEWER: &[&str] = &["edge-extension-id", "suricata", "uuid"];

    fn described() -> BTreeSet<&'static str> {
        let text = include_str!("../tests/data/describe-types-2.5.1.txt");
        text.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn every_attribute_type_of_misp_is_in_the_table_once() {
        let names: Vec<&str> = AttributeType::all().map(|attribute_type| attribute_type.name).collect();
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), unique.len(), "a name stands twice");
        let expected: BTreeSet<&str> = described().into_iter().chain(NEWER.iter().copied()).collect();
        assert_eq!(described().len(), 191);
        assert_eq!(unique, expected);
    }

    #[test]
    fn an_attribute_type_that_is_not_taken_has_a_reason() {
        for attribute_type in AttributeType::all() {
            let is_told = !attribute_type.taken_by.is_empty() || !attribute_type.remark.is_empty();
            assert!(is_told, "{}", attribute_type.name);
        }
    }

    #[test]
    fn every_indicator_type_requests_the_attribute_types_of_the_table() {
        for kind in IndicatorType::ALL {
            let names = kind.default_attribute_types();
            assert!(!names.is_empty(), "{kind}");
            for attribute_type in AttributeType::all() {
                let takes = attribute_type.taken_by.contains(kind);
                assert_eq!(
                    names.contains(&attribute_type.name),
                    takes,
                    "{kind} {}",
                    attribute_type.name
                );
            }
        }
    }

    #[test]
    fn attribute_types_of_cratos_fastapi_are_requested_too() {
        for (kind, names) in [
            (
                Ipv4,
                &["ip-src", "ip-dst", "domain|ip", "ip-dst|port", "ip-src|port"] as &[&str],
            ),
            (Cidr4, &["ip-src", "ip-dst"]),
            (Hostname, &["hostname", "domain|ip", "hostname|port"]),
            (FileMd5, &["md5", "filename|md5"]),
            (EmailAddress, &["email-dst", "email-src"]),
            (CryptoCurrency, &["btc", "xmr"]),
        ] {
            for name in names {
                assert!(kind.default_attribute_types().contains(name), "{kind} {name}");
            }
        }
    }

    #[test]
    fn a_name_is_found_as_misp_writes_it() {
        let sample = AttributeType::named("malware-sample").unwrap();
        assert_eq!(sample.taken_by, [FileMd5, Filename]);
        assert_eq!(AttributeType::named("MD5"), None);
    }
}
