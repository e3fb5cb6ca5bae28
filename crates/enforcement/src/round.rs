//! One target's turn: which values it should enforce, whether the limits allow the change, and the change.

use std::collections::BTreeSet;
use std::time::Instant;

use service_kit::chain;

use crate::config::Assignment;
use crate::coverage::{Coverage, number};
use crate::error::{StateError, TargetError};
use crate::limits::Objection;
use crate::never_block::NeverBlock;
use crate::reach::Reach;
use crate::state::{Enforced, FeedProgress, Progress, StateDir};
use crate::target::{Rendered, Target};
use crate::values::Diff;
use crate::{Moment, Values};
use cratos_client::Refusals;

/// The options of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order {
    /// Whether an operator accepts a change that is larger than the limits allow.
    pub accept_change: bool,
    /// Whether the run changes nothing and only reports the changes.
    pub dry_run: bool,
}

impl Order {
    /// Sets whether a change may be larger than the limits allow.
    #[must_use]
    pub const fn accept_change(mut self, accept: bool) -> Self {
        self.accept_change = accept;
        self
    }

    /// Sets whether the run only reports the changes.
    #[must_use]
    pub const fn dry_run(mut self, dry: bool) -> Self {
        self.dry_run = dry;
        self
    }
}

/// The result of one run for one target.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The wanted values were in force already.
    Unchanged,
    /// The wanted values are in force now, or would be after a dry run.
    Changed(Diff),
    /// The newest values are held back; the earlier ones stay in force.
    Held(Objection, Diff),
    /// No feed of the target has ever answered.
    Waiting,
    /// The change failed; the earlier values stay in force.
    Failed(TargetError),
    /// The wanted values are in force, but the state file could not be written: a restart would not know them.
    NotKept(StateError),
}

/// The limits that hold on this host for every list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard<'a> {
    pub(crate) reach: &'a Reach,
    pub(crate) never: &'a NeverBlock,
}

/// The values that may be enforced, and the ones that were taken out.
#[derive(Debug)]
struct Guarded {
    values: Values,
    refused: Refusals,
    never_blocked: u64,
}

impl Guard<'_> {
    fn filter(self, values: &Values) -> Guarded {
        let (values, refused) = self.reach.filter(values);
        let (values, never_blocked) = self.never.filter(&values);
        Guarded {
            values,
            refused,
            never_blocked,
        }
    }
}

/// One feed as a target sees it.
#[derive(Clone, Debug)]
pub(crate) struct FeedView<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: Option<&'a Values>,
    pub(crate) progress: &'a FeedProgress,
}

/// A target with the values that it got last.
#[derive(Debug)]
pub(crate) struct Station {
    pub(crate) assignment: Assignment,
    pub(crate) progress: Progress,
    enforced: Option<Enforced>,
    /// Whether the state on disk is older than the values in force, since it could not be written.
    unsaved: bool,
    renewed: Option<Instant>,
}

impl Station {
    pub(crate) fn new(assignment: Assignment, state: &StateDir) -> Self {
        Self {
            enforced: state.enforced(&assignment.name),
            progress: state.progress(&assignment.name).unwrap_or_default(),
            assignment,
            unsaved: false,
            renewed: None,
        }
    }

    pub(crate) fn target(&self) -> &dyn Target {
        self.assignment.target.as_ref()
    }

    /// Takes the target's turn. `feeds` are those of the target.
    pub(crate) fn run(&mut self, state: &StateDir, feeds: &[FeedView<'_>], guard: Guard<'_>, order: Order) -> Outcome {
        if !self.unsaved {
            // An operator's `apply` may have changed it meanwhile.
            self.enforced = state.enforced(&self.assignment.name).or(self.enforced.take());
        }
        let outcome = self.turn(state, feeds, guard, order);
        if !order.dry_run {
            self.note(feeds, &outcome);
            if let Err(error) = state.keep_progress(&self.assignment.name, &self.progress) {
                tracing::error!(
                    target_name = self.assignment.name,
                    error = chain(&error),
                    "progress is not kept"
                );
            }
        }
        outcome
    }

    fn turn(&mut self, state: &StateDir, feeds: &[FeedView<'_>], guard: Guard<'_>, order: Order) -> Outcome {
        let Some(wanted) = self.wanted(feeds) else {
            return Outcome::Waiting;
        };
        let Guarded {
            values: wanted,
            refused,
            never_blocked,
        } = guard.filter(&wanted);
        let before = self.enforced.as_ref().map(|enforced| &enforced.values);
        let nothing = Values::default();
        let diff = Diff::between(before.unwrap_or(&nothing), &wanted);
        let judged_against = before.filter(|_| !self.has_new_feed(feeds));
        let objection = self
            .assignment
            .limits
            .objection(judged_against, &wanted, order.accept_change);
        let (values, objection) = match objection {
            None => (wanted, None),
            // The values that stay in force must not block addresses that this host needs now, nor pass limits of reach
            // that an older agent did not have.
            Some(objection) => (guard.filter(before.unwrap_or(&nothing)).values, Some(objection)),
        };
        self.progress.never_blocked = never_blocked;
        self.progress.refused = refused;
        if order.dry_run {
            return match objection {
                Some(objection) => Outcome::Held(objection, diff),
                None if diff.is_empty() => Outcome::Unchanged,
                None => Outcome::Changed(diff),
            };
        }
        if objection.is_some() && self.enforced.is_none() {
            return self.held(objection, diff);
        }
        match self.put_in_force(values, feeds, objection.is_some()) {
            Err(error) => Outcome::Failed(error),
            Ok(changed) if changed => match self.keep(state) {
                Err(error) => Outcome::NotKept(error),
                Ok(()) if objection.is_some() => self.held(objection, diff),
                Ok(()) => Outcome::Changed(diff),
            },
            Ok(_) if objection.is_some() => self.held(objection, diff),
            Ok(_) if self.unsaved => match self.keep(state) {
                Err(error) => Outcome::NotKept(error),
                Ok(()) => Outcome::Unchanged,
            },
            Ok(_) => Outcome::Unchanged,
        }
    }

    fn held(&self, objection: Option<Objection>, diff: Diff) -> Outcome {
        objection.map_or(Outcome::Unchanged, |objection| Outcome::Held(objection, diff))
    }

    /// Returns the values of all feeds. A feed that never answered removes no enforced value.
    fn wanted(&self, feeds: &[FeedView<'_>]) -> Option<Values> {
        let known: Vec<&Values> = feeds.iter().filter_map(|feed| feed.values).collect();
        if known.is_empty() {
            return None;
        }
        let is_partial = known.len() < feeds.len();
        let before = self
            .enforced
            .as_ref()
            .filter(|_| is_partial)
            .map(|enforced| &enforced.values);
        Some(Values::union(known.into_iter().chain(before).flat_map(Values::sets)))
    }

    /// Returns whether a feed has its first list, which does not count as a change.
    fn has_new_feed(&self, feeds: &[FeedView<'_>]) -> bool {
        let Some(enforced) = &self.enforced else { return false };
        self.assignment.limits.first_run_free
            && feeds
                .iter()
                .any(|feed| feed.values.is_some() && !enforced.feeds.contains(feed.name))
    }

    fn put_in_force(&mut self, values: Values, feeds: &[FeedView<'_>], is_held: bool) -> Result<bool, TargetError> {
        let rendered = self.target().render(&values)?;
        let digest = rendered.digest();
        let as_before = self.enforced.as_ref().is_some_and(|enforced| enforced.digest == digest);
        self.progress.left_out = rendered.left_out;
        let sizes = (number(values.len()), Coverage::of(&values).count());
        let mut names: BTreeSet<String> = feeds
            .iter()
            .filter(|feed| feed.values.is_some())
            .map(|feed| feed.name.to_owned())
            .collect();
        if let Some(enforced) = &self.enforced {
            if is_held {
                names.clone_from(&enforced.feeds);
            }
            if as_before && !self.is_due() && self.target().is_in_force(&rendered)? {
                self.progress.entries = rendered.entries;
                (self.progress.values, self.progress.addresses) = sizes;
                let same = enforced.values == values && enforced.feeds == names;
                if !same {
                    self.enforced = Some(Enforced {
                        values,
                        digest,
                        at: Moment::now(),
                        feeds: names,
                    });
                }
                return Ok(!same);
            }
        }
        self.change(&rendered)?;
        self.progress.entries = rendered.entries;
        (self.progress.values, self.progress.addresses) = sizes;
        self.renewed = Some(Instant::now());
        self.enforced = Some(Enforced {
            values,
            digest,
            at: Moment::now(),
            feeds: names,
        });
        Ok(true)
    }

    fn is_due(&self) -> bool {
        let renewal = self.target().renewal();
        renewal.is_some_and(|every| self.renewed.is_none_or(|renewed| renewed.elapsed() >= every))
    }

    fn change(&self, rendered: &Rendered) -> Result<(), TargetError> {
        let target = self.target();
        target.check(rendered)?;
        target.apply(rendered)?;
        if target.is_in_force(rendered)? {
            return Ok(());
        }
        Err(TargetError::NotInForce)
    }

    fn keep(&mut self, state: &StateDir) -> Result<(), StateError> {
        let Some(enforced) = &self.enforced else { return Ok(()) };
        let outcome = state.keep_enforced(&self.assignment.name, enforced);
        self.unsaved = outcome.is_err();
        outcome
    }

    fn note(&mut self, feeds: &[FeedView<'_>], outcome: &Outcome) {
        let progress = &mut self.progress;
        progress.feeds = feeds
            .iter()
            .map(|feed| (feed.name.to_owned(), feed.progress.clone()))
            .collect();
        progress.held = None;
        progress.error = None;
        match outcome {
            Outcome::Held(objection, _) => progress.held = Some(objection.to_string()),
            Outcome::Waiting => progress.error = Some("no feed has answered yet".to_owned()),
            Outcome::Failed(error) => progress.error = Some(chain(error)),
            Outcome::NotKept(error) => progress.error = Some(chain(error)),
            Outcome::Unchanged | Outcome::Changed(_) if feeds.iter().all(|feed| feed.progress.error.is_none()) => {
                progress.last_success = Some(Moment::now());
            }
            Outcome::Unchanged | Outcome::Changed(_) => {}
        }
    }

    /// Enforces the last values again without any feed, while the host starts.
    pub(crate) fn restore(&mut self, guard: Guard<'_>) -> Outcome {
        let Some(enforced) = &self.enforced else {
            return Outcome::Waiting;
        };
        let Guarded { values, refused, .. } = guard.filter(&enforced.values);
        self.progress.refused = refused;
        let restored = self
            .target()
            .render(&values)
            .and_then(|rendered| self.target().restore(&rendered));
        match restored {
            Ok(()) => Outcome::Unchanged,
            Err(error) => Outcome::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests;
