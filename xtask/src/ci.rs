//! Runs steps with a heading and the time each took, and sums up. [`Place`] says which run one after the other.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::beside::Queue;
use crate::counts::Counts;
use crate::outcome::Outcome;
use crate::steps::{Place, Step};

/// What a failed step means for the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// They are not run, or ended.
    Stop,
    /// They are run all the same, and the whole still fails.
    KeepGoing,
}

/// Runs `steps`; fails if one of them failed.
///
/// Where tests were run, the last line is their count in the plain form `N passed, N failed, N skipped`.
pub(crate) fn run(steps: &'static [Step], on_failure: OnFailure) -> ExitCode {
    let mut course = Course::default();
    let mut queue = None;
    let stops = |course: &Course| course.failed && on_failure == OnFailure::Stop;
    for step in steps.iter().filter(|step| step.place != Place::Beside) {
        if step.place == Place::Waiting {
            let beside = steps.iter().filter(|step| step.place == Place::Beside);
            queue = Some(Queue::start(beside.collect()));
        }
        course.run(step);
        if stops(&course) {
            break;
        }
    }
    match queue {
        Some(queue) if stops(&course) => queue.stop(),
        Some(queue) => {
            for ended in queue.finish() {
                // It has the heading and the result.
                println!("\n{}", ended.output.trim());
                course.note(ended.step, ended.outcome, ended.took);
            }
        }
        None => {}
    }
    course.sum_up()
}

/// Runs one step, wherever it runs in `cargo xtask ci`.
pub(crate) fn run_one(step: &Step) -> ExitCode {
    let mut course = Course::default();
    course.run(step);
    course.sum_up()
}

/// The steps that have ended.
#[derive(Default)]
struct Course {
    lines: Vec<String>,
    counts: Option<Counts>,
    failed: bool,
}

impl Course {
    fn run(&mut self, step: &Step) {
        println!("\n=== {}: {}", step.name, step.summary);
        let began = Instant::now();
        let outcome = (step.run)();
        let took = began.elapsed();
        let ended = self.note(step, outcome, took);
        println!("=== {} {ended} ({})", step.name, seconds(took));
    }

    /// Keeps how the step ended, and returns that in words.
    fn note(&mut self, step: &Step, outcome: anyhow::Result<Outcome>, took: Duration) -> String {
        let ended = match outcome {
            Ok(Outcome::Passed) => "passed".to_owned(),
            Ok(Outcome::Skipped(reason)) => format!("skipped: {reason}"),
            Ok(Outcome::Tested(counted)) => {
                self.counts = Some(counted);
                self.failed |= counted.failed();
                if counted.failed() { "FAILED" } else { "passed" }.to_owned()
            }
            Err(error) => {
                self.failed = true;
                format!("FAILED: {error:#}")
            }
        };
        let first_line = ended.lines().next().unwrap_or_default();
        self.lines
            .push(format!("{:<16} {:>8}  {first_line}", step.name, seconds(took)));
        ended
    }

    fn sum_up(&self) -> ExitCode {
        if self.lines.len() > 1 {
            println!("\n=== all steps\n{}", self.lines.join("\n"));
        }
        if let Some(counts) = self.counts {
            println!("{counts}");
        }
        if self.failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
