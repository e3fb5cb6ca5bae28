//! Suricata: rules, lists of file hashes and a reputation list in one folder, and one reload for all of them.

use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use config_file::{Key, Place, Section, absent, default, value};
use feed_classification::{Exporter, FeedInfo, IndicatorType, TypeSet};
use serde_json::{Value, json};

use super::file_change::FileChange;
use super::{Kind, Making, Rendered, Target};
use crate::Values;
use crate::command::{self, CommandError, Run};
use crate::entry;
use crate::error::TargetError;

/// The command that tests the whole configuration of an installed Suricata.
const PROGRAM: &str = "suricata";

const RULES: &str = "cratos.rules";
const REPUTATION: &str = "cratos-ip.list";

/// The socket of Debian's Suricata.
const SOCKET: &str = "/run/suricata-command.socket";

/// Testing and loading tens of thousands of rules takes a minute and more.
const TIMEOUT: Duration = Duration::from_secs(600);

/// An answer of Suricata is a short line.
const MAX_ANSWER: u64 = 64 << 10;

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
        "a folder from which Suricata loads rules, hashes and reputation",
    ),
    tables: &[&[
        Key::ours(
            "directory",
            "path",
            absent("required"),
            "folder of this target alone, from which Suricata loads",
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
    hashes: Arc<dyn Exporter>,
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
    /// Tests the files of the folder, and makes Suricata load them.
    fn load(&self) -> Result<(), CommandError> {
        if let Some(words) = &self.test {
            Run::new(words, TIMEOUT).output()?;
        }
        match &self.reload {
            Reload::Command(words) => Run::new(words, TIMEOUT).output().map(drop),
            Reload::Socket(path) => reload_rules(path).map_err(|source| CommandError::Start {
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

/// Makes Suricata reload its rules over the socket, and waits until it has.
fn reload_rules(socket: &Path) -> std::io::Result<()> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // The end of the JSON value ends an answer: only some versions of Suricata send a line end behind it.
    let answers = BufReader::new(stream.try_clone()?.take(MAX_ANSWER));
    let mut answers = serde_json::Deserializer::from_reader(answers).into_iter::<Value>();
    let mut ask = |question: Value| {
        (&stream).write_all(format!("{question}\n").as_bytes())?;
        match answers.next() {
            Some(Ok(answer)) if answer["return"] == "OK" => Ok(()),
            Some(Err(error)) => Err(error.into()),
            _ => Err(std::io::Error::other("suricata refuses")),
        }
    };
    ask(json!({ "version": "0.2" }))?;
    ask(json!({ "command": "reload-rules" }))
}

impl Target for SuricataTarget {
    fn kind(&self) -> &'static str {
        "suricata"
    }

    fn resources(&self) -> Vec<String> {
        vec![self.directory.display().to_string()]
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
        let hashes: TypeSet = HASHES.iter().map(|(kind, _, _)| *kind).collect();
        let elsewhere = if self.reputation.is_some() {
            hashes.union(TypeSet::ADDRESSES)
        } else {
            hashes
        };
        let mut rules = write(self.rules.as_ref(), TypeSet::ALL.without(elsewhere), &mut rendered)?;
        for (kind, keyword, first_sid) in HASHES {
            let file = format!("cratos-{kind}.lst");
            let bytes = write(self.hashes.as_ref(), TypeSet::of(&[kind]), &mut rendered)?;
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
    let has_reputation = section.value_or_default("reputation", value::yes_no);
    let mut exporter = |name| making.exporter(section.report, (Place::START, ""), name);
    let (rules, hashes) = (exporter("suricata")?, exporter("suricata-dataset")?);
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
        hashes,
        reputation,
        test: test.or_else(present),
        reload: reload.map_or(Reload::Socket(socket), Reload::Command),
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::BufRead as _;
    use std::os::unix::net::UnixListener;
    use std::sync::Mutex;
    use std::thread;

    use feed_classification::{IndicatorSet, Registry};

    use super::*;

    /// A Suricata stand-in that gives fixed answers and records the commands.
    fn listening(path: &Path, answer: &'static str) -> Arc<Mutex<Vec<String>>> {
        let listener = UnixListener::bind(path).unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 0 {
                    let is_hello = line.contains("version");
                    seen.lock().unwrap().push(std::mem::take(&mut line).trim().to_owned());
                    let said = if is_hello { r#"{"return": "OK"}"# } else { answer };
                    stream.write_all(said.as_bytes()).unwrap();
                }
            }
        });
        asked
    }

    fn target(dir: &Path, reputation: bool) -> SuricataTarget {
        let exporter = |name: &str| Registry::builtin().by_name(name).cloned().unwrap();
        SuricataTarget {
            directory: dir.to_owned(),
            rules: exporter("suricata"),
            hashes: exporter("suricata-dataset"),
            reputation: reputation.then(|| exporter("suricata-iprep")),
            test: None,
            reload: Reload::Socket(dir.join("socket")),
        }
    }

    fn values() -> Values {
        [
            IndicatorSet::of(IndicatorType::Domain, ["evil.example", "worse.example"]),
            IndicatorSet::of(IndicatorType::Ip, ["192.0.2.7", "2001:db8::/32"]),
            IndicatorSet::of(IndicatorType::FileMd5, ["d41d8cd98f00b204e9800998ecf8427e"]),
            IndicatorSet::of(IndicatorType::UserAgent, ["evil\"; sid:1; content:\"|00| $(id)"]),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn all_indicators_cost_one_reload_and_none_when_nothing_changed() {
        let dir = tempfile::tempdir().unwrap();
        let asked = listening(&dir.path().join("socket"), r#"{"return": "OK", "message": "done"}"#);
        let target = target(dir.path(), false);
        let rendered = target.render(&values()).unwrap();
        target.apply(&rendered).unwrap();
        assert!(target.is_in_force(&rendered).unwrap());
        let asked = asked.lock().unwrap().clone();
        assert_eq!(asked, [r#"{"version":"0.2"}"#, r#"{"command":"reload-rules"}"#]);
    }

    #[test]
    fn files_are_restored_before_suricata_runs() {
        let dir = tempfile::tempdir().unwrap();
        let target = target(dir.path(), true);
        let rendered = target.render(&values()).unwrap();
        target.restore(&rendered).unwrap();
        assert!(target.is_in_force(&rendered).unwrap());
    }

    #[test]
    fn addresses_are_no_content_and_rule_numbers_last() {
        let dir = tempfile::tempdir().unwrap();
        let rules = |target: &SuricataTarget| {
            let rendered = target.render(&values()).unwrap();
            String::from_utf8(rendered.part(RULES).to_vec()).unwrap()
        };
        let text = rules(&target(dir.path(), false));
        let of_address: Vec<&str> = text.lines().filter(|line| line.contains("192.0.2.7")).collect();
        assert!(
            !of_address.is_empty() && of_address.iter().all(|line| !line.contains("content:")),
            "{text}"
        );
        assert!(
            text.contains("2001:db8::/32") && text.contains("filemd5:cratos-file-md5.lst;"),
            "{text}"
        );
        assert_eq!(
            text,
            rules(&target(dir.path(), false)),
            "the same numbers after a restart"
        );
        assert!(!text.contains("sid:1;"), "a value cannot leave its option: {text}");
        let with_list = target(dir.path(), true).render(&values()).unwrap();
        assert!(!String::from_utf8_lossy(with_list.part(RULES)).contains("192.0.2.7"));
        assert_eq!(with_list.part(REPUTATION), b"192.0.2.7/32,1,127\n2001:db8::/32,1,127\n");
    }

    #[test]
    fn an_independent_parser_reads_every_rule() {
        const READ: &str = "import sys, suricataparser\nfor line in open(sys.argv[1]):\n    print(suricataparser.parse_rule(line).sid)";
        let Some(python) = test_peers::python() else { return };
        let dir = tempfile::tempdir().unwrap();
        let rendered = target(dir.path(), false).render(&values()).unwrap();
        let file = dir.path().join(RULES);
        fs::write(&file, rendered.part(RULES)).unwrap();
        let read = std::process::Command::new(python)
            .args(["-c", READ])
            .arg(&file)
            .output()
            .unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let sids = String::from_utf8(read.stdout).unwrap();
        let different: std::collections::BTreeSet<&str> = sids.lines().collect();
        let rules = rendered.part(RULES).iter().filter(|byte| **byte == b'\n').count();
        assert_eq!((sids.lines().count(), different.len()), (rules, rules), "{sids}");
        assert!(rules > PROTOCOLS.len());
    }

    #[test]
    fn rules_that_are_refused_leave_the_old_ones() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(RULES), "old").unwrap();
        listening(&dir.path().join("socket"), r#"{"return": "OK"}"#);
        let mut target = target(dir.path(), false);
        // As a test of the whole configuration does, it accepts the old rules and refuses the new ones.
        let words = ["grep", "-q", "old", &dir.path().join(RULES).display().to_string()].map(str::to_owned);
        target.test = Some(words.to_vec());
        let refused = target.apply(&target.render(&values()).unwrap());
        assert!(matches!(refused, Err(TargetError::Reload(_))), "{refused:?}");
        assert_eq!(fs::read_to_string(dir.path().join(RULES)).unwrap(), "old");
        assert!(!dir.path().join("cratos-file-md5.lst").exists());
    }

    #[test]
    fn a_suricata_that_refuses_or_is_not_there_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        assert!(reload_rules(&path).is_err());
        listening(&path, r#"{"return": "NOK", "message": "reload in progress"}"#);
        assert_eq!(reload_rules(&path).unwrap_err().to_string(), "suricata refuses");
    }
}
