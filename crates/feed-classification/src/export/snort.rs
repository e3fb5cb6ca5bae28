//! `snort`: rules of Snort 3, one indicator each.

use std::fmt::Write as _;

use crate::export::numbered_rules::{Rule, Rules};
use crate::export::rule_file::{self, RuleFile};
use crate::export::seen_url::SeenUrl;
use crate::export::{About, Multiline, QuarantineReason, escape, rule_texts};
use crate::{Indicator, IndicatorType, TypeSet};

/// Rises with every change of the rules for the same indicator.
const REVISION: u32 = 1;

/// The longest content. Snort has no limit of its own here; a request line of a server ends at about twice of it.
const MAX_CONTENT_BYTES: usize = 4_000;

/// The types that we write rules for.
const OF_INDICATORS: TypeSet = TypeSet::ADDRESSES
    .union(TypeSet::NAMES)
    .union(TypeSet::of(&[IndicatorType::Url]));

/// Rules that alert: one for an address or a URL, four for a name (DNS over UDP and TCP, TLS, HTTP).
///
/// - **Addresses and networks** are in the head of the rule, in both directions.
/// - **Names** match with everything below them and nothing beside them. In a query of the DNS the name stands with
///   the lengths of its labels and the zero behind it, so `notevil.example` does not match. In a TLS greeting the name
///   itself matches with its length; names below it are compared without it, since rules cannot compute. Where the
///   extension behind such a name begins with a letter's code, the rule does not see the name: in a sixteenth of the
///   greetings of some browsers.
/// - **URLs** match as a whole, the `Host` header and the request, in the form of clients. A request to a proxy has
///   another form and does not match. The network shows only the host of an `https` URL: a URL of a whole host is
///   written, and any other one is left out.
///
/// The numbers are those of `suricata`: `sid` depends on type, protocol and value alone, within 1 100 000 000 to
/// 2 099 999 999, and `rev` rises when a version of Cratos writes rules differently.
///
/// **Rules of analysts** (`snort`) are checked one by one and written on a line each, if they alert and have the words
/// of Snort 3; see [`rule_texts`]. Most rules in MISP are of Snort 2 or Suricata, whose modifiers stand in options of
/// their own, and Snort 3 refuses them.
///
/// Source: `doc/user`, `parser/parse_stream.cc` and `ips_options` of Snort 3 (3.9, 2026-04).
pub(crate) const SNORT: RuleFile = RuleFile::new(
    About::new("snort", "Rules of Snort 3 that alert, with lasting numbers.")
        .extension("rules")
        .consumer("Snort 3")
        .limits("Snort 2 has another syntax and refuses the rules.")
        .pull(
            "A timer fetches the file with `curl -H \"token: TOKEN\"`, moves it to the rules and sends SIGHUP to \
             Snort.",
        )
        .accepts(OF_INDICATORS.union(rule_file::OF_ANALYSTS))
        .multiline(Multiline::Escaped)
        .options(rule_file::OPTIONS),
    Rules {
        accepts: OF_INDICATORS,
        of: rules,
    },
    REVISION,
    &rule_texts::SNORT_3,
);

const TOO_LONG: QuarantineReason = QuarantineReason::because("rule_too_long");

fn rules(item: &Indicator<'_>) -> Result<Vec<Rule>, QuarantineReason> {
    match item.kind {
        IndicatorType::Domain | IndicatorType::Hostname => name_rules(item.value),
        IndicatorType::Url => Ok(vec![url_rule(item.value)?]),
        _ => Ok(vec![Rule::of_network(item.value)?]),
    }
}

fn name_rules(name: &str) -> Result<Vec<Rule>, QuarantineReason> {
    let query = in_labels(name)?;
    Ok(vec![
        // The header has no bit of a response and no other kind of query; the first question begins behind it.
        Rule {
            head: "udp any any -> any 53".to_owned(),
            place: "DNS query",
            matching: format!("byte_test:1,!&,0xF8,2; content:\"{query}\",offset 12,nocase; "),
        },
        Rule {
            head: "tcp any any -> any 53".to_owned(),
            place: "DNS query over TCP",
            matching: format!(
                "flow:to_server,established; byte_test:1,!&,0xF8,4; content:\"{query}\",offset 14,nocase; "
            ),
        },
        tls_rule(name, true),
        Rule {
            head: "http".to_owned(),
            place: "HTTP host",
            matching: format!(
                "flow:to_server,established; http_header:field host; {} pcre:\"/(?:^|\\.){}\\.?(?::[0-9]*)?$/i\"; ",
                content(name)?,
                pattern(name)
            ),
        },
    ])
}

/// The server name of a TLS greeting: type and length of the extension, length of the list, type of the name, its
/// length, the name.
fn tls_rule(name: &str, with_names_below: bool) -> Rule {
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let exact = format!("\\x{high:02x}\\x{low:02x}{}", pattern(name));
    let names = if with_names_below {
        let below = format!(".{{2}}(?:[a-z0-9_-]+\\.)+{}(?![a-z0-9._-])", pattern(name));
        format!("(?:{exact}|{below})")
    } else {
        exact
    };
    Rule {
        head: "tcp any any -> any any".to_owned(),
        place: "TLS server name",
        matching: format!(
            "flow:to_server,established; content:\"|16 03|\",depth 2; content:\"{}\",fast_pattern,nocase; \
             pcre:\"/\\x00\\x00.{{4}}\\x00{names}/is\"; ",
            escape::suricata_content(name)
        ),
    }
}

fn url_rule(value: &str) -> Result<Rule, QuarantineReason> {
    match SeenUrl::of(value)? {
        SeenUrl::Request { host, port, target } => http_rule(&host, port, &target),
        SeenUrl::ServerName(host) => Ok(tls_rule(&host, false)),
    }
}

fn http_rule(host: &str, port: Option<u16>, target: &str) -> Result<Rule, QuarantineReason> {
    let length = target.len();
    if length > MAX_CONTENT_BYTES {
        return Err(TOO_LONG);
    }
    let port = match port {
        Some(port) => format!(":{port}"),
        None => "(?::80)?".to_owned(),
    };
    Ok(Rule {
        head: "http".to_owned(),
        place: "HTTP request",
        matching: format!(
            "flow:to_server,established; http_header:field host; {} pcre:\"/^{}{port}$/i\"; \
             http_raw_uri; content:\"{}\",depth {length}; bufferlen:{length}; ",
            content(host)?,
            pattern(host),
            escape::suricata_content(target)
        ),
    })
}

fn content(name: &str) -> Result<String, QuarantineReason> {
    if name.len() > MAX_CONTENT_BYTES {
        return Err(TOO_LONG);
    }
    Ok(format!(
        "content:\"{}\",fast_pattern,nocase;",
        escape::suricata_content(name)
    ))
}

/// Returns the name as a query has it, with the length before each label and zero at the end.
fn in_labels(name: &str) -> Result<String, QuarantineReason> {
    let mut content = String::new();
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length));
        let length = length.ok_or(QuarantineReason::UNREPRESENTABLE)?;
        content += &format!("|{length:02X}|{}", escape::suricata_content(label));
    }
    Ok(content + "|00|")
}

/// Returns a regular expression that matches the text itself. Letters, digits, `-` and `_` mean themselves; all else is
/// hexadecimal, so neither a slash nor a semicolon ends the expression.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            pattern.push(char::from(byte));
        } else if byte == b'.' {
            pattern.push_str("\\.");
        } else {
            // Writing into a string does not fail.
            let _ = write!(pattern, "\\x{byte:02x}");
        }
    }
    pattern
}
