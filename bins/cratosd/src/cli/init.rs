//! `cratosd init`: a new configuration with fresh secrets.

use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;
use site_config::{FirstFiles, FirstFilesError, FirstValues, Problem, SiteName, check_tag_prefix};
use token_crypto::ExpiryDay;

use super::keygen::FreshSecrets;
use super::token::today;
use super::{names, output};
use crate::exit::{Failure, chain};

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
    check_tag_prefix(&options.tag).map_err(|why| Failure::usage(format!("--tag: {why}")))?;
    let files = compose(options)?;
    try_out(&files)?;
    files.write(&options.directory).map_err(failure)?;
    output::print(next_steps(options, &files))
}

fn compose(options: &Options) -> Result<FirstFiles, Failure> {
    let secrets = FreshSecrets::draw()?;
    let values = FirstValues {
        encryption_key: &secrets.encryption_key,
        salt: &secrets.salt,
        site: &options.site,
        tag: &options.tag,
        allowed_ips: &options.allow_ip,
    };
    FirstFiles::new(&values).map_err(failure)
}

/// Reads the new files as the daemon would, in a private directory.
fn try_out(files: &FirstFiles) -> Result<(), Failure> {
    let directory = tempfile::Builder::new()
        .prefix("cratosd-init-")
        .tempdir()
        .map_err(|error| Failure::failed(format!("cannot make a temporary directory: {error}")))?;
    files.write(directory.path()).map_err(failure)?;
    let problems: Vec<_> = match site_config::load(&FirstFiles::paths(directory.path())) {
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

fn failure(error: FirstFilesError) -> Failure {
    match error {
        FirstFilesError::Exists(_) => Failure::usage(error.to_string()),
        _ => Failure::failed(chain(&error)),
    }
}

fn next_steps(options: &Options, files: &FirstFiles) -> String {
    let mut text = String::new();
    for path in files.names() {
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
