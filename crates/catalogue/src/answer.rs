//! The answer to a question: one scan over the rows of a class.

use std::collections::BTreeMap;

use feed_classification::{DropReason, Extractor, IndicatorSet, IndicatorType, ValueTimes, network_of};

use crate::guarded_values::GuardedValues;
use crate::omission::{Omission, OmissionReason, Omissions};
use crate::rule::{Rule, Verdict};
use crate::{AnswerError, Class, Question, Row, Snapshot};

/// More values than this in one feed are refused as a mistake, for example a `/8` expanded to single addresses.
const MAX_VALUES: usize = 10_000_000;

/// The values of a feed, and its omissions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The values.
    pub values: IndicatorSet,
    /// When the newest counting attribute of each value changed, if the question wants times. An address has the time
    /// of the network that it was written out of, and a part of a network that of the network.
    pub times: Option<ValueTimes>,
    /// The number of attributes that would count if they had a valid value, by the name of the reason
    /// ([`DropReason::as_str`]), and the number of values that the guard refuses or cuts, by the name of the rule
    /// ([`GuardRule::as_str`](feed_classification::GuardRule::as_str)).
    pub dropped: BTreeMap<&'static str, u64>,
    /// The first values that are left out, as many as the question wants named.
    pub omissions: Vec<Omission>,
    /// The number of further values left out; 0 where the question wants none named.
    pub more_omissions: usize,
    /// The number of attributes that the limits on TLP levels and scores refuse.
    pub beyond_limits: u64,
}

impl Snapshot {
    /// Returns the values of a feed.
    ///
    /// # Errors
    /// [`AnswerError::MissingEvent`] if the mirror does not have an event that may concern the feed, and
    /// [`AnswerError::TooManyValues`] above ten million values.
    pub fn answer(&self, question: &Question) -> Result<Answer, AnswerError> {
        if let Some(id) = self.missing_for(question) {
            return Err(AnswerError::MissingEvent { id });
        }
        let scan = Scan {
            snapshot: self,
            class: self.class(question.kind),
            question,
            rule: Rule::new(self, question),
            values: GuardedValues::of(self, question),
            dropped: BTreeMap::new(),
            omissions: Omissions::up_to(question.named_omissions),
            beyond_limits: 0,
        };
        scan.run()
    }
}

struct Scan<'s> {
    snapshot: &'s Snapshot,
    class: &'s Class,
    question: &'s Question,
    rule: Rule<'s>,
    values: GuardedValues<'s>,
    dropped: BTreeMap<&'static str, u64>,
    omissions: Omissions,
    beyond_limits: u64,
}

impl Scan<'_> {
    fn run(mut self) -> Result<Answer, AnswerError> {
        self.count_invalid();
        let class = self.class;
        for (rank, value, rows) in class.values().iter() {
            if fit_of(self.question.kind, value) == Fit::Elsewhere {
                continue;
            }
            let counting = self.counting(rank, value, rows);
            if counting.rows > 0 {
                self.take(rank, value, counting)?;
            }
        }
        let guarded = self.values.finish();
        let by_rule = guarded.dropped.iter();
        self.dropped
            .extend(by_rule.map(|(rule, values)| (rule.as_str(), values.len() as u64)));
        let (omissions, more_omissions) = self.omissions.into_parts();
        Ok(Answer {
            values: guarded.values,
            times: guarded.times,
            dropped: self.dropped,
            omissions,
            more_omissions,
            beyond_limits: self.beyond_limits,
        })
    }

    /// Counts the attributes without a valid value that the feed would have.
    fn count_invalid(&mut self) {
        let invalid = self.class.invalid();
        for (rank, value, rows) in invalid.iter() {
            for (place, row) in (invalid.row_range(rank).start..).zip(rows) {
                match self.rule.judge(row, || invalid.times(place)) {
                    Verdict::Counts => self.drop_row(value, row),
                    Verdict::BeyondLimits => self.beyond_limits += 1,
                    Verdict::Unpublished | Verdict::Other => {}
                }
            }
        }
    }

    fn drop_row(&mut self, value: &str, row: &Row) {
        if let Some(reason) = row.reason() {
            *self.dropped.entry(reason.as_str()).or_default() += 1;
            let event = self.snapshot.event(row).map(|event| event.id);
            self.omissions.add(value, OmissionReason::Invalid(reason), event);
        }
    }

    /// Returns how many rows of a value count, and the newest of their times.
    #[inline]
    fn counting(&mut self, rank: u32, value: &str, rows: &[Row]) -> Counting {
        let values = self.class.values();
        let first = values.row_range(rank).start;
        let mut counting = Counting::default();
        for (place, row) in (first..).zip(rows) {
            match self.rule.judge(row, || values.times(place)) {
                Verdict::Counts => {
                    counting.rows += 1;
                    counting.newest = counting.newest.max(row.timestamp());
                }
                Verdict::BeyondLimits => self.beyond_limits += 1,
                Verdict::Unpublished if self.question.named_omissions > 0 => {
                    let event = self.snapshot.event(row).map(|event| event.id);
                    self.omissions.add(value, OmissionReason::Unpublished, event);
                }
                Verdict::Unpublished | Verdict::Other => {}
            }
        }
        counting
    }

    /// Adds a value that these rows name.
    fn take(&mut self, rank: u32, value: &str, counting: Counting) -> Result<(), AnswerError> {
        if fit_of(self.question.kind, value) == Fit::WrittenOut {
            return self.write_out(rank, value, counting);
        }
        if let Some(rule) = self.values.push(rank, value, counting.newest) {
            self.omissions.add(value, OmissionReason::Guard(rule), None);
        }
        bounded(self.values.pushed())
    }

    /// Adds the addresses of a network.
    fn write_out(&mut self, rank: u32, network: &str, counting: Counting) -> Result<(), AnswerError> {
        let max_expand = self.question.max_expand;
        let addresses = addresses_in(network);
        if addresses > u128::from(max_expand) {
            *self.dropped.entry(DropReason::NetworkTooLarge.as_str()).or_default() += counting.rows;
            self.omissions
                .add(network, OmissionReason::Invalid(DropReason::NetworkTooLarge), None);
            return Ok(());
        }
        bounded(
            usize::try_from(addresses)
                .unwrap_or(usize::MAX)
                .saturating_add(self.values.pushed()),
        )?;
        let (values, omissions) = (&mut self.values, &mut self.omissions);
        let is_whole = values.is_exported(rank, network);
        let extractor = Extractor::new(self.question.kind).max_expand(max_expand);
        // The size is checked above, so nothing is dropped.
        let _ = extractor.extract("", network, &mut |address| {
            if let Some(rule) = values.push_of_network(address, counting.newest, is_whole) {
                omissions.add(address, OmissionReason::Guard(rule), None);
            }
        });
        Ok(())
    }
}

/// The rows of a value that count.
#[derive(Clone, Copy, Debug, Default)]
struct Counting {
    rows: u64,
    /// The newest of their times, in unix seconds.
    newest: i64,
}

/// How a value fits a type of its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// As it is.
    Whole,
    /// Each of its addresses.
    WrittenOut,
    /// It is one of another type.
    Elsewhere,
}

/// Returns how a value in canonical spelling fits a type. An IPv4 address has no colon, and a network has a slash.
pub(crate) fn fit_of(kind: IndicatorType, value: &str) -> Fit {
    use IndicatorType as Kind;
    let (is_v6, is_network) = match kind {
        Kind::Ipv4 | Kind::Ipv6 | Kind::Cidr4 | Kind::Cidr6 | Kind::Ipv4Ext | Kind::Ipv6Ext => {
            (value.contains(':'), value.contains('/'))
        }
        _ => return Fit::Whole,
    };
    let wants_v6 = matches!(kind, Kind::Ipv6 | Kind::Cidr6 | Kind::Ipv6Ext);
    match kind {
        _ if is_v6 != wants_v6 => Fit::Elsewhere,
        Kind::Ipv4Ext | Kind::Ipv6Ext if is_network => Fit::WrittenOut,
        Kind::Ipv4Ext | Kind::Ipv6Ext => Fit::Whole,
        Kind::Cidr4 | Kind::Cidr6 if is_network => Fit::Whole,
        Kind::Ipv4 | Kind::Ipv6 if !is_network => Fit::Whole,
        _ => Fit::Elsewhere,
    }
}

/// Returns the number of addresses in a network; the greatest number for one that is not known.
fn addresses_in(network: &str) -> u128 {
    let host_bits = network_of(network).map(|network| network.max_prefix_len() - network.prefix_len());
    host_bits
        .and_then(|bits| 1_u128.checked_shl(bits.into()))
        .unwrap_or(u128::MAX)
}

fn bounded(values: usize) -> Result<(), AnswerError> {
    if values > MAX_VALUES {
        return Err(AnswerError::TooManyValues { limit: MAX_VALUES });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use feed_classification::TypeSet;

    const ATTRIBUTE_TYPES: &[&str] = &[
        "ip-dst",
        "ip-src|port",
        "domain|ip",
        "hostname|port",
        "domain",
        "filename|md5",
    ];

    fn extracted(extractor: Extractor, attribute_type: &str, value: &str) -> Result<Vec<String>, DropReason> {
        let mut found = Vec::new();
        extractor.extract(attribute_type, value, &mut |value| found.push(value.to_owned()))?;
        Ok(found)
    }

    fn hosts() -> impl Strategy<Value = String> {
        prop_oneof![
            "(192\\.0\\.2\\.[0-9]{1,3}|10\\.[0-9]\\.0\\.0|::ffff:192\\.0\\.2\\.[0-9]|2001:DB8:0::[0-9a-f]{1,4})\
             (/(8|24|29|30|32|64|96|120|126|128))?",
            "[a-zA-Z0-9._-]{0,12}(\\.EXAMPLE)?\\.?",
            "\\PC{0,12}",
        ]
    }

    fn attributes() -> impl Strategy<Value = (&'static str, String)> {
        let value = prop_oneof![
            hosts(),
            (hosts(), hosts()).prop_map(|(a, b)| format!("{a}|{b}")),
            (hosts(), 0_u32..70_000).prop_map(|(host, port)| format!("{host}|{port}")),
        ];
        (prop::sample::select(ATTRIBUTE_TYPES), value)
    }

    proptest! {
        #[test]
        fn domains_and_host_names_are_extracted_alike((attribute_type, value) in attributes()) {
            let of = |kind| extracted(Extractor::new(kind), attribute_type, &value);
            prop_assert_eq!(of(IndicatorType::Domain), of(IndicatorType::Hostname));
        }

        #[test]
        fn every_kind_of_address_is_derived_from_the_value_that_is_kept((attribute_type, value) in attributes()) {
            let kept = extracted(Extractor::new(IndicatorType::Ip), attribute_type, &value);
            for kind in TypeSet::ADDRESSES.iter() {
                let extractor = Extractor::new(kind).max_expand(256);
                let direct = extracted(extractor, attribute_type, &value);
                let derived = match kept.as_ref().map(|values| values.first().map_or("", |value| value.as_str())) {
                    Err(reason) => Err(*reason),
                    Ok(value) => match fit_of(kind, value) {
                        Fit::Whole => Ok(vec![value.to_owned()]),
                        Fit::WrittenOut if addresses_in(value) > 256 => Err(DropReason::NetworkTooLarge),
                        Fit::WrittenOut => extracted(extractor, "", value),
                        Fit::Elsewhere => Err(DropReason::OtherFamily),
                    },
                };
                match (direct, derived) {
                    (Err(one), Err(other)) => {
                        prop_assert!(one == other || (one.belongs_elsewhere() && other.belongs_elsewhere()));
                    }
                    (direct, derived) => prop_assert_eq!(direct, derived),
                }
            }
        }
    }
}
