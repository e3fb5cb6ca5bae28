//! A program with a target of its own: `cargo run -p cratos-agent --example own-target -- --config agent.yaml apply`.
//!
//! The target writes the list of a proxy. Everything else is that of `cratos-agent`: for example `run` follows the
//! feeds until SIGTERM, and `check` reports a feed that the configuration does not have.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

use cratos_agent::Program;
use cratos_agent::enforcement::target::{Rendered, Target};
use cratos_agent::enforcement::{TargetError, Values};
use cratos_agent::feed_classification::IndicatorType;

/// The part of a rendered list that has the domains.
const DOMAINS: &str = "domains";

/// A list of denied domains.
#[derive(Debug)]
struct DenyList {
    path: PathBuf,
}

impl Target for DenyList {
    fn kind(&self) -> &'static str {
        "deny-list"
    }

    fn resources(&self) -> Vec<String> {
        vec![self.path.display().to_string()]
    }

    fn render(&self, values: &Values) -> Result<Rendered, TargetError> {
        let mut rendered = Rendered::default();
        let mut text = String::new();
        for domain in values.of(IndicatorType::Domain).iter().flat_map(|set| set.iter()) {
            text.push_str(&format!("deny {domain}\n"));
            rendered.entries += 1;
        }
        rendered.push(DOMAINS, text.into_bytes());
        Ok(rendered)
    }

    fn apply(&self, rendered: &Rendered) -> Result<(), TargetError> {
        // The list is complete before it gets its name, so a reader sees the old list or the new one.
        let new = self.path.with_extension("new");
        fs::write(&new, rendered.part(DOMAINS))
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(|source| self.failed(source))
    }

    fn is_in_force(&self, rendered: &Rendered) -> Result<bool, TargetError> {
        match fs::read(&self.path) {
            Ok(text) => Ok(text == rendered.part(DOMAINS)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }
}

impl DenyList {
    fn failed(&self, source: io::Error) -> TargetError {
        TargetError::File {
            path: self.path.clone(),
            source,
        }
    }
}

pub(crate) fn main() -> ExitCode {
    let path = env::var_os("DENY_LIST").map_or_else(|| PathBuf::from("deny.list"), PathBuf::from);
    Program::new()
        .target("proxy", ["names"], DenyList { path })
        .main(env::args_os())
}
