//! Rules for one indicator each, with lasting numbers: the common part of `suricata` and `snort`.

use std::collections::HashSet;
use std::io::{self, Write};

use crate::export::sids::Sids;
use crate::export::{ExportCounts, QuarantineReason};
use crate::{Indicator, TypeSet, network_of};

const NO_NUMBER: QuarantineReason = QuarantineReason::because("no_sid_left");

/// The parts that differ from rule to rule.
pub(super) struct Rule {
    /// Protocol, both ends and the direction.
    pub(super) head: String,
    /// Where the indicator was seen, for the message and the number.
    pub(super) place: &'static str,
    /// The options that match, each with its semicolon and a space.
    pub(super) matching: String,
}

impl Rule {
    /// Returns the rule for an address or a network, in both directions.
    ///
    /// # Errors
    /// For a value that is neither.
    pub(super) fn of_network(value: &str) -> Result<Self, QuarantineReason> {
        let network = network_of(value).ok_or(QuarantineReason::UNREPRESENTABLE)?;
        let end = if network.prefix_len() == network.max_prefix_len() {
            network.addr().to_string()
        } else {
            network.to_string()
        };
        Ok(Self {
            head: format!("ip any any <> {end} any"),
            place: "IP packet",
            matching: String::new(),
        })
    }
}

/// The rules for indicators.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The types that there are rules for.
    pub(super) accepts: TypeSet,
    /// Returns the rules of an indicator, or why there are none.
    pub(super) of: fn(&Indicator<'_>) -> Result<Vec<Rule>, QuarantineReason>,
}

/// The choices about rules that we write.
pub(super) struct Choice {
    /// What an engine does with a match.
    pub(super) action: &'static str,
    /// The `rev` of each rule.
    pub(super) revision: u32,
}

/// Writes the rules of all indicators.
pub(super) fn export(
    rules: Rules,
    choice: &Choice,
    mut sids: Sids,
    items: &mut dyn Iterator<Item = Indicator<'_>>,
    out: &mut dyn Write,
) -> io::Result<ExportCounts> {
    let mut exported = ExportCounts::default();
    // Two networks with different host bits are one network and one rule.
    let mut networks = HashSet::new();
    for item in items.filter(|item| rules.accepts.contains(item.kind)) {
        let is_new = match network_of(item.value).filter(|_| TypeSet::ADDRESSES.contains(item.kind)) {
            Some(network) => networks.insert(network),
            None => true,
        };
        let lines = if is_new {
            (rules.of)(&item).and_then(|rules| lines(&item, rules, choice, &mut sids))
        } else {
            Ok(String::new())
        };
        match lines {
            Ok(lines) => {
                out.write_all(lines.as_bytes())?;
                exported.written += 1;
            }
            Err(_) => exported.quarantined += 1,
        }
    }
    Ok(exported)
}

/// Returns the counts of [`export`], apart from numbers that run out.
pub(super) fn count(rules: Rules, items: &mut dyn Iterator<Item = Indicator<'_>>) -> ExportCounts {
    let mut counts = ExportCounts::default();
    for item in items.filter(|item| rules.accepts.contains(item.kind)) {
        match (rules.of)(&item) {
            Ok(_) => counts.written += 1,
            Err(_) => counts.quarantined += 1,
        }
    }
    counts
}

/// Returns all rules of an indicator, a line each, or none of them.
fn lines(item: &Indicator<'_>, rules: Vec<Rule>, choice: &Choice, sids: &mut Sids) -> Result<String, QuarantineReason> {
    let kind = item.kind;
    let identity = identity(item);
    let Choice { action, revision } = choice;
    let mut lines = String::new();
    for Rule { head, place, matching } in rules {
        let sid = sids.take(&format!("{kind}\0{place}\0{identity}")).ok_or(NO_NUMBER)?;
        lines += &format!("{action} {head} (msg:\"Cratos {kind} in {place}\"; {matching}sid:{sid}; rev:{revision};)\n");
    }
    Ok(lines)
}

/// Returns the value without the part that does not count for the rule: the host bits of a network.
fn identity(item: &Indicator<'_>) -> String {
    match network_of(item.value).filter(|_| TypeSet::ADDRESSES.contains(item.kind)) {
        Some(network) => network.to_string(),
        None => item.value.to_owned(),
    }
}
