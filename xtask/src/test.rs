//! All tests, counted: unit, behaviour and documentation tests.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::Context as _;

use crate::cargo::{cargo, run as run_command, shown};
use crate::counts::Counts;
use crate::outcome::Outcome;

/// Compiles what [`run`] runs, so that other steps can compile while it runs.
pub(crate) fn build() -> anyhow::Result<Outcome> {
    run_command(&mut cargo(&[
        "test",
        "--workspace",
        "--all-features",
        "--no-run",
        "--quiet",
    ]))?;
    Ok(Outcome::Passed)
}

pub(crate) fn run() -> anyhow::Result<Outcome> {
    // `--no-fail-fast`: the count is of all tests, and one broken crate does not hide another.
    let mut command = cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    println!("$ {}", shown(&command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("the tests cannot be started")?;
    let updates = child.stdout.take().map(pass_through);
    let status = child.wait().context("the tests did not end")?;
    let mut counts = updates.map(|updates| last_of(&updates)).unwrap_or_default();
    counts.unsuccessful = !status.success();
    Ok(Outcome::Tested(counts))
}

/// Copies the tests' output through, line by line, and sends the counts so far after each line that changes them.
fn pass_through(output: ChildStdout) -> Receiver<Counts> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut counts = Counts::default();
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            // A closed output does not stop the tests.
            let _ = std::io::stdout().write_all(&line);
            let before = counts;
            counts.add_line(&String::from_utf8_lossy(&line));
            if counts != before && sender.send(counts).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// Returns the newest counts, once the output has ended.
///
/// Waits a little at most: a process that a test left running holds the pipe open, and must not keep this one from
/// ending.
fn last_of(updates: &Receiver<Counts>) -> Counts {
    let mut newest = Counts::default();
    while let Ok(counts) = updates.recv_timeout(Duration::from_secs(5)) {
        newest = counts;
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &[&str]) -> Counts {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.add_line(line));
        counts
    }

    #[test]
    fn result_lines_of_several_test_programs_are_summed() {
        let counts = counted(&[
            "running 7 tests",
            "test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.50s",
        ]);
        assert_eq!(counts.to_string(), "6 passed, 3 failed, 2 skipped");
        assert!(counts.failed());
    }

    #[test]
    fn coloured_result_line_is_counted() {
        let counts = counted(&["test result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 4 passed; 0 failed; 0 ignored; 0 measured"]);
        assert_eq!(counts.to_string(), "4 passed, 0 failed, 0 skipped");
        assert!(!counts.failed());
    }

    #[test]
    fn other_output_counts_nothing() {
        assert_eq!(
            counted(&["12 passed; 3 failed", "test result", "test result: "]),
            Counts::default()
        );
    }
}
