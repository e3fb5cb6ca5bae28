//! The merges of several classes, on two threads if they are large.

use std::panic;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::class::StagedClass;
use crate::slot_set::SlotSet;
use crate::{CatalogueError, Class};

/// Rows from which on a second thread is worth its start.
const LARGE: usize = 50_000;

/// One class that events leave or come to.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) number: usize,
    pub(crate) class: Arc<Class>,
    pub(crate) staged: StagedClass,
}

impl Work {
    fn rows(&self) -> usize {
        self.class.rows() + self.staged.len()
    }
}

/// A class with the number of its family.
type Numbered = (usize, Class);

/// Merges all classes and returns those that differ.
pub(crate) fn all(mut work: Vec<Work>, leaving: &SlotSet, void: &SlotSet) -> Result<Vec<Numbered>, CatalogueError> {
    let is_large = work.len() > 1 && work.iter().map(Work::rows).sum::<usize>() > LARGE;
    // The longest first, so that both threads end at about the same time.
    work.sort_by_key(|work| std::cmp::Reverse(work.rows()));
    let queue = Mutex::new(work.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let merge_rest = || -> Result<Vec<Numbered>, CatalogueError> {
        let mut merged = Vec::new();
        while let Some(Work { number, class, staged }) = next() {
            merged.extend(
                class
                    .merged(number, leaving, staged, void)?
                    .map(|class| (number, class)),
            );
        }
        Ok(merged)
    };
    if !is_large {
        return merge_rest();
    }
    thread::scope(|scope| {
        let second = thread::Builder::new()
            .name("catalogue".to_owned())
            .spawn_scoped(scope, merge_rest);
        let mut merged = merge_rest()?;
        // Without a second thread the first one has done everything.
        if let Ok(second) = second {
            merged.extend(second.join().unwrap_or_else(|payload| panic::resume_unwind(payload))?);
        }
        Ok(merged)
    })
}
