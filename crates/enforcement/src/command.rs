//! Runs other programs: never through a shell, never without an end, never with more output than is looked at.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process_group};

/// The directories of programs. `PATH` of the process that started the agent does not count.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The bytes that are kept of standard error.
const MAX_COMPLAINT: usize = 4096;

/// The characters that are shown of it.
const MAX_SHOWN: usize = 300;

const PAUSE: Duration = Duration::from_millis(5);

/// Why a program failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The command is empty.
    #[error("the command is empty")]
    Empty,
    /// It cannot be started.
    #[error("{program} cannot be started")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It did not end in time and was killed.
    #[error("{program} did not end within {} s and was killed", after.as_secs())]
    TooSlow {
        /// The program.
        program: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// It said that it failed.
    #[error("{program} ended with {status}: {said}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The beginning of its standard error, in one line.
        said: String,
    },
    /// It wrote more than is looked at.
    #[error("{program} wrote more than {limit} bytes")]
    TooMuch {
        /// The program.
        program: String,
        /// The most that is read.
        limit: usize,
    },
}

/// One run of a program.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    words: &'a [String],
    more: Vec<&'a OsStr>,
    input: &'a [u8],
    timeout: Duration,
    max_output: usize,
}

impl<'a> Run<'a> {
    /// Returns a run of these words: the program and its arguments. Each word stays one argument, for example with
    /// spaces in it.
    pub(crate) fn new(words: &'a [String], timeout: Duration) -> Self {
        Self {
            words,
            more: Vec::new(),
            input: &[],
            timeout,
            max_output: 1 << 20,
        }
    }

    /// Adds arguments.
    pub(crate) fn args<S: AsRef<OsStr> + ?Sized + 'a>(mut self, more: impl IntoIterator<Item = &'a S>) -> Self {
        self.more.extend(more.into_iter().map(S::as_ref));
        self
    }

    /// Gives it something to read on standard input: a file in memory, there as a whole before the program starts.
    ///
    /// The input is a file and not a pipe: when the agent is killed a pipe ends, and the program would load half a
    /// list.
    pub(crate) fn input(mut self, input: &'a [u8]) -> Self {
        self.input = input;
        self
    }

    /// Sets the limit of its standard output, in bytes.
    pub(crate) const fn max_output(mut self, bytes: usize) -> Self {
        self.max_output = bytes;
        self
    }

    /// Waits until it ends well, and returns its standard output.
    pub(crate) fn output(&self) -> Result<Vec<u8>, CommandError> {
        let (program, args) = self.words.split_first().ok_or(CommandError::Empty)?;
        let stdin = self.stdin().map_err(|source| CommandError::Start {
            program: program.clone(),
            source,
        })?;
        let mut command = Command::new(program);
        command.args(args).args(&self.more);
        command
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .current_dir("/");
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process group, so that the processes that it starts end with it.
        command.process_group(0);
        let mut child = command.spawn().map_err(|source| CommandError::Start {
            program: program.clone(),
            source,
        })?;
        let stdout = reader(child.stdout.take(), self.max_output.saturating_add(1));
        let stderr = reader(child.stderr.take(), MAX_COMPLAINT);
        let status = self.wait(&mut child, program);
        let (stdout, stderr) = (text(stdout), text(stderr));
        let status = status?;
        if !status.success() {
            return Err(CommandError::Failed {
                program: program.clone(),
                status,
                said: one_line(&stderr),
            });
        }
        if stdout.len() > self.max_output {
            return Err(CommandError::TooMuch {
                program: program.clone(),
                limit: self.max_output,
            });
        }
        Ok(stdout)
    }

    fn stdin(&self) -> io::Result<Stdio> {
        if self.input.is_empty() {
            return Ok(Stdio::null());
        }
        let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC)?);
        file.write_all(self.input)?;
        file.rewind()?;
        Ok(Stdio::from(file))
    }

    fn wait(&self, child: &mut Child, program: &str) -> Result<ExitStatus, CommandError> {
        let began = Instant::now();
        let failed = |source| CommandError::Start {
            program: program.to_owned(),
            source,
        };
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                // Processes that it left behind would keep the pipes open, and the agent waiting.
                kill_group(child.id());
                return Ok(status);
            }
            if began.elapsed() >= self.timeout {
                kill_group(child.id());
                child.wait().map_err(failed)?;
                return Err(CommandError::TooSlow {
                    program: program.to_owned(),
                    after: self.timeout,
                });
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Returns whether there is such a program where [`Run`] looks for it.
pub(crate) fn is_installed(program: &str) -> bool {
    PATH.split(':')
        .any(|folder| std::path::Path::new(folder).join(program).is_file())
}

fn kill_group(id: u32) {
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It fails if the group is empty already, which is fine.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Reads up to `limit` bytes and lets the rest pass, so that the program never waits for a reader.
fn reader<R: Read + Send + 'static>(from: Option<R>, limit: usize) -> Option<JoinHandle<Vec<u8>>> {
    let mut from = from?;
    Some(thread::spawn(move || {
        let mut kept = Vec::new();
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        // What cannot be read was not said.
        let _ = from.by_ref().take(limit).read_to_end(&mut kept);
        let _ = io::copy(&mut from, &mut io::sink());
        kept
    }))
}

fn text(reader: Option<JoinHandle<Vec<u8>>>) -> Vec<u8> {
    reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
}

/// Returns the error output of a program as one line. It may quote values of a feed, so control characters are escaped.
fn one_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").escape_debug().collect();
    line.chars().take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn an_argument_is_never_more_than_one() {
        let echo = words(&["printf", "%s|", "$(id)", "a b; id", "`id`"]);
        let output = Run::new(&echo, LONG).args(["\n&& id"]).output().unwrap();
        assert_eq!(output, b"$(id)|a b; id|`id`|\n&& id|");
    }

    #[test]
    fn a_program_reads_and_writes_much_at_the_same_time() {
        let input = vec![b'x'; 900_000];
        let output = Run::new(&words(&["cat"]), LONG).input(&input).output().unwrap();
        assert_eq!(output, input);
        let more = vec![b'x'; 1_200_000];
        let refused = Run::new(&words(&["cat"]), LONG).input(&more).output();
        assert!(matches!(refused, Err(CommandError::TooMuch { .. })), "{refused:?}");
    }

    #[test]
    fn what_a_program_reads_is_whole_before_it_starts() {
        let size = words(&["stat", "-L", "-c", "%F %s", "/dev/stdin"]);
        let output = Run::new(&size, LONG).input(b"all of it").output().unwrap();
        assert_eq!(output, b"regular file 9\n", "no pipe that ends with the agent");
    }

    #[test]
    fn what_a_program_complains_about_is_one_line_without_control_characters() {
        let ls = words(&["ls", "--", "/nowhere/\u{1b}[2Jx\ny"]);
        let error = Run::new(&ls, LONG).output().unwrap_err();
        let CommandError::Failed { said, .. } = error else {
            panic!("{error:?}");
        };
        assert!(!said.contains(['\u{1b}', '\n']) && said.contains("nowhere"), "{said}");
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_what_it_started() {
        let hang = words(&["sh", "-c", "sleep 1000 & sleep 1000"]);
        let error = Run::new(&hang, Duration::from_millis(50)).output().unwrap_err();
        assert!(matches!(error, CommandError::TooSlow { .. }), "{error:?}");
        let left = words(&["sh", "-c", "sleep 1000 & exit 0"]);
        assert_eq!(
            Run::new(&left, LONG).output().unwrap(),
            b"",
            "it is not waited for what is left behind"
        );
    }

    #[test]
    fn nothing_of_the_agents_environment_gets_out() {
        let env = Run::new(&words(&["env"]), LONG).output().unwrap();
        let names: Vec<String> = String::from_utf8(env).unwrap().lines().map(str::to_owned).collect();
        assert!(
            names.iter().all(|line| line.starts_with("PATH=") || line == "LC_ALL=C"),
            "{names:?}"
        );
        let missing = Run::new(&words(&["no-such-program"]), LONG).output();
        assert!(matches!(missing, Err(CommandError::Start { .. })));
        assert!(matches!(Run::new(&[], LONG).output(), Err(CommandError::Empty)));
    }
}
