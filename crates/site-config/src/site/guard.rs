//! The keys `guard.*` and `never_export`: the values that leave the site in no feed.

use std::collections::BTreeSet;

use config_file::{Item, Scalar, Section, Wrong, value};
use feed_classification::{Guard, GuardRule, GuardRules, NotExportable, OwnValue};
use ipnet::IpNet;

/// The rules that have a key.
const SWITCHES: [(GuardRule, &str); 3] = [
    (GuardRule::SpecialPurpose, "special_purpose"),
    (GuardRule::WidePrefixes, "wide_prefixes"),
    (GuardRule::PublicSuffixes, "public_suffixes"),
];

/// Returns the guard, and the rules that the file itself names.
pub(super) fn read(section: &mut Section<'_>) -> (Guard, BTreeSet<GuardRule>) {
    let own = section.list_or_default("never_export", own_value);
    let mut inner = section.inner("guard", "guard.");
    let named = SWITCHES.into_iter().filter(|(_, key)| inner.has(key));
    let named = named.map(|(rule, _)| rule).collect();
    let mut rules = GuardRules::default();
    rules.special_purpose = inner.value_or_default("special_purpose", value::yes_no);
    rules.wide_prefixes = inner.value_or_default("wide_prefixes", value::yes_no);
    rules.public_suffixes = inner.value_or_default("public_suffixes", value::yes_no);
    inner.finish();
    rules.never_export.extend(own);
    (Guard::new(rules), named)
}

fn own_value(scalar: &Scalar) -> Result<Item<OwnValue>, Wrong> {
    let text = value::some_text(scalar)?;
    let own = text.parse::<OwnValue>().map_err(|reason| {
        let instead = match reason {
            NotExportable::Wildcard => "write the name alone, as in own.example: names below it count too",
            NotExportable::PublicSuffix => "write your own domain below it",
            NotExportable::TooWide => "write your own networks, at most a /8 (IPv4) or /19 (IPv6) each",
            _ => "write it as 192.0.2.0/24, own.example, https://own.example/login or a hash in hex",
        };
        Wrong::new(format!("{} {reason}", value::shown(scalar)), instead)
    })?;
    Ok(Item {
        note: host_bits(&text, &own),
        value: Some(own),
    })
}

/// Returns a note about a network whose address is not its first one.
fn host_bits(text: &str, own: &OwnValue) -> Option<String> {
    let written: IpNet = text.trim().parse().ok()?;
    let is_first = written.trunc() == written;
    (!is_first).then(|| {
        format!(
            "{written} is read as the whole network {own}; write {} if one address is meant",
            written.addr()
        )
    })
}
