//! The values of one question's rows, each with the facts by which it is judged later.

use std::collections::{BTreeMap, HashMap, HashSet};

use feed_classification::{
    DropReason, Extractor, IndicatorSet, IndicatorSetBuilder, IndicatorType, ValueTimes, canonical_key,
};
use misp_client::Attribute;

use crate::FeedError;
use crate::event_rows::{EventRows, ShownRows};
use crate::omission::Omissions;
use crate::pass::Sink;
use crate::provenance::Provenance;

/// More values than this in one feed are refused as a mistake, for example a `/8` expanded to single addresses.
pub(crate) const MAX_VALUES: usize = 10_000_000;

/// Values in reading order. The text of all of them is one allocation: a feed may have millions.
#[derive(Debug)]
pub(crate) struct Rows {
    kind: IndicatorType,
    extractor: Extractor,
    text: String,
    /// Where each value ends in `text`; it begins where the one before ends.
    ends: Vec<usize>,
    rows: Vec<Row>,
    /// The networks that are expanded already, by attribute type and value: many events name the same one.
    networks: HashMap<(String, String), Values>,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
    /// The attributes without a valid value.
    left_out: Omissions,
    /// All rows, also those without a value.
    shown: ShownRows,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    values: Values,
    at: Provenance,
}

/// The values of one attribute, as a range.
#[derive(Clone, Copy, Debug)]
struct Values {
    first: u32,
    count: u32,
}

impl Rows {
    /// Returns an empty collection of values that this extractor finds.
    pub(crate) fn new(extractor: Extractor) -> Self {
        Self {
            kind: extractor.kind(),
            extractor,
            text: String::new(),
            ends: Vec::new(),
            rows: Vec::new(),
            networks: HashMap::new(),
            dropped: BTreeMap::new(),
            left_out: Omissions::default(),
            shown: ShownRows::default(),
        }
    }

    /// Sets how many omissions are kept by value.
    pub(crate) fn naming(mut self, most: usize) -> Self {
        self.left_out = Omissions::up_to(most);
        self
    }

    /// Returns the attributes without a valid value, and the values of rows that do not count.
    pub(crate) fn left_out(&mut self, counts: impl Fn(&Provenance) -> bool) -> Omissions {
        let mut named = std::mem::take(&mut self.left_out);
        for row in self.rows.iter().filter(|row| !counts(&row.at)) {
            for value in self.texts(row.values).take(1) {
                named.row(value, &row.at, "its event is not published, or was withdrawn");
            }
        }
        named
    }

    /// Returns the events of the rows that `counts`.
    pub(crate) fn events(&self, counts: impl Fn(&Provenance) -> bool) -> Option<EventRows> {
        EventRows::of(self.rows.iter().map(|row| &row.at).filter(|at| counts(at)))
    }

    /// Returns how many rows MISP shows of each event, once.
    pub(crate) fn take_shown(&mut self) -> ShownRows {
        std::mem::take(&mut self.shown)
    }

    /// Returns their approximate memory in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>() + self.rows.capacity() * size_of::<Row>()
    }

    fn extract(&mut self, attribute: &Attribute) -> Result<Values, DropReason> {
        let first = self.ends.len();
        let (text, ends) = (&mut self.text, &mut self.ends);
        self.extractor
            .extract(&attribute.kind, &attribute.value, &mut |value| {
                text.push_str(value);
                ends.push(text.len());
            })?;
        let values = Values::of(first, self.ends.len());
        if let Some(name) = self.network(attribute) {
            self.networks.insert(name, values);
        }
        Ok(values)
    }

    /// Returns the key of the network that is expanded for this attribute, if it is one.
    fn network(&self, attribute: &Attribute) -> Option<(String, String)> {
        let writes_out = matches!(self.kind, IndicatorType::Ipv4Ext | IndicatorType::Ipv6Ext);
        (writes_out && attribute.value.contains('/')).then(|| {
            let network = canonical_key(self.kind, attribute.value.trim());
            (attribute.kind.clone(), network.into_owned())
        })
    }

    /// Returns the sorted unique values of all rows.
    pub(crate) fn into_set(self) -> IndicatorSet {
        let set = IndicatorSetBuilder::new(self.kind);
        self.collected_in(set, |_| true).finish()
    }

    /// Returns the sorted unique values of the rows that `counts`, each with the time of the newest one.
    pub(crate) fn into_timed_set(self, counts: impl Fn(&Provenance) -> bool) -> (IndicatorSet, Option<ValueTimes>) {
        let set = IndicatorSetBuilder::timed(self.kind);
        self.collected_in(set, counts).finish_timed()
    }

    fn collected_in(self, mut set: IndicatorSetBuilder, counts: impl Fn(&Provenance) -> bool) -> IndicatorSetBuilder {
        // Many events name the same network, whose addresses are added once.
        let mut written_out = HashMap::<u32, (Values, i64)>::new();
        for row in self.rows.iter().filter(|row| counts(&row.at)) {
            if row.values.count == 1 {
                self.texts(row.values)
                    .for_each(|value| set.push_at(value, row.at.timestamp));
            } else {
                let network = written_out.entry(row.values.first);
                let (_, newest) = network.or_insert((row.values, row.at.timestamp));
                *newest = row.at.timestamp.max(*newest);
            }
        }
        for (values, newest) in written_out.into_values() {
            self.texts(values).for_each(|value| set.push_at(value, newest));
        }
        set
    }

    fn texts(&self, values: Values) -> impl Iterator<Item = &str> {
        let first = values.first as usize;
        let mut start = first
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0);
        let ends = self.ends.iter().skip(first).take(values.count as usize);
        ends.map(move |end| {
            let text = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            text
        })
    }
}

impl Sink for Rows {
    fn see(&mut self, attribute: &Attribute) {
        self.shown.count(attribute.event_id);
    }

    /// Adds the values of the attribute; an attribute without a valid value is counted by reason.
    fn take(&mut self, attribute: &Attribute) -> Result<(), FeedError> {
        let at = Provenance::of(attribute);
        let known = self
            .network(attribute)
            .and_then(|name| self.networks.get(&name).copied());
        let outcome = known.map_or_else(|| self.extract(attribute), Ok);
        match outcome {
            Ok(values) => self.rows.push(Row { values, at }),
            // A network in a list of addresses is no mistake: it is of another type.
            Err(reason) if reason.belongs_elsewhere() => {}
            Err(reason) => {
                self.left_out.attribute(attribute, reason);
                self.count_dropped(reason.as_str(), 1);
            }
        }
        if self.ends.len().max(self.rows.len()) > MAX_VALUES {
            return Err(FeedError::TooManyValues { limit: MAX_VALUES });
        }
        Ok(())
    }

    fn count_dropped(&mut self, reason: &'static str, attributes: u64) {
        if attributes > 0 {
            *self.dropped.entry(reason).or_default() += attributes;
        }
    }

    /// Adds the values of attributes that `self` has not read and that are not left out.
    fn absorb(&mut self, other: &Self, left_out: &HashSet<u64>) {
        self.shown.absorb(&other.shown);
        let mut known = left_out.clone();
        known.extend(self.rows.iter().map(|row| row.at.attribute_id));
        let mut copied = HashMap::new();
        for row in other.rows.iter().filter(|row| !known.contains(&row.at.attribute_id)) {
            let values = *copied.entry(row.values.first).or_insert_with(|| {
                let first = self.ends.len();
                for value in other.texts(row.values) {
                    self.text.push_str(value);
                    self.ends.push(self.text.len());
                }
                Values::of(first, self.ends.len())
            });
            self.rows.push(Row { values, at: row.at });
        }
    }
}

impl Values {
    /// Those from `first` up to `end`; [`MAX_VALUES`] fits into 32 bits.
    fn of(first: usize, end: usize) -> Self {
        let short = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            first: short(first),
            count: short(end - first),
        }
    }
}
