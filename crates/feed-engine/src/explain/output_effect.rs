//! What an output does with a value of its feed.

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
}

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
        Self::Written
    }

    /// Returns the name: `not_listed`, `written`, `rewritten`, `left_out`, `truncated` or `aggregated`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotListed => "not_listed",
            Self::Written => "written",
            Self::Rewritten(_) => "rewritten",
            Self::LeftOut(_) => "left_out",
            Self::Truncated => "truncated",
            Self::Aggregated(_) => "aggregated",
        }
    }

    /// Returns the form or the network in which the output has the value, or why it leaves the value out; empty for the
    /// other effects.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::NotListed | Self::Written | Self::Truncated => "",
            Self::Rewritten(form) | Self::Aggregated(form) => form,
            Self::LeftOut(reason) => reason.reason(),
        }
    }
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
    fn a_url_that_the_format_writes_without_its_scheme_is_shown_so() {
        assert_eq!(
            effect("paloalto", IndicatorType::Url, &["http://evil.example/x"], false),
            OutputEffect::Rewritten("evil.example/x".to_owned())
        );
    }
}
