//! A command that runs as a child, with everything that it prints.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(90);

/// The output of a command that has ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// Runs a command to its end with these bytes on standard input.
    #[must_use]
    pub fn of(mut command: Command, stdin: &str) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program may end without reading its input.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Returns the exit code and standard error together.
    #[must_use]
    pub fn outcome(&self) -> String {
        format!("exit {}\n{}", self.code.unwrap_or(-1), self.stderr)
    }
}

/// The text of one stream so far.
type Output = Arc<Mutex<String>>;

/// A child process that runs until a test stops it; dropping this kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: Output,
    stderr: Output,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Program {
    /// Starts a command without input.
    #[must_use]
    pub fn start(command: Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    /// Starts a command with this standard input.
    #[must_use]
    pub fn start_with(mut command: Command, stdin: Stdio) -> Self {
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (Output::default(), Output::default());
        let readers = vec![
            collect(child.stdout.take().unwrap(), &stdout),
            collect(child.stderr.take().unwrap(), &stderr),
        ];
        Self {
            child,
            stdout,
            stderr,
            readers,
        }
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the child.
    #[must_use]
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Returns standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    /// Returns standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until standard error has a line with this text, and returns that line.
    pub fn wait_for_log(&mut self, text: &str) -> String {
        self.wait_for(|program| {
            let stderr = program.stderr();
            stderr.lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }

    /// Waits until `look` finds something; fails if the program ends or 90 s pass before.
    pub fn wait_for<T>(&mut self, look: impl Fn(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let ended = self.child.try_wait().unwrap();
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                ended.is_none() && began.elapsed() < DEADLINE,
                "{ended:?}\n{}\n{}",
                self.stdout(),
                self.stderr()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of the program and of its output; fails after 90 s.
    pub fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.readers.drain(..).for_each(|reader| reader.join().unwrap());
                return status;
            }
            assert!(began.elapsed() < DEADLINE, "does not end\n{}", self.stderr());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stream: impl std::io::Read + Send + 'static, output: &Output) -> thread::JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut output = output.lock().unwrap();
            output.push_str(&line);
            output.push('\n');
        }
    })
}
