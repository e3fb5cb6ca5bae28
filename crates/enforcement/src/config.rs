//! The configuration of an agent: `agent.yaml`, checked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config_file::{SecretFile, Spanned, value};
use feed_classification::{Age, FeedName, IndicatorType, Registry, TypeSet};
use url::Url;

use crate::limits::Limits;
use crate::never_block::Own;
use crate::target::{Making, Target};

mod feed_limits;
mod raw;
pub(crate) mod read;

pub use config_file::Problem;
pub(crate) use config_file::{Place, Report, place};

const STATE_DIR: &str = "/var/lib/cratos-agent";

/// The name of the systemd credential that holds the feed token.
const TOKEN_CREDENTIAL: &str = "token";

/// What an agent is told.
#[derive(Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where cratosd answers.
    pub server: Url,
    /// Where the feed token is.
    pub token: SecretFile,
    /// Certificates that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Where the state is kept.
    pub state_dir: PathBuf,
    /// The file for Prometheus' node exporter.
    pub metrics_file: Option<PathBuf>,
    /// Whether feeds are listened to, asked for, or both.
    pub follow: Following,
    /// How often a feed is asked for.
    pub poll_interval: Duration,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How large one answer may be, in bytes.
    pub max_body: usize,
    /// How old the last success of a target may be until `status` calls it too old.
    pub max_age: Duration,
    /// What must never be blocked, beside what the agent finds by itself.
    pub own: Vec<Own>,
    /// The ports on which this host's `sshd` listens.
    pub ssh_ports: Vec<u16>,
    /// The feeds.
    pub feeds: Vec<Feed>,
    /// Where they are enforced.
    pub targets: Vec<Assignment>,
}

/// How feeds are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Following {
    /// As streams, and polled while there is none.
    #[default]
    Auto,
    /// As streams only.
    Stream,
    /// Polled only.
    Poll,
}

/// One feed that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feed {
    /// What it is called in this configuration.
    pub name: String,
    /// The type of its values.
    pub kind: IndicatorType,
    /// The path up to the age, and the limits as its query: `v1/feed/block/type/ip/age/1w?max_tlp=amber`.
    pub path: String,
}

/// A target with the feeds that it enforces.
#[derive(Debug)]
#[non_exhaustive]
pub struct Assignment {
    /// What the target is called.
    pub name: String,
    /// The feeds, as indices of [`Config::feeds`].
    pub feeds: Vec<usize>,
    /// How far one run may change it.
    pub limits: Limits,
    /// What enforces.
    pub target: Box<dyn Target>,
}

impl Assignment {
    /// Returns a target of your own with its feeds, as indices of [`Config::feeds`], and the usual limits; push it onto
    /// [`Config::targets`]. Nothing if the name is not 1 to 64 lower-case letters, digits and hyphens: state files are called so.
    #[must_use]
    pub fn new(name: &str, feeds: Vec<usize>, target: Box<dyn Target>) -> Option<Self> {
        read::is_name(name).then(|| Self {
            name: name.to_owned(),
            feeds,
            limits: Limits::default(),
            target,
        })
    }
}

impl Config {
    /// Reads the file. `registry` has the formats that targets may write.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn read(path: &Path, registry: &Registry) -> Result<Self, Vec<Problem>> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let mut report = Report::new(path);
        let config = config_file::read(&mut report)
            .and_then(|raw: raw::Config| raw.check(&mut report, registry, credentials.as_deref()));
        report.finish(config)
    }
}

impl raw::Config {
    fn check(self, report: &mut Report, registry: &Registry, credentials: Option<&Path>) -> Option<Config> {
        let server = value::server(report, "server", &self.server, self.insecure_http);
        let feeds: Vec<Feed> = self.feeds.iter().filter_map(|feed| feed.check(report)).collect();
        let token = value::secret(
            report,
            "token_file",
            self.token_file.as_ref(),
            credentials,
            TOKEN_CREDENTIAL,
        );
        let duration = |report: &mut Report, key: &str, value: &Option<Spanned<String>>, default: u64| match value {
            Some(text) => read::duration(report, key, text),
            None => Some(Duration::from_secs(default)),
        };
        let follow = self.follow.as_ref();
        let follow = follow.map_or(Some(Following::default()), |word| following(report, word));
        let poll_interval = duration(report, "poll_interval", &self.poll_interval, 60);
        let timeout = duration(report, "timeout", &self.timeout, 60);
        let max_age = duration(report, "max_age", &self.max_age, 70 * 60);
        let mut own: Vec<Own> = self.never_block.iter().map(|text| Own::read(text)).collect();
        own.extend(
            self.admin_networks
                .iter()
                .filter_map(|text| read::network(report, "admin_networks", text)),
        );
        let path = |report: &mut Report, key: &str, value: &Option<Spanned<String>>| {
            value.as_ref().and_then(|value| read::absolute(report, key, value))
        };
        let state_dir = path(report, "state_dir", &self.state_dir);
        let metrics_file = path(report, "metrics_file", &self.metrics_file);
        let ca_file = path(report, "ca_file", &self.ca_file);
        names_differ(report, "feeds", self.feeds.iter().map(|feed| &feed.name));
        names_differ(report, "targets", self.targets.iter().map(|target| &target.name));
        let targets = targets(self.targets, report, registry, &feeds);
        Some(Config {
            server: server?,
            token: token?,
            ca_file,
            state_dir: state_dir.unwrap_or_else(|| PathBuf::from(STATE_DIR)),
            metrics_file,
            follow: follow?,
            poll_interval: poll_interval?,
            timeout: timeout?,
            max_body: self.max_body_bytes.unwrap_or(64 << 20),
            max_age: max_age?,
            own,
            ssh_ports: self.ssh_ports.unwrap_or_else(|| vec![22]),
            feeds,
            targets,
        })
    }
}

fn following(report: &mut Report, word: &Spanned<String>) -> Option<Following> {
    let following = match word.value.as_str() {
        "auto" => Following::Auto,
        "stream" => Following::Stream,
        "poll" => Following::Poll,
        _ => {
            let what = format!("there is no `{}`", word.value.escape_debug());
            report.wrong(place(word), "follow", what, "write one of auto, stream, poll");
            return None;
        }
    };
    Some(following)
}

fn targets(raw: Vec<raw::Target>, report: &mut Report, registry: &Registry, feeds: &[Feed]) -> Vec<Assignment> {
    let mut made = Vec::new();
    let mut taken: HashMap<String, String> = HashMap::new();
    for target in raw {
        let at = place(&target.name);
        let Some(assignment) = assignment(target, report, registry, feeds) else {
            continue;
        };
        for resource in assignment.target.resources() {
            if let Some(other) = taken.insert(resource.clone(), assignment.name.clone()) {
                let what = format!("{} belongs to the target {other} already", resource.escape_debug());
                report.wrong(at, "targets", what, "give each target something of its own");
            }
        }
        made.push(assignment);
    }
    made
}

fn assignment(target: raw::Target, report: &mut Report, registry: &Registry, feeds: &[Feed]) -> Option<Assignment> {
    let name = read::name(report, "name", &target.name)?;
    let at = place(&target.name);
    let mut indices = Vec::new();
    for wanted in &target.feeds {
        match feeds.iter().position(|feed| feed.name == wanted.value) {
            Some(index) => indices.push(index),
            None => {
                let what = format!("there is no feed `{}`", wanted.value.escape_debug());
                report.wrong(place(wanted), "feeds", what, "write a name from the list of feeds");
            }
        }
    }
    if target.feeds.is_empty() {
        report.wrong(at, "feeds", "the target has no feed", "name at least one");
    }
    let kinds: TypeSet = indices
        .iter()
        .filter_map(|index| feeds.get(*index))
        .map(|feed| feed.kind)
        .collect();
    let limits = target.limits.as_ref().map_or_else(Limits::default, raw::Limits::check);
    let mut sections = target.sections();
    let section = sections.pop();
    let (Some(section), true) = (section, sections.is_empty()) else {
        let kinds = raw::KINDS.join(", ");
        report.wrong(
            at,
            "targets",
            "the target has no kind, or more than one",
            format!("write one of {kinds}"),
        );
        return None;
    };
    if indices.is_empty() {
        return None;
    }
    let mut making = Making {
        name: &name,
        kinds,
        registry,
        report,
        place: at,
    };
    let target = section.make(&mut making)?;
    Some(Assignment {
        name,
        feeds: indices,
        limits,
        target,
    })
}

impl raw::Feed {
    fn check(&self, report: &mut Report) -> Option<Feed> {
        let name = read::name(report, "name", &self.name);
        let feed = read::word::<FeedName>(report, "feed", &self.feed, FeedName::NAMES);
        let kind = read::word::<IndicatorType>(report, "type", &self.kind, IndicatorType::NAMES);
        let age = read::word::<Age>(report, "age", &self.age, Age::NAMES);
        let limits = self.limits(report);
        let (name, feed, kind, age, limits) = (name?, feed?, kind?, age?, limits?);
        let mut path = format!("v1/feed/{feed}/type/{kind}/age/{age}");
        if !limits.is_empty() {
            path.push('?');
            path.push_str(&limits);
        }
        Some(Feed { name, kind, path })
    }
}

fn names_differ<'a>(report: &mut Report, key: &str, names: impl Iterator<Item = &'a Spanned<String>>) {
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for name in names {
        if seen.insert(&name.value, ()).is_some() {
            report.wrong(place(name), key, "the name stands twice", "give each a name of its own");
        }
    }
}

#[cfg(test)]
mod tests;
