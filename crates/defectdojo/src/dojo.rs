//! The part of DefectDojo's API, version 2, that this crate uses.
//!
//! Facts from its sources (`FindingViewSet` and `ApiFindingFilter`): unknown filters are ignored, an unknown ordering
//! is a 400; an added note comes back without its id; a tag that is not there cannot be removed (400); a note can be
//! removed by its author and by superusers only (400).

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::access::{Access, Again, Answer, Question, Timing};
use crate::config::{Severity, Tag};
use crate::cve::Cve;
use crate::error::AskError;
use config_file::SecretFile;

/// How many findings one page has.
const PAGE: usize = 100;

/// A DefectDojo with its key.
#[derive(Clone, Debug)]
pub struct DefectDojo {
    access: Access,
}

/// A finding, with the fields that this crate uses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Its number.
    pub id: u64,
    /// Its CVE numbers, each once; other vulnerability ids are left out.
    pub cves: Vec<Cve>,
    /// Its tags.
    pub tags: Vec<String>,
}

/// A note of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Note {
    /// Its number; later notes have higher ones.
    pub id: u64,
    /// Its text.
    pub entry: String,
}

/// The result of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removal {
    /// It is gone.
    Removed,
    /// It was not there, or belongs to another user.
    Refused,
}

/// A filter of findings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    Active(&'a [Severity]),
    Tagged(&'a Tag),
}

/// One page of findings.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) findings: Vec<Finding>,
    /// How many rows could not be read.
    pub(crate) unreadable: usize,
    /// Where the next page begins.
    pub(crate) next: Option<usize>,
}

impl DefectDojo {
    /// Returns a client for the DefectDojo at `base`, the address without `/api/v2`.
    ///
    /// # Errors
    /// If the certificates cannot be used.
    pub fn new(
        base: &Url,
        key: SecretFile,
        ca_file: Option<&Path>,
        timing: Timing,
        max_body: usize,
    ) -> Result<Self, AskError> {
        let access = Access::new(base, key, "Token", ca_file, timing, max_body)?;
        Ok(Self { access })
    }

    /// Returns the page of findings that begins at `offset`.
    pub(crate) async fn page(&self, which: Which<'_>, offset: usize) -> Result<Page, AskError> {
        let severities;
        let filters: &[(&str, &str)] = match which {
            Which::Active(wanted) => {
                let names: Vec<&str> = wanted.iter().map(|severity| severity.as_str()).collect();
                severities = names.join(",");
                &[("active", "true"), ("severity", &severities)]
            }
            Which::Tagged(tag) => &[("tags", tag.as_str())],
        };
        let (limit, at) = (PAGE.to_string(), offset.to_string());
        let query = [filters, &[("o", "id"), ("limit", &limit), ("offset", &at)]].concat();
        let question = Question {
            method: Method::GET,
            path: &["api", "v2", "findings", ""],
            query: &query,
            body: None,
            again: Again::Yes,
        };
        read_page(&self.access.ask(question, &[200]).await?.json()?, which, offset)
    }

    /// Returns the notes of a finding, the oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn notes(&self, finding: u64) -> Result<Vec<Note>, AskError> {
        #[derive(Deserialize)]
        struct Notes {
            notes: Vec<Note>,
        }
        let answer = self
            .about(finding, Method::GET, "notes", None, Again::Yes, &[200])
            .await?;
        let Notes { mut notes } = answer.json()?;
        notes.sort_by_key(|note| note.id);
        Ok(notes)
    }

    /// Adds a note.
    ///
    /// # Errors
    /// If it is not certain that it was added. It is sent once; read the notes before you send it again.
    pub async fn add_note(&self, finding: u64, entry: &str, private: bool) -> Result<(), AskError> {
        let body = json!({ "entry": entry, "private": private });
        self.about(finding, Method::POST, "notes", Some(body), Again::No, &[200, 201])
            .await
            .map(drop)
    }

    /// Removes a note, which its author and superusers may.
    ///
    /// # Errors
    /// If it is not certain whether it was removed.
    pub async fn remove_note(&self, finding: u64, note: u64) -> Result<Removal, AskError> {
        let body = json!({ "note_id": note });
        let expected = [200, 204, 400, 404];
        let answer = self
            .about(finding, Method::PATCH, "remove_note", Some(body), Again::Yes, &expected)
            .await?;
        Ok(removal(&answer))
    }

    /// Returns the tags of a finding.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn tags(&self, finding: u64) -> Result<Vec<String>, AskError> {
        let answer = self
            .about(finding, Method::GET, "tags", None, Again::Yes, &[200])
            .await?;
        tags_of(&answer)
    }

    /// Adds a tag; one that is there already stays.
    ///
    /// # Errors
    /// If it is not certain that the finding has it.
    pub async fn add_tag(&self, finding: u64, tag: &Tag) -> Result<(), AskError> {
        let body = json!({ "tags": [tag.as_str()] });
        let answer = self
            .about(finding, Method::POST, "tags", Some(body), Again::Yes, &[200, 201])
            .await?;
        if tags_of(&answer)?.iter().any(|there| tag.is(there)) {
            return Ok(());
        }
        let what = "the tag was added and is not there";
        Err(AskError::Nonsense { what })
    }

    /// Removes one tag and leaves all others.
    ///
    /// # Errors
    /// If it is not certain whether it was removed.
    pub async fn remove_tag(&self, finding: u64, tag: &Tag) -> Result<Removal, AskError> {
        let body = json!({ "tags": [tag.as_str()] });
        let answer = self
            .about(
                finding,
                Method::PATCH,
                "remove_tags",
                Some(body),
                Again::Yes,
                &[200, 204, 400],
            )
            .await?;
        Ok(removal(&answer))
    }

    /// Waits the pause after this many failures in a row.
    pub(crate) async fn pause(&self, failures: u32) {
        self.access.pause(failures).await;
    }

    async fn about(
        &self,
        finding: u64,
        method: Method,
        what: &str,
        body: Option<Value>,
        again: Again,
        expected: &[u16],
    ) -> Result<Answer, AskError> {
        let finding = finding.to_string();
        let question = Question {
            method,
            path: &["api", "v2", "findings", &finding, what, ""],
            query: &[],
            body,
            again,
        };
        self.access.ask(question, expected).await
    }
}

fn removal(answer: &Answer) -> Removal {
    match answer.status {
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Removal::Refused,
        _ => Removal::Removed,
    }
}

fn tags_of(answer: &Answer) -> Result<Vec<String>, AskError> {
    #[derive(Deserialize)]
    struct Tags {
        tags: Vec<String>,
    }
    answer.json().map(|Tags { tags }| tags)
}

#[derive(Deserialize)]
struct RawPage {
    next: Option<String>,
    results: Vec<Value>,
}

#[derive(Deserialize)]
struct RawFinding {
    id: u64,
    active: bool,
    severity: String,
    #[serde(default)]
    vulnerability_ids: Option<Vec<VulnerabilityId>>,
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct VulnerabilityId {
    vulnerability_id: String,
}

fn read_page(raw: &RawPage, which: Which<'_>, offset: usize) -> Result<Page, AskError> {
    let next = raw.next.as_deref().map(|next| next_offset(next, offset)).transpose()?;
    if raw.results.is_empty() && next.is_some() {
        let what = "a page is empty, and yet there is a next one";
        return Err(AskError::Nonsense { what });
    }
    let (mut findings, mut unreadable, mut strays) = (Vec::new(), 0, 0);
    for row in &raw.results {
        match RawFinding::deserialize(row) {
            Err(_) => unreadable += 1,
            Ok(finding) if !which.wants(&finding) => strays += 1,
            Ok(finding) => findings.push(finding.into()),
        }
    }
    // A finding can change between the question and the answer. Most of a page cannot.
    if strays * 2 > raw.results.len() {
        let what = "most findings were not asked for, as if the filter was ignored";
        return Err(AskError::Nonsense { what });
    }
    Ok(Page {
        findings,
        unreadable,
        next,
    })
}

/// Returns the offset in the address of the next page. The rest of the address does not count: behind a proxy it can be
/// wrong, and an answer must not send the key to another host.
fn next_offset(next: &str, offset: usize) -> Result<usize, AskError> {
    let (_, query) = next.split_once('?').unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let begins = pairs
        .filter(|(key, _)| key == "offset")
        .find_map(|(_, value)| value.parse().ok());
    match begins {
        Some(begins) if begins > offset => Ok(begins),
        _ => Err(AskError::Nonsense {
            what: "the next page does not come after this one",
        }),
    }
}

impl Which<'_> {
    fn wants(self, finding: &RawFinding) -> bool {
        match self {
            Which::Active(severities) => {
                finding.active && severities.iter().any(|severity| severity.as_str() == finding.severity)
            }
            Which::Tagged(tag) => finding.tags.iter().flatten().any(|there| tag.is(there)),
        }
    }
}

impl From<RawFinding> for Finding {
    fn from(raw: RawFinding) -> Self {
        let ids = raw.vulnerability_ids.unwrap_or_default();
        let mut cves: Vec<Cve> = ids.iter().filter_map(|id| id.vulnerability_id.parse().ok()).collect();
        cves.sort_unstable();
        cves.dedup();
        Self {
            id: raw.id,
            cves,
            tags: raw.tags.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_the_next_address_only_the_offset_counts() {
        for next in [
            "https://elsewhere.example/api/v2/findings/?limit=100&offset=200",
            "/findings/?offset=200",
            "?offset=200#x",
        ] {
            assert_eq!(next_offset(next.trim_end_matches("#x"), 100).ok(), Some(200), "{next}");
        }
        for wrong in [
            "",
            "https://a.example/",
            "?offset=100",
            "?offset=0",
            "?offset=-1",
            "?offset=x",
        ] {
            assert!(next_offset(wrong, 100).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_that_ignores_the_filter_is_refused() {
        let row =
            |active| json!({ "id": 1, "active": active, "severity": "High", "vulnerability_ids": [], "tags": [] });
        let page = |rows: &[Value]| {
            let raw = RawPage {
                next: None,
                results: rows.to_vec(),
            };
            read_page(&raw, Which::Active(&[Severity::High]), 0)
        };
        assert_eq!(page(&[row(true), row(false)]).unwrap().findings.len(), 1);
        assert!(page(&[row(true), row(false), row(false)]).is_err());
    }

    #[test]
    fn one_row_that_makes_no_sense_leaves_the_others() {
        let good = json!({ "id": 7, "active": true, "severity": "High", "tags": null,
            "vulnerability_ids": [{ "vulnerability_id": "cve-2026-0001" }, { "vulnerability_id": "GHSA-x" }] });
        let raw = RawPage {
            next: None,
            results: vec![json!({ "id": "seven" }), good],
        };
        let page = read_page(&raw, Which::Active(&[Severity::High]), 0).unwrap();
        assert_eq!((page.findings.len(), page.unreadable), (1, 1));
        assert_eq!(page.findings[0].cves[0].as_str(), "CVE-2026-0001");
        assert_eq!(page.findings[0].cves.len(), 1);
    }

    proptest! {
        #[test]
        fn no_address_makes_the_reader_panic(next in "\\PC{0,60}", offset in 0usize..1000) {
            if let Ok(begins) = next_offset(&next, offset) {
                prop_assert!(begins > offset);
            }
        }
    }
}
