//! Suricata: rules, lists of names and of file hashes and a reputation list in one folder, and one reload for all of
//! them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config_file::{Key, Place, Section, absent, default, value};
use feed_classification::{Exporter, FeedInfo, IndicatorType, TypeSet};

use super::file_change::FileChange;
use super::{Kind, Making, Rendered, Target};
use crate::Values;
use crate::command::{self, CommandError, Run};
use crate::entry;
use crate::error::TargetError;

mod names;
mod socket;

use names::Names;

/// The command that tests the whole configuration of an installed Suricata.
const PROGRAM: &str = "suricata";

const RULES: &str = "cratos.rules";
const REPUTATION: &str = "cratos-ip.list";

/// The socket of Debian's Suricata.
const SOCKET: &str = "/run/suricata-command.socket";

/// Testing and loading tens of thousands of rules takes a minute and more.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Hashes that Suricata compares with whole files, each with the keyword and its first rule number, below those of the
/// exporter.
const HASHES: [(IndicatorType, &str, u32); 2] = [
    (IndicatorType::FileMd5, "filemd5", 1_099_999_900),
    (IndicatorType::FileSha256, "filesha256", 1_099_999_910),
];

/// The protocols in which Suricata finds files.
const PROTOCOLS: [&str; 5] = ["http", "smtp", "ftp-data", "smb", "nfs"];

/// The kind `suricata`.
pub(super) const KIND: Kind = Kind {
    row: Key::ours(
        "suricata",
        "map",
        absent("none"),
        "a folder from which Suricata loads rules, lists and reputation",
    ),
    tables: &[&[
        Key::ours(
            "directory",
            "path",
            absent("required"),
            "folder of this target alone, from which Suricata loads",
        ),
        Key::ours(
            "names",
            "datasets or rules",
            default("datasets"),
            "write names as lists that a few rules load (Suricata 7.0.3 or newer), or as three rules each",
        ),
        Key::ours(
            "reputation",
            "yes or no",
            default("False"),
            "write addresses as IP reputation instead of rules",
        ),
        Key::ours(
            "test",
            "command",
            absent("`suricata -T` where Suricata is installed"),
            "command that judges new rules",
        ),
        Key::ours(
            "socket",
            "path",
            default(SOCKET),
            "command socket of Suricata, over which it reloads its rules",
        ),
        Key::ours(
            "reload",
            "command",
            absent("the socket"),
            "command that makes Suricata load the rules, instead of the socket",
        ),
    ]],
    make,
};

/// A folder that Suricata loads from.
#[derive(Debug)]
pub struct SuricataTarget {
    directory: PathBuf,
    rules: Arc<dyn Exporter>,
    lists: Arc<dyn Exporter>,
    names: Names,
    /// Addresses go here instead of into the rules.
    reputation: Option<Arc<dyn Exporter>>,
    test: Option<Vec<String>>,
    reload: Reload,
}

/// How Suricata loads new rules.
#[derive(Debug)]
enum Reload {
    Socket(PathBuf),
    Command(Vec<String>),
}

impl SuricataTarget {
    /// Returns the types whose values are rules, each its own; the others are in lists.
    fn as_rules(&self) -> TypeSet {
        let hashes: TypeSet = HASHES.iter().map(|(kind, _, _)| *kind).collect();
        let names = match self.names {
            Names::Datasets => TypeSet::NAMES,
            Names::Rules => TypeSet::NONE,
        };
        let addresses = match self.reputation {
            Some(_) => TypeSet::ADDRESSES,
            None => TypeSet::NONE,
        };
        TypeSet::ALL.without(hashes.union(names).union(addresses))
    }

    /// Asks a running Suricata for its version, where the rules need a certain one.
    fn require_version(&self) -> Result<(), CommandError> {
        let (Reload::Socket(path), Some(least)) = (&self.reload, self.names.least_version()) else {
            return Ok(());
        };
        socket::require(path, TIMEOUT, least).map_err(|source| CommandError::Start {
            program: format!("version at {}", path.display()),
            source,
        })
    }

    /// Tests the files of the folder, and makes Suricata load them.
    fn load(&self) -> Result<(), CommandError> {
        if let Some(words) = &self.test {
            Run::new(words, TIMEOUT).output()?;
        }
        match &self.reload {
            Reload::Command(words) => Run::new(words, TIMEOUT).output().map(drop),
            Reload::Socket(path) => socket::reload_rules(path, TIMEOUT).map_err(|source| CommandError::Start {
                program: format!("reload-rules at {}", path.display()),
                source,
            }),
        }
    }

    fn change<'a>(&self, rendered: &'a Rendered) -> FileChange<'a> {
        let files = rendered
            .parts
            .iter()
            .map(|part| (self.directory.join(&part.name), part.bytes.as_slice()));
        FileChange {
            files: files.collect(),
            mode: None,
        }
    }
}

impl Target for SuricataTarget {
    fn kind(&self) -> &'static str {
        "suricata"
    }

    fn resources(&self) -> Vec<String> {
        let mut resources = vec![self.directory.display().to_string()];
        // Two targets with lists of names for one Suricata would have the same rule numbers and names of datasets.
        if let (Reload::Socket(path), Names::Datasets) = (&self.reload, self.names) {
            resources.push(path.display().to_string());
        }
        resources
    }

    fn render(&self, values: &Values) -> Result<Rendered, TargetError> {
        let info = FeedInfo::new(IndicatorType::Ip, "cratos");
        let mut rendered = Rendered::default();
        let write = |exporter: &dyn Exporter, of: TypeSet, rendered: &mut Rendered| {
            let mut bytes = Vec::new();
            let sets = values.sets().filter(|set| of.contains(set.kind()));
            let mut indicators = sets.flat_map(|set| set.indicators());
            let exported = exporter
                .export(&info, &mut indicators, &mut bytes)
                .map_err(TargetError::Render)?;
            rendered.entries += exported.written;
            rendered.left_out += exported.quarantined;
            Ok::<_, TargetError>(bytes)
        };
        let mut rules = write(self.rules.as_ref(), self.as_rules(), &mut rendered)?;
        // Also without names, so that a list of before does not stay.
        for (kind, first_sid) in names::LISTS {
            let mut bytes = Vec::new();
            if let (Names::Datasets, Some(names)) = (self.names, values.of(kind)) {
                bytes = write(self.lists.as_ref(), TypeSet::of(&[kind]), &mut rendered)?;
                rules.extend_from_slice(names::rules(names, first_sid).as_bytes());
            }
            rendered.push(names::list(kind), bytes);
        }
        for (kind, keyword, first_sid) in HASHES {
            let file = format!("cratos-{kind}.lst");
            let bytes = write(self.lists.as_ref(), TypeSet::of(&[kind]), &mut rendered)?;
            if !bytes.is_empty() {
                for (protocol, sid) in PROTOCOLS.iter().zip(first_sid..) {
                    let options = format!("msg:\"Cratos {kind} in {protocol}\"; {keyword}:{file}; sid:{sid}; rev:1;");
                    rules.extend_from_slice(format!("alert {protocol} any any -> any any ({options})\n").as_bytes());
                }
            }
            rendered.push(file, bytes);
        }
        if let Some(exporter) = &self.reputation {
            let bytes = write(exporter.as_ref(), TypeSet::ADDRESSES, &mut rendered)?;
            rendered.push(REPUTATION, bytes);
        }
        rendered.push(RULES, rules);
        Ok(rendered)
    }

    fn apply(&self, rendered: &Rendered) -> Result<(), TargetError> {
        self.require_version().map_err(TargetError::Reload)?;
        self.change(rendered).apply(&mut || self.load())
    }

    fn is_in_force(&self, rendered: &Rendered) -> Result<bool, TargetError> {
        self.change(rendered).is_there()
    }

    fn restore(&self, rendered: &Rendered) -> Result<(), TargetError> {
        self.change(rendered).write()
    }
}

fn make(section: &mut Section<'_>, making: &Making<'_>) -> Option<Box<dyn Target>> {
    // Every key is read before anything is given up, so that all problems are reported at once.
    let directory = section.required(
        "directory",
        "name the folder from which Suricata loads",
        value::absolute_path,
    );
    let test = entry::command(section, "test");
    let reload = entry::command(section, "reload");
    let socket = section.value_or_default("socket", value::absolute_path);
    let names = section.value_or_default("names", names::read);
    let has_reputation = section.value_or_default("reputation", value::yes_no);
    let mut exporter = |name| making.exporter(section.report, (Place::START, ""), name);
    let (rules, lists) = (exporter("suricata")?, exporter("suricata-dataset")?);
    let reputation = match has_reputation {
        true => Some(exporter("suricata-iprep")?),
        false => None,
    };
    let files: TypeSet = HASHES.iter().map(|(kind, _, _)| *kind).collect();
    let accepts = rules.about().accepts.union(TypeSet::ADDRESSES).union(files);
    making.takes(section.report, "suricata", accepts).then_some(())?;
    let present = || command::is_installed(PROGRAM).then(|| vec![PROGRAM.to_owned(), "-T".to_owned()]);
    Some(Box::new(SuricataTarget {
        directory: directory?,
        rules,
        lists,
        names,
        reputation,
        test: test.or_else(present),
        reload: reload.map_or(Reload::Socket(socket), Reload::Command),
    }))
}

#[cfg(test)]
mod tests;
