//! Values of MISP that a feed leaves out, each with the reason.

use std::fmt::{self, Display};

use feed_classification::{GuardRule, Guarded, network_of};
use misp_client::AttributeRow;

use crate::FeedScope;
use crate::provenance::Provenance;

/// Values named in each refresh by default; the rest is counted.
pub(crate) const NAMED_A_REFRESH: usize = 100;

/// Longest part of a value that is kept, in characters.
const MOST_CHARACTERS: usize = 200;

/// A value that a feed leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Omission {
    /// The value as it may be printed: control characters escaped, at most 200 characters.
    pub value: String,
    /// The reason.
    pub reason: String,
    /// The attribute in MISP, where one attribute is the reason.
    pub attribute: Option<u64>,
    /// The event of that attribute.
    pub event: Option<u64>,
}

impl Omission {
    /// Returns the omission of a value for this reason, without an attribute.
    pub fn new(value: &str, reason: impl Display) -> Self {
        Self {
            value: printable(value),
            reason: reason.to_string(),
            attribute: None,
            event: None,
        }
    }
}

impl Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.value, self.reason)?;
        if let (Some(attribute), Some(event)) = (self.attribute, self.event) {
            write!(f, " (attribute {attribute}, event {event})")?;
        }
        Ok(())
    }
}

/// The omissions of one refresh: the first ones by value, and the number of all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Omissions {
    values: Vec<Omission>,
    count: usize,
    most: usize,
}

impl Omissions {
    /// Returns an empty list for up to `most` omissions.
    pub(crate) fn up_to(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// Returns these omissions, and a number of further ones.
    pub(crate) fn of(values: Vec<Omission>, more: usize) -> Self {
        Self {
            count: values.len() + more,
            most: values.len(),
            values,
        }
    }

    /// Takes an attribute that gave no value.
    pub(crate) fn attribute(&mut self, attribute: &AttributeRow<'_>, reason: impl Display) {
        self.add(&attribute.value, reason, Some((attribute.id, attribute.event_id)));
    }

    /// Takes the value of a row that does not count.
    pub(crate) fn row(&mut self, value: &str, at: &Provenance, reason: impl Display) {
        self.add(value, reason, Some((at.attribute_id, at.event_id)));
    }

    /// Takes the values that the guard refuses or cuts.
    pub(crate) fn guarded(&mut self, guarded: &Guarded) {
        if self.most == 0 {
            return;
        }
        for (rule, values) in &guarded.dropped {
            values
                .iter()
                .for_each(|value| self.add(value, reason_of(*rule, value), None));
        }
    }

    fn add(&mut self, value: &str, reason: impl Display, at: Option<(u64, u64)>) {
        self.count += 1;
        if self.values.len() < self.most {
            self.values.push(Omission {
                attribute: at.map(|(attribute, _)| attribute),
                event: at.map(|(_, event)| event),
                ..Omission::new(value, reason)
            });
        }
    }

    /// Logs the named values and the number of the others at DEBUG.
    pub(crate) fn log(&self, site: &str, scope: FeedScope) {
        for left_out in self.values.iter().take(NAMED_A_REFRESH) {
            let Omission {
                value,
                reason,
                attribute,
                event,
            } = left_out;
            tracing::debug!(site, feed = %scope, value, reason, attribute, event, "a value is left out of the feed");
        }
        let more = self.count.saturating_sub(self.values.len().min(NAMED_A_REFRESH));
        if more > 0 {
            tracing::debug!(site, feed = %scope, more, "more values are left out of the feed");
        }
    }

    /// Returns the omissions, and the number of further ones.
    pub(crate) fn into_parts(self) -> (Vec<Omission>, usize) {
        let more = self.count.saturating_sub(self.values.len());
        (self.values, more)
    }
}

/// Returns why a rule of the guard does not let a value pass as it is.
pub(crate) fn reason_of(rule: GuardRule, value: &str) -> String {
    match rule {
        GuardRule::FalsePositive
            if network_of(value).is_some_and(|network| network.prefix_len() < network.max_prefix_len()) =>
        {
            "the network, or a part of it, is called a false positive at this site".to_owned()
        }
        GuardRule::FalsePositive => "called a false positive at this site".to_owned(),
        rule => format!("the guard rule {rule} keeps it, or a part of it, out of every feed"),
    }
}

fn printable(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters
        .by_ref()
        .take(MOST_CHARACTERS)
        .flat_map(char::escape_debug)
        .collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use feed_classification::{FalsePositives, Guard, IndicatorSet, IndicatorType};

    use super::*;

    #[test]
    fn a_value_is_one_line_with_its_attribute_and_event() {
        let mut named = Omissions::up_to(1);
        let at = Provenance {
            attribute_id: 12,
            event_id: 3,
            timestamp: 0,
            publish_timestamp: 0,
        };
        named.row("a\nb\u{1b}[2J", &at, "not a name");
        named.row("c", &at, "not a name");
        let (values, more) = named.into_parts();
        assert_eq!(
            values[0].to_string(),
            "`a\\nb\\u{1b}[2J`: not a name (attribute 12, event 3)"
        );
        assert_eq!((values.len(), more), (1, 1));
    }

    #[test]
    fn a_value_that_the_guard_refuses_is_an_omission() {
        let set = IndicatorSet::of(IndicatorType::Domain, ["a.example", "co.uk"]);
        let guarded = Guard::default().applied_to(set, &FalsePositives::default(), 9).unwrap();
        let mut named = Omissions::up_to(9);
        named.guarded(&guarded);
        let reason = "the guard rule public_suffixes keeps it, or a part of it, out of every feed";
        assert_eq!(named.into_parts().0, [Omission::new("co.uk", reason)]);
    }

    /// Returns the log of this level and above for this many omissions.
    fn logged(level: tracing::Level, values: usize) -> String {
        let mut named = Omissions::up_to(1_000);
        let at = Provenance {
            attribute_id: 12,
            event_id: 3,
            timestamp: 0,
            publish_timestamp: 0,
        };
        (0..values).for_each(|number| named.row(&format!("value-{number}"), &at, "not a name"));
        let file = tempfile::NamedTempFile::new().unwrap();
        let writer = file.reopen().unwrap();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(level);
        let subscriber = subscriber.with_writer(std::sync::Mutex::new(writer)).finish();
        let scope = FeedScope {
            selection: crate::Selection::Feed(feed_classification::FeedName::Block),
            kind: IndicatorType::Ipv4,
            age: feed_classification::Age::Months1,
            filter: crate::Filter::NONE,
        };
        tracing::subscriber::with_default(subscriber, || named.log("misp.example.net", scope));
        std::fs::read_to_string(file.path()).unwrap()
    }

    #[test]
    fn values_left_out_are_logged_at_debug_a_hundred_a_refresh_and_never_at_info() {
        assert_eq!(logged(tracing::Level::INFO, 3), "");
        let log = logged(tracing::Level::DEBUG, 130);
        assert_eq!(log.lines().count(), 101, "{log}");
        let first = log.lines().next().unwrap();
        for said in [
            "DEBUG",
            "feed=block/ipv4/1m",
            "value-0",
            "not a name",
            "attribute=12",
            "event=3",
        ] {
            assert!(first.contains(said), "{said} is not in {first}");
        }
        assert!(log.lines().last().unwrap().contains("more=30"), "{log}");
    }
}
