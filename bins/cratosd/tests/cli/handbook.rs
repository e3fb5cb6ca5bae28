//! What the handbook and the README say to type works, and what they say to write is read: every fenced block is taken
//! by a test.
//!
//! A page is played in a world of its own: a directory in the place of `/etc/cratos`, the sample MISP as the site, and
//! a daemon when a line asks one. The names of documentation in a block are replaced by those of the world, and nothing
//! else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use misp_sim::{RunningSim, Sim};
use rustix::process::Signal;
use test_peers::handbook::{Block, blocks};

use crate::support::{Daemon, cratosd, run_with};

/// The kinds of blocks, and the test that reads each. A new kind needs a test that reads it.
const KINDS: [(&str, &str); 16] = [
    ("run", "this file: typed into bash"),
    ("config/config.yaml", "this file: written into that file, then checked"),
    (
        "sites/misp.example.net.yaml",
        "this file: written into that file, then checked",
    ),
    ("prometheus", "monitoring.rs: read by the real program"),
    ("haproxy", "this file: read by the real program"),
    ("supervisor", "this file: its command starts"),
    ("nft", "this file: read by the real program"),
    ("unbound", "this file: read by the real program"),
    (
        "suricata",
        "feed-classification/tests/suricata: loaded by the real program",
    ),
    ("answer", "this file: is JSON; the pages' own tests hold the shape"),
    ("output", "nothing to type: what a program writes"),
    ("agent", "bins/cratos-agent/tests/handbook.rs: typed into bash"),
    ("chore", "xtask/src/main.rs: the command exists"),
    (
        "custom-exporter",
        "this file: is a part of the crate in docs/custom-exporter, which CI builds and tests",
    ),
    (
        "install",
        "`cargo xtask package`: typed as root, on a copy of the machine's system",
    ),
    ("package", "the same, with the Debian packages at hand"),
];

/// Keys that stand for each other: a block that sets one takes the other out.
const ALTERNATIVES: [(&str, &str); 1] = [("encryption_keys", "encryption_key")];

/// What `bash` runs before a block: servers are started, seen to listen, and stopped; a request that fails ends the
/// block.
const PRELUDE: &str = r#"
set -euo pipefail
cratosd() {
    if [[ ! " $* " =~ " serve " && ! " $* " =~ " demo " ]]; then command cratosd "$@"; return; fi
    : > served.log
    # The port of the demo may be taken.
    if [[ " $* " =~ " demo " ]]; then export CRATOS_LISTEN=127.0.0.1:0; fi
    command cratosd "$@" > served.log 2>&1 &
    local server=$!
    until grep -q 'listening on' served.log; do
        kill -0 "$server" || { cat served.log; return 1; }
        sleep 0.05
    done
    kill -INT "$server"
    wait "$server"
}
curl() { command curl --fail-with-body --silent --show-error "$@"; }
editor() { cat "$MISP_KEY" > "$1"; }
"#;

/// Where one page is played.
struct World {
    folder: tempfile::TempDir,
    misp: RunningSim,
    daemon: Option<(Daemon, String)>,
    /// The page makes its configuration itself.
    page_inits: bool,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self {
            misp: misp_sim::demo().start_now().unwrap(),
            daemon: None,
            page_inits: false,
            folder,
        };
        for name in ["bin", "state", "etc"] {
            fs::create_dir(world.path(name)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cratosd"), world.path("bin/cratosd")).unwrap();
        let alert = r#"{"event_type":"alert","dest_ip":"198.51.100.7","timestamp":"2026-11-22T00:43:55.000000+0000"}"#;
        fs::write(world.path("eve.json"), format!("{alert}\n")).unwrap();
        fs::write(world.path("key"), Sim::REPORTER_KEY).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn etc(&self) -> PathBuf {
        self.path("etc/cratos")
    }

    /// Makes a configuration as the quick start does, unless the page did, and the files that lines name.
    fn furnish(&self) {
        if !self.etc().exists() {
            if self.page_inits {
                return;
            }
            self.bash("cratosd init /etc/cratos --site misp.example.net --tag example --allow-ip 192.0.2.0/24");
        }
        for name in ["misp.key", "sensor.key"] {
            fs::write(self.etc().join(name), Sim::REPORTER_KEY).unwrap();
        }
        for name in ["fw1.token", "firewalls.old", "all.tokens"] {
            fs::write(self.etc().join(name), format!("{}\n", self.token())).unwrap();
        }
    }

    /// Returns a new token that may do everything.
    fn token(&self) -> String {
        let line = "cratosd token mint --site misp.example.net --auth-key-file misp.key --expires 2099-12-31 --label handbook \
                    --permission lookup,context,stream,sightings,operate,clear_cache";
        self.bash(line).trim().to_owned()
    }

    /// Returns the address of a daemon with the files as they are now.
    fn base(&mut self) -> String {
        if self.daemon.is_none() {
            let mut command = cratosd(&self.etc(), &["serve", "--listen", "127.0.0.1:0"]);
            command.env("STATE_DIRECTORY", self.path("state"));
            let mut daemon = Daemon::start(command);
            let base = format!("http://{}", daemon.address());
            self.daemon = Some((daemon, base));
        }
        self.daemon.as_ref().unwrap().1.clone()
    }

    /// Ends the daemon: the files have changed.
    fn stop(&mut self) {
        if let Some((mut daemon, _)) = self.daemon.take() {
            daemon.signal(Signal::TERM);
            assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.stderr());
        }
    }

    fn plays(&mut self, block: &Block) {
        if block.kind == "run" {
            self.furnish();
            self.types(block);
        } else {
            self.furnish();
            self.writes(block);
        }
    }

    fn types(&mut self, block: &Block) {
        let mut text = block.text.clone();
        if text.contains("$TOKEN") {
            let base = self.base();
            for server in [
                "https://cratos.example.net",
                "http://192.0.2.10:8080",
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8081",
            ] {
                text = text.replace(server, &base);
            }
            let lines = text.lines().map(|line| match line.starts_with("curl -N ") {
                // It never ends by itself.
                true => format!("{line} 2> /dev/null | head -n 5 || true"),
                false => line.to_owned(),
            });
            text = format!("TOKEN={}\n{}", self.token(), lines.collect::<Vec<_>>().join("\n"));
        }
        // One block goes on where the one before it on the page ended.
        let said = self.bash_at(&text, &block.place());
        let is_answered = !block.text.contains("curl -N ") || said.contains("event: snapshot");
        assert!(is_answered, "{}: {said}", block.place());
    }

    fn writes(&mut self, block: &Block) {
        self.stop();
        let file = self.etc().join(self.named(&block.kind));
        let text = self.named(&block.text);
        let key_of = |line: &str| {
            line.split_once(':')
                .filter(|_| !line.starts_with([' ', '#', '-']))
                .map(|(key, _)| key.to_owned())
        };
        let mut replaced: BTreeSet<String> = text.lines().filter_map(key_of).collect();
        for (key, other) in ALTERNATIVES {
            if replaced.contains(key) {
                replaced.insert(other.to_owned());
            }
        }
        let mut kept = String::new();
        let mut is_kept = true;
        for line in fs::read_to_string(&file).unwrap().lines() {
            if let Some(key) = key_of(line) {
                is_kept = !replaced.contains(&key);
            }
            if is_kept {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        fs::write(&file, format!("{kept}{text}")).unwrap();
        self.makes_files_of(&text, file.parent().unwrap());
        let said = run_with(cratosd(&self.etc(), &["check"]), "");
        assert_eq!(said.code, Some(0), "{}:\n{}{}", block.place(), said.stdout, said.stderr);
    }

    /// Makes the certificates and passwords that a block names.
    fn makes_files_of(&self, text: &str, beside: &Path) {
        for line in text.lines() {
            let Some(name) = line
                .split('"')
                .nth(1)
                .filter(|name| name.ends_with(".pem") || name.ends_with("_password"))
            else {
                continue;
            };
            let path = beside.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if name.ends_with(".pem") {
                let (key, certificate) = (path.with_file_name("privkey.pem"), path.with_file_name("fullchain.pem"));
                if !certificate.exists() {
                    let subject = [
                        "-subj",
                        "/CN=cratos.example.net",
                        "-days",
                        "90",
                        "-nodes",
                        "-newkey",
                        "ec",
                    ];
                    let curve = ["-pkeyopt", "ec_paramgen_curve:prime256v1"];
                    let mut command = Command::new("openssl");
                    command.args(["req", "-x509"]).args(subject).args(curve);
                    command.arg("-keyout").arg(key).arg("-out").arg(&certificate);
                    assert!(command.output().unwrap().status.success());
                }
                if !path.exists() {
                    fs::copy(&certificate, &path).unwrap();
                }
            } else {
                fs::write(&path, "password\n").unwrap();
            }
        }
    }

    /// Replaces the names of documentation by those of this world.
    fn named(&self, text: &str) -> String {
        let folder = self.folder.path().display();
        let listen = ["192.0.2.10:8080", "127.0.0.1:8080", "127.0.0.1:8081"]
            .iter()
            .fold(text.to_owned(), |text, address| {
                text.replace(&format!("--listen {address}"), "--listen 127.0.0.1:0")
            });
        [
            ("/etc/cratos", format!("{folder}/etc/cratos")),
            ("/var/lib/cratos", format!("{folder}/state")),
            ("/var/log/suricata/eve.json", format!("{folder}/eve.json")),
            ("misp.example.net", "127.0.0.1".to_owned()),
            ("192.0.2.0/24", "127.0.0.0/8".to_owned()),
            ("192.0.2.10", "127.0.0.1".to_owned()),
            ("192.0.2.1", "127.0.0.1".to_owned()),
        ]
        .into_iter()
        .fold(listen, |text, (name, ours)| text.replace(name, &ours))
    }

    fn bash(&self, text: &str) -> String {
        self.bash_at(text, text)
    }

    fn bash_at(&self, text: &str, place: &str) -> String {
        let folder = if self.etc().exists() {
            self.etc()
        } else {
            self.folder.path().to_owned()
        };
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("bash")
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("no_proxy", "*")
            .env("CRATOS_PROTO", "http")
            .env("CRATOS_PORT", self.misp.addr().port().to_string())
            .env("MISP_KEY", self.path("key"))
            .args(["-c", &format!("{PRELUDE}{}", self.named(text))])
            .output()
            .unwrap();
        let [said, complaint] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(
            output.status.success(),
            "{place}: {}\n{said}\n{complaint}",
            output.status
        );
        said
    }
}

#[test]
fn every_block_of_the_handbook_is_taken_by_a_test() {
    let blocks = blocks();
    assert!(blocks.len() > 40, "{}", blocks.len());
    for block in &blocks {
        let is_known = KINDS.iter().any(|(kind, _)| *kind == block.kind);
        assert!(
            is_known,
            "{}: write behind ```{} which test takes the block: {}",
            block.place(),
            block.language,
            KINDS.map(|(kind, test)| format!("{kind} ({test})")).join(", ")
        );
    }
}

#[test]
fn every_command_and_file_of_the_daemons_pages_works() {
    for program in ["bash", "curl", "openssl", "jq"] {
        if test_peers::program(program).is_none() {
            return;
        }
    }
    let ours: Vec<Block> = blocks()
        .into_iter()
        .filter(|block| block.kind == "run" || block.kind.ends_with(".yaml"))
        .collect();
    let pages: BTreeSet<&str> = ours.iter().map(|block| block.page.as_str()).collect();
    assert!(pages.len() > 8, "{pages:?}");
    for page in pages {
        let blocks = || ours.iter().filter(|block| block.page == page);
        let mut world = World::new();
        world.page_inits = blocks().any(|block| block.text.contains("cratosd init"));
        for block in blocks() {
            world.plays(block);
        }
        world.stop();
    }
}

/// `packaging/nginx/cratos.conf` says in a comment what cratosd needs behind it.
#[test]
fn the_settings_that_a_shipped_file_asks_for_are_valid() {
    let text = include_str!("../../../../packaging/nginx/cratos.conf");
    let settings: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("#   "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(
        settings.contains("listen:") && settings.contains("reverse_proxy:"),
        "{settings}"
    );
    let mut world = World::new();
    world.furnish();
    world.writes(&Block {
        page: "packaging/nginx/cratos.conf".to_owned(),
        line: 1,
        language: "yaml".to_owned(),
        kind: "config/config.yaml".to_owned(),
        text: settings,
    });
}

#[test]
fn the_command_that_supervisor_runs_starts() {
    let blocks: Vec<Block> = blocks()
        .into_iter()
        .filter(|block| block.kind == "supervisor")
        .collect();
    assert!(!blocks.is_empty());
    let shipped = include_str!("../../../../packaging/supervisor/cratosd.conf");
    for block in &blocks {
        let world = World::new();
        world.furnish();
        let setting = |name: &str| {
            block
                .text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        world.bash_at(&setting("command").unwrap().replace("/usr/bin/", ""), &block.place());
        for name in ["autorestart", "exitcodes", "stopwaitsecs"] {
            let line = format!("{name}={}\n", setting(name).unwrap());
            assert!(
                shipped.contains(&line),
                "{}: the shipped file has no {line}",
                block.place()
            );
        }
    }
}

#[test]
fn every_answer_in_the_handbook_is_json() {
    for block in blocks().iter().filter(|block| block.kind == "answer") {
        let answer = serde_json::from_str::<serde_json::Value>(&block.text);
        assert!(answer.is_ok(), "{}: {answer:?}", block.place());
    }
}

#[test]
fn the_page_of_the_custom_exporter_shows_the_crate() {
    let files = [
        ("rust", include_str!("../../../../docs/custom-exporter/src/main.rs")),
        ("toml", include_str!("../../../../docs/custom-exporter/Cargo.toml")),
    ];
    let ours: Vec<Block> = blocks()
        .into_iter()
        .filter(|block| block.kind == "custom-exporter")
        .collect();
    for (language, file) in files {
        let mut shown = ours.iter().filter(|block| block.language == language).peekable();
        assert!(shown.peek().is_some(), "{language}");
        for block in shown {
            assert!(file.contains(&block.text), "{}: the file is another", block.place());
        }
    }
    let [(_, main), _] = files;
    assert!(main.lines().count() < 60, "a format is a page of code");
}

/// Writes the blocks of one kind to a file each, and has a real program read it.
fn read_by(kind: &str, program: &str, wrap: impl Fn(&str) -> String, words: impl Fn(&Path) -> Vec<String>) {
    let Some(program) = test_peers::program(program) else {
        return;
    };
    let blocks: Vec<Block> = blocks().into_iter().filter(|block| block.kind == kind).collect();
    assert!(!blocks.is_empty(), "{kind}");
    for block in blocks {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("block.conf");
        fs::write(&file, wrap(&block.text)).unwrap();
        let output = Command::new(&program)
            .current_dir(folder.path())
            .args(words(&file))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {output:?}", block.place());
    }
}

#[test]
fn haproxy_reads_its_block() {
    let frame = |text: &str| {
        let times = "timeout connect 1s\n    timeout client 1s\n    timeout server 1s";
        format!(
            "defaults\n    mode tcp\n    {times}\nfrontend devices\n    bind 127.0.0.1:18443\n    default_backend cratos\n{text}"
        )
    };
    read_by("haproxy", "haproxy", frame, |file| {
        vec!["-c".into(), "-f".into(), file.display().to_string()]
    });
}

#[test]
fn nft_reads_its_block() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may ask nft");
        return;
    }
    read_by("nft", "nft", str::to_owned, |file| {
        vec!["-c".into(), "-f".into(), file.display().to_string()]
    });
}

#[test]
fn unbound_reads_its_block() {
    read_by("unbound", "unbound-checkconf", str::to_owned, |file| {
        vec![file.display().to_string()]
    });
}
