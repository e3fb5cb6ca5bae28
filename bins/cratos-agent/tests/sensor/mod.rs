//! A real Suricata that listens on the host's end of the cable.

#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufReader, Write as _};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use test_peers::{Peer, Suricata, until};

use crate::net::{HOST, Namespace};

/// The part of the configuration that a Suricata on a cable needs.
const LIVE: &str = "\
rule-files: [cratos.rules, own.rules]
af-packet:
  - {interface: wire, threads: 1, cluster-id: 77, cluster-type: cluster_flow}
unix-command: {enabled: yes, filename: FOLDER/suricata.socket}
logging:
  outputs:
    - file: {enabled: yes, level: info, filename: suricata.log}
";

/// Rules of the operator, beside ours: one for the reputation list.
const OWN_RULES: &str = "alert ip any any -> any any (msg:\"own\"; iprep:any,cratos,>,0; sid:1;)\n";

/// A Suricata that runs, and the folder it works in.
#[derive(Debug)]
pub(crate) struct Sensor {
    folder: PathBuf,
    suricata: Suricata,
    _peer: Peer,
}

impl Sensor {
    /// Starts one, with an operator's rules and none of ours, or says that there is none.
    pub(crate) fn start(host: &Namespace, folder: &Path) -> Option<Self> {
        let suricata = Suricata::new(folder, "rules", "alert", LIVE)?;
        suricata.write_rules("cratos.rules", "");
        suricata.write_rules("own.rules", OWN_RULES);
        let words = suricata.words();
        let mut command = host.command(&words[0]);
        command.args(&words[1..]);
        // No side of this cable computes checksums.
        command.args(["--af-packet=wire", "-k", "none"]);
        let sensor = Self {
            folder: folder.to_owned(),
            suricata,
            _peer: Peer::start(command.stdout(Stdio::null()).stderr(Stdio::null())),
        };
        until("Suricata answers", || sensor.ask("uptime").is_some());
        Some(sensor)
    }

    /// The section `suricata` of a target that enforces here.
    pub(crate) fn section(folder: &Path, more: &str) -> String {
        let folder = folder.display();
        format!(
            "{{directory: {folder}/rules, socket: {folder}/suricata.socket, test: [suricata, -T, -c, {folder}/suricata.yaml, -l, {folder}]{more}}}"
        )
    }

    /// Returns how many rules it has loaded, the operator's not counted.
    pub(crate) fn rules(&self) -> u64 {
        let answer = self.ask("ruleset-stats").unwrap();
        assert_eq!(answer["message"][0]["rules_failed"], 0, "{answer}");
        answer["message"][0]["rules_loaded"].as_u64().unwrap() - 1
    }

    /// Returns how often it has loaded its rules anew.
    pub(crate) fn reloads(&self) -> usize {
        let log = fs::read_to_string(self.folder.join("suricata.log")).unwrap();
        log.matches("rule reload complete").count()
    }

    /// Returns the names that were asked for in queries that alert.
    pub(crate) fn asked_names(&self) -> BTreeSet<String> {
        // The first is of Suricata 7, the second of Suricata 8.
        let places = ["/dns/query/0/rrname", "/dns/queries/0/rrname"];
        let name = |event: &Value| {
            places
                .iter()
                .find_map(|place| event.pointer(place)?.as_str().map(str::to_owned))
        };
        self.events().iter().filter_map(name).collect()
    }

    /// Returns message and far end of every alert, each once.
    pub(crate) fn alerts(&self) -> BTreeSet<(String, IpAddr)> {
        let end = |value: &Value| value.as_str().unwrap().parse::<IpAddr>().unwrap();
        let alert = |event: Value| {
            let message = event["alert"]["signature"].as_str().unwrap().to_owned();
            let (from, to) = (end(&event["src_ip"]), end(&event["dest_ip"]));
            let is_ours = HOST.iter().any(|host| host.parse() == Ok(from));
            (message, if is_ours { to } else { from })
        };
        self.events().into_iter().map(alert).collect()
    }

    fn events(&self) -> Vec<Value> {
        let events = self.suricata.events();
        // The last line may be half written.
        let events = events.lines().filter_map(|line| serde_json::from_str(line).ok());
        events.collect()
    }

    /// Asks over the socket, as `suricatasc` does.
    fn ask(&self, command: &str) -> Option<Value> {
        let mut stream = UnixStream::connect(self.folder.join("suricata.socket")).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
        let mut answers = serde_json::Deserializer::from_reader(BufReader::new(stream.try_clone().ok()?)).into_iter();
        let mut answer = |question: Value| {
            stream.write_all(format!("{question}\n").as_bytes()).ok()?;
            answers.next()?.ok()
        };
        answer(json!({ "version": "0.2" })).and_then(|_: Value| answer(json!({ "command": command })))
    }
}
