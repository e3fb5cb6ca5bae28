//! `cratosd init`: a new configuration with fresh secrets.

mod template;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use ipnet::IpNet;
use site_config::{Paths, Problem, SiteName};
use token_crypto::ExpiryDay;
use zeroize::Zeroizing;

use self::template::Template;
use super::keygen::FreshSecrets;
use super::token::today;
use super::{names, output};
use crate::exit::Failure;

const CORE: &str = include_str!("../../first-files/config.yaml");
const MAPPINGS: &str = include_str!("../../first-files/mappings.yaml");
const SITE: &str = include_str!("../../first-files/site.yaml");

/// The header in the place of the example's, which says how to copy it.
const CORE_HEADER: &[&str] = &[
    "# Settings of the whole daemon, written by `cratosd init`. It holds the secrets that open every token: keep it to yourself.",
    "# Every key that there is stands here; a key in a comment shows its default or an example. `cratosd check` reads",
    "# everything and reports each problem with line and column.",
];

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Directory for config/ and sites/; created if it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Name or address of the first MISP
    #[arg(long, env = "CRATOS_SITE", hide_env_values = true, value_name = "FQDN")]
    site: SiteName,

    /// Prefix of the tags in that MISP: `example` for `example:incident-classification=block`
    #[arg(long, env = "CRATOS_TAG", hide_env_values = true, value_name = "TAG")]
    tag: String,

    /// Address or network of devices that may connect; can be repeated (default: this machine only)
    #[arg(long, env = "CRATOS_ALLOW_IP", hide_env_values = true, value_name = "CIDR", value_delimiter = ',', value_parser = names::network)]
    allow_ip: Vec<IpNet>,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    names::tag_prefix(&options.tag).map_err(|why| Failure::usage(format!("--tag: {why}")))?;
    let files = compose(options)?;
    try_out(&files)?;
    write_all(&options.directory, &files)?;
    output::print(next_steps(options, &files))
}

/// The new files: the path below the directory, and the text.
type Files = Vec<(PathBuf, Zeroizing<String>)>;

fn compose(options: &Options) -> Result<Files, Failure> {
    let secrets = FreshSecrets::draw()?;
    let core = Template::new(CORE)
        .header(CORE_HEADER)
        .secrets(&secrets)
        .yes_no("accept_legacy_tokens", false);
    let loopback = ["127.0.0.0/8".to_owned(), "::1".to_owned()];
    let networks = if options.allow_ip.is_empty() {
        loopback.to_vec()
    } else {
        options.allow_ip.iter().map(ToString::to_string).collect()
    };
    let site = Template::new(SITE)
        .text("company", "")
        .text("tag", &options.tag)
        .list("allowed_ips", &networks);
    let site_file = format!("{}.yaml", options.site);
    Ok(vec![
        (Path::new("config").join("config.yaml"), core.finish()?),
        (
            Path::new("config").join("mappings.yaml"),
            Zeroizing::new(MAPPINGS.to_owned()),
        ),
        (Path::new("sites").join(site_file), site.finish()?),
    ])
}

/// Reads the new files as the daemon would, in a private directory.
fn try_out(files: &Files) -> Result<(), Failure> {
    let directory = tempfile::Builder::new()
        .prefix("cratosd-init-")
        .tempdir()
        .map_err(|error| cannot("make a temporary directory", &error))?;
    write_all(directory.path(), files)?;
    let problems: Vec<_> = match site_config::load(&paths(directory.path())) {
        Ok(loaded) => loaded.problems().cloned().collect(),
        Err(problems) => problems.into(),
    };
    match problems.first() {
        None => Ok(()),
        Some(Problem { key, what, instead, .. }) if key == "tag" => {
            Err(Failure::usage(format!("--tag: {what}: {instead}")))
        }
        Some(problem) => Err(Failure::failed(format!(
            "the new configuration would not be valid: {problem}"
        ))),
    }
}

fn paths(directory: &Path) -> Paths {
    Paths {
        config: directory.join("config").join("config.yaml"),
        mappings: directory.join("config").join("mappings.yaml"),
        sites: directory.join("sites"),
    }
}

/// Writes all files, readable by the owner only, or none of them.
fn write_all(directory: &Path, files: &Files) -> Result<(), Failure> {
    let targets: Vec<_> = files.iter().map(|(path, text)| (directory.join(path), text)).collect();
    if let Some((there, _)) = targets.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        return Err(Failure::usage(format!(
            "{} exists already: no file was written; choose another directory",
            there.display()
        )));
    }
    let mut written: Vec<&Path> = Vec::new();
    for (path, text) in &targets {
        if let Err(error) = write_one(path, text) {
            for path in written {
                let _ = fs::remove_file(path);
            }
            return Err(cannot(&format!("write {}", path.display()), &error));
        }
        written.push(path);
    }
    Ok(())
}

fn write_one(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let whole = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    // Half a file would be in the way of the next attempt.
    whole.inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

fn cannot(what: &str, error: &io::Error) -> Failure {
    Failure::failed(format!("cannot {what}: {error}"))
}

fn next_steps(options: &Options, files: &Files) -> String {
    let mut text = String::new();
    for (path, _) in files {
        text += &format!("wrote {}\n", options.directory.join(path).display());
    }
    let expires = ExpiryDay::days_from(today(), 365);
    let (directory, site) = (shell_word(&options.directory.display().to_string()), &options.site);
    text
        + &format!(
            "
Next:
  1. cd {directory}
  2. Put the networks of your devices under `allowed_ips` in sites/{site}.yaml.
  3. Put a MISP key (of a read-only user) into a file, and try it:
       cratosd check --online --auth-key-file misp.key
  4. Make a token for each device:
       cratosd token mint --site {site} --auth-key-file misp.key --expires {expires} --feed block --type ipv4 --label firewall
  5. Serve:
       cratosd serve --listen 0.0.0.0:8080
"
        )
}

/// Returns the text as one word of a shell.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell_stay_one_word() {
        assert_eq!(shell_word("/etc/cratos"), "/etc/cratos");
        assert_eq!(shell_word("my dir"), "'my dir'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
