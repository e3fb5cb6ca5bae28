//! Debian packages that are unpacked below `target/peers` instead of installed, because their scripts do more than a
//! test may cause: that of `crowdsec` registers the machine at a service of the vendor.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use super::{apt_get, is_found, is_root};
use crate::cargo::run;

/// Each package, and a program in it.
pub(super) const PACKAGES: &[(&str, &str)] = &[("crowdsec", "usr/bin/cscli")];

/// Unpacks the packages that are not there yet, each into a folder of its name.
pub(super) fn unpack(peers: &Path) -> anyhow::Result<()> {
    let missing = PACKAGES
        .iter()
        .filter(|(package, program)| !peers.join(package).join(program).is_file());
    for (package, _) in missing {
        unpack_one(package, peers).with_context(|| format!("the package {package}"))?;
    }
    Ok(())
}

/// Returns the packages that are not there.
pub(super) fn absent(peers: &Path) -> impl Iterator<Item = &'static str> {
    let is_absent = move |(package, program): &&(&str, &str)| !peers.join(package).join(program).is_file();
    PACKAGES.iter().filter(is_absent).map(|(package, _)| *package)
}

fn unpack_one(package: &str, peers: &Path) -> anyhow::Result<()> {
    if !is_found("apt-get") || !is_found("dpkg-deb") || !is_root() {
        bail!("only root on Debian can fetch it");
    }
    let folder = peers.join(format!("{package}.deb"));
    // Left by a run that was interrupted.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).context("a folder for the package")?;
    apt_get(&["update", "-q"])?;
    // `APT::Sandbox::User` may not write into the folder, and the download says so in vain.
    let words = ["download", "-q", "-o", "APT::Sandbox::User=root", package];
    run(Command::new("apt-get").args(words).current_dir(&folder))?;
    let file = fs::read_dir(&folder)?.next().context("apt-get downloaded nothing")??;
    let to = peers.join(package);
    run(Command::new("dpkg-deb").arg("--extract").arg(file.path()).arg(&to))?;
    fs::remove_dir_all(&folder).context("the folder of the package")
}
