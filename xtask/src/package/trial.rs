//! The steps of a package's trial, in order, and their expected results.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use super::Packages;
use super::sandbox::Sandbox;

/// What a package puts on a machine.
pub(crate) struct Trial {
    pub(crate) package: &'static str,
    /// The user that its service runs as.
    pub(crate) user: &'static str,
    /// The home of that user.
    pub(crate) home: &'static str,
    /// Paths with their `owner:group mode`, once installed.
    pub(crate) paths: &'static [(&'static str, &'static str)],
    pub(crate) units: &'static [&'static str],
    /// The folder with the configuration, and a file in there that is edited.
    pub(crate) configuration: (&'static str, &'static str),
    /// The program is used in this way when newly installed, and again after an upgrade.
    pub(crate) used: fn(&Sandbox) -> anyhow::Result<()>,
}

impl Trial {
    pub(crate) fn run(&self, sandbox: &Sandbox, packages: &Packages) -> anyhow::Result<()> {
        self.clears(sandbox)?;
        let there = sandbox.left_behind(self.package)?;
        ensure!(there.is_empty(), "in a new sandbox there is already {there:?}");
        self.installs(sandbox, &packages.old)?;
        let edited = self.edits(sandbox)?;
        self.upgrades(sandbox, &packages.new, &edited)?;
        self.goes_and_comes_back(sandbox, &packages.new, &edited)?;
        self.is_purged(sandbox)
    }

    /// Removes an installation of the machine itself: its package, and files of a manual installation.
    pub(super) fn clears(&self, sandbox: &Sandbox) -> anyhow::Result<()> {
        let known = sandbox.command(&["dpkg", "--status", self.package]).output()?;
        if known.status.success() {
            sandbox.run(&["dpkg", "--purge", self.package])?;
        }
        let paths: Vec<&str> = self.paths.iter().map(|(path, _)| *path).collect();
        sandbox.clear(&[&[self.home, self.configuration.0], paths.as_slice()].concat())
    }

    fn installs(&self, sandbox: &Sandbox, package: &Path) -> anyhow::Result<()> {
        install(sandbox, package)?;
        ensure!(
            !sandbox.left_behind(self.user)?.is_empty(),
            "what is written is not seen, so neither would be what is left behind"
        );
        let user = sandbox.run(&["getent", "passwd", self.user])?;
        let fields: Vec<&str> = user.trim().split(':').collect();
        ensure!(
            fields.get(5) == Some(&self.home) && fields.get(6) == Some(&"/usr/sbin/nologin"),
            "the user is {user}"
        );
        for (path, wanted) in self.paths {
            let is = sandbox.run(&["stat", "--format=%U:%G %a", path])?;
            ensure!(is.trim() == *wanted, "{path} is {}, not {wanted}", is.trim());
        }
        let damaged = sandbox.run(&["dpkg", "--verify", self.package])?;
        ensure!(damaged.is_empty(), "files are not as they were packed:\n{damaged}");
        for unit in self.units {
            let path = format!("/usr/lib/systemd/system/{unit}");
            sandbox.run(&["systemd-analyze", "verify", "--man=no", &path])?;
            let enabled = sandbox.command(&["systemctl", "is-enabled", unit]).output()?;
            ensure!(
                enabled.stdout.trim_ascii() == b"disabled",
                "{unit} was not left for the administrator to enable"
            );
            sandbox.run(&["systemctl", "enable", unit])?;
        }
        (self.used)(sandbox)
    }

    /// Changes the configuration as an administrator would, and returns all of it.
    fn edits(&self, sandbox: &Sandbox) -> anyhow::Result<String> {
        let (_, file) = self.configuration;
        let line = "# an administrator was here";
        sandbox.run(&["sed", "-i", &format!("$ a {line}"), file])?;
        let configuration = self.configuration_of(sandbox)?;
        ensure!(configuration.contains(line), "the edit is not seen");
        Ok(configuration)
    }

    fn upgrades(&self, sandbox: &Sandbox, package: &Path, edited: &str) -> anyhow::Result<()> {
        install(sandbox, package)?;
        ensure!(
            self.configuration_of(sandbox)? == edited,
            "an upgrade changed the configuration"
        );
        (self.used)(sandbox)
    }

    fn goes_and_comes_back(&self, sandbox: &Sandbox, package: &Path, edited: &str) -> anyhow::Result<()> {
        sandbox.run(&["dpkg", "--remove", self.package])?;
        let program = format!("/usr/bin/{}", self.package);
        ensure!(!sandbox.path(&program).exists(), "{program} is there after a removal");
        ensure!(
            self.configuration_of(sandbox)? == edited,
            "a removal changed the configuration"
        );
        install(sandbox, package)?;
        ensure!(
            self.configuration_of(sandbox)? == edited,
            "installing again changed the configuration"
        );
        Ok(())
    }

    fn is_purged(&self, sandbox: &Sandbox) -> anyhow::Result<()> {
        sandbox.run(&["dpkg", "--purge", self.package])?;
        let left = sandbox.left_behind(self.user)?;
        ensure!(left.is_empty(), "left behind after a purge: {left:?}");
        // Another user must not get the number.
        sandbox.run(&["getent", "passwd", self.user])?;
        Ok(())
    }

    /// Returns every file of the configuration, with owner and mode and text.
    fn configuration_of(&self, sandbox: &Sandbox) -> anyhow::Result<String> {
        let (folder, _) = self.configuration;
        let script = r#"find "$1" -printf '%p %U:%G %m\n' -type f -exec cat {} +"#;
        let output = sandbox.command(&["sh", "-c", script, "sh", folder]).output()?;
        if !output.status.success() {
            bail!("{folder} is not there");
        }
        String::from_utf8(output.stdout).context("the configuration is not UTF-8")
    }
}

/// Installs a package from a file, as `dpkg -i` does.
fn install(sandbox: &Sandbox, package: &Path) -> anyhow::Result<()> {
    let name = package.file_name().unwrap_or_default().to_string_lossy();
    let inside = format!("/tmp/{name}");
    std::fs::copy(package, sandbox.path(&inside)).with_context(|| inside.clone())?;
    // The disk is memory, so that nothing is gained by waiting for it.
    print!("{}", sandbox.run(&["dpkg", "--force-unsafe-io", "--install", &inside])?);
    std::fs::remove_file(sandbox.path(&inside)).with_context(|| inside.clone())
}
