//! Runs the program as a child, alone in a directory of its own and without our environment.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than anything takes on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(90);

pub(crate) const ENCRYPTION_KEY: &str = "2F6A1BD40C3E59788897A6B5C4D3E2F1011F2E3D4C5B6A798897A6B5C4D3E2F1";
pub(crate) const SALT: &str = "wZ3xk9!pQ7#tR5?vB1nM8cL4jH6gF2dS";

/// What a run that has ended left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Returns code and standard error together, with what differs from run to run replaced.
    pub(crate) fn outcome(&self) -> String {
        format!("exit {}\n{}", self.code.unwrap_or(-1), self.stderr)
    }
}

/// Returns the program with arguments, in a directory, with nothing of our environment but the path.
pub(crate) fn cratosd(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cratosd"));
    command.current_dir(directory).args(args).env_clear();
    for name in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs to the end with these bytes on standard input.
pub(crate) fn run_with(mut command: Command, stdin: &str) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may end without reading; that is its good right.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Runs to the end in a directory, with nothing on standard input.
pub(crate) fn run(directory: &Path, args: &[&str]) -> Ran {
    run_with(cratosd(directory, args), "")
}

/// A configuration in a directory of its own.
#[derive(Debug)]
pub(crate) struct Installation(TempDir);

impl Installation {
    /// Writes a configuration without sites.
    pub(crate) fn new() -> Self {
        let installation = Self(tempfile::tempdir().unwrap());
        let core =
            format!("encryption_key: \"{ENCRYPTION_KEY}\"\nsalt: \"{SALT}\"\nallways_allowed_ips: [\"127.0.0.0/8\"]\n");
        installation.write("config/config.yaml", &core);
        installation.write("config/mappings.yaml", "types: {}\n");
        fs::create_dir(installation.path().join("sites")).unwrap();
        installation
    }

    /// Adds a site.
    pub(crate) fn with_site(self, name: &str, text: &str) -> Self {
        self.write(&format!("sites/{name}.yaml"), text);
        self
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        // Else `check` notes, depending on the umask, that others may read the secrets.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(self.path(), args)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        cratosd(self.path(), args)
    }

    pub(crate) fn serve(&self) -> Daemon {
        Daemon::start(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }
}

/// Everything that one stream has said so far.
type Said = Arc<Mutex<String>>;

/// A child that runs until the test stops it; killed if the test ends first.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    stdout: Said,
    stderr: Said,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    /// Starts it with this as its standard input.
    pub(crate) fn start_with(mut command: Command, stdin: Stdio) -> Self {
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, stderr) = (Said::default(), Said::default());
        let readers = vec![
            follow(child.stdout.take().unwrap(), &stdout),
            follow(child.stderr.take().unwrap(), &stderr),
        ];
        Self {
            child,
            stdout,
            stderr,
            readers,
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Returns the address that the log names.
    pub(crate) fn address(&mut self) -> SocketAddr {
        let line = self.wait_for_log("listening on http");
        let address = line.split("://").nth(1).unwrap();
        let end = address
            .find(|c: char| !(c.is_ascii_digit() || ".:[]abcdef".contains(c)))
            .unwrap_or(address.len());
        address[..end].parse().unwrap()
    }

    /// Waits until standard error has a line with this text, and returns that line.
    pub(crate) fn wait_for_log(&mut self, text: &str) -> String {
        self.wait_for(|said| {
            said.stderr()
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned)
        })
    }

    /// Waits until `look` finds something.
    pub(crate) fn wait_for<T>(&mut self, look: impl Fn(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            let ended = self.child.try_wait().unwrap();
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                ended.is_none() && begun.elapsed() < DEADLINE,
                "{ended:?}\n{}\n{}",
                self.stdout(),
                self.stderr()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end, and for all that was said until then.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.readers.drain(..).for_each(|reader| reader.join().unwrap());
                return status;
            }
            assert!(begun.elapsed() < DEADLINE, "does not end\n{}", self.stderr());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(stream: impl std::io::Read + Send + 'static, said: &Said) -> thread::JoinHandle<()> {
    let said = Arc::clone(said);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    })
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Asks over a real socket, as a device would.
pub(crate) fn get(url: &str, token: Option<&str>) -> Answer {
    block_on(async {
        let request = client().get(url);
        let request = if let Some(token) = token {
            request.header("token", token)
        } else {
            request
        };
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            body: answer.text().await.unwrap(),
        }
    })
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap()
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// Writes a MISP key to a file and returns its path.
pub(crate) fn key_file(directory: &Path, key: &str) -> PathBuf {
    let path = directory.join("misp.key");
    fs::write(&path, format!("{key}\n")).unwrap();
    path
}
