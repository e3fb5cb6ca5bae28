//! Names as datasets: a list for each type, and a few rules that look the last labels of a seen name up in it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use config_file::{Scalar, Wrong, value};
use feed_classification::{IndicatorSet, IndicatorType};

use super::socket::Version;

/// How names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// As lists that a few rules load. Suricata 7.0.3 is the first with every keyword of these rules.
    Datasets,
    /// As three rules each, which Suricata loads slowly.
    Rules,
}

impl Names {
    /// Returns the first version of Suricata with every keyword of the rules, if that is a question.
    pub(super) fn least_version(self) -> Option<Version> {
        match self {
            Self::Datasets => Some([7, 0, 3]),
            Self::Rules => None,
        }
    }
}

/// The types of names, each with its first rule number, below those of the lists of hashes.
pub(super) const LISTS: [(IndicatorType, u32); 2] = [
    (IndicatorType::Domain, 1_099_999_000),
    (IndicatorType::Hostname, 1_099_999_400),
];

/// Where names are seen: the protocol, the words of the message, and the buffer in lower case. `http.host` is in lower
/// case already.
const SEEN: [(&str, &str, &str); 3] = [
    ("dns", "DNS query", "dns.query; to_lowercase"),
    (
        "tls",
        "TLS server name",
        "flow:established,to_server; tls.sni; to_lowercase",
    ),
    ("http", "HTTP host", "flow:established,to_server; http.host"),
];

/// A name of 253 characters has no more labels. Each number of labels has a rule number of its own.
const MAX_LABELS: u32 = 127;

/// Above the need of any list that the agent accepts: a name takes some 120 bytes beside its own. Without it, the
/// default of `suricata.yaml` counts, and a larger list does not fit.
const MEMCAP: &str = "4gb";

/// The most that Suricata 8 allows unless `suricata.yaml` says otherwise. The default of 4 096 makes the load of a
/// million names ten times as long.
const HASHSIZE: u32 = 65_536;

/// Reads the value of the key `names`.
pub(super) fn read(scalar: &Scalar) -> Result<Names, Wrong> {
    let find = |text: &str| match text {
        "datasets" => Some(Names::Datasets),
        "rules" => Some(Names::Rules),
        _ => None,
    };
    value::word(scalar, "a way to write names", &["datasets", "rules"], find)
}

/// Returns the name of the list of a type.
pub(super) fn list(kind: IndicatorType) -> String {
    format!("cratos-{kind}.lst")
}

/// Returns the rules for the list of these names, a line each: for each number of labels that a name in the list has,
/// one in each of DNS, TLS and HTTP.
///
/// A dataset compares whole texts. So the rule for two labels takes the last two of a seen name, without a dot at its
/// end, and looks them up: `www.evil.example` is found as `evil.example`. A name with fewer labels becomes its first
/// character, because Suricata leaves a text as it is if the expression does not match, and the same name would alert
/// again by each of the other rules.
pub(super) fn rules(names: &IndicatorSet, first_sid: u32) -> String {
    let kind = names.kind();
    let list = list(kind);
    let mut rules = String::new();
    for (seen, (protocol, place, buffer)) in (0..).zip(SEEN) {
        for labels in label_counts(names) {
            let sid = first_sid + seen * MAX_LABELS + labels - 1;
            let more = labels - 1;
            // Writing to a String cannot fail.
            let _ = writeln!(
                rules,
                "alert {protocol} any any -> any any (msg:\"Cratos {kind} in {place}\"; {buffer}; \
                 pcrexform:\"(?s)^(?|(?:.*\\.)?((?:[^.]+\\.){{{more}}}[^.]+)\\.?\\z|(.))\"; \
                 dataset:isset,cratos-agent-{kind},type string,load {list},memcap {MEMCAP},hashsize {HASHSIZE}; \
                 sid:{sid}; rev:1;)"
            );
        }
    }
    rules
}

/// Returns the numbers of labels that names in the set have.
fn label_counts(names: &IndicatorSet) -> BTreeSet<u32> {
    let labels = |name: &str| u32::try_from(name.split('.').count()).unwrap_or(u32::MAX);
    names
        .iter()
        .map(labels)
        .filter(|labels| *labels <= MAX_LABELS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(rules: &str) -> Vec<u32> {
        let number = |line: &str| line.split("sid:").nth(1)?.split(';').next()?.parse().ok();
        rules.lines().map(|line| number(line).unwrap()).collect()
    }

    #[test]
    fn there_are_three_rules_for_each_number_of_labels_and_none_for_a_name() {
        let names = IndicatorSet::of(IndicatorType::Domain, ["a.example", "b.example", "c.d.e.example"]);
        let rules = rules(&names, 1_099_999_000);
        assert_eq!(rules.lines().count(), 6, "{rules}");
        assert!(rules.contains("{1}[^.]+") && rules.contains("{3}[^.]+"), "{rules}");
        assert!(!rules.contains("example"), "{rules}");
    }

    #[test]
    fn a_rule_keeps_its_number_whatever_else_is_listed() {
        let of = |names: &[&str]| {
            let set = IndicatorSet::of(IndicatorType::Domain, names.iter().copied());
            numbers(&rules(&set, 1_099_999_000))
        };
        let few = of(&["a.example", "c.d.e.example"]);
        let more = of(&["a.example", "b.c.example", "c.d.e.example"]);
        assert_eq!((few.len(), more.len()), (6, 9));
        assert!(few.iter().all(|number| more.contains(number)), "{few:?} {more:?}");
    }

    #[test]
    fn numbers_of_the_longest_names_stay_apart() {
        let deepest = |kind, first| {
            let name = format!("{}z", "a.".repeat(126));
            numbers(&rules(&IndicatorSet::of(kind, [name.as_str()]), first))
        };
        let all: BTreeSet<u32> = LISTS.iter().flat_map(|(kind, first)| deepest(*kind, *first)).collect();
        assert_eq!(all.len(), 6);
        let below = *LISTS.iter().map(|(_, first)| first).max().unwrap();
        assert!(
            deepest(IndicatorType::Domain, LISTS[0].1)
                .iter()
                .all(|number| *number < below)
        );
        assert!(all.iter().all(|number| *number < super::super::HASHES[0].2));
    }
}
