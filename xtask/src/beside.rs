//! Steps that compile run beside the tests, because tests wait for clocks and sockets half of their time.
//!
//! Each of these steps is a process of its own at the lowest priority. Its output is shown after it has ended.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group, setpriority_process};

use crate::cargo::target_dir;
use crate::outcome::Outcome;
use crate::steps::Step;

/// The lowest priority of a usual process.
const NICE: i32 = 19;

/// The tests begin first: what compiles meanwhile holds cargo's lock, which they need for a moment at their start.
const HEAD_START: Duration = Duration::from_secs(10);

/// Steps that run one after the other beside those in the foreground.
pub(crate) struct Queue {
    running: Arc<Mutex<Running>>,
    thread: JoinHandle<Vec<Ended>>,
}

/// How a step of the queue ended.
pub(crate) struct Ended {
    pub(crate) step: &'static Step,
    pub(crate) outcome: anyhow::Result<Outcome>,
    pub(crate) took: Duration,
    /// What it printed.
    pub(crate) output: String,
}

#[derive(Default)]
struct Running {
    stopped: bool,
    /// The processes of the step that runs.
    group: Option<Pid>,
}

impl Queue {
    /// Starts `steps`, each one when the one before has ended.
    pub(crate) fn start(steps: Vec<&'static Step>) -> Queue {
        let running = Arc::new(Mutex::new(Running::default()));
        let of_thread = Arc::clone(&running);
        let thread = std::thread::spawn(move || run_all(&steps, &of_thread));
        Queue { running, thread }
    }

    /// Returns how each step ended, after the last one.
    pub(crate) fn finish(self) -> Vec<Ended> {
        self.thread.join().unwrap_or_default()
    }

    /// Ends the step that runs, and starts no other.
    pub(crate) fn stop(self) {
        let group = {
            let mut running = locked(&self.running);
            running.stopped = true;
            running.group
        };
        if let Some(group) = group {
            // The step may have ended a moment ago.
            let _ = kill_process_group(group, Signal::TERM);
        }
        let _ = self.thread.join();
    }
}

fn run_all(steps: &[&'static Step], running: &Mutex<Running>) -> Vec<Ended> {
    // A thread has a priority of its own, and the processes that it starts take it over.
    let _ = setpriority_process(Some(rustix::thread::gettid()), NICE);
    std::thread::sleep(HEAD_START);
    let mut ended = Vec::new();
    for &step in steps {
        if locked(running).stopped {
            break;
        }
        let (began, mut output) = (Instant::now(), String::new());
        let outcome = run_one(step, running, &mut output);
        ended.push(Ended {
            step,
            outcome,
            took: began.elapsed(),
            output,
        });
    }
    ended
}

fn run_one(step: &Step, running: &Mutex<Running>, output: &mut String) -> anyhow::Result<Outcome> {
    let path = output_file(step)?;
    let file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
    let mut child = this_program()
        .arg(step.name)
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("the step {} cannot be started", step.name))?;
    locked(running).group = Pid::from_raw(child.id().try_into()?);
    let status = child.wait();
    locked(running).group = None;
    *output = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
    outcome_of(step, status?, output)
}

/// Returns the outcome that the process printed in its last line, as [`crate::ci`] writes it.
fn outcome_of(step: &Step, status: ExitStatus, output: &str) -> anyhow::Result<Outcome> {
    let heading = format!("=== {} ", step.name);
    let last = output.lines().rev().find_map(|line| line.strip_prefix(&heading));
    match last.map(|line| line.strip_prefix("skipped: ").unwrap_or(line)) {
        _ if !status.success() => bail!("it ended with {status}; its output is further up"),
        Some(reason) if last != Some(reason) => Ok(Outcome::Skipped(reason.to_owned())),
        Some(_) => Ok(Outcome::Passed),
        None => bail!("it printed no result"),
    }
}

fn output_file(step: &Step) -> anyhow::Result<PathBuf> {
    let folder = target_dir()?.join("beside");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder.join(format!("{}.txt", step.name)))
}

/// Returns a call of this program. By its path it may be another one: cargo replaces the file when it builds xtask
/// again.
fn this_program() -> Command {
    let running = Path::new("/proc/self/exe");
    match std::env::current_exe() {
        Ok(path) if !running.exists() => Command::new(path),
        _ => Command::new(running),
    }
}

fn locked(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    const STEP: Step = Step {
        name: "docs",
        summary: "",
        place: crate::steps::Place::Beside,
        run: || Ok(Outcome::Passed),
    };

    #[test]
    fn result_line_of_a_step_is_read_back() {
        let ended = |code: i32, output: &str| outcome_of(&STEP, ExitStatus::from_raw(code), output);
        assert!(matches!(
            ended(0, "=== docs: x\n=== docs passed (1.0 s)\n"),
            Ok(Outcome::Passed)
        ));
        assert!(matches!(
            ended(0, "=== docs skipped: no rustdoc (0.1 s)\n"),
            Ok(Outcome::Skipped(reason)) if reason == "no rustdoc (0.1 s)"
        ));
        assert!(ended(256, "=== docs passed (1.0 s)\n").is_err());
        assert!(ended(0, "").is_err());
    }
}
