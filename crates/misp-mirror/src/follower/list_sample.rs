//! Rows that are drawn in the slow round, and held against the warninglists that MISP names for them.
//!
//! The rules of MISP's lists are copied here, and another version of MISP may have others. A list by which MISP judges
//! otherwise is one that MISP is asked about from then on, until the list has another version.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroU64;

use misp_client::Warninglist;
use misp_client::warninglist::WarninglistMatcher;

use super::Follower;
use crate::asked_lists::version_of;
use crate::error::FollowError;
use crate::questions::ListRow;

/// Events of one draw: a round has about 288 draws.
const EVENTS: usize = 4;
/// Attributes of one draw. MISP compares 1 000 addresses in 3 s.
const ROWS: NonZeroU64 = NonZeroU64::MIN.saturating_add(499);

/// A row by which MISP judged otherwise.
#[derive(Debug)]
struct Example {
    event: u64,
    attribute: u64,
    kind: String,
    /// Whether MISP names the list for it.
    is_named: bool,
}

impl Follower {
    /// Draws some of these events and compares the marks of their rows with the lists that MISP names.
    pub(super) async fn hold_against_misp(&mut self, ids: &[u64]) -> Result<(), FollowError> {
        let Some(judged) = self.marks.judged().cloned() else {
            return Ok(());
        };
        let seed = self.memory.round.map_or(0, |(_, began)| began);
        let drawn = draw(ids, seed);
        if drawn.is_empty() || judged.lists().is_empty() {
            return Ok(());
        }
        let answer = self.questions.some_list_hits(&drawn, ROWS).await?;
        let is_silent = answer.is_silent_without_to_ids();
        let told = answer.rows.iter().filter(|row| row.to_ids || !is_silent);
        let asked = self.marks.asked();
        let differing = differing(&judged, told, |list| asked.name(list).is_some());
        if differing.is_empty() {
            return Ok(());
        }
        // The lists may be others since they were read; then they are read again, and nothing is known yet.
        if self.questions.warninglist_digest().await? != judged.digest() {
            return self.read_warninglists().await;
        }
        for (list, example) in &differing {
            if let Some(list) = judged.lists().iter().find(|known| known.id == *list) {
                self.note_differing(list, example);
            }
        }
        self.renew_marks().await
    }

    fn note_differing(&mut self, list: &Warninglist, example: &Example) {
        let judgement = if example.is_named { "has" } else { "does not have" };
        tracing::warn!(
            list = list.name,
            attribute_type = example.kind,
            event = example.event,
            attribute = example.attribute,
            "MISP says that a warninglist {judgement} this value, and the mirror judged otherwise; MISP is asked about \
             this list until it has another version"
        );
        self.memory.differing_lists.insert(list.id, version_of(list));
        self.progress.repaired(1);
    }
}

/// Returns the lists that are named here and not in MISP, or there and not here, each with an example.
fn differing<'r>(
    judged: &WarninglistMatcher,
    rows: impl Iterator<Item = &'r ListRow>,
    is_asked: impl Fn(u64) -> bool,
) -> BTreeMap<u64, Example> {
    let mut differing = BTreeMap::new();
    for row in rows {
        let here: BTreeSet<u64> = judged.hits(&row.kind, &row.value).iter().map(|hit| hit.id).collect();
        let there: BTreeSet<u64> = row.lists.iter().copied().filter(|id| !is_asked(*id)).collect();
        for list in here.symmetric_difference(&there) {
            differing.entry(*list).or_insert_with(|| Example {
                event: row.event,
                attribute: row.id,
                kind: row.kind.clone(),
                is_named: there.contains(list),
            });
        }
    }
    differing
}

/// Draws some of these events; others in another round.
fn draw(ids: &[u64], seed: i64) -> Vec<u64> {
    let place = |id: &u64| {
        let mut hasher = DefaultHasher::new();
        (seed, id).hash(&mut hasher);
        hasher.finish()
    };
    let mut drawn = ids.to_vec();
    drawn.sort_by_key(place);
    drawn.truncate(EVENTS);
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draw_is_bounded_and_differs_from_round_to_round() {
        let ids: Vec<u64> = (1..=300).collect();
        let (one, two) = (draw(&ids, 1), draw(&ids, 2));
        assert_eq!((one.len(), two.len()), (EVENTS, EVENTS));
        assert_ne!(one, two);
        assert_eq!(one, draw(&ids, 1));
        assert_eq!(draw(&[7], 1), [7]);
    }

    #[test]
    fn both_ways_of_differing_are_found_and_lists_that_misp_is_asked_about_are_left_out() {
        let list = |id| Warninglist::new(id, format!("list {id}"), "string").attribute_types(["domain"]);
        let builder = WarninglistMatcher::builder()
            .add_values(&list(1), ["a"])
            .add_values(&list(2), ["b"]);
        let row = |id, value: &str, lists: &[u64]| ListRow {
            id,
            event: 9,
            kind: "domain".to_owned(),
            value: value.to_owned(),
            to_ids: true,
            lists: lists.to_vec(),
        };
        let rows = [
            row(1, "a", &[]),
            row(2, "b", &[2]),
            row(3, "c", &[2, 3]),
            row(4, "d", &[]),
        ];
        let found = differing(&builder.build(), rows.iter(), |list| list == 3);
        let seen = |list: u64| found.get(&list).map(|example| (example.attribute, example.is_named));
        assert_eq!((seen(1), seen(2), seen(3)), (Some((1, false)), Some((3, true)), None));
    }
}
