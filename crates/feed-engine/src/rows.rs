//! The values of one question's rows, each with the facts by which it is judged later.

use std::collections::{BTreeMap, HashMap, HashSet};

use feed_classification::{DropReason, Extractor, IndicatorSet, IndicatorType, ValueList, ValueTimes, canonical_key};
use misp_client::AttributeRow;

use crate::FeedError;
use crate::event_rows::{EventRows, ShownRows};
use crate::omission::Omissions;
use crate::pass::Sink;
use crate::provenance::{Provenance, SharedEvents};
use crate::row_list::{RowList, Values};

/// More values than this in one feed are refused as a mistake, for example a `/8` expanded to single addresses.
pub(crate) const MAX_VALUES: usize = 10_000_000;

/// Values in reading order; a feed may have millions.
#[derive(Debug)]
pub(crate) struct Rows {
    kind: IndicatorType,
    extractor: Extractor,
    values: ValueList,
    rows: RowList,
    events: SharedEvents,
    /// The networks that are expanded already, by attribute type and value: many events name the same one.
    networks: HashMap<(String, String), Values>,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
    /// The attributes without a valid value.
    left_out: Omissions,
    /// All rows, also those without a value.
    shown: ShownRows,
}

impl Rows {
    /// Returns an empty collection of values that this extractor finds.
    pub(crate) fn new(extractor: Extractor) -> Self {
        Self {
            kind: extractor.kind(),
            extractor,
            values: ValueList::new(extractor.kind()),
            rows: RowList::new(),
            events: SharedEvents::default(),
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
        for (values, at) in self.rows.iter() {
            let at = self.events.whole(at);
            for value in self.texts(values).take(usize::from(!counts(&at))) {
                named.row(value, &at, "its event is not published, or was withdrawn");
            }
        }
        named
    }

    /// Returns the events of the rows that `counts`.
    pub(crate) fn events(&self, counts: impl Fn(&Provenance) -> bool) -> Option<EventRows> {
        let rows = self.rows.origins().map(|at| self.events.whole(at));
        EventRows::of(rows.filter(|at| counts(at)))
    }

    /// Returns how many rows MISP shows of each event, once.
    pub(crate) fn take_shown(&mut self) -> ShownRows {
        std::mem::take(&mut self.shown)
    }

    /// Returns their approximate memory in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        self.values.weight_bytes() + self.rows.weight_bytes()
    }

    fn extract(&mut self, attribute: &AttributeRow<'_>) -> Result<Values, DropReason> {
        let (first, list) = (self.values.len(), &mut self.values);
        self.extractor
            .extract(&attribute.kind, &attribute.value, &mut |value| list.push(value))?;
        let values = Values::of(first, list.len());
        if let Some(name) = self.network(attribute) {
            self.networks.insert(name, values);
        }
        Ok(values)
    }

    /// Returns the key of the network that is expanded for this attribute, if it is one.
    fn network(&self, attribute: &AttributeRow<'_>) -> Option<(String, String)> {
        let writes_out = matches!(self.kind, IndicatorType::Ipv4Ext | IndicatorType::Ipv6Ext);
        (writes_out && attribute.value.contains('/')).then(|| {
            let network = canonical_key(self.kind, attribute.value.trim());
            (attribute.kind.to_string(), network.into_owned())
        })
    }

    /// Returns the sorted unique values of all rows.
    pub(crate) fn into_set(self) -> IndicatorSet {
        self.into_timed_set(|_| true).0
    }

    /// Returns the sorted unique values of the rows that `counts`, each with the time of the newest one.
    pub(crate) fn into_timed_set(self, counts: impl Fn(&Provenance) -> bool) -> (IndicatorSet, ValueTimes) {
        let Self {
            rows, values, events, ..
        } = self;
        let counts = |at| counts(&events.whole(at));
        // Many events name the same network, whose addresses are added once.
        let mut written_out = HashMap::<u32, (Values, i64)>::new();
        if !rows.has_single_values() {
            let others = rows.iter().filter(|(values, at)| values.count != 1 && counts(*at));
            for (values, at) in others {
                let (_, newest) = written_out.entry(values.first).or_insert((values, at.timestamp()));
                *newest = at.timestamp().max(*newest);
            }
        }
        let of_networks = written_out
            .into_values()
            .flat_map(|(values, newest)| values.places().map(move |place| (place, newest)));
        let single = rows.into_rows().filter(|(values, at)| values.count == 1 && counts(*at));
        let single = single.map(|(values, at)| (values.first, at.timestamp()));
        values.into_timed_set(single.chain(of_networks))
    }

    fn texts(&self, values: Values) -> impl Iterator<Item = &str> {
        values.places().filter_map(|place| self.values.get(place))
    }
}

impl Sink for Rows {
    fn see(&mut self, attribute: &AttributeRow<'_>) {
        self.shown.count(attribute.event_id);
    }

    /// Adds the values of the attribute; an attribute without a valid value is counted by reason.
    fn take(&mut self, attribute: &AttributeRow<'_>) -> Result<(), FeedError> {
        let at = Provenance::of(attribute);
        let known = self
            .network(attribute)
            .and_then(|name| self.networks.get(&name).copied());
        let outcome = known.map_or_else(|| self.extract(attribute), Ok);
        match outcome {
            Ok(values) => {
                let at = self.events.short(&at);
                self.rows.push(values, at);
            }
            // A network in a list of addresses is no mistake: it is of another type.
            Err(reason) if reason.belongs_elsewhere() => {}
            Err(reason) => {
                self.left_out.attribute(attribute, reason);
                self.count_dropped(reason.as_str(), 1);
            }
        }
        if self.values.len().max(self.rows.len()) > MAX_VALUES {
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
        known.extend(self.rows.origins().map(|at| at.attribute_id));
        let mut copied = HashMap::new();
        for (values, at) in other.rows.iter().filter(|(_, at)| !known.contains(&at.attribute_id)) {
            let values = *copied.entry(values.first).or_insert_with(|| {
                let first = self.values.len();
                other.texts(values).for_each(|value| self.values.push(value));
                Values::of(first, self.values.len())
            });
            let at = self.events.short(&other.events.whole(at));
            self.rows.push(values, at);
        }
    }
}
