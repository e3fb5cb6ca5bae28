//! Banned crates, licences and sources, as `deny.toml` has them.
//!
//! The real check is cargo-deny's. It takes minutes to compile, so this step does not install it. Without it, the step
//! checks the names and sources of crates, and reports that it skipped the licences.

use anyhow::{Context as _, bail};

use crate::cargo::{cargo, is_here, root, run as run_command};
use crate::edges::reached_by;
use crate::outcome::Outcome;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    if is_here(&mut cargo(&["deny", "--version"])) {
        // Advisories need a database from elsewhere, which a build machine may not be able to fetch.
        run_command(&mut cargo(&[
            "deny",
            "--all-features",
            "check",
            "bans",
            "licenses",
            "sources",
        ]))?;
        return Ok(Outcome::Passed);
    }
    let problems = [banned_crates()?, foreign_sources()?].concat();
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(Outcome::Skipped(
        "names and sources are right, licences were not looked at: that needs cargo-deny, which `cargo xtask tools` installs"
            .to_owned(),
    ))
}

fn banned_crates() -> anyhow::Result<Vec<String>> {
    let rules = std::fs::read_to_string(root().join("deny.toml")).context("deny.toml")?;
    let reached = reached_by(&["--workspace"])?;
    let banned = banned_names(&rules);
    if banned.is_empty() {
        bail!("deny.toml bans nothing; its `deny` list has one `crate = \"name\"` a line");
    }
    let found = banned.into_iter().filter(|name| reached.contains(*name));
    Ok(found
        .map(|name| format!("{name} is banned by deny.toml; see `cargo tree -i {name}`"))
        .collect())
}

/// Returns the crates of the `deny` list, which has one a line.
fn banned_names(rules: &str) -> Vec<&str> {
    let entries = rules
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("{ crate = \""));
    entries.filter_map(|rest| rest.split('"').next()).collect()
}

fn foreign_sources() -> anyhow::Result<Vec<String>> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).context("Cargo.lock")?;
    Ok(sources_of(&lock)
        .filter(|source| !source.starts_with(REGISTRY))
        .map(|source| format!("Cargo.lock: {source} is no registry"))
        .collect())
}

/// How the lock file begins the source of a crate from the default registry; git and other registries are spelt
/// otherwise.
const REGISTRY: &str = concat!("registry+https://github.com/rust-lang/crates", ".io-index");

fn sources_of(lock: &str) -> impl Iterator<Item = &str> {
    lock.lines()
        .filter_map(|line| line.strip_prefix("source = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banned_names_are_read_from_the_rules() {
        let rules =
            "[bans]\ndeny = [\n    { crate = \"ring\", reason = \"why\" },\n    { crate = \"openssl-sys\" },\n]\n";
        assert_eq!(banned_names(rules), ["ring", "openssl-sys"]);
    }

    #[test]
    fn a_git_source_is_seen() {
        let lock = "name = \"a\"\nsource = \"git+https://example.org/a\"\n";
        assert_eq!(sources_of(lock).collect::<Vec<_>>(), ["git+https://example.org/a"]);
    }
}
