//! The warninglists that cannot be judged here: MISP is asked about the rows of their attribute types.
//!
//! Rows that arrive are asked about before they are reported, so a feed never has a value that MISP would leave out.
//! When such a list is new or changes, the rows that are held are asked about in the order of their events, a few
//! questions each look. Until that has ended, these rows keep the marks that they had: a feed that lost every value of
//! a type for some minutes would be worse than one that follows a new list some minutes later.

use std::collections::{BTreeSet, HashMap};

use misp_client::ErrorKind;

use super::Follower;
use super::event_reading::GROUP_ROWS;
use super::former_rows::ValueLists;
use super::trouble::may_concern_one_event;
use crate::asked_lists::AskedLists;
use crate::error::FollowError;
use crate::marks::Marks;
use crate::questions::MAX_IDS;
use crate::{EventRecord, LastPublished, MirrorRow, Store, StoreError, Update};

/// Questions of one look about rows that are held. A group of events takes up to three: about its rows, about rows
/// without `to_ids`, and about former values.
const MOST_QUESTIONS: u64 = 4;
const QUESTIONS_A_GROUP: u64 = 3;
/// Groups of one look, most of which may need no question.
const MOST_GROUPS: usize = 20;

/// What MISP answered about the lists of some rows.
#[derive(Debug, Default)]
pub(super) struct Asked {
    questions: u64,
    /// Events with rows that the answer does not have: they changed, or moved between its pages.
    pub(super) unanswered: BTreeSet<u64>,
}

/// How the asking about rows that are held goes on.
#[derive(Debug)]
pub(super) struct Asking {
    /// Events of one group: fewer after MISP failed, to find the event that it fails for.
    most_events: usize,
    is_failing: bool,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            most_events: MAX_IDS,
            is_failing: false,
        }
    }
}

impl Follower {
    /// Asks MISP which of the lists that cannot be judged here name these rows, by event.
    pub(super) async fn ask_about(&self, rows: &mut HashMap<u64, Vec<MirrorRow>>) -> Result<Asked, FollowError> {
        let asked = self.marks.asked();
        let is_asked = |row: &MirrorRow| asked.judge(&row.kind);
        let mut ids: Vec<u64> = rows
            .iter()
            .filter(|(_, rows)| rows.iter().any(is_asked))
            .map(|(id, _)| *id)
            .collect();
        if ids.is_empty() {
            return Ok(Asked::default());
        }
        ids.sort_unstable();
        let types: BTreeSet<&str> = rows
            .values()
            .flatten()
            .filter(|row| is_asked(row))
            .map(|row| &*row.kind)
            .collect();
        let types: Vec<String> = types.into_iter().map(str::to_owned).collect();
        let answer = self.questions.list_hits(&ids, &types).await?;
        let mut questions = answer.pages;
        let mut unlisted = None;
        if answer.is_silent_without_to_ids() {
            let (unlisted_rows, pages) = self.questions.unlisted(&ids, &types).await?;
            unlisted = Some(unlisted_rows);
            questions += pages;
        }
        let there: HashMap<u64, _> = answer.rows.iter().map(|row| (row.id, row)).collect();
        let mut unanswered = BTreeSet::new();
        let of_events = rows
            .iter_mut()
            .flat_map(|(id, rows)| rows.iter_mut().map(move |row| (*id, row)));
        for (event, row) in of_events.filter(|(_, row)| is_asked(row)) {
            let same = there
                .get(&row.id)
                .filter(|there| (there.kind.as_str(), &there.value) == (&*row.kind, &row.value));
            let Some(there) = same else {
                unanswered.insert(event);
                continue;
            };
            row.warninglists = match &unlisted {
                Some(unlisted) if !there.to_ids => {
                    let here = self.marks.judged();
                    let is_explained = || here.is_some_and(|here| here.matches(&row.kind, &row.value));
                    let is_named = !unlisted.contains(&row.id) && !is_explained();
                    // MISP does not say which list it is.
                    if is_named {
                        asked.for_type(&row.kind)
                    } else {
                        Vec::new()
                    }
                }
                _ => asked.among(&there.lists),
            };
        }
        Ok(Asked { questions, unanswered })
    }

    /// Asks about the next rows that are held, where lists are new or others; a failure leaves the rest for the next
    /// look.
    pub(super) async fn ask_about_held(&mut self) -> Result<(), FollowError> {
        let outcome = self.ask_next().await;
        self.tolerate(outcome)
    }

    /// Logs that MISP does not answer questions about warninglists, and goes on with the look.
    pub(super) fn tolerate(&mut self, outcome: Result<(), FollowError>) -> Result<(), FollowError> {
        match outcome {
            Err(FollowError::Misp(error)) if error.kind() != ErrorKind::KeyRefused => {
                if !std::mem::replace(&mut self.asking.is_failing, true) {
                    tracing::warn!("MISP cannot be asked about warninglists, which is tried again: {error}");
                }
                Ok(())
            }
            outcome => {
                self.asking.is_failing = false;
                outcome
            }
        }
    }

    async fn ask_next(&mut self) -> Result<(), FollowError> {
        self.begin_asking();
        let mut questions = 0;
        for _ in 0..MOST_GROUPS {
            let Some(last) = self.memory.asked_to else {
                return self.end_renewing().await;
            };
            let ids = self.next_to_ask(last);
            let Some(end) = ids.last().copied() else {
                return self.end_asking().await;
            };
            questions += self.ask_group(ids).await?;
            self.memory.asked_to = Some(end);
            if questions + QUESTIONS_A_GROUP > MOST_QUESTIONS {
                break;
            }
        }
        Ok(())
    }

    /// Begins with the first event where the lists are others than those that MISP was asked about.
    fn begin_asking(&mut self) {
        let asked = self.marks.asked();
        if self.memory.asked_lists != asked.key() {
            asked.key().clone_into(&mut self.memory.asked_lists);
            self.memory.asked_to = (!asked.is_empty()).then_some(0);
        }
    }

    /// Notes that every row is asked about as it arrives, while none is held.
    pub(super) fn begin_asking_at_arrival(&mut self, asked: &AskedLists) {
        if self.held.len() == 0 {
            asked.key().clone_into(&mut self.memory.asked_lists);
            self.memory.asked_to = None;
            self.memory.answered_lists = asked.versions();
        }
    }

    fn next_to_ask(&self, last: u64) -> Vec<u64> {
        let mut rows = 0;
        let next = self
            .held
            .shown()
            .filter(|(id, _)| *id > last)
            .take(self.asking.most_events);
        let next = next.enumerate().take_while(|(place, (_, event))| {
            rows += event.rows();
            *place == 0 || rows <= GROUP_ROWS
        });
        next.map(|(_, (id, _))| id).collect()
    }

    async fn ask_group(&mut self, ids: Vec<u64>) -> Result<u64, FollowError> {
        let (count, first) = (ids.len(), ids.first().copied().unwrap_or_default());
        let records = self.with_store(move |store| stored(store, ids)).await?;
        let of_record = |record: &EventRecord| (record.current.event.id, record.current.rows.clone());
        let mut rows: HashMap<u64, Vec<MirrorRow>> = records.iter().map(of_record).collect();
        let answers = async {
            let asked = self.ask_about(&mut rows).await?;
            let former = self.ask_about_former(&records).await?;
            Ok::<_, FollowError>((asked, former))
        };
        match answers.await {
            Ok((asked, former)) => {
                self.asking.most_events = MAX_IDS;
                // They are asked about when they are read again.
                self.backlog.extend(asked.unanswered);
                let questions = asked.questions + former.questions;
                self.take_answers(records, rows, former).await?;
                Ok(questions)
            }
            Err(error) if may_concern_one_event(&error) && count == 1 => {
                self.note_trouble(first, &error);
                Ok(MOST_QUESTIONS)
            }
            Err(error) => {
                if may_concern_one_event(&error) {
                    self.asking.most_events = (count / 2).max(1);
                }
                Err(error)
            }
        }
    }

    /// Stores and reports the events for whose rows MISP gave another answer than before.
    async fn take_answers(
        &mut self,
        records: Vec<EventRecord>,
        mut rows: HashMap<u64, Vec<MirrorRow>>,
        former: ValueLists,
    ) -> Result<(), FollowError> {
        let asked = self.marks.asked();
        let mut changed = Vec::new();
        for record in records {
            let mut answered = record.clone();
            take_lists(&mut answered, rows.remove(&record.current.event.id).unwrap_or_default());
            former.put_into(&mut answered, &asked);
            changed.extend((answered != record).then_some(answered));
        }
        if changed.is_empty() {
            return Ok(());
        }
        let writing = self.with_store(move |store| {
            let outcome = store.write(Update::new().put(&changed));
            Ok((changed, outcome))
        });
        let (changed, outcome) = writing.await?;
        // A disk that fails may have written all the same, and then the next look sees no difference.
        for record in changed {
            self.note(record);
        }
        Ok(outcome?)
    }

    async fn end_asking(&mut self) -> Result<(), FollowError> {
        self.memory.asked_to = None;
        self.memory.answered_lists = self.marks.asked().versions();
        let lists = self.marks.asked().names();
        tracing::info!(
            "the mirror has asked MISP about all values for the warninglists that MISP has to judge: {lists}"
        );
        self.save_memory().await?;
        self.renew_marks().await
    }

    /// Changes the marks again that the disk or the end of the process kept from being changed.
    async fn end_renewing(&mut self) -> Result<(), FollowError> {
        if self.marks.asked().is_empty() && self.memory.differing_lists.is_empty() {
            return Ok(());
        }
        self.renew_marks().await
    }

    /// Marks rows by what the memory says now of the lists that MISP is asked about.
    pub(super) async fn renew_marks(&mut self) -> Result<(), FollowError> {
        let Some(matcher) = self.marks.matcher().cloned() else {
            return Ok(());
        };
        let marks = Marks::new(matcher, &self.memory);
        if marks.has_other_rule(&self.marks) {
            self.change_marks(marks).await?;
        }
        Ok(())
    }
}

/// Returns these records, without those that are damaged or gone.
fn stored(store: &Store, ids: Vec<u64>) -> Result<Vec<EventRecord>, FollowError> {
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        match store.get(id) {
            Err(StoreError::Damaged { .. }) => {}
            outcome => records.extend(outcome?),
        }
    }
    Ok(records)
}

/// Takes the answers over, also for the same values in the block that counts as published.
fn take_lists(record: &mut EventRecord, answered: Vec<MirrorRow>) {
    if let LastPublished::Block(block) = &mut record.last_published {
        for row in &mut block.rows {
            let place = answered.binary_search_by_key(&row.id, |other| other.id);
            let same = place.ok().and_then(|place| answered.get(place));
            let same = same.filter(|other| (&other.kind, &other.value) == (&row.kind, &row.value));
            if let Some(same) = same {
                row.warninglists.clone_from(&same.warninglists);
            }
        }
    }
    record.current.rows = answered;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, EventFacts, samples};

    fn row(id: u64, value: &str, warninglists: &[u64]) -> MirrorRow {
        MirrorRow {
            value: value.to_owned(),
            warninglists: warninglists.to_vec(),
            ..samples::row(id)
        }
    }

    #[test]
    fn an_answer_is_taken_for_the_published_block_where_the_value_is_the_same() {
        let block = |rows| Block {
            event: EventFacts::default(),
            rows,
        };
        let published = vec![
            row(1, "same.example", &[]),
            row(2, "before.example", &[3]),
            row(4, "gone.example", &[]),
        ];
        let mut record = EventRecord {
            current: block(vec![row(1, "same.example", &[]), row(2, "after.example", &[])]),
            last_published: LastPublished::Block(Box::new(block(published))),
            withdrawn_at: None,
        };
        let answered = vec![row(1, "same.example", &[7]), row(2, "after.example", &[8])];
        take_lists(&mut record, answered.clone());
        assert_eq!(record.current.rows, answered);
        let LastPublished::Block(block) = record.last_published else {
            unreachable!("it has a block")
        };
        let lists: Vec<&[u64]> = block.rows.iter().map(|row| row.warninglists.as_slice()).collect();
        assert_eq!(lists, [&[7][..], &[3], &[]]);
    }
}
