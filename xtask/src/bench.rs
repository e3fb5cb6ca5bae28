//! `cargo xtask bench`: what a large feed costs, measured on real processes over loopback.
//!
//! Three processes, as in life: the MISP stand-in, `cratosd serve`, and this one as the firewall. The numbers are for
//! the docs; nothing here passes or fails by the clock.

pub(crate) mod listeners;
pub(crate) mod lookups;
pub(crate) mod others;

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::cargo;

/// Rows in the feed that is measured, unless the command line says otherwise.
const ATTRIBUTES: usize = 100_000;

/// How often the cold request is measured; each time the daemon is started anew.
const ROUNDS: usize = 5;

/// Builds everything in release mode and prints one line per round.
pub(crate) fn run(attributes: Option<&str>) -> anyhow::Result<()> {
    let attributes = attributes
        .map_or(Ok(ATTRIBUTES), str::parse)
        .context("not a number of attributes")?;
    let programs = Programs::build()?;
    let misp = programs.misp(attributes)?;
    println!("{attributes} domains, {ROUNDS} rounds, a fresh daemon each");
    for round in 1..=ROUNDS {
        let mut daemon = programs.daemon(&misp, &[])?;
        let cold = daemon.fetch()?;
        let warm = daemon.fetch()?;
        println!(
            "round {round}: cold {:.3} s, again {:.4} s, {} bytes, peak resident memory {:.1} MB",
            cold.took.as_secs_f64(),
            warm.took.as_secs_f64(),
            cold.bytes,
            daemon.peak_resident_bytes()? as f64 / 1e6,
        );
    }
    Ok(())
}

/// The programs that are measured, built in release mode.
pub(crate) struct Programs {
    release: PathBuf,
}

impl Programs {
    fn build() -> anyhow::Result<Self> {
        cargo::run(&mut cargo::cargo(&["build", "--release", "--bin", "cratosd"]))?;
        cargo::run(&mut cargo::cargo(&[
            "build",
            "--release",
            "-p",
            "cratos-misp-sim",
            "--example",
            "serve",
        ]))?;
        Ok(Self {
            release: cargo::target_dir()?.join("release"),
        })
    }

    fn misp(&self, attributes: usize) -> anyhow::Result<Misp> {
        Misp::start(&self.release.join("examples/serve"), attributes)
    }

    /// Starts a daemon, and has a token made with these further options.
    fn daemon(&self, misp: &Misp, token: &[&str]) -> anyhow::Result<Daemon> {
        Daemon::start(&self.release.join("cratosd"), misp, token)
    }
}

/// A child process that ends with us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; either way there is nothing left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Misp {
    port: u16,
    key: String,
    _running: Running,
    _output: BufReader<ChildStdout>,
}

impl Misp {
    fn start(program: &Path, attributes: usize) -> anyhow::Result<Self> {
        let count = attributes.to_string();
        let words = [
            "--listen",
            "127.0.0.1:0",
            "--bulk",
            &count,
            "--type",
            "domain",
            "--feed",
            "block",
        ];
        let mut child = Command::new(program)
            .args(words)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let mut output = BufReader::new(child.stdout.take().context("no standard output")?);
        let running = Running(child);
        let url = line_of(&mut output)?;
        let key = line_of(&mut output)?;
        let port = url
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .parse()
            .context("no address")?;
        Ok(Self {
            port,
            key,
            _running: running,
            _output: output,
        })
    }
}

struct Daemon {
    address: String,
    token: String,
    running: Running,
    _directory: Directory,
}

struct Fetched {
    took: Duration,
    bytes: usize,
}

impl Daemon {
    fn start(program: &Path, misp: &Misp, options: &[&str]) -> anyhow::Result<Self> {
        let directory = Directory::new()?;
        let cratosd = |words: &[&str]| {
            let mut command = Command::new(program);
            command.args(words).current_dir(&directory.0).env("RUST_LOG", "info");
            command
        };
        let at = directory.0.to_string_lossy().into_owned();
        cargo::output_of(&mut cratosd(&["init", &at, "--site", "127.0.0.1", "--tag", "example"]))?;
        std::fs::write(directory.0.join("misp.key"), &misp.key)?;
        let port = misp.port.to_string();
        let mint = [
            "token",
            "mint",
            "--site",
            "127.0.0.1",
            "--proto",
            "http",
            "--port",
            &port,
        ];
        let rest = ["--auth-key-file", "misp.key", "--expires", "2099-12-31"];
        let token = cargo::output_of(&mut cratosd(&[&mint[..], &rest[..], options].concat()))?;
        let mut child = cratosd(&["serve", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(child.stderr.take().context("no standard error")?);
        let running = Running(child);
        let address = loop {
            let line = line_of(&mut output)?;
            if let Some((_, rest)) = line.split_once("http://") {
                break rest
                    .chars()
                    .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
                    .collect();
            }
        };
        // The bench reads the log as a journal does, so that logging has its real cost.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Ok(Self {
            address,
            token: token.trim().to_owned(),
            running,
            _directory: directory,
        })
    }

    /// Asks for the feed; the time is from before the connection until the last byte.
    fn fetch(&mut self) -> anyhow::Result<Fetched> {
        let began = Instant::now();
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "GET /v1/feed/block/type/domain/age/1w/output/txt HTTP/1.1\r\nhost: bench\r\ntoken: {}\r\nconnection: close\r\n\r\n",
            self.token
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let took = began.elapsed();
        if !answer.starts_with(b"HTTP/1.1 200") {
            let head: Vec<u8> = answer.into_iter().take(400).collect();
            bail!("the daemon answered {}", String::from_utf8_lossy(&head));
        }
        Ok(Fetched {
            took,
            bytes: answer.len(),
        })
    }

    /// Returns the processor time that the daemon has used so far, in all its threads.
    fn processor_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.running.0.id()))?;
        // Behind the name, which may hold blanks: fields 14 and 15 of proc(5), in hundredths of a second.
        let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
        let ticks: Vec<u64> = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse().ok())
            .collect();
        Ok(ticks.iter().sum::<u64>() as f64 / 100.0)
    }

    fn peak_resident_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.0.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .context("no VmHWM line")?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }
}

/// A folder of our own below the system's one for temporary files; gone afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new() -> anyhow::Result<Self> {
        let free = (0..1_000).map(|n| std::env::temp_dir().join(format!("cratos-bench-{}-{n}", std::process::id())));
        let path = free
            .into_iter()
            .find(|path| std::fs::create_dir(path).is_ok())
            .context("no folder for temporary files")?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A folder that stays behind in the temporary folder does not fail the bench.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn line_of(output: &mut impl std::io::BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    if output.read_line(&mut line)? == 0 {
        bail!("the process ended without saying where it listens");
    }
    Ok(line.trim().to_owned())
}
