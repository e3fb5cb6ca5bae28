//! The configuration: `defectdojo.yaml`, checked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config_file::{Item, Key, Node, Report, Scalar, SecretFile, Section, Wrong, absent, default, reader, value};
use feed_classification::Age;
use url::Url;

pub use config_file::{Problem, Problems};

/// A day: a server that takes longer for one answer does not answer.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(86_400);

config_file::keys! {
    /// What `defectdojo.yaml` says, checked.
    #[derive(Clone, Debug)]
    #[non_exhaustive]
    pub struct Config {
        ours "defectdojo", "URL", absent("required"),
            "address of DefectDojo, without `/api/v2`; `https://`, or `http://` to a loopback address";
        ours "defectdojo_key_file", "path", absent("required, or a systemd credential `defectdojo_key`"),
            "file that holds DefectDojo's API key";
        ours "server", "URL", absent("required"),
            "address of cratosd; `https://`, or `http://` to a loopback address";
        ours "token_file", "path", absent("required, or a systemd credential `token`"),
            "file that holds a token with the permissions `lookup` and `context`";
        ours "ca_file", "path", absent("none"),
            "PEM file with authorities that are trusted beside those of the system"
            => ca_file: Option<PathBuf> = reader::optional(value::absolute_path);
        ours "insecure_http", "yes or no", default("False"),
            "send the key and the token over `http://` to another host; anyone on the way can read them";
        ours "severity", "list of severities", default("[Critical, High]"),
            "severities of the findings that are looked up"
            => severities: Vec<Severity> = reader::list(severity);
        ours "age", "age", absent("the default of cratosd"),
            "how far back MISP's knowledge counts, for example `1y`"
            => age: Option<Age> = reader::optional(age);
        ours "tag", "text", default("cratos:exploited"),
            "tag of findings whose CVE is listed in an event"
            => tag: Tag = reader::one(tag);
        ours "private_notes", "yes or no", default("True"),
            "whether notes are left out of DefectDojo's reports"
            => private_notes: bool = reader::yes_no();
        ours "state_dir", "path", default("/var/lib/cratos-agent"),
            "directory that holds the lock"
            => state_dir: PathBuf = reader::one(value::absolute_path);
        ours "metrics_file", "path", absent("none"),
            "file for the textfile collector of Prometheus' node exporter"
            => metrics_file: Option<PathBuf> = reader::optional(value::absolute_path);
        ours "timeout", "duration", default("60s"),
            "time that one answer may take"
            => timeout: Duration = reader::duration(Duration::from_secs(1), LONGEST_TIMEOUT);
        ours "max_body_bytes", "number of bytes", default("67108864"),
            "size of one answer at which a run refuses it"
            => max_body: usize = reader::number(0, u64::MAX);
        ours "max_findings", "number", default("100000"),
            "findings at which a run refuses to begin"
            => max_findings: usize = reader::number(0, u64::MAX);
    } with {
        /// The address of DefectDojo, without `/api/v2`.
        pub defectdojo: Url,
        /// The file that holds DefectDojo's API key.
        pub key: SecretFile,
        /// The address of cratosd.
        pub server: Url,
        /// The file that holds cratosd's token.
        pub token: SecretFile,
    }
}

/// Returns the rows of `defectdojo.yaml` for its reference page.
#[must_use]
pub fn reference() -> &'static [Key] {
    Config::KEYS
}

/// How bad a finding is, as DefectDojo calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "DefectDojo's own words")]
pub enum Severity {
    Critical,
    High,
    Medium,
    Low,
    Info,
}

/// A tag that DefectDojo keeps as it is: it makes capital letters small, and takes blanks, commas and quotes for ends
/// of tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// All problems of the file, each with its place.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let mut report = Report::new(path);
        let node = config_file::read(&mut report);
        let config = node.and_then(|node| read(node, &mut report, credentials.as_deref()));
        config
            .filter(|_| report.problems.is_empty())
            .ok_or_else(|| report.sorted().into())
    }
}

fn read(node: Node, report: &mut Report, credentials: Option<&Path>) -> Option<Config> {
    let mut section = Section::new(&[Config::KEYS], "", node, report)?;
    let plain = section.value_or_default("insecure_http", value::yes_no);
    let defectdojo = section.required(
        "defectdojo",
        "write the address of DefectDojo, such as https://defectdojo.example.net",
        |scalar| value::server_url(scalar, "defectdojo", plain),
    );
    let server = section.required(
        "server",
        "write the address of cratosd, such as https://cratos.example.net",
        |scalar| value::server_url(scalar, "cratos", plain),
    );
    let key = SecretFile::read_key(&mut section, "defectdojo_key_file", credentials, "defectdojo_key");
    let token = SecretFile::read_key(&mut section, "token_file", credentials, "token");
    let complete = Config::read_keys(&mut section);
    section.finish();
    let mut config = complete(defectdojo?, key?, server?, token?);
    if config.severities.is_empty() {
        // An empty list means the default, as if the key was absent.
        config.severities = Section::defaults(&[Config::KEYS], "", |section| {
            reader::list(severity)(section, "severity")
        });
    }
    Some(config)
}

/// Reads one of DefectDojo's severities.
fn severity(scalar: &Scalar) -> Result<Item<Severity>, Wrong> {
    let severity = value::word(
        scalar,
        "a severity of DefectDojo",
        &Severity::ALL.map(Severity::as_str),
        |text| Severity::ALL.into_iter().find(|severity| severity.as_str() == text),
    );
    severity.map(Item::from)
}

/// Reads an age, as in the URLs of feeds.
fn age(scalar: &Scalar) -> Result<Age, Wrong> {
    value::word(scalar, "an age", Age::NAMES, |text| text.parse().ok())
}

fn tag(scalar: &Scalar) -> Result<Tag, Wrong> {
    Tag::new(&scalar.text).ok_or_else(|| {
        let what = format!("DefectDojo would change the tag {}", value::shown(scalar));
        let instead = "write up to 100 lower-case letters, digits and any of : . _ - = /";
        Wrong::new(what, instead)
    })
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// Returns DefectDojo's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "Critical",
            Self::High => "High",
            Self::Medium => "Medium",
            Self::Low => "Low",
            Self::Info => "Info",
        }
    }
}

impl Tag {
    /// Returns the tag, if DefectDojo keeps it as it is.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":._-=/".contains(&byte);
        let fits = (1..=100).contains(&text.len()) && text.bytes().all(fits);
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a finding's tag is this one.
    pub(crate) fn is(&self, there: &str) -> bool {
        self.0 == there
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
defectdojo: https://dojo.example.net
defectdojo_key_file: /etc/cratos-agent/defectdojo-key
server: https://cratos.example.net
token_file: /etc/cratos-agent/token
";

    fn read(text: &str) -> Result<Config, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("defectdojo.yaml");
        std::fs::write(&path, text).unwrap();
        let folder = format!("{}/", dir.path().display());
        let shown = |problems: Problems| {
            let shown = problems.iter().map(|problem| problem.to_string().replace(&folder, ""));
            shown.collect()
        };
        Config::read(&path).map_err(shown)
    }

    #[test]
    fn a_short_file_is_enough() {
        let config = read(GOOD).unwrap();
        assert_eq!(config.severities, [Severity::Critical, Severity::High]);
        assert_eq!(config.tag.as_str(), "cratos:exploited");
        assert!(config.private_notes);
        assert_eq!(config.age, None);
    }

    #[test]
    fn the_example_is_read_and_mentions_every_key() {
        let example = include_str!("../../../config.example/defectdojo.yaml");
        let config = read(example).unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(config.defectdojo.as_str(), "https://dojo.example.net/");
        for key in reference() {
            assert!(
                example.contains(&format!("{}:", key.name)),
                "the example does not mention {}",
                key.name
            );
        }
    }

    #[test]
    fn a_key_that_is_absent_means_its_default_in_the_table() {
        let mut text = GOOD.to_owned();
        for key in reference() {
            if let Some(value) = key.default_value() {
                text.push_str(&format!("{}: {value}\n", key.name));
            }
        }
        assert_eq!(
            format!("{:?}", read(&text).unwrap()),
            format!("{:?}", read(GOOD).unwrap())
        );
    }

    #[test]
    fn an_empty_list_of_severities_means_the_default() {
        let config = read(&format!("{GOOD}severity: []\n")).unwrap();
        assert_eq!(config.severities, [Severity::Critical, Severity::High]);
    }

    #[test]
    fn every_problem_is_told_with_its_place() {
        let text = GOOD
            .replace("https://dojo", "http://dojo")
            .replace("cratos.example.net", "user:secret@cratos.example.net")
            .replace("/etc/cratos-agent/token", "token")
            + "severity: [Critical, Terrible]\nage: 8w\ntag: Exploited, now\ntimeout: soon\n";
        insta::assert_snapshot!(read(&text).unwrap_err().join("\n"));
    }

    #[test]
    fn unencrypted_only_to_this_host_or_when_told() {
        let local = GOOD.replace("https://dojo.example.net", "http://127.0.0.1:8080/dojo");
        assert!(read(&local).is_ok());
        let plain = GOOD.replace("https://dojo", "http://dojo");
        assert!(read(&plain).is_err());
        assert!(read(&format!("{plain}insecure_http: true\n")).is_ok());
    }

    #[test]
    fn tags_are_such_that_defectdojo_keeps() {
        assert!(Tag::new("cratos:exploited").is_some());
        for wrong in ["", "Cratos", "a b", "a,b", "\"a\"", "a\n", &"a".repeat(101)] {
            assert_eq!(Tag::new(wrong), None, "{wrong}");
        }
    }
}
