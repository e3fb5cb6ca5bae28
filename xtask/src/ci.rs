//! Runs steps one after the other, with a heading and the time each took, and sums up.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::outcome::Outcome;
use crate::steps::Step;

/// What a failed step means for those after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// They are not run.
    Stop,
    /// They are run all the same, and the whole still fails.
    KeepGoing,
}

/// Runs `steps` in order; fails if one of them failed.
///
/// Where tests were run, the last line is their count in the plain form `N passed, N failed, N skipped`.
pub(crate) fn run(steps: &[Step], on_failure: OnFailure) -> ExitCode {
    let mut lines = Vec::new();
    let mut counts = None;
    let mut failed = false;
    for step in steps {
        println!("\n=== {}: {}", step.name, step.summary);
        let began = Instant::now();
        let outcome = (step.run)();
        let took = seconds(began.elapsed());
        let ended = match outcome {
            Ok(Outcome::Passed) => "passed".to_owned(),
            Ok(Outcome::Tested(counted)) => {
                failed |= counted.failed();
                counts = Some(counted);
                if counted.failed() {
                    "FAILED".to_owned()
                } else {
                    "passed".to_owned()
                }
            }
            Ok(Outcome::Skipped(reason)) => format!("skipped: {reason}"),
            Err(error) => {
                failed = true;
                format!("FAILED: {error:#}")
            }
        };
        println!("=== {} {ended} ({took})", step.name);
        let first_line = ended.lines().next().unwrap_or_default();
        lines.push(format!("{:<8} {took:>8}  {first_line}", step.name));
        if failed && on_failure == OnFailure::Stop {
            break;
        }
    }
    if steps.len() > 1 {
        println!("\n=== all steps\n{}", lines.join("\n"));
    }
    if let Some(counts) = counts {
        println!("{counts}");
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
