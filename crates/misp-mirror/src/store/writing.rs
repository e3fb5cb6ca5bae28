//! One transaction: its changes in the file, and in the list of events.

use std::collections::{BTreeMap, BTreeSet};

use super::compression::Compression;
use super::database::{META, PAGES, RECORDS, ROOT, begin_write, create_tables};
use super::encoding::{self, RecordError};
use super::manifest::{Entry, Manifest, Root, ids_of, page_of, page_text};
use super::{EventState, EventSummary, StoreError, Update};
use crate::EventRecord;
use crate::seal::{Place, Seal};

/// A transaction that is ready to be written.
pub(super) struct Transaction {
    clear: bool,
    records: BTreeMap<u64, Option<Vec<u8>>>,
    pages: BTreeMap<u64, Option<Vec<u8>>>,
    meta: BTreeMap<String, Option<Vec<u8>>>,
    root_item: Vec<u8>,
    root: Root,
    entries: BTreeMap<u64, Option<Entry>>,
}

impl Transaction {
    /// Seals everything that the update puts.
    pub(super) fn prepare(
        update: &Update<'_>,
        manifest: &Manifest,
        seal: &Seal,
        max_bytes: u64,
    ) -> Result<Self, StoreError> {
        let mut this = Self {
            clear: update.clear,
            records: BTreeMap::new(),
            pages: BTreeMap::new(),
            meta: BTreeMap::new(),
            root_item: Vec::new(),
            root: if update.clear {
                Root::default()
            } else {
                manifest.root.clone()
            },
            entries: BTreeMap::new(),
        };
        for id in &update.removals {
            this.records.insert(*id, None);
            this.entries.insert(*id, None);
        }
        let mut compression = Compression::default();
        for record in &update.puts {
            this.put(record, seal, &mut compression)?;
        }
        let nothing = Manifest::default();
        let manifest = if update.clear { &nothing } else { manifest };
        this.stay_below(max_bytes, manifest)?;
        this.renew_pages(manifest, seal)?;
        for (name, bytes) in &update.meta {
            this.put_meta(name, *bytes, seal)?;
        }
        this.root.is_whole |= update.whole;
        this.root_item = seal
            .seal(Place::Root, &this.root.to_text())
            .ok_or(StoreError::Random)?
            .1;
        Ok(this)
    }

    /// Writes the transaction: all of it or nothing.
    pub(super) fn write(&self, database: &redb::Database) -> Result<(), redb::Error> {
        let writing = begin_write(database)?;
        if self.clear {
            writing.delete_table(RECORDS)?;
            writing.delete_table(PAGES)?;
            writing.delete_table(META)?;
            create_tables(&writing)?;
        }
        {
            let mut records = writing.open_table(RECORDS)?;
            for (id, item) in &self.records {
                match item {
                    Some(item) => drop(records.insert(id, item.as_slice())?),
                    None => drop(records.remove(id)?),
                }
            }
            let mut pages = writing.open_table(PAGES)?;
            for (number, item) in &self.pages {
                match item {
                    Some(item) => drop(pages.insert(number, item.as_slice())?),
                    None => drop(pages.remove(number)?),
                }
            }
            let mut meta = writing.open_table(META)?;
            for (name, item) in &self.meta {
                match item {
                    Some(item) => drop(meta.insert(name.as_str(), item.as_slice())?),
                    None => drop(meta.remove(name.as_str())?),
                }
            }
            writing.open_table(ROOT)?.insert((), self.root_item.as_slice())?;
        }
        writing.commit()?;
        Ok(())
    }

    /// Takes the changes over into the list in memory.
    pub(super) fn install(self, manifest: &mut Manifest) {
        if self.clear {
            *manifest = Manifest::default();
        }
        for (id, entry) in self.entries {
            manifest.damaged.remove(&id);
            match entry {
                Some(entry) => drop(manifest.events.insert(id, entry)),
                None => drop(manifest.events.remove(&id)),
            }
        }
        manifest.root = self.root;
    }

    fn put(&mut self, record: &EventRecord, seal: &Seal, compression: &mut Compression) -> Result<(), StoreError> {
        let id = record.current.event.id;
        let too_large = |_: RecordError| StoreError::TooLarge { id };
        let (text, current) = encoding::text_of(record).map_err(too_large)?;
        let state = EventState::with_text(record, text.get(..current).unwrap_or_default()).map_err(too_large)?;
        let compressed = compression.compress(&text).ok_or(StoreError::TooLarge { id })?;
        let (stamp, item) = seal.seal(Place::Record(id), &compressed).ok_or(StoreError::Random)?;
        let length = u64::try_from(item.len()).unwrap_or(u64::MAX);
        self.records.insert(id, Some(item));
        let entry = Entry {
            state,
            summary: EventSummary::of(record),
            stamp,
            length,
        };
        self.entries.insert(id, Some(entry));
        Ok(())
    }

    fn put_meta(&mut self, name: &str, bytes: Option<&[u8]>, seal: &Seal) -> Result<(), StoreError> {
        let Some(bytes) = bytes else {
            self.meta.insert(name.to_owned(), None);
            self.root.meta.remove(name);
            return Ok(());
        };
        let too_large = || StoreError::TooLargeMeta { name: name.to_owned() };
        let compressed = Compression::default().compress(bytes).ok_or_else(too_large)?;
        let (stamp, item) = seal.seal(Place::Meta(name), &compressed).ok_or(StoreError::Random)?;
        self.meta.insert(name.to_owned(), Some(item));
        self.root.meta.insert(name.to_owned(), stamp);
        Ok(())
    }

    /// Refuses an update that makes the store grow beyond its limit.
    fn stay_below(&self, max_bytes: u64, manifest: &Manifest) -> Result<(), StoreError> {
        let length = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.length);
        let held: u64 = manifest.events.values().map(|entry| entry.length).sum();
        let added: u64 = self.entries.values().map(|entry| length(entry.as_ref())).sum();
        let taken: u64 = self.entries.keys().map(|id| length(manifest.events.get(id))).sum();
        if added > taken && held.saturating_sub(taken).saturating_add(added) > max_bytes {
            return Err(StoreError::Full { max_bytes });
        }
        Ok(())
    }

    /// Writes the pages anew on which something changes.
    fn renew_pages(&mut self, manifest: &Manifest, seal: &Seal) -> Result<(), StoreError> {
        let touched: BTreeSet<u64> = self.entries.keys().map(|id| page_of(*id)).collect();
        for page in touched {
            let mut entries: BTreeMap<u64, &Entry> = manifest
                .events
                .range(ids_of(page))
                .map(|(id, entry)| (*id, entry))
                .collect();
            for (id, entry) in self.entries.range(ids_of(page)) {
                match entry {
                    Some(entry) => entries.insert(*id, entry),
                    None => entries.remove(id),
                };
            }
            if entries.is_empty() {
                self.pages.insert(page, None);
                self.root.pages.remove(&page);
                continue;
            }
            let text = page_text(entries.into_values());
            let (stamp, item) = seal.seal(Place::Page(page), &text).ok_or(StoreError::Random)?;
            self.pages.insert(page, Some(item));
            self.root.pages.insert(page, stamp);
        }
        Ok(())
    }
}
