//! The real programs that tests speak to, installed where that can be done: Debian packages, and Python packages in a
//! folder of their own below `target`.
//!
//! A test that needs another one adds a line here and asks for it through the crate `test-peers`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::cargo::{is_here, run as run_command, target_dir};
use crate::outcome::Outcome;

mod backports;
mod quiet;
mod unpacked;

/// Each program, and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("adduser", "adduser"),
    ("clamscan", "clamav"),
    ("curl", "curl"),
    ("dnsmasq", "dnsmasq-base"),
    ("dpkg-shlibdeps", "dpkg-dev"),
    ("faketime", "faketime"),
    ("haproxy", "haproxy"),
    ("ip", "iproute2"),
    ("ipset", "ipset"),
    ("iptables", "iptables"),
    ("jq", "jq"),
    ("memcached", "memcached"),
    ("named", "bind9"),
    ("named-checkzone", "bind9-utils"),
    ("nft", "nftables"),
    ("nginx", "nginx-light"),
    ("openssl", "openssl"),
    ("postmap", "postfix"),
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    ("python3", "python3"),
    ("redis-server", "redis-server"),
    ("saslpasswd2", "sasl2-bin"),
    ("squid", "squid"),
    ("unbound", "unbound"),
    ("setpriv", "util-linux"),
    ("systemd-analyze", "systemd"),
    ("update-ca-certificates", "ca-certificates"),
    ("wget", "wget"),
    ("yara", "yara"),
];

/// As [`PROGRAMS`], of which the tests of some can be left out where they cannot be had: not every release has them,
/// not every archive its backports.
///
/// Ubuntu has Chromium as a snap only, which has no `chromium-driver` and does not run as root in a container.
const OPTIONAL: &[(&str, &str)] = &[
    ("chromedriver", "chromium-driver"),
    ("chromium", "chromium"),
    ("pdns_recursor", "pdns-recursor"),
    ("rspamd", "rspamd"),
    ("suricata", "suricata"),
];

/// What brings `python3 -m venv`.
const VENV_PACKAGE: &str = "python3-venv";

/// Python packages with their versions, as `pip` takes them: independent readers of what we write.
const PYTHON: &[&str] = &[
    "adblockparser==0.7",
    "idstools==0.6.5",
    "openapi-spec-validator==0.7.2",
    "pysigma==2.0.1",
    "python-jsonpath==2.2.2",
    "pyzmq==27.3.0",
    "scapy==2.8.0",
    "stix2-patterns==2.1.2",
    "stix2-validator==3.3.2",
    "stix2==3.0.2",
    "suricataparser==1.0.0",
];

const SERVER_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

pub(crate) fn run() -> anyhow::Result<Outcome> {
    if let Err(error) = install(&missing_of(PROGRAMS)) {
        return left_out(&error);
    }
    if let Err(error) = python_packages() {
        return left_out(&error);
    }
    optional()
}

/// Returns the packages of those programs that are not here.
fn missing_of(programs: &[(&str, &'static str)]) -> Vec<&'static str> {
    let missing = programs.iter().filter(|(program, _)| !is_found(program));
    missing.map(|(_, package)| *package).collect()
}

/// Installs what may be missing, from the release or its backports, and writes down what could not be had: only a test
/// of a program that stands there is left out in CI (`test_peers::program`).
fn optional() -> anyhow::Result<Outcome> {
    let peers = target_dir()?.join("peers");
    std::fs::create_dir_all(&peers).context("target/peers")?;
    let packages = missing_of(OPTIONAL);
    let installed = packages.iter().try_for_each(|package| {
        install(&[package]).or_else(|of_release| {
            if !is_root() || !is_found("apt-get") {
                return Err(of_release);
            }
            eprintln!("not in the release: {of_release:#}");
            backports::install(&[package], &peers.join("apt"))
        })
    });
    let installed = installed.and(unpacked::unpack(&peers));
    let absent: Vec<&str> = OPTIONAL
        .iter()
        .map(|(program, _)| *program)
        .filter(|program| !is_found(program))
        .chain(unpacked::absent(&peers))
        .collect();
    std::fs::write(peers.join("absent"), absent.join("\n")).context("target/peers/absent")?;
    match installed {
        Err(error) => Ok(Outcome::Skipped(format!(
            "tests of {} are left out: {error:#}",
            absent.join(", ")
        ))),
        Ok(()) => Ok(Outcome::Passed),
    }
}

/// In CI nothing is left out unseen; elsewhere the tests that lack something say so and are skipped.
fn left_out(error: &anyhow::Error) -> anyhow::Result<Outcome> {
    if std::env::var_os("CI").is_some() {
        bail!("{error:#}");
    }
    Ok(Outcome::Skipped(format!("{error:#}; tests that need it are skipped")))
}

fn is_found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(SERVER_FOLDERS.iter().map(PathBuf::from));
    folders.any(|folder| folder.join(program).is_file())
}

/// Installs Debian packages.
fn install(packages: &[&str]) -> anyhow::Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if !is_found("apt-get") {
        bail!(
            "this is no Debian, so these must come from elsewhere: {}",
            packages.join(" ")
        );
    }
    if !is_root() {
        bail!("missing; install with: sudo {command}");
    }
    apt_get(&["update", "-q"])?;
    apt_get(&[&["install", "-y", "-q", "--no-install-recommends"], packages].concat())
}

/// Runs `apt-get`. The servers among what it installs are neither started nor enabled: tests start their own.
fn apt_get(words: &[&str]) -> anyhow::Result<()> {
    let mut command = quiet::command("apt-get", words)?;
    command.env("DEBIAN_FRONTEND", "noninteractive");
    run_command(&mut command)
}

/// Returns whether this process runs as root.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Makes the folder that `test_peers::python` looks for; a list of its packages shows whether it is current.
fn python_packages() -> anyhow::Result<()> {
    let peers = target_dir()?.join("peers");
    let (venv, list) = (peers.join("venv"), peers.join("venv/packages"));
    let wanted = PYTHON.join("\n");
    if std::fs::read_to_string(&list).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    let python = if Path::new("/usr/bin/python3").exists() {
        "/usr/bin/python3"
    } else {
        "python3"
    };
    if !is_here(Command::new(python).args(["-m", "ensurepip", "--version"])) {
        install(&[VENV_PACKAGE])?;
    }
    std::fs::create_dir_all(&peers).context("target/peers")?;
    run_command(Command::new(python).args(["-m", "venv", "--clear"]).arg(&venv))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run_command(Command::new(venv.join("bin/python")).args(pip).args(PYTHON))?;
    std::fs::write(&list, wanted).context("target/peers/venv/packages")
}
