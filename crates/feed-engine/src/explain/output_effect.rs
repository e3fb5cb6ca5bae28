//! What an output does with a value of its feed.

use feed_classification::export::Rivalry;
use feed_classification::{
    AGGREGABLE, Exporter, Indicator, IndicatorSet, Newest, QuarantineReason, aggregate, network_of,
};

/// What an output does with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputEffect {
    /// The feed does not have the value.
    NotListed,
    /// The output writes it.
    Written,
    /// The output writes it in this form, for example a URL without its scheme.
    Rewritten(String),
    /// The format cannot carry it, so the output leaves it out.
    LeftOut(QuarantineReason),
    /// The output has a length limit, and newer values take all places.
    Truncated,
    /// It is a part of this network, since the caller wants networks merged.
    Aggregated(String),
    /// The output writes another text of the feed in its place: what both have, why the other one is written, and the
    /// beginning of that one.
    Outdone(String),
    /// The output writes it with other names of rules, since other texts have rules of the same names.
    Renamed(String),
}

/// The most characters of another text that an explanation has.
const MAX_SHOWN: usize = 200;

impl OutputEffect {
    /// Returns what `exporter` does with a value of a feed of which these indicators are within the length limit.
    pub(crate) fn within(exporter: &dyn Exporter, newest: &Newest<'_>, value: &str, is_aggregated: bool) -> Self {
        let is_written = || {
            let item = Indicator::new(newest.kept.kind(), value);
            exporter.leaves_out(&item).is_none()
        };
        if newest.truncated > 0 && !newest.kept.contains(value) && is_written() {
            return Self::Truncated;
        }
        Self::of(exporter, &newest.kept, value, is_aggregated)
    }

    /// Returns what `exporter` does with a value of this set.
    pub(crate) fn of(exporter: &dyn Exporter, set: &IndicatorSet, value: &str, is_aggregated: bool) -> Self {
        let merged = is_aggregated.then(|| network_in(set, value)).flatten();
        let written = merged.as_deref().unwrap_or(value);
        let item = Indicator::new(set.kind(), written);
        if let Some(reason) = exporter.leaves_out(&item) {
            return Self::LeftOut(reason);
        }
        if written != value {
            return Self::Aggregated(written.to_owned());
        }
        if exporter.about().rewrites.contains(set.kind()) {
            let rewritten = exporter.rewrite(&item);
            if rewritten != value {
                return Self::Rewritten(rewritten.into_owned());
            }
        }
        match exporter.rivalry(&item, &mut set.indicators()) {
            Some(Rivalry::Outdone { by, why }) => Self::Outdone(format!("{why}: {}", beginning(&by))),
            Some(Rivalry::Renamed { names }) => Self::Renamed(names),
            _ => Self::Written,
        }
    }

    /// Returns the name: `not_listed`, `written`, `rewritten`, `left_out`, `truncated`, `aggregated`,
    /// `outdone` or `renamed`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotListed => "not_listed",
            Self::Written => "written",
            Self::Rewritten(_) => "rewritten",
            Self::LeftOut(_) => "left_out",
            Self::Truncated => "truncated",
            Self::Aggregated(_) => "aggregated",
            Self::Outdone(_) => "outdone",
            Self::Renamed(_) => "renamed",
        }
    }

    /// Returns the form, the names or the network in which the output has the value, or why it leaves the value out;
    /// empty for the other effects.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::NotListed | Self::Written | Self::Truncated => "",
            Self::Rewritten(text) | Self::Aggregated(text) | Self::Outdone(text) | Self::Renamed(text) => text,
            Self::LeftOut(reason) => reason.reason(),
        }
    }
}

/// Returns the beginning of a text on one line.
fn beginning(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(MAX_SHOWN).collect()
}

/// Returns the network of the merged set that has the value.
fn network_in(set: &IndicatorSet, value: &str) -> Option<String> {
    if !AGGREGABLE.contains(set.kind()) {
        return None;
    }
    let own = network_of(value)?;
    let merged = aggregate(set);
    let mut holders = merged
        .iter()
        .filter(|entry| network_of(entry).is_some_and(|network| network.contains(&own)));
    holders.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use feed_classification::{IndicatorType, Registry};

    use super::*;

    fn effect(output: &str, kind: IndicatorType, values: &[&str], is_aggregated: bool) -> OutputEffect {
        let set = IndicatorSet::of(kind, values.iter().copied());
        let registry = Registry::builtin();
        OutputEffect::of(&**registry.by_name(output).unwrap(), &set, values[0], is_aggregated)
    }

    #[test]
    fn a_network_is_a_part_of_the_network_that_it_is_merged_into() {
        let networks = ["192.0.2.0/25", "192.0.2.128/25", "198.51.100.0/24"];
        let merged = effect("txt", IndicatorType::Cidr4, &networks, true);
        assert_eq!(merged, OutputEffect::Aggregated("192.0.2.0/24".to_owned()));
        assert_eq!(
            effect("txt", IndicatorType::Cidr4, &networks, false),
            OutputEffect::Written
        );
        assert_eq!(
            effect("txt", IndicatorType::Cidr4, &networks[2..], true),
            OutputEffect::Written
        );
    }

    #[test]
    fn a_value_that_the_format_cannot_carry_is_left_out_with_the_reason() {
        let left_out = effect("paloalto", IndicatorType::Url, &["ftp://evil.example/x"], false);
        assert!(
            matches!(&left_out, OutputEffect::LeftOut(reason) if reason.reason() == "scheme"),
            "{left_out:?}"
        );
    }

    #[test]
    fn a_text_that_loses_to_another_one_says_which_and_why() {
        let rule = |rev: u32| format!("alert ip 192.0.2.{rev} any -> any any (msg:\"rev {rev}\"; sid:7; rev:{rev};)");
        let (old, new) = (rule(1), rule(2));
        let kind = IndicatorType::Snort;
        let lost = effect("suricata", kind, &[&old, &new], false);
        assert_eq!(lost.as_str(), "outdone");
        assert_eq!(lost.detail(), format!("sid 7, and its rev 2 is higher than 1: {new}"));
        assert_eq!(effect("suricata", kind, &[&new, &old], false), OutputEffect::Written);
        assert_eq!(effect("txt", kind, &[&old, &new], false), OutputEffect::Written);
    }

    #[test]
    fn rules_of_one_name_say_their_new_names() {
        let texts = ["rule a { condition: true }", "rule a { condition: false }"];
        let renamed = effect("yara", IndicatorType::Yara, &texts, false);
        assert_eq!(renamed.as_str(), "renamed");
        assert!(renamed.detail().starts_with("a is a_"), "{renamed:?}");
    }

    #[test]
    fn a_url_that_the_format_writes_without_its_scheme_is_shown_so() {
        assert_eq!(
            effect("paloalto", IndicatorType::Url, &["http://evil.example/x"], false),
            OutputEffect::Rewritten("evil.example/x".to_owned())
        );
    }
}
