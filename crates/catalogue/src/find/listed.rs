//! The rows behind one listed value, as matches.

use std::net::IpAddr;

use feed_classification::{FalsePositives, IndicatorType, Verdict, canonical_key, network_of};
use ipnet::IpNet;

use super::{LOOKUP_TYPES, Limits, Match, MatchedEvent, Relation};
use crate::network_lengths::key_of;
use crate::row_trial::RowTrial;
use crate::{Class, Question, ScoreRule, Snapshot, harmless_cover};

/// One look-up: by which rules, in which state, and within which limits.
pub(super) struct Search<'s> {
    /// By number of the type; nothing for types that cannot be looked up.
    pub(super) questions: &'s [Option<Question>],
    pub(super) snapshot: &'s Snapshot,
    pub(super) limits: &'s Limits,
    pub(super) score: Option<ScoreRule>,
}

/// A row that counts, with the type and the number of the event by which matches are sorted.
struct Candidate<'s> {
    kind: IndicatorType,
    event: u64,
    /// How the value is written, where that is not its key.
    spelling: Option<&'s str>,
    trial: RowTrial<'s>,
}

/// The matches of one event, before they are within limits.
struct Told<'s> {
    event: MatchedEvent,
    spelling: Option<&'s str>,
    is_permitted: bool,
}

impl<'s> Search<'s> {
    /// Adds the matches of the listed values with this canonical key.
    pub(super) fn add_matches(&self, key: &str, relation: Relation, most: usize, found: &mut Vec<Match>) {
        let mut candidates = Vec::new();
        for kind in LOOKUP_TYPES.iter().copied().filter(|kind| relation.fits(*kind)) {
            self.add_candidates(kind, key, &mut candidates);
        }
        candidates.sort_by_key(|candidate| (candidate.kind, candidate.event));
        for of_event in candidates.chunk_by(|a, b| (a.kind, a.event) == (b.kind, b.event)) {
            let Some(first) = of_event.first() else { continue };
            for told in self.told(of_event) {
                if found.len() >= most {
                    return;
                }
                let value = told.spelling.unwrap_or(key);
                found.push(Match::new(value, specific(first.kind, key), relation, told.event));
            }
        }
    }

    fn add_candidates(&self, kind: IndicatorType, key: &str, candidates: &mut Vec<Candidate<'s>>) {
        let class = self.snapshot.class(kind);
        let values = class.values();
        if values.is_empty() {
            return;
        }
        let ranks = ranks(class, kind, key);
        let is_url = kind == IndicatorType::Url;
        if ranks.is_empty() || self.is_harmless(kind, class, &ranks) || self.is_refused(kind, key) {
            return;
        }
        for rank in ranks {
            let value = values.value(rank).unwrap_or_default();
            let spelling = (is_url && value != key).then_some(value);
            for (place, row) in (values.row_range(rank).start..).zip(values.rows(rank)) {
                let trial = RowTrial {
                    snapshot: self.snapshot,
                    row,
                    times: values.times(place),
                };
                let listers = listers(kind, value).iter().filter_map(|lister| self.question(*lister));
                let Some(event) = self.snapshot.event(row) else {
                    continue;
                };
                if listers.into_iter().any(|question| trial.counts(question)) {
                    candidates.push(Candidate {
                        kind,
                        event: event.id,
                        spelling,
                        trial,
                    });
                }
            }
        }
    }

    /// Returns whether no address of a network is exported, whatever listed network contains it: by the rules of the
    /// guard, or since an analyst called it harmless.
    pub(super) fn hides(&self, network: IpNet) -> bool {
        let harmless = self
            .question(IndicatorType::Ip)
            .and_then(|question| question.harmless.as_ref());
        let guard = self.limits.guard.as_ref();
        guard.is_some_and(|guard| guard.hides(network, &FalsePositives::default()))
            || harmless.is_some_and(|harmless| harmless_cover::is_harmless(self.snapshot, harmless, &key_of(network)))
    }

    /// Returns whether a rule of the guard refuses the value. A look-up goes over no list of harmless addresses, so a
    /// network that has too many of them is found.
    fn is_refused(&self, kind: IndicatorType, key: &str) -> bool {
        let guard = self.limits.guard.as_ref();
        let verdict = guard.map(|guard| guard.judge(kind, key, &FalsePositives::default()));
        matches!(verdict, Some(Verdict::Refused(_)))
    }

    fn question(&self, kind: IndicatorType) -> Option<&'s Question> {
        self.questions.get(kind as usize).and_then(Option::as_ref)
    }

    /// Returns whether a mark takes out the values of these ranks, which have the same key.
    fn is_harmless(&self, kind: IndicatorType, class: &Class, ranks: &[u32]) -> bool {
        let Some(harmless) = self.question(kind).and_then(|question| question.harmless.as_ref()) else {
            return false;
        };
        let values = class.values();
        if kind == IndicatorType::Ip {
            let mut listed = ranks.iter().filter_map(|rank| values.value(*rank));
            return listed.any(|value| harmless_cover::is_harmless(self.snapshot, harmless, value));
        }
        let mut rows = ranks.iter().flat_map(|rank| values.rows(*rank));
        rows.any(|row| RowTrial::of(self.snapshot, row).is_harmless(harmless))
    }

    /// Returns the matches of one type and event: attributes with other tags may bring another level or another actor.
    fn told(&self, rows: &[Candidate<'s>]) -> Vec<Told<'s>> {
        let (limits, score) = (self.limits, self.score.as_ref());
        let within = rows
            .iter()
            .filter(|candidate| limits.permits_tlp(candidate.trial.tlp()));
        let told = within.filter_map(|candidate| {
            let event = self.snapshot.event(candidate.trial.row)?;
            let tags = self.snapshot.tags_and_limits(candidate.trial.row);
            let matched = MatchedEvent::new(event.id, self.snapshot.title(candidate.trial.row)).uuid(event.uuid);
            Some(Told {
                event: matched.tagged(tags.map(|tag| (tag.name, tag.inherited))),
                spelling: candidate.spelling,
                is_permitted: score.is_none_or(|rule| candidate.trial.permits_score(rule)),
            })
        });
        let mut told: Vec<Told<'s>> = told.collect();
        told.sort_by(|a, b| (&a.event, a.spelling).cmp(&(&b.event, b.spelling)));
        // Several attributes of an event may hold the same value; the best of their scores counts.
        told.dedup_by(|later, kept| {
            let is_same = later.event == kept.event;
            kept.is_permitted |= is_same && later.is_permitted;
            is_same
        });
        told.retain(|told| told.is_permitted);
        for told in &mut told {
            if !limits.permits_tlp(told.event.event_tlp) {
                told.event = std::mem::take(&mut told.event).without_context();
            }
        }
        told
    }
}

/// Returns the ranks of the values with this key. Only URLs have several spellings.
fn ranks(class: &Class, kind: IndicatorType, key: &str) -> Vec<u32> {
    if kind != IndicatorType::Url {
        return class.values().rank_of(key).into_iter().collect();
    }
    let has_key = |rank: &u32| {
        class
            .values()
            .value(*rank)
            .is_some_and(|value| canonical_key(kind, value) == key)
    };
    class.ranks_of_key(key).into_iter().filter(has_key).collect()
}

/// Returns the types of feeds that hold a value of this type of look-up: mappings may differ by type of feed.
fn listers(kind: IndicatorType, value: &str) -> &'static [IndicatorType] {
    use IndicatorType as Kind;
    if kind != Kind::Ip {
        let own = LOOKUP_TYPES.iter().position(|known| *known == kind);
        return own.and_then(|at| LOOKUP_TYPES.get(at..=at)).unwrap_or_default();
    }
    match (value.contains(':'), value.contains('/')) {
        (false, false) => &[Kind::Ipv4, Kind::Ipv4Ext, Kind::Ip],
        (false, true) => &[Kind::Cidr4, Kind::Ipv4Ext, Kind::Ip],
        (true, false) => &[Kind::Ipv6, Kind::Ipv6Ext, Kind::Ip],
        (true, true) => &[Kind::Cidr6, Kind::Ipv6Ext, Kind::Ip],
    }
}

/// Returns the narrow type of an address or network.
fn specific(kind: IndicatorType, value: &str) -> IndicatorType {
    if kind != IndicatorType::Ip {
        return kind;
    }
    match (value.parse::<IpAddr>(), network_of(value).map(|network| network.addr())) {
        (Ok(IpAddr::V4(_)), _) => IndicatorType::Ipv4,
        (Ok(IpAddr::V6(_)), _) => IndicatorType::Ipv6,
        (Err(_), Some(IpAddr::V6(_))) => IndicatorType::Cidr6,
        (Err(_), _) => IndicatorType::Cidr4,
    }
}
