//! A real Suricata that reads its rules and packets from files.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped has failed the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Suricata, program, python_with};

/// The types of events, with what the tests read of them.
const EVENTS: &str = "alert, {tls: {custom: [sni, ja3, ja4]}}, ssh, {files: {force-hash: [md5, sha256]}}";

/// Writes the packets of conversations.
const PACKETS: &str = include_str!("packets.py");

/// The client's port of the first conversation, as `packets.py` has it.
const FIRST_PORT: u64 = 20_000;

/// The number of rules that Suricata made of the lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Rules that are loaded.
    pub rules: usize,
    /// Rules that Suricata refuses.
    pub failed: usize,
}

/// A folder for one Suricata.
#[derive(Debug)]
pub struct Sensor {
    suricata: Suricata,
    python: PathBuf,
    folder: tempfile::TempDir,
}

impl Sensor {
    /// Makes one. If a program is missing, prints so and returns nothing.
    ///
    /// # Panics
    /// If a file cannot be written.
    #[must_use]
    pub fn new() -> Option<Self> {
        let python = python_with(&["scapy"])?;
        program("openssl")?;
        let folder = tempfile::tempdir().unwrap();
        let sensor = Self {
            suricata: Suricata::new(folder.path(), "", EVENTS, "")?,
            python,
            folder,
        };
        Some(sensor)
    }

    /// Returns the path of a file in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder, for example a list that a rule loads.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Makes a certificate and its key, and returns the certificate's SHA-1.
    ///
    /// # Panics
    /// If OpenSSL does not make them.
    #[must_use]
    pub fn certificate(&self) -> String {
        let (key, certificate) = (self.path("key.pem"), self.path("certificate.pem"));
        let mut make = Command::new("openssl");
        make.args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=cratos",
            "-keyout",
        ]);
        output(make.arg(&key).arg("-out").arg(&certificate));
        let both = [fs::read(&key).unwrap(), fs::read(&certificate).unwrap()].concat();
        self.write("both.pem", both);
        let mut show = Command::new("openssl");
        let shown = output(
            show.args(["x509", "-noout", "-fingerprint", "-sha1", "-in"])
                .arg(certificate),
        );
        let (_, pairs) = shown.trim().split_once('=').unwrap();
        pairs.replace(':', "").to_lowercase()
    }

    /// Loads rules as `suricata -T` does, and returns their number and what Suricata prints.
    ///
    /// # Panics
    /// If Suricata refuses one.
    #[must_use]
    pub fn test(&self, rules: &str) -> (Loaded, String) {
        self.write("cratos.rules", rules);
        let run = self.command("cratos.rules").arg("-T").output().unwrap();
        let said = [run.stdout, run.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(run.status.success(), "suricata -T ended with {}: {said}", run.status);
        (loaded(&said), said)
    }

    /// Shows Suricata the conversations, and returns for each message of a rule the conversations that it came in.
    ///
    /// The packets are those of `packets.py`: a conversation is a map such as `{"dns": "evil.example"}`.
    ///
    /// # Panics
    /// If Suricata refuses a rule, or the packets cannot be made.
    #[must_use]
    pub fn fired(&self, rules: &str, conversations: &[Value]) -> BTreeMap<String, BTreeSet<usize>> {
        let mut fired: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for event in self.events(rules, conversations) {
            if event["event_type"] == "alert" {
                let ports = [&event["src_port"], &event["dest_port"]];
                let mut places = ports
                    .into_iter()
                    .filter_map(|port| port.as_u64()?.checked_sub(FIRST_PORT));
                let place = usize::try_from(places.next().unwrap()).unwrap();
                let message = event["alert"]["signature"].as_str().unwrap();
                fired.entry(message.to_owned()).or_default().insert(place);
            }
        }
        fired
    }

    /// Shows Suricata the conversations, and returns its events.
    ///
    /// # Panics
    /// If Suricata refuses a rule, or the packets cannot be made.
    #[must_use]
    pub fn events(&self, rules: &str, conversations: &[Value]) -> Vec<Value> {
        if !self.path("both.pem").exists() {
            let _ = self.certificate();
        }
        let packets = self.path("packets.pcap");
        let mut python = Command::new(&self.python);
        python.args(["-c", PACKETS]).arg(&packets).arg(self.path("both.pem"));
        let mut running = python.stdin(Stdio::piped()).spawn().unwrap();
        let told = serde_json::to_vec(conversations).unwrap();
        running.stdin.take().unwrap().write_all(&told).unwrap();
        assert!(running.wait().unwrap().success(), "the packets cannot be made");
        self.suricata.forget_events();
        self.write("cratos.rules", rules);
        output(self.command("cratos.rules").arg("-r").arg(packets));
        self.suricata
            .events()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn command(&self, rules: &str) -> Command {
        let mut command = self.suricata.command();
        command.arg("-S").arg(self.path(rules));
        // The packets have checksums, and Suricata should check them.
        command.args(["-v", "-k", "all", "--runmode", "single", "--init-errors-fatal"]);
        command
    }
}

/// Reads `1 rule files processed. 7 rules successfully loaded, 0 rules failed`.
fn loaded(said: &str) -> Loaded {
    let number_before = |words: &str| {
        let (before, _) = said
            .split_once(words)
            .unwrap_or_else(|| panic!("no {words:?} in: {said}"));
        before.rsplit(' ').next().unwrap().parse().unwrap()
    };
    Loaded {
        rules: number_before(" rules successfully loaded"),
        failed: number_before(" rules failed"),
    }
}

fn output(command: &mut Command) -> String {
    let run = command.output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{command:?} ended with {}: {said}", run.status);
    String::from_utf8(run.stdout).unwrap()
}
