//! What both ways have to answer, from the stand-in's data and the rules of the site.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use feed_classification::{Age, Extractor, FalsePositives, Guard, IndicatorSet, IndicatorType, TagScheme, ValueFamily};
use feed_engine::{Selection, Upstream};
use jiff::Timestamp;
use misp_sim::{EventView, Store};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Through {
    Mirror,
    Misp,
}

/// An attribute at one moment.
#[derive(Clone, Debug)]
struct Row {
    id: u64,
    kind: String,
    value: String,
    to_ids: bool,
    timestamp: i64,
    /// Its own tags.
    tags: Vec<String>,
    found: Rc<Found>,
}

/// What an attribute gives, by type of indicator.
#[derive(Debug)]
struct Found {
    values: Vec<(IndicatorType, Vec<Rc<str>>)>,
    /// As a false positive, by the type whose values are harmless together.
    harmless: Vec<(IndicatorType, Vec<Rc<str>>)>,
}

/// By attribute type and value.
type Extracted = HashMap<(String, String), Rc<Found>>;

/// An event at one moment.
#[derive(Clone, Debug)]
struct Block {
    uuid: Uuid,
    creator: Option<Uuid>,
    timestamp: i64,
    published: bool,
    publish_timestamp: i64,
    tags: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Known {
    current: Block,
    /// As it was last published, while it is edited.
    last_published: Option<Block>,
}

/// What the mirror knows after its looks.
#[derive(Debug, Default)]
pub(crate) struct Model {
    events: BTreeMap<u64, Known>,
    /// With which publication an event was seen withdrawn.
    withdrawn: HashMap<u64, i64>,
    extracted: Extracted,
}

/// The values of feeds, by selection and type.
pub(crate) type Feeds = HashMap<(Selection, IndicatorType), BTreeSet<String>>;

impl Model {
    /// Takes the state of a stand-in at which the mirror has looked, as this organisation sees it.
    pub(crate) fn look(&mut self, store: &Store, organisation: u64, upstream: &Upstream) {
        let mut before = std::mem::take(&mut self.events);
        for event in store.events().filter(|event| event.is_shown_to(organisation)) {
            let current = block(&event, organisation, upstream, &mut self.extracted);
            let same = |known: &Known| known.current.uuid == current.uuid;
            let before = before.remove(&event.id()).filter(same);
            let last_published = self.last_published(event.id(), before, &current);
            self.events.insert(
                event.id(),
                Known {
                    current,
                    last_published,
                },
            );
        }
    }

    /// The number of events that are being edited.
    pub(crate) fn edited(&self) -> usize {
        self.events
            .values()
            .filter(|known| known.last_published.is_some())
            .count()
    }

    fn last_published(&mut self, id: u64, before: Option<Known>, current: &Block) -> Option<Block> {
        if current.published || current.publish_timestamp <= 0 {
            return None;
        }
        if current.timestamp <= current.publish_timestamp {
            self.withdrawn.insert(id, current.publish_timestamp);
        }
        if self
            .withdrawn
            .get(&id)
            .is_some_and(|at| current.publish_timestamp <= *at)
        {
            return None;
        }
        let held = before.and_then(|before| match before.current.published {
            true => Some(before.current),
            false => before.last_published,
        });
        match held {
            Some(held) if held.publish_timestamp == current.publish_timestamp => Some(held),
            held => Some(untouched(current, held.as_ref())),
        }
    }

    /// Every feed with this age at this time.
    pub(crate) fn feeds(
        &self,
        store: &Store,
        upstream: &Upstream,
        selections: &[Selection],
        age: Age,
        now: Timestamp,
        through: Through,
    ) -> Feeds {
        let tags = TagScheme::new(&upstream.site().tag, upstream.site().custom_feeds.clone());
        let rules = Rules {
            upstream,
            since: age.since(now).as_second(),
            harmless_since: upstream.site().falsepositive_timeout.since(now).as_second(),
            edited_from: now.as_second() - i64::try_from(upstream.site().published_grace.as_secs()).unwrap(),
            harmless: tags.false_positive_tag(),
        };
        let wanted: Vec<(Selection, Option<String>)> = selections
            .iter()
            .map(|selection| match selection {
                Selection::Feed(feed) => (*selection, tags.classification_tag(*feed)),
                _ => (*selection, None),
            })
            .collect();
        let mut feeds = HashMap::<_, BTreeSet<Rc<str>>>::new();
        let mut harmless = HashMap::<_, BTreeSet<Rc<str>>>::new();
        for known in self.events.values() {
            for row in &known.current.rows {
                rules.harmless(&known.current, row, &mut harmless);
            }
            for (selection, tag) in &wanted {
                let Some(block) = rules.block(known, *selection, through) else {
                    continue;
                };
                for row in &block.rows {
                    let answers = rules.takes(&block, row, *selection, tag.as_deref())
                        && !(selection.enforces_warninglists() && store.is_on_a_warninglist(&row.kind, &row.value));
                    if answers {
                        rules.values(row, *selection, &mut feeds);
                    }
                }
            }
        }
        feeds
            .into_iter()
            .map(|(key, values)| (key, without(key.1, values, &harmless, &upstream.site().guard)))
            .collect()
    }
}

/// The rules of the site at one time.
struct Rules<'u> {
    upstream: &'u Upstream,
    since: i64,
    harmless_since: i64,
    edited_from: i64,
    harmless: String,
}

impl Rules<'_> {
    /// The state of the event that counts for a selection.
    fn block<'k>(&self, known: &'k Known, selection: Selection, through: Through) -> Option<Cow<'k, Block>> {
        let current = &known.current;
        if !selection.wants_published() || current.published {
            return Some(Cow::Borrowed(current));
        }
        let kept = known.last_published.as_ref()?;
        if current.timestamp < self.edited_from {
            return None;
        }
        Some(match through {
            Through::Mirror => Cow::Borrowed(kept),
            Through::Misp => Cow::Owned(untouched(current, None)),
        })
    }

    fn takes(&self, block: &Block, row: &Row, selection: Selection, tag: Option<&str>) -> bool {
        let has = |name: &str| row.tags.iter().chain(&block.tags).any(|tag| tag == name);
        let is_selected = match selection {
            Selection::Organisation(uuid) => block.creator == Some(uuid),
            _ => tag.is_none_or(has),
        };
        is_selected && !has(&self.harmless) && row.timestamp >= self.since
    }

    fn values(
        &self,
        row: &Row,
        selection: Selection,
        feeds: &mut HashMap<(Selection, IndicatorType), BTreeSet<Rc<str>>>,
    ) {
        for (kind, values) in &row.found.values {
            if row.to_ids || self.ignores_to_ids(*kind) {
                let feed = feeds.entry((selection, *kind)).or_default();
                feed.extend(values.iter().cloned());
            }
        }
    }

    fn harmless(&self, block: &Block, row: &Row, harmless: &mut HashMap<IndicatorType, BTreeSet<Rc<str>>>) {
        let is_tag = |tag: &String| *tag == self.harmless;
        let own = row.tags.iter().any(is_tag) && row.timestamp >= self.harmless_since;
        let of_event = block.tags.iter().any(is_tag) && block.timestamp >= self.harmless_since;
        if own || of_event {
            for (kind, values) in &row.found.harmless {
                harmless.entry(*kind).or_default().extend(values.iter().cloned());
            }
        }
    }

    fn ignores_to_ids(&self, kind: IndicatorType) -> bool {
        let ignored = &self.upstream.site().ignore_to_ids;
        let types = self.upstream.mappings().attribute_types(kind);
        ignored.contains(kind.as_str()) || types.iter().any(|name| ignored.contains(name))
    }
}

/// The rows that did not change since the publication, and older versions of the others where some are known.
fn untouched(current: &Block, older: Option<&Block>) -> Block {
    let as_published = |row: &Row| {
        if row.timestamp <= current.publish_timestamp {
            return Some(row.clone());
        }
        older?.rows.iter().find(|old| old.id == row.id).cloned()
    };
    Block {
        rows: current.rows.iter().filter_map(as_published).collect(),
        ..current.clone()
    }
}

fn read_as(kind: IndicatorType) -> IndicatorType {
    match kind.family() {
        ValueFamily::Address => IndicatorType::Ip,
        _ => kind,
    }
}

/// The types for which a value is harmless together.
fn is_of_family(kind: IndicatorType, other: IndicatorType) -> bool {
    kind.family() == other.family()
}

fn without(
    kind: IndicatorType,
    values: BTreeSet<Rc<str>>,
    harmless: &HashMap<IndicatorType, BTreeSet<Rc<str>>>,
    guard: &Guard,
) -> BTreeSet<String> {
    let set = |kind, values: &BTreeSet<Rc<str>>| IndicatorSet::of(kind, values.iter().map(AsRef::as_ref));
    let of_family = harmless.iter().filter(|(other, _)| is_of_family(kind, **other));
    let sets: Vec<IndicatorSet> = of_family.map(|(_, values)| set(read_as(kind), values)).collect();
    let guarded = guard.applied_to(set(kind, &values), &FalsePositives::of(sets), usize::MAX);
    guarded.unwrap().values.iter().map(str::to_owned).collect()
}

impl Found {
    fn of(attribute_type: &str, value: &str, upstream: &Upstream) -> Self {
        let takes = |kind: &IndicatorType| {
            let types = upstream.mappings().attribute_types(*kind);
            types.iter().any(|name| name == attribute_type)
        };
        let kinds: Vec<IndicatorType> = IndicatorType::ALL.iter().copied().filter(takes).collect();
        let of = |kind: &IndicatorType, max_expand| {
            let mut found = Vec::new();
            // A value that is refused gives nothing.
            let _ = Extractor::new(*kind)
                .max_expand(max_expand)
                .extract(attribute_type, value, &mut |value| found.push(Rc::from(value)));
            (*kind, found)
        };
        let harmless: BTreeSet<IndicatorType> = kinds.iter().map(|kind| read_as(*kind)).collect();
        Self {
            values: kinds.iter().map(|kind| of(kind, upstream.site().max_expand)).collect(),
            harmless: harmless.iter().map(|kind| of(kind, u32::MAX)).collect(),
        }
    }
}

fn block(event: &EventView<'_>, organisation: u64, upstream: &Upstream, extracted: &mut Extracted) -> Block {
    let seen = event
        .attributes()
        .filter(|attribute| !attribute.deleted() && attribute.is_shown_to(organisation));
    let row = |attribute: misp_sim::AttributeView<'_>| {
        let key = (attribute.kind().to_owned(), attribute.value().to_owned());
        let found = extracted
            .entry(key.clone())
            .or_insert_with_key(|(kind, value)| Rc::new(Found::of(kind, value, upstream)));
        Row {
            id: attribute.id(),
            found: Rc::clone(found),
            kind: key.0,
            value: key.1,
            to_ids: attribute.to_ids(),
            timestamp: attribute.timestamp(),
            tags: attribute.tags().map(str::to_owned).collect(),
        }
    };
    Block {
        uuid: event.uuid(),
        creator: event.creator_uuid(),
        timestamp: event.timestamp(),
        published: event.published(),
        publish_timestamp: event.publish_timestamp(),
        tags: event.tags().map(str::to_owned).collect(),
        rows: seen.map(row).collect(),
    }
}
