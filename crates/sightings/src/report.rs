//! A report and its reporter.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// What kind of sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// It was seen.
    Hit,
    /// It was seen, and is harmless.
    FalsePositive,
}

impl Kind {
    /// Returns the name on the wire: `hit` or `false_positive`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::FalsePositive => "false_positive",
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Hit => 0,
            Self::FalsePositive => 1,
        }
    }

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Hit),
            1 => Some(Self::FalsePositive),
            _ => None,
        }
    }
}

/// One value that one source has seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// The value, as it shall reach MISP.
    pub value: String,
    /// Hit or false positive.
    pub kind: Kind,
    /// What saw it.
    pub source: Arc<str>,
    /// When, in unix seconds.
    pub seen_at: i64,
}

/// What sensors saw stays out of logs.
impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("kind", &self.kind)
            .field("source", &self.source)
            .field("seen_at", &self.seen_at)
            .finish_non_exhaustive()
    }
}

/// Who reports: a site, and the secret that lets reports be sent there in the reporter's name.
///
/// The secret is opaque here. It lies in the journal sealed, and is handed to the [`Recipient`](crate::Recipient) with
/// every parcel, who judges at that moment whether it still counts.
#[derive(Clone)]
pub struct Reporter {
    site: String,
    credential: SecretString,
    id: ReporterId,
}

/// Identifies a reporter without revealing its secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ReporterId(pub(crate) [u8; 16]);

impl Reporter {
    /// Returns the reporter that reports to this site with this secret.
    #[must_use]
    pub fn new(site: impl Into<String>, credential: SecretString) -> Self {
        let site = site.into();
        let id = ReporterId(digest(&[site.as_bytes(), credential.expose_secret().as_bytes()]));
        Self { site, credential, id }
    }

    /// Returns the site.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }

    /// Returns the secret.
    #[must_use]
    pub fn credential(&self) -> &SecretString {
        &self.credential
    }

    pub(crate) fn id(&self) -> ReporterId {
        self.id
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}

/// Returns 128 bits of the hash of these parts; where one ends and the next begins counts too.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut short = [0; 16];
    short
        .iter_mut()
        .zip(hash.finalize().iter())
        .for_each(|(to, from)| *to = *from);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_secret_nor_value() {
        let reporter = Reporter::new("misp.example.net", SecretString::from("tokentoken"));
        let report = Report {
            value: "seen.example.com".to_owned(),
            kind: Kind::Hit,
            source: "fw".into(),
            seen_at: 0,
        };
        let shown = format!("{reporter:?} {report:?}");
        assert!(
            !shown.contains("tokentoken") && !shown.contains("seen.example.com"),
            "{shown}"
        );
    }

    #[test]
    fn kinds_have_names_and_codes() {
        for (kind, name, code) in [(Kind::Hit, "hit", 0), (Kind::FalsePositive, "false_positive", 1)] {
            assert_eq!((kind.as_str(), kind.code()), (name, code));
            assert_eq!(Kind::of_code(code), Some(kind));
        }
        assert_eq!(Kind::of_code(2), None);
    }

    #[test]
    fn reporters_differ_by_site_and_secret() {
        let id = |site: &str, secret: &str| Reporter::new(site, SecretString::from(secret)).id().0;
        assert_eq!(id("a", "b"), id("a", "b"));
        assert_ne!(id("a", "b"), id("a", "c"));
        assert_ne!(id("ab", "c"), id("a", "bc"));
    }
}
