//! The enabled warninglists with their entries: `/warninglists/index` with a filter, then `/warninglists/view/ID`.

use serde::Deserialize;

use super::warninglists::{VIEW, view};
use super::{split_error, warninglists};
use crate::json::lenient::{Int, Text};
use crate::json::{Row, Splitter};
use crate::request::Request;
use crate::warninglist::{WarninglistDigest, WarninglistMatcher, WarninglistMatcherBuilder};
use crate::{Client, Error, ErrorKind, Warninglist, WarninglistEntries};

const ENTRIES: &[&str] = &["Warninglist", "WarninglistEntry"];
/// A list of a million names takes about 90 MB.
const MAX_BYTES: u64 = 1 << 30;
/// Longer than any entry: MISP's column for them has 64 KiB.
const MAX_ENTRY: usize = 1 << 20;

/// An entry of a list, without what a matcher does not need.
struct Entry {
    list: Option<u64>,
    value: String,
}

#[derive(Deserialize)]
struct RawEntry {
    #[serde(default)]
    warninglist_id: Int,
    #[serde(default)]
    value: Text,
}

impl Row for Entry {
    type Raw = RawEntry;

    fn from_raw(raw: RawEntry) -> Option<Self> {
        Some(Self {
            list: raw.warninglist_id.unsigned(),
            value: raw.value.into_option()?,
        })
    }
}

impl Client {
    /// Returns a digest of the enabled warninglists, without reading their entries: about 400 bytes a list. It changes
    /// when a list is switched on or off, or when it gets another version or number of entries.
    ///
    /// # Errors
    /// Any [`ErrorKind`] of a question.
    pub async fn warninglist_digest(&self) -> Result<WarninglistDigest, Error> {
        Ok(WarninglistDigest::of(&self.enabled().await?))
    }

    /// Returns all enabled warninglists with all their entries. They take about 100 bytes an entry in memory; to judge
    /// values, [`warninglist_matcher`](Self::warninglist_matcher) takes far less.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when the lists have more than 1 GiB together; any other [`ErrorKind`] of a question.
    pub async fn enabled_warninglists(&self) -> Result<Vec<WarninglistEntries>, Error> {
        let mut left = MAX_BYTES;
        let mut all = Vec::new();
        for list in self.enabled().await? {
            let mut values = Vec::new();
            if self
                .each_entry(&list, &mut left, |value| values.push(value.to_owned()))
                .await?
            {
                all.push(WarninglistEntries::new(list, values));
            }
        }
        Ok(all)
    }

    /// Reads all enabled warninglists into the builder of a matcher, one question for each list. The entries are kept
    /// while they arrive, and no list is held as a whole.
    ///
    /// [`build`](WarninglistMatcherBuilder::build) takes one to four seconds for a million names. Run it where
    /// that does no harm, for example in `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    /// As [`enabled_warninglists`](Self::enabled_warninglists).
    pub async fn warninglist_matcher(&self) -> Result<WarninglistMatcherBuilder, Error> {
        let mut left = MAX_BYTES;
        let mut builder = WarninglistMatcher::builder();
        for list in self.enabled().await? {
            let Some(mut open) = builder.open(&list) else { continue };
            self.each_entry(&list, &mut left, |value| builder.push(&mut open, value))
                .await?;
            // A list that was deleted meanwhile has no entries; the digest of the next look shows it.
            builder.close(open);
        }
        Ok(builder)
    }

    async fn enabled(&self) -> Result<Vec<Warninglist>, Error> {
        // A MISP that does not know the filter sends all lists.
        let mut lists = self
            .warninglists_of(Request::post(warninglists::INDEX, r#"{"enabled":1}"#))
            .await?;
        lists.retain(|list| list.enabled);
        Ok(lists)
    }

    /// Calls `take` with each entry of a list; returns false when MISP no longer has the list.
    async fn each_entry(&self, list: &Warninglist, left: &mut u64, mut take: impl FnMut(&str)) -> Result<bool, Error> {
        let unexpected = |detail| Error::new(ErrorKind::UnexpectedAnswer).with_detail(detail).at(VIEW);
        let max_bytes = self.limits().page_bytes.min(*left);
        let mut answer = match self.transport().ask(view(list.id), max_bytes, &[]).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            answer => answer?,
        };
        let mut splitter = Splitter::new(ENTRIES).with_max_element(MAX_ENTRY);
        let mut entries: Vec<Entry> = Vec::new();
        let mut give = |entries: &mut Vec<Entry>| {
            entries.drain(..).try_for_each(|entry| {
                take(&entry.value);
                let is_of_list = entry.list.is_none_or(|id| id == list.id);
                is_of_list
                    .then_some(())
                    .ok_or_else(|| unexpected("not the list asked for"))
            })
        };
        while let Some(piece) = answer.piece().await? {
            *left = left.saturating_sub(piece.len() as u64);
            splitter
                .push(&piece, &mut entries)
                .map_err(|error| split_error(error, VIEW))?;
            give(&mut entries)?;
        }
        splitter
            .finish(&mut entries)
            .map_err(|error| split_error(error, VIEW))?;
        give(&mut entries)?;
        Ok(true)
    }
}
