//! The daemon's package: a first configuration that is valid and that only the daemon's user can read.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use anyhow::{Context as _, ensure};

use super::sandbox::Sandbox;
use super::trial::Trial;

pub(crate) const TRIAL: Trial = Trial {
    package: "cratosd",
    user: "cratos",
    home: "/var/lib/cratos",
    paths: &[
        ("/etc/cratos", "root:cratos 750"),
        ("/etc/cratos/config", "root:cratos 750"),
        ("/etc/cratos/config/config.yaml", "root:cratos 640"),
        ("/etc/cratos/config/mappings.yaml", "root:cratos 640"),
        ("/etc/cratos/sites", "root:cratos 750"),
        ("/etc/cratos/sites/misp.example.net.yaml", "root:cratos 640"),
        ("/usr/bin/cratosd", "root:root 755"),
        ("/usr/lib/systemd/system/cratosd.service", "root:root 644"),
        ("/usr/share/bash-completion/completions/cratosd", "root:root 644"),
        ("/usr/share/doc/cratosd/changelog.gz", "root:root 644"),
        ("/usr/share/doc/cratosd/copyright", "root:root 644"),
        ("/usr/share/man/man1/cratosd.1.gz", "root:root 644"),
        ("/var/lib/cratos", "cratos:cratos 750"),
        ("/var/log/cratos", "cratos:cratos 750"),
    ],
    units: &["cratosd.service", "cratosd.socket"],
    configuration: ("/etc/cratos", "/etc/cratos/config/config.yaml"),
    used,
};

fn used(sandbox: &Sandbox) -> anyhow::Result<()> {
    let version = sandbox.run(&["cratosd", "--version"])?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "it says {version}");
    let page = sandbox.run(&["zcat", "/usr/share/man/man1/cratosd.1.gz"])?;
    ensure!(
        page.contains(".TH cratosd 1"),
        "the manual page is no manual page:\n{page}"
    );
    print!("{}", as_cratos(sandbox, "cratosd check")?);
    let placeholder = as_cratos(sandbox, "grep '^enabled:' sites/misp.example.net.yaml")?;
    ensure!(
        placeholder.trim() == "enabled: False",
        "the example is served: {placeholder}"
    );
    serves(sandbox)
}

fn as_cratos(sandbox: &Sandbox, script: &str) -> anyhow::Result<String> {
    sandbox.run(&[
        "runuser",
        "-u",
        "cratos",
        "--",
        "sh",
        "-c",
        &format!("cd /etc/cratos && {script}"),
    ])
}

/// Starts the daemon as its unit does, without a site, and stops it.
fn serves(sandbox: &Sandbox) -> anyhow::Result<()> {
    let ids = ["--reuid=cratos", "--regid=cratos", "--init-groups"];
    // One that never listens is stopped after a while, and then fails here.
    let script =
        "cd /etc/cratos && exec timeout --preserve-status --signal=KILL 300 cratosd serve --listen 127.0.0.1:0 2>&1";
    let words = [&["setpriv"], &ids[..], &["sh", "-c", script]].concat();
    println!("  # {}", words.join(" "));
    let mut daemon = sandbox.command(&words).stdout(Stdio::piped()).spawn()?;
    let mut told = String::new();
    let mut output = BufReader::new(daemon.stdout.take().context("no output")?);
    while !told.contains("listening on") {
        ensure!(
            output.read_line(&mut told)? > 0,
            "it ended instead of listening:\n{told}"
        );
    }
    sandbox.run(&["kill", "-TERM", &daemon.id().to_string()])?;
    let ended = daemon.wait()?;
    ensure!(ended.success(), "it ended with {ended}:\n{told}");
    // Opened when it starts, so that it could be written.
    sandbox.run(&["test", "-f", "/var/log/cratos/access.log"])?;
    Ok(())
}
