//! `suricata`: rules, one indicator each.

use crate::export::numbered_rules::{Rule, Rules};
use crate::export::rule_file::{self, RuleFile};
use crate::export::seen_url::SeenUrl;
use crate::export::{About, Multiline, QuarantineReason, escape, rule_texts};
use crate::{Indicator, IndicatorType, TypeSet};

/// Rises with every change of the rules for the same indicator.
const REVISION: u32 = 1;

/// The longest rule; Suricata reads lines of 8 192 bytes with their end.
const MAX_RULE_BYTES: usize = 8_000;

/// The longest content. Hyperscan, with which Debian's Suricata searches, compiles no more than 16 000 characters, and
/// is given four for each byte (seen with 7.0.10). Suricata then refuses the rule, and with it all of them.
const MAX_CONTENT_BYTES: usize = 4_000;

/// The types that we write rules for.
const OF_INDICATORS: TypeSet = TypeSet::ADDRESSES.union(TypeSet::NAMES).union(TypeSet::of(&[
    IndicatorType::Url,
    IndicatorType::Ja3,
    IndicatorType::Ja4,
    IndicatorType::HasshMd5,
    IndicatorType::HasshServerMd5,
    IndicatorType::X509FingerprintSha1,
    IndicatorType::UserAgent,
]));

/// Rules that alert: one per indicator, for names one in each of DNS, TLS and HTTP.
///
/// - **Addresses and networks** are in the head of the rule, in both directions.
/// - **Names** match with everything below them and nothing beside them (`dotprefix`, `endswith`): `evil.example` is
///   not in `notevil.example`.
/// - **URLs** match as a whole, host and request, as a client sends them: host in punycode, other letters
///   percent-encoded, no fragment. The network shows only the host of an `https` URL. So a URL of a whole host
///   (`https://evil.example/`) is written and any other one is left out: a rule for the host would alert for all its
///   other pages.
/// - **`ja4`** needs a Suricata with the keyword `ja4.hash`: 8.0, or a late 7.0 (the guide of 7.0.12 has it).
/// - **Hashes of files** are left out: Suricata reads them from a file that the rule names, and `suricata-dataset`
///   writes that file.
///
/// `sid` depends on type, protocol and value alone, so it is the same on every replica and after every restart. The
/// numbers are 1 100 000 000 to 2 099 999 999, above the ranges of other projects, unless the options say otherwise.
/// They are within 31 bits for programs that read `sid` as a signed number. If two rules of one feed get the same
/// number, the first in the order of the feed keeps it and the other takes its next one. `msg` names the type and the
/// protocol, for example `Cratos domain in DNS query`; only the rule has the value, escaped.
///
/// **Rules of analysts** (`snort`) are checked one by one and written on a line each, if they alert and have the words
/// of Suricata; see [`rule_texts`].
///
/// Source: Suricata's user guide, the chapters on rules (7.0.12, 8.0); `DETECT_MAX_RULE_SIZE` in its `detect.h`.
pub(crate) const SURICATA: RuleFile = RuleFile::new(
    About::new("suricata", "Rules of Suricata that alert, with lasting numbers.")
        .consumer("Suricata")
        .limits("A rule with a content of more than 4 000 bytes is left out: Suricata refuses the whole file.")
        .pull(
            "`suricata-update add-source cratos URL --http-header \"token: TOKEN\"`, and a timer that runs \
             `suricata-update`. End the path with `.rules`.",
        )
        .extension("rules")
        .accepts(OF_INDICATORS.union(rule_file::OF_ANALYSTS))
        .multiline(Multiline::Escaped)
        .options(rule_file::OPTIONS),
    Rules {
        accepts: OF_INDICATORS,
        of: rules,
    },
    REVISION,
    &rule_texts::SURICATA,
);

const TOO_LONG: QuarantineReason = QuarantineReason::because("rule_too_long");

fn rules(item: &Indicator<'_>) -> Result<Vec<Rule>, QuarantineReason> {
    let rules = match item.kind {
        IndicatorType::Domain | IndicatorType::Hostname => name_rules(item.value)?,
        IndicatorType::Url => vec![url_rule(item.value)?],
        IndicatorType::Ja3 => vec![one("tls", "TLS client", "ja3.hash", item.value, "")?],
        IndicatorType::Ja4 => vec![one("tls", "TLS client", "ja4.hash", item.value, "")?],
        IndicatorType::HasshMd5 => vec![one("ssh", "SSH client", "ssh.hassh", item.value, "")?],
        IndicatorType::HasshServerMd5 => vec![one("ssh", "SSH server", "ssh.hassh.server", item.value, "")?],
        IndicatorType::X509FingerprintSha1 => vec![one(
            "tls",
            "TLS certificate",
            "tls.cert_fingerprint",
            &in_pairs(item.value),
            "",
        )?],
        IndicatorType::UserAgent => vec![one(
            "http",
            "HTTP request",
            "flow:established,to_server; http.user_agent",
            item.value,
            " startswith; endswith;",
        )?],
        _ => vec![Rule::of_network(item.value)?],
    };
    if rules.iter().any(|rule| rule.matching.len() > MAX_RULE_BYTES) {
        return Err(TOO_LONG);
    }
    Ok(rules)
}

/// The buffer `http.host` is in lower case already, and Suricata refuses `nocase` there.
fn name_rules(name: &str) -> Result<Vec<Rule>, QuarantineReason> {
    let below = format!(".{name}");
    Ok(vec![
        one("dns", "DNS query", "dns.query; dotprefix", &below, " nocase; endswith;")?,
        one(
            "tls",
            "TLS server name",
            "flow:established,to_server; tls.sni; dotprefix",
            &below,
            " nocase; endswith;",
        )?,
        one(
            "http",
            "HTTP host",
            "flow:established,to_server; http.host; dotprefix",
            &below,
            " endswith;",
        )?,
    ])
}

fn url_rule(value: &str) -> Result<Rule, QuarantineReason> {
    match SeenUrl::of(value)? {
        SeenUrl::Request { host, target, .. } => http_rule(&host, &target),
        SeenUrl::ServerName(host) => one(
            "tls",
            "TLS server name",
            "flow:established,to_server; tls.sni",
            &host,
            " nocase; startswith; endswith;",
        ),
    }
}

fn http_rule(host: &str, request: &str) -> Result<Rule, QuarantineReason> {
    // `http.uri` is the request after Suricata decoded it, also where a proxy was asked with the whole URL. Where
    // decoding could change anything, the rule compares the raw request.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~?=&,@:!$'()*;".contains(&byte);
    let buffer = if request.bytes().all(is_plain) && !request.contains("//") {
        "http.uri"
    } else {
        "http.uri.raw"
    };
    Ok(Rule {
        head: "http any any -> any any".to_owned(),
        place: "HTTP request",
        matching: format!(
            "flow:established,to_server; http.host; {} startswith; endswith; {buffer}; {} startswith; endswith; ",
            content(host)?,
            content(request)?
        ),
    })
}

/// A rule with one buffer and one content.
fn one(
    protocol: &str,
    place: &'static str,
    buffer: &str,
    text: &str,
    modifiers: &str,
) -> Result<Rule, QuarantineReason> {
    Ok(Rule {
        head: format!("{protocol} any any -> any any"),
        place,
        matching: format!("{buffer}; {}{modifiers} ", content(text)?),
    })
}

fn content(text: &str) -> Result<String, QuarantineReason> {
    if text.len() > MAX_CONTENT_BYTES {
        return Err(TOO_LONG);
    }
    Ok(format!("content:\"{}\";", escape::suricata_content(text)))
}

/// `aabb` as `aa:bb`, which is how Suricata writes fingerprints of certificates.
fn in_pairs(digits: &str) -> String {
    let pairs: Vec<_> = digits.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    pairs.join(":")
}
