//! The configuration of an agent: `agent.yaml`, checked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config_file::{SecretFile, Spanned, value};
use feed_classification::{Age, FeedName, IndicatorType, Registry, TypeSet};
use ipnet::IpNet;
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
    /// Prefixes that are enforced although they are too wide or have a special purpose.
    pub may_block: Vec<IpNet>,
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
        let server = value::required(report, Place::START, &self.told, "server", self.server.as_ref())
            .and_then(|server| value::server(report, "server", server, self.insecure_http));
        value::required(report, Place::START, &self.told, "feeds", self.feeds.as_ref());
        value::required(report, Place::START, &self.told, "targets", self.targets.as_ref());
        let raw_feeds = self.feeds.unwrap_or_default();
        let feeds: Vec<Feed> = raw_feeds
            .iter()
            .filter_map(|feed| feed.value.check(report, place(feed)))
            .collect();
        let is_told = self.token_file.is_none() && self.told.iter().any(|told| told == "token_file");
        let token = match is_told {
            true => None,
            false => value::secret(
                report,
                "token_file",
                self.token_file.as_ref(),
                credentials,
                TOKEN_CREDENTIAL,
            ),
        };
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
        let admins = self.admin_networks.iter();
        let admins: Vec<IpNet> = admins
            .filter_map(|text| read::network(report, "admin_networks", text))
            .collect();
        own.extend(admins.into_iter().map(Own::Network));
        let may_block = self.may_block.iter();
        let may_block: Vec<IpNet> = may_block
            .filter_map(|text| read::network(report, "may_block", text))
            .collect();
        let path = |report: &mut Report, key: &str, value: &Option<Spanned<String>>| {
            value.as_ref().and_then(|value| read::absolute(report, key, value))
        };
        let state_dir = path(report, "state_dir", &self.state_dir);
        let metrics_file = path(report, "metrics_file", &self.metrics_file);
        let ca_file = path(report, "ca_file", &self.ca_file);
        let raw_targets = self.targets.unwrap_or_default();
        names_differ(
            report,
            "feeds",
            raw_feeds.iter().filter_map(|feed| feed.value.name.as_ref()),
        );
        names_differ(
            report,
            "targets",
            raw_targets.iter().filter_map(|target| target.value.name.as_ref()),
        );
        let known = Known {
            feeds: &feeds,
            raw: &raw_feeds,
        };
        let targets = targets(raw_targets, report, registry, known);
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
            may_block,
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
            config_file::word::unknown(
                report,
                "follow",
                word,
                "a way to follow feeds",
                ["auto", "stream", "poll"],
            );
            return None;
        }
    };
    Some(following)
}

/// The feeds of the file, and as they are written: a name that is written is known, whatever else is wrong with its feed.
#[derive(Clone, Copy)]
struct Known<'a> {
    feeds: &'a [Feed],
    raw: &'a [Spanned<raw::Feed>],
}

impl<'a> Known<'a> {
    fn names(self) -> impl Iterator<Item = &'a str> + Clone {
        let names = self.raw.iter().filter_map(|feed| feed.value.name.as_ref());
        names.map(|name| name.value.as_str())
    }

    /// Returns whether a feed has no name that could be read, so that any name may be its own.
    fn has_nameless(self) -> bool {
        self.raw.is_empty() || self.raw.iter().any(|feed| feed.value.name.is_none())
    }
}

fn targets(
    raw: Vec<Spanned<raw::Target>>,
    report: &mut Report,
    registry: &Registry,
    known: Known<'_>,
) -> Vec<Assignment> {
    let mut made = Vec::new();
    let mut taken: HashMap<String, String> = HashMap::new();
    for target in raw {
        let at = target.value.name.as_ref().map_or_else(|| place(&target), place);
        let Some(assignment) = assignment(target.value, at, report, registry, known) else {
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

fn assignment(
    target: raw::Target,
    at: Place,
    report: &mut Report,
    registry: &Registry,
    known: Known<'_>,
) -> Option<Assignment> {
    let name = value::required(report, at, &target.told, "name", target.name.as_ref());
    let name = name.and_then(|name| read::name(report, "name", name));
    let indices = feeds_of(&target, at, report, known);
    let kinds: TypeSet = indices
        .iter()
        .filter_map(|index| known.feeds.get(*index))
        .map(|feed| feed.kind)
        .collect();
    let limits = target.limits.as_ref().map_or_else(Limits::default, raw::Limits::check);
    let has_told = !target.told.is_empty();
    let mut sections = target.sections();
    let section = sections.pop();
    let (Some((section_place, section)), true) = (section, sections.is_empty()) else {
        // A key that is not known or cannot be read is most likely the kind.
        if !(has_told && sections.is_empty()) {
            let what = "the target has no kind, or more than one";
            report.wrong(at, "targets", what, format!("write one of {}", raw::KINDS.join(", ")));
        }
        return None;
    };
    let mut making = Making {
        name: name.as_deref().unwrap_or_default(),
        kinds,
        registry,
        report,
        place: at,
        section_place,
    };
    // Also without a name or a feed, so that what else is wrong is said too.
    let target = section.make(&mut making);
    if indices.is_empty() {
        return None;
    }
    Some(Assignment {
        name: name?,
        feeds: indices,
        limits,
        target: target?,
    })
}

/// Returns the feeds of a target, and reports names that no feed has.
fn feeds_of(target: &raw::Target, at: Place, report: &mut Report, known: Known<'_>) -> Vec<usize> {
    let mut indices = Vec::new();
    let Some(wanted) = value::required(report, at, &target.told, "feeds", target.feeds.as_ref()) else {
        return indices;
    };
    if wanted.is_empty() {
        report.wrong(at, "feeds", "the target has no feed", "name at least one");
    }
    for wanted in wanted {
        if let Some(index) = known.feeds.iter().position(|feed| feed.name == wanted.value) {
            indices.push(index);
        } else if !known.has_nameless() && !known.names().any(|name| name == wanted.value) {
            let shown = config_file::word::shown(&wanted.value);
            let instead = config_file::word::suggestion(&wanted.value, known.names());
            report.wrong(place(wanted), "feeds", format!("there is no feed {shown}"), instead);
        }
    }
    indices
}

impl raw::Feed {
    fn check(&self, report: &mut Report, at: Place) -> Option<Feed> {
        let name = value::required(report, at, &self.told, "name", self.name.as_ref());
        let name = name.and_then(|name| read::name(report, "name", name));
        let feed = value::required(report, at, &self.told, "feed", self.feed.as_ref());
        let feed = feed.and_then(|word| read::word::<FeedName>(report, "feed", word, "a feed", FeedName::NAMES));
        let kind = value::required(report, at, &self.told, "type", self.kind.as_ref());
        let kind = kind.and_then(|word| {
            read::word::<IndicatorType>(report, "type", word, "an indicator type", IndicatorType::NAMES)
        });
        let age = value::required(report, at, &self.told, "age", self.age.as_ref());
        let age = age.and_then(|word| read::word::<Age>(report, "age", word, "an age", Age::NAMES));
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
