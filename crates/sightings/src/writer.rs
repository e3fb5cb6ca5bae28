//! The one thread that writes the journal. It writes all waiting submissions at once, and then answers each.

use std::collections::HashMap;
use std::fs::File;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::counts;
use crate::error::SubmitError;
use crate::journal::{AppendError, Journal};
use crate::pending::bytes_of_all;
use crate::receipt::Receipt;
use crate::record::{self, Accepted};
use crate::report::{Report, Reporter, ReporterId};
use crate::shared::Shared;
use crate::window::Window;

/// The most submissions of one write.
const MOST_TOGETHER: usize = 256;

/// An order to the writer.
pub(crate) enum Command {
    Submit(Submission),
    /// These numbers need not be kept any more.
    Settle(Vec<u64>),
    /// The last one: answered when all is written.
    Close(oneshot::Sender<()>),
}

pub(crate) struct Submission {
    pub(crate) reporter: Reporter,
    pub(crate) reports: Vec<Report>,
    pub(crate) at: Instant,
    pub(crate) accepted_at: i64,
    pub(crate) reply: oneshot::Sender<Result<Receipt, SubmitError>>,
}

/// The writer and the state that belongs to its thread alone.
pub(crate) struct Writer {
    pub(crate) journal: Journal<File>,
    pub(crate) window: Window,
    pub(crate) next_number: u64,
    pub(crate) shared: Arc<Shared>,
    /// Settled, and not yet marked so: the disk did not take it.
    pub(crate) unmarked: Vec<u64>,
}

/// A submission on its way through one write.
struct Prepared {
    accepted: Accepted,
    at: Instant,
    receipt: Receipt,
    reply: oneshot::Sender<Result<Receipt, SubmitError>>,
}

impl Writer {
    /// Works until it gets the order to close, or until every sender of orders is gone.
    pub(crate) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            let mut submissions = Vec::new();
            let mut closing = None;
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    Command::Submit(submission) => submissions.push(submission),
                    Command::Settle(numbers) => self.unmarked.extend(numbers),
                    Command::Close(reply) => closing = Some(reply),
                }
                let goes_on = submissions.len() < MOST_TOGETHER && closing.is_none();
                next = goes_on.then(|| commands.try_recv().ok()).flatten();
            }
            let new_keys = self
                .shared
                .new_keys
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(keys) = new_keys {
                self.journal.use_keys(keys);
            }
            self.mark();
            self.submit(submissions);
            self.shared.journal_bytes.store(self.journal.bytes(), Ordering::Relaxed);
            if let Some(reply) = closing {
                drop(self.journal);
                let _ = reply.send(());
                return;
            }
        }
    }

    /// Marks settled reports in the journal, and frees their room.
    fn mark(&mut self) {
        if self.unmarked.is_empty() {
            return;
        }
        // Also on a full disk, which takes no marks: an empty file needs none.
        if self.shared.pending().is_empty() {
            match self.journal.clear() {
                Ok(()) => return self.unmarked.clear(),
                Err(error) => tracing::warn!(%error, "the journal of sightings cannot be emptied"),
            }
        }
        let ranges = ranges(&mut self.unmarked);
        let mut frames = Vec::new();
        let framed = record::marks(&ranges).try_for_each(|marks| self.journal.frame(&marks, &mut frames));
        let written = framed
            .map_err(AppendError::Disk)
            .and_then(|()| self.journal.append_marks(&frames));
        match written {
            Ok(()) => self.unmarked.clear(),
            Err(AppendError::Full) => {
                // A new file needs no marks.
                if self.rewrite() {
                    self.unmarked.clear();
                }
            }
            Err(AppendError::Disk(error)) => {
                tracing::warn!(%error, "what is settled cannot be marked: it may be sent again after a restart");
            }
        }
        let waiting_bytes = self.shared.pending().bytes();
        if self.journal.is_worth_rewriting(waiting_bytes) && self.rewrite() {
            self.unmarked.clear();
        }
    }

    fn rewrite(&mut self) -> bool {
        let (records, bytes) = {
            let pending = self.shared.pending();
            (pending.records().collect::<Vec<Accepted>>(), pending.bytes())
        };
        let outcome = self.journal.rewrite(records.iter(), bytes);
        outcome
            .inspect_err(|error| tracing::warn!(%error, "the journal of sightings cannot be written anew"))
            .is_ok()
    }

    /// Writes all submissions at once. If that fails it takes no submission, since one may be a duplicate of another
    /// one.
    fn submit(&mut self, submissions: Vec<Submission>) {
        let mut prepared: Vec<Prepared> = Vec::with_capacity(submissions.len());
        let mut noted = Vec::new();
        let mut frames = Vec::new();
        let mut shares: HashMap<ReporterId, u64> = HashMap::new();
        let mut failed = None;
        for submission in submissions {
            let new = self.news(&submission, &mut noted);
            let share = shares
                .entry(submission.reporter.id())
                .or_insert_with(|| self.shared.pending().bytes_of(submission.reporter.id()));
            let bytes = bytes_of_all(&new.reports);
            if *share + bytes > self.shared.options.max_bytes / 2 && bytes > 0 {
                // Only its own notes go: they are the last ones.
                let own = noted.split_off(noted.len() - new.reports.len());
                self.window.forget(&own);
                counts::add(&self.shared.counts.turned_away, submission.reports.len());
                let _ = submission.reply.send(Err(SubmitError::ShareUsed));
                continue;
            }
            *share += bytes;
            for piece in new.clone().pieces() {
                if let Err(error) = self.journal.frame(&piece.written(), &mut frames) {
                    failed = Some(SubmitError::Disk(error));
                }
            }
            prepared.push(Prepared {
                receipt: Receipt {
                    accepted: new.reports.len(),
                    duplicates: submission.reports.len() - new.reports.len(),
                },
                accepted: new,
                at: submission.at,
                reply: submission.reply,
            });
        }
        match failed.or_else(|| self.write(&frames).err()) {
            None => self.take(prepared),
            Some(error) => {
                self.window.forget(&noted);
                self.turn_away(prepared, &error);
            }
        }
    }

    /// Returns those reports of a submission that are not counted yet, with their numbers.
    fn news(&mut self, submission: &Submission, noted: &mut Vec<([u8; 16], i64)>) -> Accepted {
        let mut reports = Vec::new();
        for report in &submission.reports {
            if let Some(note) = self.window.count(submission.reporter.id(), report) {
                noted.push(note);
                reports.push((self.next_number, report.clone()));
                self.next_number += 1;
            }
        }
        Accepted {
            reporter: submission.reporter.clone(),
            accepted_at: submission.accepted_at,
            reports,
        }
    }

    fn write(&mut self, frames: &[u8]) -> Result<(), SubmitError> {
        if frames.is_empty() {
            return Ok(());
        }
        let mut outcome = self.journal.append(frames);
        if matches!(outcome, Err(AppendError::Full)) {
            let waiting_bytes = self.shared.pending().bytes();
            if self.journal.has_room_to_gain(waiting_bytes) && self.rewrite() {
                self.unmarked.clear();
                outcome = self.journal.append(frames);
            }
        }
        outcome.map_err(|error| match error {
            AppendError::Full => SubmitError::Full,
            AppendError::Disk(error) => SubmitError::Disk(error),
        })
    }

    fn take(&self, prepared: Vec<Prepared>) {
        let counts = &self.shared.counts;
        for prepared in prepared {
            counts::add(&counts.accepted, prepared.receipt.accepted);
            counts::add(&counts.duplicates, prepared.receipt.duplicates);
            if !prepared.accepted.reports.is_empty() {
                self.shared.pending().add(prepared.accepted, prepared.at);
            }
            let _ = prepared.reply.send(Ok(prepared.receipt));
        }
        self.shared.work.notify_one();
    }

    fn turn_away(&self, prepared: Vec<Prepared>, error: &SubmitError) {
        for prepared in prepared {
            let Receipt { accepted, duplicates } = prepared.receipt;
            counts::add(&self.shared.counts.turned_away, accepted + duplicates);
            let _ = prepared.reply.send(Err(error.again()));
        }
    }
}

/// Puts numbers together that follow each other.
fn ranges(numbers: &mut [u64]) -> Vec<RangeInclusive<u64>> {
    numbers.sort_unstable();
    let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
    for number in numbers.iter().copied() {
        match ranges.last_mut() {
            Some(last) if number <= last.end().saturating_add(1) => *last = *last.start()..=number.max(*last.end()),
            _ => ranges.push(number..=number),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_one_range() {
        assert_eq!(ranges(&mut [3, 1, 2, 2, 9, 7, 8, 20]), [1..=3, 7..=9, 20..=20]);
        assert!(ranges(&mut []).is_empty());
        assert_eq!(ranges(&mut [u64::MAX, u64::MAX - 1]), [u64::MAX - 1..=u64::MAX]);
    }
}
