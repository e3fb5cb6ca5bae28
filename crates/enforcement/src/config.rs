//! The configuration of an agent: `agent.yaml`, checked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config_file::word::{shown, suggestion};
use config_file::{
    Item, Key, Node, Place, Report, Scalar, SecretFile, Section, Tables, Value, Wrong, absent, default, reader,
    text_file, value,
};
use feed_classification::{Registry, TypeSet};
use ipnet::IpNet;
use url::Url;

use crate::entry::{self, SECOND, YEAR};
use crate::limits::Limits;
use crate::never_block::Own;
use crate::target::{KIND_ROWS, KINDS, Making, Target};

mod feed;

pub use config_file::{Note, Problem, Problems};
pub use feed::Feed;
use feed::Feeds;

/// The name of the systemd credential that holds the feed token.
const TOKEN_CREDENTIAL: &str = "token";

config_file::keys! {
    /// What `agent.yaml` says, checked.
    #[derive(Debug)]
    #[non_exhaustive]
    pub struct Config {
        ours "server", "URL", absent("required"),
            "address of cratosd, `https://` and without a user or a query; `http://` to a loopback address";
        ours "token_file", "path", absent("required, or a systemd credential `token`"),
            "file that holds the feed token";
        ours "ca_file", "path", absent("none"),
            "PEM file with authorities that are trusted beside those of the system"
            => ca_file: Option<PathBuf> = reader::optional(value::absolute_path);
        ours "insecure_http", "yes or no", default("False"),
            "send the token over `http://` to another host; anyone on the way can read it";
        ours "state_dir", "path", default("/var/lib/cratos-agent"),
            "directory of this agent alone that keeps the last good values and the state of each target"
            => state_dir: PathBuf = reader::one(value::absolute_path);
        ours "metrics_file", "path", absent("none"),
            "file for the textfile collector of Prometheus' node exporter"
            => metrics_file: Option<PathBuf> = reader::optional(value::absolute_path);
        ours "follow", "auto, stream or poll", default("auto"),
            "how the agent follows feeds: as streams, by polling, or as streams and by polling while a stream is down"
            => follow: Following = reader::one(following);
        ours "poll_interval", "duration", default("60s"),
            "time between two requests for one feed"
            => poll_interval: Duration = reader::duration(SECOND, YEAR);
        ours "timeout", "duration", default("60s"),
            "time that one answer may take"
            => timeout: Duration = reader::duration(SECOND, YEAR);
        ours "max_body_bytes", "number of bytes", default("67108864"),
            "size of one answer at which the agent refuses it"
            => max_body: usize = reader::number(0, u64::MAX);
        ours "max_age", "duration", default("70m"),
            "age of a target's last success from which on `status` reports it as too old"
            => max_age: Duration = reader::duration(SECOND, YEAR);
        ours "never_block", "list of values", default("[]"),
            "addresses, networks, names and other values that no target ever gets";
        ours "admin_networks", "list of networks", default("[]"),
            "networks that no target ever gets, for example those from which administrators log in";
        ours "may_block", "list of networks", default("[]"),
            "networks that targets get although they are too wide or have a special purpose, for example 10.0.0.0/8"
            => may_block: Vec<IpNet> = reader::list(entry::network);
        ours "ssh_ports", "list of ports", default("[22]"),
            "ports of this host's sshd; the peers of its sessions are never blocked"
            => ssh_ports: Vec<u16> = reader::list(port);
        ours "feeds", "list of feeds", absent("required"), "feeds that the agent follows, with the keys below";
        ours "targets", "list of targets", absent("required"), "places where feeds are enforced, with the keys below";
    } with {
        /// The address of cratosd.
        pub server: Url,
        /// The file that holds the feed token.
        pub token: SecretFile,
        /// The values that are never blocked, beside those that the agent finds on the host (`never_block` and
        /// `admin_networks`).
        pub own: Vec<Own>,
        /// The feeds.
        pub feeds: Vec<Feed>,
        /// The targets with their feeds.
        pub targets: Vec<Assignment>,
        /// Who may read or change what only the administrator should: the token, and this file with the folders above
        /// it.
        pub notes: Vec<Note>,
    }
}

const AGENT: Tables = &[Config::KEYS];

/// The keys of a target; one more names its kind.
const TARGET: &[Key] = &[
    Key::ours(
        "name",
        "up to 64 lower-case letters, digits and hyphens",
        absent("required"),
        "name of the target in state files, metrics and messages",
    ),
    Key::ours(
        "feeds",
        "list of names",
        absent("required"),
        "names of the feeds that the target enforces",
    ),
    Key::ours(
        "limits",
        "map",
        absent("the limits below"),
        "how far one run may change the target",
    ),
];

/// Returns the tables of `agent.yaml` for its reference page: a heading, and the rows below it.
pub fn reference() -> impl Iterator<Item = (String, Vec<Key>)> {
    let tables = [
        ("`agent.yaml`".to_owned(), Config::KEYS.to_vec()),
        ("A feed (`feeds`)".to_owned(), feed::KEYS.to_vec()),
        ("A target (`targets`)".to_owned(), [TARGET, KIND_ROWS].concat()),
        ("The limits of a target (`limits`)".to_owned(), Limits::KEYS.to_vec()),
    ];
    let kinds = KINDS.iter().map(|kind| {
        (
            format!("A target of the kind `{}`", kind.row.name),
            kind.tables.concat(),
        )
    });
    tables.into_iter().chain(kinds)
}

/// How feeds are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Following {
    /// As streams, and polled while there is none.
    Auto,
    /// As streams only.
    Stream,
    /// Polled only.
    Poll,
}

/// A target with the feeds that it enforces.
#[derive(Debug)]
#[non_exhaustive]
pub struct Assignment {
    /// The name of the target.
    pub name: String,
    /// The feeds, as indices of [`Config::feeds`].
    pub feeds: Vec<usize>,
    /// The limits of a change.
    pub limits: Limits,
    /// The target itself.
    pub target: Box<dyn Target>,
}

impl Assignment {
    /// Returns a target of your own with its feeds, as indices of [`Config::feeds`], and the default limits; push it
    /// onto [`Config::targets`]. Returns nothing if the name is not 1 to 64 lower-case letters, digits and hyphens: the
    /// target's state files have it.
    #[must_use]
    pub fn new(name: &str, feeds: Vec<usize>, target: Box<dyn Target>) -> Option<Self> {
        entry::is_name(name).then(|| Self {
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
    /// All problems of the file, each with its place.
    pub fn read(path: &Path, registry: &Registry) -> Result<Self, Problems> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let mut report = Report::new(path);
        let node = config_file::read(&mut report);
        let config = node.and_then(|node| read(node, &mut report, registry, credentials.as_deref()));
        let Some(mut config) = config.filter(|_| report.problems.is_empty()) else {
            return Err(report.sorted().into());
        };
        // A command in this file runs in the name of the user who runs the agent, and the token decides which feeds
        // are enforced. A folder above both is noted once.
        let user = rustix::process::geteuid().as_raw();
        let mut notes = text_file::changeable_by_others(path, user);
        let of_token = text_file::changeable_by_others(config.token.path(), user);
        let more: Vec<_> = of_token.into_iter().filter(|note| !notes.contains(note)).collect();
        notes.extend(more);
        notes.into_iter().for_each(|note| report.note(Place::START, "", note));
        config.notes = report.notes;
        Ok(config)
    }
}

fn read(node: Node, report: &mut Report, registry: &Registry, credentials: Option<&Path>) -> Option<Config> {
    let mut section = Section::new(AGENT, "", node, report)?;
    let plain = section.value_or_default("insecure_http", value::yes_no);
    let server = section.required(
        "server",
        "write the address of cratosd, such as https://cratos.example.net",
        |scalar| value::server_url(scalar, "cratos", plain),
    );
    let token = SecretFile::read_key(&mut section, "token_file", credentials, TOKEN_CREDENTIAL);
    let own = own(&mut section);
    section.miss("feeds", "list the feeds to follow");
    let feeds = section.nodes("feeds").unwrap_or_default();
    section.miss("targets", "list the targets that enforce the feeds");
    let targets = section.nodes("targets").unwrap_or_default();
    let complete = Config::read_keys(&mut section);
    section.finish();
    let feeds = Feeds::read(feeds, report);
    let targets = read_targets(targets, report, registry, &feeds);
    Some(complete(server?, token?, own, feeds.read, targets, Vec::new()))
}

fn own(section: &mut Section<'_>) -> Vec<Own> {
    let mut own = section.list_or_default("never_block", |scalar| Ok(Own::read(&scalar.text).into()));
    let admins = section.list_or_default("admin_networks", entry::network);
    own.extend(admins.into_iter().map(Own::Network));
    own
}

fn following(scalar: &Scalar) -> Result<Following, Wrong> {
    const WORDS: [(&str, Following); 3] = [
        ("auto", Following::Auto),
        ("stream", Following::Stream),
        ("poll", Following::Poll),
    ];
    value::word(scalar, "a way to follow feeds", &WORDS.map(|(word, _)| word), |text| {
        WORDS
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, following)| *following)
    })
}

fn port(scalar: &Scalar) -> Result<Item<u16>, Wrong> {
    let port = value::number(scalar, 1, u16::MAX.into())?;
    Ok(u16::try_from(port).unwrap_or(u16::MAX).into())
}

fn read_targets(nodes: Vec<Node>, report: &mut Report, registry: &Registry, feeds: &Feeds) -> Vec<Assignment> {
    let mut made: Vec<Assignment> = Vec::new();
    let mut names = Names::default();
    let mut taken: HashMap<String, String> = HashMap::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let path = format!("targets[{index}]");
        let at = node.place;
        let Some(mut section) = Section::item(&[TARGET, KIND_ROWS], &path, node, report) else {
            continue;
        };
        let at = if section.has("name") {
            section.place_of("name")
        } else {
            at
        };
        let Some(assignment) = read_target(&mut section, at, registry, feeds, &mut names) else {
            section.finish();
            continue;
        };
        section.finish();
        for resource in assignment.target.resources() {
            if let Some(other) = taken.insert(resource.clone(), assignment.name.clone()) {
                let what = format!("{} belongs to the target {other} already", resource.escape_debug());
                report.problem(at, path.clone(), Wrong::new(what, "name another one"));
            }
        }
        made.push(assignment);
    }
    made
}

fn read_target(
    section: &mut Section<'_>,
    at: Place,
    registry: &Registry,
    feeds: &Feeds,
    names: &mut Names,
) -> Option<Assignment> {
    let name = names.read(section);
    let indices = feeds_of(section, feeds);
    let kinds: TypeSet = indices
        .iter()
        .filter_map(|index| feeds.read.get(*index))
        .map(|feed| feed.kind)
        .collect();
    let limits = match section.take("limits") {
        Some(node) => {
            let path = section.path_of("limits");
            let inner = Section::item(&[Limits::KEYS], &path, node, section.report);
            inner.map_or_else(Limits::default, |mut inner| {
                let limits = Limits::read_keys(&mut inner)();
                inner.finish();
                limits
            })
        }
        None => Limits::default(),
    };
    let making = Making {
        name: name.as_deref().unwrap_or_default(),
        kinds,
        registry,
        place: at,
        feeds: section.path_of("feeds"),
    };
    // Also without a name or a feed, so that the problems of the kind are reported, too.
    let target = target(section, at, &making);
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

/// Returns the target that the map of its kind describes.
fn target(section: &mut Section<'_>, at: Place, making: &Making<'_>) -> Option<Box<dyn Target>> {
    let kinds = KINDS.iter().filter(|kind| section.has(kind.row.name)).count();
    // Without a kind, an unknown key is most likely its name, and is reported already.
    let is_misspelt = kinds == 0 && section.has_unknown();
    if kinds != 1 && !is_misspelt {
        let words: Vec<&str> = KINDS.iter().map(|kind| kind.row.name).collect();
        let wrong = Wrong::new(
            "the target has no kind, or more than one",
            format!("write one of {}", words.join(", ")),
        );
        let key = section.path_of("");
        section.report.problem(at, key.trim_end_matches('.'), wrong);
    }
    let mut made = None;
    for kind in KINDS {
        let Some(node) = section.take(kind.row.name) else {
            continue;
        };
        let path = section.path_of(kind.row.name);
        if let Some(mut inner) = Section::item(kind.tables, &path, node, section.report) {
            made = (kind.make)(&mut inner, making);
            inner.finish();
        }
    }
    made.filter(|_| kinds == 1)
}

/// Returns the feeds of a target, and reports names that no feed has.
fn feeds_of(section: &mut Section<'_>, feeds: &Feeds) -> Vec<usize> {
    section.miss("feeds", "name at least one feed");
    let place = section.place_of("feeds");
    let Some(nodes) = section.nodes("feeds") else {
        return Vec::new();
    };
    if nodes.is_empty() {
        section.wrong(
            place,
            "feeds",
            Wrong::new("the target has no feed", "name at least one"),
        );
    }
    let mut indices = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let key = format!("feeds[{index}]");
        let Value::Scalar(wanted) = &node.value else {
            section.wrong(
                node.place,
                &key,
                Wrong::new("is not a name", "write the name of one feed"),
            );
            continue;
        };
        if let Some(index) = feeds.read.iter().position(|feed| feed.name == *wanted.text) {
            indices.push(index);
        } else if !feeds.may_have(&wanted.text) {
            let what = format!("there is no feed {}", shown(&wanted.text));
            let instead = suggestion(&wanted.text, feeds.names());
            section.wrong(node.place, &key, Wrong::new(what, instead));
        }
    }
    indices
}

/// The names of feeds or targets, of which each may stand once.
#[derive(Default)]
pub(crate) struct Names(HashMap<String, ()>);

impl Names {
    /// Reads the key `name`.
    pub(crate) fn read(&mut self, section: &mut Section<'_>) -> Option<String> {
        let place = section.place_of("name");
        let name = section.required("name", "give it a name", entry::name)?;
        if self.0.insert(name.clone(), ()).is_some() {
            section.wrong(
                place,
                "name",
                Wrong::new("the name stands twice", "give each a name of its own"),
            );
        }
        Some(name)
    }
}

#[cfg(test)]
mod tests;
