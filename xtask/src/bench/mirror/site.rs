//! One daemon with one site and a state directory, which is started several times.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::bench::connection::{Answer, Connection};
use crate::bench::installation::Installation;
use crate::bench::lookups::Target;
use crate::bench::misp::Misp;
use crate::bench::process::Process;

/// The longest first load that is waited for.
const PATIENCE: Duration = Duration::from_secs(1_800);

pub(super) struct Site {
    installation: Installation,
    zmq_port: u16,
    daemon: Option<(Process, String)>,
}

impl Site {
    pub(super) fn new(program: &Path, misp: &Misp, zmq_port: u16) -> anyhow::Result<Self> {
        let rights = ["lookup", "context", "operate"]
            .map(|right| ["--permission", right])
            .concat();
        Ok(Self {
            installation: Installation::new(program, misp, &rights)?,
            zmq_port,
            daemon: None,
        })
    }

    /// Writes the site file with this interval of looks at MISP, for the next start.
    pub(super) fn poll_every(&self, interval: &str) -> anyhow::Result<()> {
        let custom: String = (1..=5)
            .map(|number| format!("  cust{number}: \":incident-classification=cust{number}\"\n"))
            .collect();
        let text = format!(
            "tag: example\nallowed_ips: [127.0.0.0/8]\ncustom_feeds:\n{custom}ignore_to_ids: [vulnerability]\nmirror_poll: {interval}\nzmq_url: tcp://127.0.0.1:{}\n",
            self.zmq_port
        );
        std::fs::write(self.installation.path().join("sites/127.0.0.1.yaml"), text)?;
        Ok(())
    }

    /// Starts the daemon; it listens when this returns.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let mut command = self.installation.command(&["serve", "--listen", "127.0.0.1:0"]);
        std::fs::create_dir_all(self.state())?;
        command.env("STATE_DIRECTORY", self.state());
        self.daemon = Some(Installation::serve(&mut command)?);
        Ok(())
    }

    /// Kills the daemon, without a chance to clean up.
    pub(super) fn kill(&mut self) {
        self.daemon = None;
    }

    /// Stops the daemon as systemd does.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        if let Some((mut process, _)) = self.daemon.take() {
            let id = process.child().id().to_string();
            crate::cargo::run(std::process::Command::new("kill").args(["-TERM", &id]))?;
            process.child().wait()?;
        }
        Ok(())
    }

    /// Deletes the state directory.
    pub(super) fn forget(&self) -> anyhow::Result<()> {
        if self.state().exists() {
            std::fs::remove_dir_all(self.state())?;
        }
        Ok(())
    }

    /// Waits until feeds are answered from the mirror, and returns when.
    pub(super) fn wait_until_followed(&self) -> anyhow::Result<Instant> {
        let began = Instant::now();
        loop {
            let state = self.state_of_mirror()?;
            if state["way"] == "mirror" {
                return Ok(Instant::now());
            }
            if began.elapsed() > PATIENCE {
                bail!("no mirror: {state}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns `/v1/site`.
    pub(super) fn state_of_mirror(&self) -> anyhow::Result<Value> {
        self.open()?.ask("GET", "/v1/site", &self.headers(), "")?.json()
    }

    /// Asks for a path of the daemon on a new connection.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.open()?.ask("GET", path, &self.headers(), "")
    }

    pub(super) fn open(&self) -> anyhow::Result<Connection> {
        Connection::open(self.target()?.address)
    }

    pub(super) fn headers(&self) -> [(&'static str, &str); 1] {
        [("token", &self.installation.token)]
    }

    pub(super) fn target(&self) -> anyhow::Result<Target<'_>> {
        let (_, address) = self.daemon.as_ref().context("the daemon does not run")?;
        Ok(Target {
            address,
            token: &self.installation.token,
            file: None,
        })
    }

    pub(super) fn processor_seconds(&self) -> anyhow::Result<f64> {
        self.process()?.processor_seconds()
    }

    /// Returns the memory that the daemon holds, and the most that it ever held.
    pub(super) fn memory(&self) -> anyhow::Result<(u64, u64)> {
        let process = self.process()?;
        Ok((process.resident_bytes()?, process.peak_resident_bytes()?))
    }

    /// Returns the size of the state directory.
    pub(super) fn bytes_on_disk(&self) -> anyhow::Result<u64> {
        size_of(&self.state())
    }

    fn process(&self) -> anyhow::Result<&Process> {
        Ok(&self.daemon.as_ref().context("the daemon does not run")?.0)
    }

    fn state(&self) -> PathBuf {
        self.installation.path().join("state")
    }
}

fn size_of(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() {
            size_of(&entry.path())?
        } else {
            about.len()
        };
    }
    Ok(bytes)
}
