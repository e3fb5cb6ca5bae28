//! Which attributes have a tag whose use has changed.
//!
//! MISP finds attributes by tag, but not by the time of a local tag, and it finds the attributes of tagged events too.
//! So the mirror looks for the tag in the events that it holds, the newest ones first, with a bounded number of rows a
//! look. The search ends as soon as the difference is found.

use super::Follower;
use super::trace_plan::Check;
use crate::error::FollowError;

/// Events in one question.
const EVENTS: usize = 2_000;
/// Attributes in one question, and of all questions of one look, as far as is known before: about one page.
const ROWS: u64 = 10_000;
/// Questions in one look.
const STEPS: usize = 8;

/// A search for the changed use of one tag.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    place: usize,
    name: String,
    /// MISP's count of attributes when the search began: of the whole site, and of what the key sees.
    count: i64,
    seen: Option<i64>,
    /// Events with smaller numbers are still to be compared.
    before: u64,
}

impl Follower {
    pub(super) fn is_walking(&self, place: usize) -> bool {
        self.traces.walks.iter().any(|walk| walk.place == place)
    }

    /// Begins the search, unless nothing changed that the key may see.
    pub(super) fn begin_walk(&mut self, place: usize, name: &str, count: i64, seen: Option<i64>) {
        let walk = Walk {
            place,
            name: name.to_owned(),
            count,
            seen,
            before: u64::MAX,
        };
        if self.is_explained(&walk) {
            return self.end_walk(&walk);
        }
        if self.traces.walks.is_empty() {
            self.traces.plan.done(Check::TaggedRows, self.began);
        }
        self.traces.walks.push_back(walk);
    }

    /// Goes on with the searches as far as one look may.
    pub(super) async fn walk_what_a_look_may(&mut self) -> Result<(), FollowError> {
        let mut rows = 0;
        for _ in 0..STEPS {
            let next = self.next_part();
            let is_room = rows == 0 || rows + next.1 <= ROWS;
            if self.traces.walks.is_empty() || !is_room {
                break;
            }
            rows += next.1;
            self.walk(next.0).await?;
        }
        Ok(())
    }

    /// Goes on with the first search by one question.
    pub(super) async fn walk_once(&mut self) -> Result<(), FollowError> {
        let (ids, _) = self.next_part();
        self.walk(ids).await
    }

    /// Returns the next events of the first search, and how many attributes MISP will find in them.
    fn next_part(&self) -> (Vec<u64>, u64) {
        let Some(walk) = self.traces.walks.front() else {
            return (Vec::new(), 0);
        };
        let (mut ids, mut rows) = (Vec::new(), 0_u64);
        for (id, event) in self.held.shown_before(walk.before) {
            let found = event.rows_found_by(walk.place);
            if ids.len() >= EVENTS || (!ids.is_empty() && rows + found > ROWS) {
                break;
            }
            rows += found;
            ids.push(id);
        }
        (ids, rows)
    }

    async fn walk(&mut self, ids: Vec<u64>) -> Result<(), FollowError> {
        let Some(walk) = self.traces.walks.front().cloned() else {
            return Ok(());
        };
        if let Some(last) = ids.last().copied() {
            let uses = self.questions.tag_uses(&walk.name, ids.iter().copied()).await?;
            let differs = |id: &u64| {
                let known = self.held.get(*id).map(|event| event.own_use(walk.place));
                known != Some(uses.get(id).copied().unwrap_or_default())
            };
            let differing = ids.into_iter().filter(differs).collect();
            self.read_whole(differing).await?;
            if let Some(first) = self.traces.walks.front_mut() {
                first.before = last;
            }
            if !self.is_explained(&walk) {
                return Ok(());
            }
        }
        self.end_walk(&walk);
        self.traces.walks.pop_front();
        Ok(())
    }

    /// Returns whether the key sees as many attributes more than are held as before.
    fn is_explained(&self, walk: &Walk) -> bool {
        let surplus = walk.seen.map(|seen| seen - self.held.attributes_with(walk.place));
        surplus.is_some() && self.memory.seen_tag_surplus.get(&walk.name).copied() == surplus
    }

    fn end_walk(&mut self, walk: &Walk) {
        let held = self.held.attributes_with(walk.place);
        self.memory.tag_surplus.insert(walk.name.clone(), walk.count - held);
        if let Some(seen) = walk.seen {
            self.memory.seen_tag_surplus.insert(walk.name.clone(), seen - held);
        }
    }
}
