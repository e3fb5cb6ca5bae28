//! Limits on the change of one run.

use std::fmt;

use config_file::{Section, default, reader};
use ipnet::IpNet;

use crate::Values;
use crate::coverage::{Counted, Coverage, number};
use crate::values::Diff;

config_file::keys! {
    /// How far one run may change what a target enforces. A change beyond them is held back, and the values before stay
    /// in force.
    ///
    /// A *value* is one line of a feed, such as `192.0.2.0/24`. Its *addresses* are those that it covers, for example
    /// 256. An IPv6 address counts with all others of its /48 as one, since a site gets a /48 of IPv6 as it gets an
    /// address of IPv4.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Limits {
        ours "max_entries", "number", default("500000"),
            "the most values that the target is ever given"
            => max_entries: usize = reader::number(0, u64::MAX);
        ours "max_change", "number", default("100000"),
            "the most values that one run adds and removes together"
            => max_change: usize = reader::number(0, u64::MAX);
        ours "max_change_percent", "number", default("50"),
            "the same as a percentage of the values and addresses in force; `free_change` values and `free_change_addresses` addresses pass"
            => max_change_percent: u32 = reader::number(0, u32::MAX as u64);
        ours "free_change", "number", default("100"),
            "changes of up to so many values are not measured in per cent, since in a short list every change is a large one"
            => free_change: usize = reader::number(0, u64::MAX);
        ours "max_addresses", "number", default("134217728"),
            "the most addresses that the target is ever given; the default is eight networks of /8"
            => max_addresses: u64 = reader::number(0, u64::MAX);
        ours "max_change_addresses", "number", default("16777216"),
            "the most addresses that one run adds and removes together; the default is one network of /8"
            => max_change_addresses: u64 = reader::number(0, u64::MAX);
        ours "free_change_addresses", "number", default("65536"),
            "changes of up to so many addresses are not measured in per cent; the default is one network of /16"
            => free_change_addresses: u64 = reader::number(0, u64::MAX);
        ours "first_run_free", "yes or no", default("True"),
            "the first list of all is not a change"
            => first_run_free: bool = reader::yes_no();
        ours "allow_empty", "yes or no", default("False"),
            "the list may become empty"
            => allow_empty: bool = reader::yes_no();
    }
}

impl Default for Limits {
    fn default() -> Self {
        Section::defaults(&[Self::KEYS], "", |section| Self::read_keys(section)())
    }
}

impl Limits {
    /// Returns the reason to hold the change back, if there is one; `enforced` is `None` before the first run.
    ///
    /// With `accept` an operator has seen the change: only the size is judged then.
    #[must_use]
    pub fn objection(&self, enforced: Option<&Values>, wanted: &Values, accept: bool) -> Option<Objection> {
        if wanted.len() > self.max_entries {
            return Some(Objection::TooMany {
                values: wanted.len(),
                limit: self.max_entries,
            });
        }
        let covered = Coverage::of(wanted);
        if covered.count() > self.max_addresses {
            return Some(Objection::TooManyAddresses {
                addresses: covered.count(),
                limit: self.max_addresses,
                largest: covered.largest(),
            });
        }
        if accept || (enforced.is_none() && self.first_run_free) {
            return None;
        }
        let nothing = Values::default();
        let enforced = enforced.unwrap_or(&nothing);
        if wanted.is_empty() && !enforced.is_empty() && !self.allow_empty {
            return Some(Objection::Empty { values: enforced.len() });
        }
        self.of_values(enforced, wanted)
            .or_else(|| self.of_addresses(&Coverage::of(enforced), &covered))
    }

    fn of_values(&self, enforced: &Values, wanted: &Values) -> Option<Objection> {
        let change = Diff::between(enforced, wanted).len();
        let (changed, before) = (number(change), number(enforced.len()));
        let by_percent = change > self.free_change && self.is_beyond_percentage(changed, before);
        (change > self.max_change || by_percent).then_some(Objection::TooMuchChange {
            change,
            values: enforced.len(),
        })
    }

    /// A few values may cover very many addresses, so that their number says nothing about the size of the change.
    fn of_addresses(&self, enforced: &Coverage, wanted: &Coverage) -> Option<Objection> {
        let (added, removed) = (wanted.without(enforced), enforced.without(wanted));
        let change = added.count().saturating_add(removed.count());
        let addresses = enforced.count();
        let by_percent = change > self.free_change_addresses && self.is_beyond_percentage(change, addresses);
        (change > self.max_change_addresses || by_percent).then(|| Objection::TooMuchChangeOfAddresses {
            change,
            addresses,
            largest: if added.count() >= removed.count() {
                added.largest()
            } else {
                removed.largest()
            },
        })
    }

    /// An empty list counts as a list of one, since a percentage of zero values is zero.
    fn is_beyond_percentage(&self, change: u64, before: u64) -> bool {
        u128::from(change) * 100 > u128::from(self.max_change_percent) * u128::from(before.max(1))
    }
}

/// Why a change is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Objection {
    /// More values than the target may have.
    TooMany {
        /// How many values came.
        values: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The values cover more addresses than the target may have.
    TooManyAddresses {
        /// How many addresses they cover.
        addresses: u64,
        /// How many there may be.
        limit: u64,
        /// The largest network of the list.
        largest: Option<IpNet>,
    },
    /// The new list is empty, and the enforced one is not.
    Empty {
        /// How many values are enforced.
        values: usize,
    },
    /// More values are added and removed than one run may.
    TooMuchChange {
        /// How many values are added and removed.
        change: usize,
        /// How many values are enforced.
        values: usize,
    },
    /// More addresses are added and removed than one run may.
    TooMuchChangeOfAddresses {
        /// How many addresses are added and removed.
        change: u64,
        /// How many addresses are enforced.
        addresses: u64,
        /// The largest network that is added or removed.
        largest: Option<IpNet>,
    },
}

const ACCEPT: &str = "`cratos-agent apply --accept-change` lets it pass";

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { values, limit } => {
                let values = Counted(number(*values), "value");
                write!(f, "the list has {values}, and `max_entries` allows {limit}")
            }
            Self::TooManyAddresses {
                addresses,
                limit,
                largest,
            } => {
                let addresses = Counted(*addresses, "address");
                write!(
                    f,
                    "the list covers {addresses}, and `max_addresses` allows {limit}{}",
                    Largest(*largest)
                )
            }
            Self::Empty { values } => {
                let values = Counted(number(*values), "value");
                write!(f, "the list is empty while {values} would go out of force; {ACCEPT}")
            }
            Self::TooMuchChange { change, values } => {
                let (change, values) = (Counted(number(*change), "value"), Counted(number(*values), "value"));
                write!(
                    f,
                    "{change} would be added or removed in one run, with {values} in force; {ACCEPT}"
                )
            }
            Self::TooMuchChangeOfAddresses {
                change,
                addresses,
                largest,
            } => {
                let (change, addresses) = (Counted(*change, "address"), Counted(*addresses, "address"));
                write!(
                    f,
                    "{change} would be added or removed in one run, with {addresses} in force{}; {ACCEPT}",
                    Largest(*largest)
                )
            }
        }
    }
}

/// The network that an operator looks for first.
struct Largest(Option<IpNet>);

impl fmt::Display for Largest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(network) => write!(f, " (the largest network is {network})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use feed_classification::{IndicatorSet, IndicatorType};

    use super::*;

    fn addresses(range: std::ops::Range<u8>) -> Values {
        let texts: Vec<String> = range.map(|octet| format!("192.0.2.{octet}")).collect();
        let set = IndicatorSet::of(IndicatorType::Ipv4, texts.iter().map(String::as_str));
        [set].into_iter().collect()
    }

    #[test]
    fn an_empty_answer_after_a_full_one_is_held_back() {
        let (limits, full, empty) = (Limits::default(), addresses(0..3), Values::default());
        let held = limits.objection(Some(&full), &empty, false);
        assert_eq!(held, Some(Objection::Empty { values: 3 }));
        assert_eq!(limits.objection(Some(&full), &empty, true), None, "an operator said so");
        let allowed = Limits {
            allow_empty: true,
            ..limits
        };
        assert_eq!(allowed.objection(Some(&full), &empty, false), None);
        assert_eq!(limits.objection(Some(&empty), &empty, false), None);
        assert_eq!(limits.objection(None, &empty, false), None);
    }

    #[test]
    fn a_change_beyond_the_percentage_is_held_back_unless_it_is_small() {
        let limits = Limits {
            free_change: 10,
            ..Limits::default()
        };
        let objection = |before, after| limits.objection(Some(&addresses(before)), &addresses(after), false);
        assert_eq!(objection(0..3, 0..13), None, "ten values are few");
        assert_eq!(objection(0..100, 0..150), None);
        assert_eq!(
            objection(0..100, 0..151),
            Some(Objection::TooMuchChange {
                change: 51,
                values: 100
            })
        );
        assert_eq!(
            objection(0..100, 30..130),
            Some(Objection::TooMuchChange {
                change: 60,
                values: 100
            })
        );
    }

    #[test]
    fn the_absolute_limits_hold_too() {
        let limits = Limits {
            max_change: 5,
            max_entries: 20,
            ..Limits::default()
        };
        let objection = limits.objection(Some(&addresses(0..10)), &addresses(0..16), false);
        assert_eq!(objection, Some(Objection::TooMuchChange { change: 6, values: 10 }));
        let objection = limits.objection(Some(&addresses(0..10)), &addresses(0..15), false);
        assert_eq!(objection, None, "five are not above the limit");
        let many = limits.objection(None, &addresses(0..21), true);
        assert_eq!(
            many,
            Some(Objection::TooMany { values: 21, limit: 20 }),
            "no order lets it pass"
        );
        let strict = Limits {
            first_run_free: false,
            ..limits
        };
        assert!(strict.objection(None, &addresses(0..6), false).is_some());
    }

    fn networks(values: &[&str]) -> Values {
        [IndicatorSet::of(IndicatorType::Ip, values.iter().copied())]
            .into_iter()
            .collect()
    }

    #[test]
    fn a_few_networks_that_cover_many_addresses_are_a_large_change() {
        let limits = Limits::default();
        let objection = |before: &[&str], after: &[&str]| {
            limits
                .objection(Some(&networks(before)), &networks(after), false)
                .map(|objection| objection.to_string())
        };
        let four = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
        let with = |network| [four.as_slice(), &[network]].concat();
        assert_eq!(objection(&four, &with("8.8.0.0/16")), None, "65 536 addresses are free");
        let held = "131072 addresses would be added or removed in one run, with 4 addresses in force \
                    (the largest network is 8.8.0.0/15); `cratos-agent apply --accept-change` lets it pass";
        assert_eq!(objection(&four, &with("8.8.0.0/15")).as_deref(), Some(held));
        assert!(
            objection(&with("8.8.0.0/15"), &four).is_some(),
            "what is removed counts too"
        );
        assert!(objection(&four, &with("2600::/24")).is_some(), "IPv6 counts too");
        assert_eq!(objection(&four, &with("2600::/40")), None);
        assert_eq!(
            objection(
                &["8.0.0.0/10", "9.0.0.0/10"],
                &["8.0.0.0/10", "9.0.0.0/10", "7.7.0.0/15"]
            ),
            None
        );
    }

    #[test]
    fn no_order_lets_a_list_pass_that_covers_more_than_the_target_may_have() {
        let blocks: Vec<String> = (1..=9).map(|octet| format!("{}.0.0.0/8", 2 * octet + 1)).collect();
        let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
        let limits = Limits::default();
        let objection = limits.objection(None, &networks(&blocks), true);
        assert!(
            matches!(objection, Some(Objection::TooManyAddresses { .. })),
            "{objection:?}"
        );
        let more = Limits {
            max_addresses: u64::MAX,
            ..limits
        };
        assert_eq!(
            more.objection(None, &networks(&blocks), false),
            None,
            "the first list is free"
        );
        let change = more.objection(Some(&networks(&blocks)), &networks(&blocks[1..]), false);
        assert_eq!(change, None);
        let change = more.objection(Some(&networks(&blocks)), &networks(&blocks[2..]), false);
        assert!(
            matches!(change, Some(Objection::TooMuchChangeOfAddresses { .. })),
            "{change:?}"
        );
    }
}
