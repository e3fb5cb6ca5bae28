//! The marks of MISP's warninglists on rows.
//!
//! Most lists are judged here. About the others MISP is asked, and a row keeps the numbers of those that MISP named for
//! it. While MISP is still being asked about rows that arrived before such a list, a row also keeps the mark that the
//! list gives it here, as far as the list can be judged.

use std::sync::Arc;

use misp_client::warninglist::WarninglistMatcher;

use crate::asked_lists::AskedLists;
use crate::memory::Memory;
use crate::{Block, Change, EventRecord, LastPublished, MirrorRow};

/// Says which rows an enabled warninglist names; without lists none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    lists: Option<Lists>,
}

#[derive(Clone, Debug)]
struct Lists {
    all: WarninglistMatcher,
    /// Without those that MISP is asked about.
    judged: WarninglistMatcher,
    /// Without those of which MISP has judged every row.
    here: WarninglistMatcher,
    answered: Vec<u64>,
    asked: Arc<AskedLists>,
}

impl Marks {
    /// Returns marks by these lists, and by what MISP was asked about them as far as the memory says.
    pub(crate) fn new(all: WarninglistMatcher, memory: &Memory) -> Self {
        let asked = AskedLists::of(&all, &memory.differing_lists);
        let versions = asked.versions().into_iter();
        let answered = versions.filter(|(id, version)| memory.answered_lists.get(id) == Some(version));
        let answered: Vec<u64> = answered.map(|(id, _)| id).collect();
        let lists = Lists {
            judged: all.without_lists(asked.ids()),
            here: all.without_lists(answered.iter().copied()),
            answered,
            asked: Arc::new(asked),
            all,
        };
        Self { lists: Some(lists) }
    }

    pub(crate) fn matcher(&self) -> Option<&WarninglistMatcher> {
        self.lists.as_ref().map(|lists| &lists.all)
    }

    /// Returns the matcher without the lists that MISP is asked about.
    pub(crate) fn judged(&self) -> Option<&WarninglistMatcher> {
        self.lists.as_ref().map(|lists| &lists.judged)
    }

    /// Returns the lists that MISP is asked about.
    pub(crate) fn asked(&self) -> Arc<AskedLists> {
        let asked = self.lists.as_ref().map(|lists| Arc::clone(&lists.asked));
        asked.unwrap_or_default()
    }

    /// Returns whether these marks follow another rule than those.
    pub(crate) fn has_other_rule(&self, other: &Self) -> bool {
        let rule = |marks: &Self| {
            let lists = marks.lists.as_ref();
            lists.map(|lists| (lists.all.digest(), lists.asked.key().to_owned(), lists.answered.clone()))
        };
        rule(self) != rule(other)
    }

    /// Returns the change that replaces an event by this one, with the marks of its rows.
    pub(crate) fn change(&self, record: Arc<EventRecord>) -> Change {
        let (warned, warned_published) = self.of_record(&record);
        Change::Replaced {
            record,
            warned,
            warned_published,
        }
    }

    /// Returns the marks of the current rows, and of the block that counts as published where that is another one.
    pub(crate) fn of_record(&self, record: &EventRecord) -> (Vec<bool>, Vec<bool>) {
        let published = match &record.last_published {
            LastPublished::Block(block) => self.of(block),
            LastPublished::Current | LastPublished::Nothing => Vec::new(),
        };
        (self.of(&record.current), published)
    }

    fn of(&self, block: &Block) -> Vec<bool> {
        let Some(lists) = &self.lists else {
            return vec![false; block.rows.len()];
        };
        block.rows.iter().map(|row| lists.mark(row)).collect()
    }

    /// Returns the names of the lists that mark a row.
    pub(crate) fn names(&self, row: &MirrorRow) -> Vec<String> {
        let Some(lists) = &self.lists else {
            return Vec::new();
        };
        let here = lists.here.hits(&row.kind, &row.value);
        let mut names: Vec<String> = here.into_iter().map(|hit| hit.name).collect();
        let named = row.warninglists.iter().filter_map(|id| lists.asked.name(*id));
        names.extend(named.map(str::to_owned));
        names.sort();
        names.dedup();
        names
    }
}

impl Lists {
    fn mark(&self, row: &MirrorRow) -> bool {
        let is_named = || row.warninglists.iter().any(|id| self.asked.name(*id).is_some());
        self.here.matches(&row.kind, &row.value) || is_named()
    }
}
