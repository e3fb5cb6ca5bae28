//! The configuration: `defectdojo.yaml`, checked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config_file::{Place, Report, SecretFile, value as common};
use feed_classification::Age;
use url::Url;

mod raw;
mod value;

pub use config_file::Problem;

/// A day: a server that takes longer for one answer has none.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(86_400);

const STATE_DIR: &str = "/var/lib/cratos-agent";

/// What a run is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where DefectDojo answers, without `/api/v2`.
    pub defectdojo: Url,
    /// Where DefectDojo's API key is.
    pub key: SecretFile,
    /// Where cratosd answers.
    pub server: Url,
    /// Where cratosd's token is.
    pub token: SecretFile,
    /// Certificates that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Findings of which severities are looked at.
    pub severities: Vec<Severity>,
    /// How old what MISP knows may be; cratosd's own default without it.
    pub age: Option<Age>,
    /// The tag of findings that are part of a campaign.
    pub tag: Tag,
    /// Whether notes are left out of DefectDojo's reports.
    pub private_notes: bool,
    /// Where the lock is.
    pub state_dir: PathBuf,
    /// The file for Prometheus' node exporter.
    pub metrics_file: Option<PathBuf>,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How large one answer may be, in bytes.
    pub max_body: usize,
    /// How many findings there may be.
    pub max_findings: usize,
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

/// A tag that DefectDojo keeps as it is: it makes capital letters small, and takes blanks, commas and quotes for ends of tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let mut report = Report::new(path);
        let config =
            config_file::read(&mut report).and_then(|raw: raw::Config| raw.check(&mut report, credentials.as_deref()));
        report.finish(config)
    }
}

impl raw::Config {
    fn check(self, report: &mut Report, credentials: Option<&Path>) -> Option<Config> {
        let plain = self.insecure_http;
        let url = |report: &mut Report, key, text: &Option<_>| {
            let text = common::required(report, Place::START, &self.told, key, text.as_ref())?;
            common::server(report, key, text, plain)
        };
        let defectdojo = url(report, "defectdojo", &self.defectdojo);
        let server = url(report, "server", &self.server);
        let key_file = self.defectdojo_key_file.as_ref();
        let key = common::secret(report, "defectdojo_key_file", key_file, credentials, "defectdojo_key");
        let token = common::secret(report, "token_file", self.token_file.as_ref(), credentials, "token");
        let severities = self.severity.iter().flatten();
        let severities: Vec<Severity> = severities.filter_map(|text| value::severity(report, text)).collect();
        let age = self.age.as_ref().map(|text| value::age(report, text));
        let tag = self.tag.as_ref().map(|text| value::tag(report, text));
        let timeout = self
            .timeout
            .as_ref()
            .map(|text| common::duration(report, "timeout", text, LONGEST_TIMEOUT));
        let mut path = |key, text: &Option<_>| text.as_ref().and_then(|text| common::absolute(report, key, text));
        let ca_file = path("ca_file", &self.ca_file);
        let state_dir = path("state_dir", &self.state_dir);
        let metrics_file = path("metrics_file", &self.metrics_file);
        Some(Config {
            defectdojo: defectdojo?,
            key: key?,
            server: server?,
            token: token?,
            ca_file,
            severities: match severities.is_empty() {
                true => vec![Severity::Critical, Severity::High],
                false => severities,
            },
            age: age.flatten(),
            tag: tag.flatten().unwrap_or_default(),
            private_notes: self.private_notes.unwrap_or(true),
            state_dir: state_dir.unwrap_or_else(|| PathBuf::from(STATE_DIR)),
            metrics_file,
            timeout: timeout.flatten().unwrap_or(Duration::from_secs(60)),
            max_body: self.max_body_bytes.unwrap_or(64 << 20),
            max_findings: self.max_findings.unwrap_or(100_000),
        })
    }
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

impl Default for Tag {
    /// Returns `cratos:exploited`.
    fn default() -> Self {
        Self("cratos:exploited".to_owned())
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
        let shown = |problems: Vec<Problem>| {
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
        // serde lists the keys that it knows when it meets one that it does not.
        let problems = read(&format!("nonsense: 1\n{GOOD}")).unwrap_err();
        let (_, keys) = problems[0].split_once("write one of ").unwrap();
        for key in keys.split(", ") {
            assert!(
                example.contains(&format!("{key}:")),
                "the example does not mention {key}"
            );
        }
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
