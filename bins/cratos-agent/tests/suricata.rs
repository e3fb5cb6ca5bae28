//! A real Suricata that runs, and the agent that gives it its rules.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

#[path = "../../../crates/enforcement/tests/support/mod.rs"]
mod support;

mod net;
mod sensor;

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, TcpListener};
use std::path::Path;
use std::process::Output;

use net::{HOST, LISTED_V4, LISTED_V6, Pair};
use sensor::Sensor;
use support::{Answer, Host, StandIn};
use test_peers::until;

/// A host with a Suricata, the agent's configuration, and the server that it asks.
struct Sensing {
    sensor: Sensor,
    host: Host,
    server: StandIn,
    pair: Pair,
}

impl Sensing {
    /// With addresses, fingerprints (`ja4`) and names from the server; `more` is for the section of the target.
    fn new(more: &str) -> Option<Self> {
        let pair = Pair::new()?;
        let server = StandIn::on(pair.host.inside(|| TcpListener::bind("127.0.0.1:0").unwrap()));
        let mut host = Host::new(&server);
        let sensor = Sensor::start(&pair.host, host.dir.path())?;
        let feed = |name, kind| format!("  - {{name: {name}, feed: block, type: {kind}, age: 1w}}\n");
        host.feeds = feed("addresses", "ip") + &feed("clients", "ja4") + &feed("names", "domain");
        let section = Sensor::section(host.dir.path(), more);
        host.targets = format!(
            "  - {{name: sensor, feeds: [addresses, clients, names], limits: {{max_change: 1000000}}, suricata: {section}}}\n"
        );
        let sensing = Self {
            sensor,
            host,
            server,
            pair,
        };
        sensing.lists(&[], &[]);
        sensing.names(&[]);
        Some(sensing)
    }

    fn lists(&self, addresses: &[&str], clients: &[&str]) {
        self.server.answer("type/ip/", Answer::feed(addresses));
        self.server.answer("type/ja4/", Answer::feed(clients));
    }

    fn names(&self, names: &[&str]) {
        self.server.answer("type/domain/", Answer::feed(names));
    }

    fn apply(&self) -> Output {
        let mut command = self.pair.host.command(env!("CARGO_BIN_EXE_cratos-agent"));
        let command = command.arg("--config").arg(self.host.config_file()).arg("apply");
        command.output().unwrap()
    }

    fn applied(&self) {
        let output = self.apply();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Asks for these names, each below `word`, until `end` alerts, which is asked for after them; returns those that
    /// alert.
    fn asked(&self, word: &str, names: &[&str], end: &str) -> BTreeSet<String> {
        let [host, _] = HOST;
        let ask = |name: &str| {
            let socket = self.pair.begin("203.0.113.2", host);
            socket.connect((host, 53)).unwrap();
            socket.send(&query(&format!("{word}.{name}"))).unwrap();
        };
        let seen = || self.sensor.asked_names();
        until("the last name alerts", || {
            names.iter().chain([&end]).for_each(|name| ask(name));
            seen().contains(&format!("{word}.{end}"))
        });
        let of_word = |name: String| name.strip_prefix(&format!("{word}.")).map(str::to_owned);
        seen()
            .into_iter()
            .filter_map(of_word)
            .filter(|name| name != end)
            .collect()
    }

    /// Sends from the listed and the unlisted addresses until there is an alert of each listed one; returns all alerts.
    fn alerts(&self) -> BTreeSet<(String, IpAddr)> {
        let [v4, v6] = HOST;
        let ways = [
            ("203.0.113.2", v4),
            ("3fff:77::2", v6),
            (LISTED_V4, v4),
            (LISTED_V6, v6),
        ];
        let sockets = ways.map(|(from, to)| self.pair.begin(from, to));
        until("the listed ones alert", || {
            for socket in &sockets {
                // The port is closed, and the host answers that.
                let _ = socket.send(b"ping");
            }
            let ends: BTreeSet<IpAddr> = self.sensor.alerts().into_iter().map(|(_, end)| end).collect();
            [LISTED_V4, LISTED_V6]
                .iter()
                .all(|listed| ends.contains(&listed.parse().unwrap()))
        });
        self.sensor.alerts()
    }
}

/// A question for the address of a name.
fn query(name: &str) -> Vec<u8> {
    let mut bytes = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, 1, 0, 1]);
    bytes
}

/// The alerts of both listed addresses with this message.
fn both(message: &str) -> BTreeSet<(String, IpAddr)> {
    [LISTED_V4, LISTED_V6]
        .map(|end| (message.to_owned(), end.parse().unwrap()))
        .into()
}

#[test]
fn what_is_listed_alerts_in_a_running_suricata_after_one_reload() {
    let Some(sensing) = Sensing::new("") else { return };
    let many: Vec<String> = (0..200).map(|number| format!("198.51.100.{number}")).collect();
    let mut listed: Vec<&str> = many.iter().map(String::as_str).collect();
    listed.extend([LISTED_V4, LISTED_V6, "no address", "2001:db8::/32"]);
    assert_eq!(sensing.sensor.rules(), 0);
    sensing.lists(&listed, &[]);
    sensing.applied();
    assert_eq!((sensing.sensor.rules(), sensing.sensor.reloads()), (203, 1));
    assert_eq!(sensing.alerts(), both("Cratos ip in IP packet"));
    sensing.applied();
    assert_eq!(sensing.sensor.reloads(), 1, "nothing new is nothing to load");
}

#[test]
fn a_list_of_names_that_changed_is_read_again_by_a_running_suricata() {
    let Some(sensing) = Sensing::new("") else { return };
    let asked = ["evil.example", "old.example", "new.example", "a.new.example"];
    sensing.names(&["evil.example", "old.example", "last.example"]);
    sensing.applied();
    assert_eq!((sensing.sensor.rules(), sensing.sensor.reloads()), (3, 1));
    let alerted = sensing.asked("www", &asked, "last.example");
    assert_eq!(alerted, ["evil.example", "old.example"].map(str::to_owned).into());
    sensing.names(&["evil.example", "new.example", "last.example"]);
    sensing.applied();
    assert_eq!((sensing.sensor.rules(), sensing.sensor.reloads()), (3, 2));
    let alerted = sensing.asked("mail", &asked, "last.example");
    let now = ["a.new.example", "evil.example", "new.example"];
    assert_eq!(alerted, now.map(str::to_owned).into());
}

#[test]
fn a_reputation_list_alerts_by_the_operators_rule() {
    let Some(sensing) = Sensing::new(", reputation: true") else {
        return;
    };
    sensing.lists(&[LISTED_V4, LISTED_V6, "198.51.100.0/24"], &[]);
    sensing.applied();
    assert_eq!((sensing.sensor.rules(), sensing.sensor.reloads()), (0, 1));
    assert_eq!(sensing.alerts(), both("own"));
}

#[test]
fn rules_that_suricata_refuses_leave_those_that_it_has() {
    let Some(sensing) = Sensing::new("") else { return };
    sensing.lists(&[LISTED_V4, LISTED_V6], &[]);
    sensing.names(&["old.example"]);
    sensing.applied();
    let rules =
        || ["cratos.rules", "cratos-domain.lst"].map(|file| fs::read(sensing.host.path("rules").join(file)).unwrap());
    let before = rules();
    // A Suricata that is configured without fingerprints refuses rules with one.
    forbid_ja4(&sensing.host.path("suricata.yaml"));
    sensing.lists(
        &[LISTED_V4, LISTED_V6, "192.0.2.1"],
        &["t13d1516h2_8daaf6152771_b186095e22b6"],
    );
    sensing.names(&["old.example", "new.example"]);
    let refused = sensing.apply();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stdout).into_owned() + &String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("suricata ended with"), "{said}");
    assert!(rules() == before, "the old files are not back");
    assert_eq!(sensing.sensor.rules(), 5);
    assert_eq!(sensing.alerts(), both("Cratos ip in IP packet"));
}

fn forbid_ja4(configuration: &Path) {
    let text = fs::read_to_string(configuration).unwrap();
    let told = text.replace("ja4-fingerprints: yes", "ja4-fingerprints: no");
    assert_ne!(told, text);
    fs::write(configuration, told).unwrap();
}
