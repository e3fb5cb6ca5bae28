//! The agent's package: nothing is enforced until an administrator has said what.

use anyhow::{Context as _, ensure};

use super::sandbox::Sandbox;
use super::trial::Trial;

pub(crate) const TRIAL: Trial = Trial {
    package: "cratos-agent",
    user: "cratos-agent",
    home: "/var/lib/cratos-agent",
    paths: &[
        ("/etc/cratos-agent", "root:cratos-agent 750"),
        ("/usr/bin/cratos-agent", "root:root 755"),
        ("/usr/share/bash-completion/completions/cratos-agent", "root:root 644"),
        ("/usr/share/doc/cratos-agent/changelog.gz", "root:root 644"),
        ("/usr/share/doc/cratos-agent/copyright", "root:root 644"),
        ("/usr/share/doc/cratos-agent/examples/agent.yaml", "root:root 644"),
        ("/usr/share/man/man1/cratos-agent.1.gz", "root:root 644"),
        ("/var/lib/cratos-agent", "cratos-agent:cratos-agent 750"),
    ],
    units: &[
        "cratos-agent.service",
        "cratos-agent-restore.service",
        "cratos-agent-defectdojo.timer",
    ],
    configuration: ("/etc/cratos-agent", "/etc/cratos-agent/agent.yaml"),
    used,
};

/// The least that can be enforced.
const CONFIGURATION: &str = "\
server: https://cratos.example.net
token_file: /etc/cratos-agent/token
feeds: [{name: urls, feed: block, type: url, age: 1w}]
targets: [{name: proxy, feeds: [urls], file: {path: /var/lib/cratos-agent/urls.txt, format: txt}}]
";

fn used(sandbox: &Sandbox) -> anyhow::Result<()> {
    let version = sandbox.run(&["cratos-agent", "--version"])?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "it says {version}");
    let page = sandbox.run(&["zcat", "/usr/share/man/man1/cratos-agent.1.gz"])?;
    ensure!(
        page.contains(".TH cratos-agent 1"),
        "the manual page is no manual page:\n{page}"
    );
    configure(sandbox)?;
    let check = ["runuser", "-u", "cratos-agent", "--", "cratos-agent", "check"];
    print!("{}", sandbox.run(&check)?);
    Ok(())
}

/// Puts configuration and token where docs/agent.md says, unless they are there.
fn configure(sandbox: &Sandbox) -> anyhow::Result<()> {
    for (path, text) in [
        ("/etc/cratos-agent/agent.yaml", CONFIGURATION),
        ("/etc/cratos-agent/token", "token\n"),
    ] {
        if sandbox.path(path).exists() {
            continue;
        }
        let taken = "/tmp/new-file";
        std::fs::write(sandbox.path(taken), text).with_context(|| path.to_owned())?;
        sandbox.run(&["install", "-m", "0640", "-g", "cratos-agent", taken, path])?;
    }
    Ok(())
}
