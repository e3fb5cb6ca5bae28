//! One run: findings, look-up, notes and tags.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use service_kit::chain;

use crate::access::Timing;
use crate::config::{Config, Severity, Tag};
use crate::cve::Cve;
use crate::dojo::{DefectDojo, Finding, Removal, Which};
use crate::error::{AskError, RunError};
use crate::lock;
use crate::look_up::{Event, LookUp, LookUps};
use crate::metrics;
use crate::note;
use crate::summary::{Deed, Step, Summary};

/// How long a run waits for another one on this host.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// How often a note is sent when the connection fails; the notes are read each time before.
const NOTE_ATTEMPTS: u32 = 3;

/// The most notes for one finding; more events are reported as a failure.
const MAX_EVENTS: usize = 100;

/// The run ends after this many findings in a row without an answer of DefectDojo.
const MAX_ABSENCES: usize = 3;

/// Whether a run changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reports the changes and makes none.
    DryRun,
    /// Makes the changes.
    Apply,
}

/// Notes and tags findings of one DefectDojo by the look-ups of one cratosd.
#[derive(Debug)]
pub struct Correlation {
    dojo: DefectDojo,
    look_up: LookUp,
    severities: Vec<Severity>,
    tag: Tag,
    private_notes: bool,
    max_findings: usize,
    state_dir: PathBuf,
    metrics_file: Option<PathBuf>,
}

/// A run while it runs.
struct Run<'a> {
    of: &'a Correlation,
    mode: Mode,
    known: LookUps,
    summary: Summary,
    on_step: &'a mut dyn FnMut(&Step),
}

impl Correlation {
    /// Returns a correlation of this configuration.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn new(config: &Config) -> Result<Self, RunError> {
        Self::with_timing(config, Timing::new(config.timeout))
    }

    /// As [`Self::new`], with other pauses.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn with_timing(config: &Config, timing: Timing) -> Result<Self, RunError> {
        let (ca_file, max_body) = (config.ca_file.as_deref(), config.max_body);
        let dojo = DefectDojo::new(&config.defectdojo, config.key.clone(), ca_file, timing, max_body);
        let look_up = LookUp::new(
            &config.server,
            config.token.clone(),
            ca_file,
            timing,
            max_body,
            config.age,
        );
        Ok(Self {
            dojo: dojo.map_err(RunError::Config)?,
            look_up: look_up.map_err(RunError::LookUpConfig)?,
            severities: config.severities.clone(),
            tag: config.tag.clone(),
            private_notes: config.private_notes,
            max_findings: config.max_findings,
            state_dir: config.state_dir.clone(),
            metrics_file: config.metrics_file.clone(),
        })
    }

    /// Runs once. It calls `on_step` after every step.
    ///
    /// # Errors
    /// If the run could do nothing. Failures of single findings are in the summary.
    pub async fn run(&self, mode: Mode, on_step: &mut dyn FnMut(&Step)) -> Result<Summary, RunError> {
        if mode == Mode::DryRun {
            return self.run_alone(mode, on_step).await;
        }
        let _lock = lock::take(&self.state_dir, LOCK_PATIENCE)
            .await
            .map_err(RunError::Lock)?;
        let outcome = self.run_alone(mode, on_step).await;
        if let Some(path) = &self.metrics_file
            && let Err(error) = metrics::write(path, &self.state_dir, outcome.as_ref().ok())
        {
            tracing::error!(path = %path.display(), error = chain(&error), "metrics cannot be written");
        }
        outcome
    }

    async fn run_alone(&self, mode: Mode, on_step: &mut dyn FnMut(&Step)) -> Result<Summary, RunError> {
        let mut summary = Summary {
            dry_run: mode == Mode::DryRun,
            ..Summary::default()
        };
        let findings = self.findings(&mut summary).await?;
        let cves: BTreeSet<Cve> = findings.iter().flat_map(|finding| finding.cves.clone()).collect();
        summary.findings = findings.len();
        summary.cves = cves.len();
        let mut known = self.look_up.all(&cves).await;
        if known.answered == 0
            && let Some((_, error)) = known.failures.pop()
        {
            return Err(RunError::LookUp(error));
        }
        for (cves, error) in &known.failures {
            if let (Some(first), Some(last)) = (cves.first(), cves.last()) {
                let what = format!("look-up of {} CVEs from {first} to {last}", cves.len());
                summary.fail(what, chain(error));
            }
        }
        let of = self;
        let mut run = Run {
            of,
            mode,
            known,
            summary,
            on_step,
        };
        run.all(&findings).await;
        Ok(run.summary)
    }

    /// Returns the findings that matter: the active ones, and those that have the tag, whatever their state. Each is
    /// returned once, although rows move between pages.
    async fn findings(&self, summary: &mut Summary) -> Result<Vec<Finding>, RunError> {
        let mut findings: Vec<Finding> = Vec::new();
        let mut seen = BTreeSet::new();
        for which in [Which::Active(&self.severities), Which::Tagged(&self.tag)] {
            let mut offset = Some(0);
            while let Some(at) = offset {
                let page = self.dojo.page(which, at).await.map_err(RunError::Findings)?;
                if page.unreadable > 0 {
                    let what = format!("{} findings on the page from {at} on", page.unreadable);
                    summary.fail(what, "they cannot be read".to_owned());
                }
                findings.extend(page.findings.into_iter().filter(|finding| seen.insert(finding.id)));
                if findings.len() > self.max_findings || at > self.max_findings.saturating_mul(2) {
                    let limit = self.max_findings;
                    return Err(RunError::TooManyFindings { limit });
                }
                offset = page.next;
            }
        }
        Ok(findings)
    }
}

impl Run<'_> {
    async fn all(&mut self, findings: &[Finding]) {
        let mut absences = 0;
        for (done, finding) in findings.iter().enumerate() {
            match self.one(finding).await {
                Ok(()) => absences = 0,
                Err(error) => {
                    absences = if error.is_absence() { absences + 1 } else { 0 };
                    self.failed(finding, chain(&error));
                }
            }
            if absences >= MAX_ABSENCES {
                let left = findings.len() - done - 1;
                let why = "DefectDojo does not answer any more".to_owned();
                self.summary.fail(format!("{left} further findings"), why);
                return;
            }
        }
    }

    async fn one(&mut self, finding: &Finding) -> Result<(), AskError> {
        match self.known.events(&finding.cves) {
            Some(events) if events.is_empty() => {
                self.summary.matched += 1;
                self.failed(finding, "cratosd lists a CVE and names no event".to_owned());
                Ok(())
            }
            Some(events) => {
                self.summary.matched += 1;
                self.begin(finding, &events).await
            }
            // Only a complete answer shows that the campaign is over.
            None if self.known.is_whole() && self.has_tag(&finding.tags) => self.end(finding).await,
            None => Ok(()),
        }
    }

    /// The finding is part of campaigns: a note for each, and the tag. The tag comes last, so that it never stands
    /// without a note.
    async fn begin(&mut self, finding: &Finding, events: &[(Event, Vec<Cve>)]) -> Result<(), AskError> {
        for (event, cves) in events.iter().take(MAX_EVENTS) {
            self.note(finding, event, cves).await?;
        }
        if events.len() > MAX_EVENTS {
            let why = format!(
                "{} events match; there is no note about those beyond {MAX_EVENTS}",
                events.len()
            );
            self.failed(finding, why);
        }
        if self.has_tag(&finding.tags) {
            return Ok(());
        }
        if self.mode == Mode::Apply {
            self.of.dojo.add_tag(finding.id, &self.of.tag).await?;
        }
        let tag = self.of.tag.to_string();
        self.done(finding, Deed::AddTag { tag });
        Ok(())
    }

    /// Makes sure that the finding has one note about the event. The notes are read each time before a note is sent: an
    /// earlier one may have arrived although its answer did not.
    async fn note(&mut self, finding: &Finding, event: &Event, cves: &[Cve]) -> Result<(), AskError> {
        let dojo = &self.of.dojo;
        let mut failures = 0;
        let mut sent = false;
        loop {
            let notes = dojo.notes(finding.id).await?;
            let about: Vec<u64> = note::about(&notes, event.uuid).map(|note| note.id).collect();
            if let Some((_, others)) = about.split_first() {
                if sent {
                    let event = note::shown(event);
                    self.done(finding, Deed::AddNote { event });
                }
                return self.only_the_first(finding, others).await;
            }
            if self.mode == Mode::DryRun {
                let event = note::shown(event);
                self.done(finding, Deed::AddNote { event });
                return Ok(());
            }
            if sent && failures == 0 {
                let what = "the note was added and is not there";
                return Err(AskError::Nonsense { what });
            }
            sent = true;
            match dojo
                .add_note(finding.id, &note::text(event, cves), self.of.private_notes)
                .await
            {
                Ok(()) => failures = 0,
                Err(error) if error.is_connection() && failures + 1 < NOTE_ATTEMPTS => {
                    failures += 1;
                    dojo.pause(failures).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes all notes about an event but the oldest: all agents agree which that is. Notes of another user are left
    /// to that user's agent.
    async fn only_the_first(&mut self, finding: &Finding, others: &[u64]) -> Result<(), AskError> {
        for note in others.iter().copied() {
            let removal = match self.mode {
                Mode::Apply => self.of.dojo.remove_note(finding.id, note).await?,
                Mode::DryRun => Removal::Removed,
            };
            if removal == Removal::Removed {
                self.done(finding, Deed::RemoveNote { note });
            }
        }
        Ok(())
    }

    /// No campaign has the finding any more: the tag goes if it came from here, and the notes stay.
    async fn end(&mut self, finding: &Finding) -> Result<(), AskError> {
        let tag = self.of.tag.to_string();
        if !note::any_marked(&self.of.dojo.notes(finding.id).await?) {
            self.done(finding, Deed::LeaveTag { tag });
            return Ok(());
        }
        if self.mode == Mode::Apply && self.of.dojo.remove_tag(finding.id, &self.of.tag).await? == Removal::Refused {
            // Another agent was faster, or DefectDojo refuses.
            let tags = self.of.dojo.tags(finding.id).await?;
            if self.has_tag(&tags) {
                return Err(AskError::Status { status: 400 });
            }
            return Ok(());
        }
        self.done(finding, Deed::RemoveTag { tag });
        Ok(())
    }

    fn has_tag(&self, tags: &[String]) -> bool {
        tags.iter().any(|there| self.of.tag.is(there))
    }

    fn done(&mut self, finding: &Finding, deed: Deed) {
        self.step(finding, Ok(deed));
    }

    fn failed(&mut self, finding: &Finding, why: String) {
        self.step(finding, Err(why));
    }

    fn step(&mut self, finding: &Finding, outcome: Result<Deed, String>) {
        let step = Step {
            finding: finding.id,
            outcome,
            dry_run: self.mode == Mode::DryRun,
        };
        self.summary.count(&step);
        (self.on_step)(&step);
    }
}
