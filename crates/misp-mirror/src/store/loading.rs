//! The list of events, as it is read when the store is opened.

use std::collections::BTreeMap;

use redb::{ReadTransaction, ReadableDatabase as _, ReadableTable as _};

use super::StoreError;
use super::database::{Database, META, PAGES, RECORDS, ROOT};
use super::manifest::{Manifest, Root, ids_of, page_entries};
use crate::seal::{Place, Seal};

/// The contents of a file.
pub(super) enum Loaded {
    /// Nothing yet.
    New,
    /// This, some of which may be lost.
    Manifest(Manifest),
    /// Nothing that opens with this key.
    Foreign,
}

/// Reads the list of events. Where it is damaged, keeps its readable pages.
pub(super) fn load(database: &Database, seal: &Seal) -> Result<Loaded, StoreError> {
    database.with(|database| {
        let reading = database.begin_read()?;
        let mut text = Vec::new();
        let root = reading.open_table(ROOT)?.get(())?;
        let root = root.and_then(|item| {
            seal.open(Place::Root, item.value(), &mut text)?;
            Root::of_text(&text)
        });
        let pages = pages(&reading, seal)?;
        Ok(match root {
            Some(root) => Loaded::Manifest(verified(root, pages, &reading)?),
            None if is_new(&reading)? => Loaded::New,
            None if pages.iter().all(|page| page.1.is_none()) && !does_any_open(&reading, seal)? => Loaded::Foreign,
            None => Loaded::Manifest(rescued(pages, &reading)?),
        })
    })
}

/// A page that opens, with its stamp; nothing for one that does not.
type Page = Option<(crate::seal::Stamp, Vec<super::manifest::Entry>)>;

fn pages(reading: &ReadTransaction, seal: &Seal) -> Result<BTreeMap<u64, Page>, redb::Error> {
    let mut pages = BTreeMap::new();
    let mut text = Vec::new();
    for item in reading.open_table(PAGES)?.iter()? {
        let (number, item) = item?;
        let stamp = seal.open(Place::Page(number.value()), item.value(), &mut text);
        let page = stamp.and_then(|stamp| Some((stamp, page_entries(number.value(), &text)?)));
        pages.insert(number.value(), page);
    }
    Ok(pages)
}

/// Returns the list with the pages that the root names; the others are lost.
fn verified(
    mut root: Root,
    mut pages: BTreeMap<u64, Page>,
    reading: &ReadTransaction,
) -> Result<Manifest, redb::Error> {
    let mut manifest = Manifest::default();
    let mut lost = Vec::new();
    for (number, stamp) in &root.pages {
        match pages.remove(number) {
            Some(Some((found, entries))) if found == *stamp => {
                manifest
                    .events
                    .extend(entries.into_iter().map(|entry| (entry.state.id, entry)));
            }
            _ => lost.push(*number),
        }
    }
    // Those that the root does not name.
    lost.extend(pages.into_keys());
    for number in lost {
        root.is_whole = false;
        root.pages.remove(&number);
        manifest.damaged.extend(records_of(reading, number)?);
    }
    manifest.root = root;
    Ok(manifest)
}

/// Returns the list of the readable pages when the root is lost. Further values are lost with it.
fn rescued(pages: BTreeMap<u64, Page>, reading: &ReadTransaction) -> Result<Manifest, redb::Error> {
    let stamps = pages
        .iter()
        .filter_map(|(number, page)| Some((*number, page.as_ref()?.0)));
    let root = Root {
        is_whole: false,
        pages: stamps.collect(),
        meta: BTreeMap::new(),
    };
    let mut manifest = verified(root, pages, reading)?;
    // Records on no page at all.
    for item in reading.open_table(RECORDS)?.iter()? {
        let id = item?.0.value();
        if !manifest.events.contains_key(&id) {
            manifest.damaged.insert(id);
        }
    }
    Ok(manifest)
}

fn records_of(reading: &ReadTransaction, page: u64) -> Result<Vec<u64>, redb::Error> {
    let records = reading.open_table(RECORDS)?.range(ids_of(page))?;
    records.map(|item| Ok(item?.0.value())).collect()
}

fn is_new(reading: &ReadTransaction) -> Result<bool, redb::Error> {
    Ok(reading.open_table(ROOT)?.first()?.is_none()
        && reading.open_table(PAGES)?.first()?.is_none()
        && reading.open_table(RECORDS)?.first()?.is_none()
        && reading.open_table(META)?.first()?.is_none())
}

fn does_any_open(reading: &ReadTransaction, seal: &Seal) -> Result<bool, redb::Error> {
    let mut text = Vec::new();
    for item in reading.open_table(META)?.iter()? {
        let (name, item) = item?;
        if seal.open(Place::Meta(name.value()), item.value(), &mut text).is_some() {
            return Ok(true);
        }
    }
    for item in reading.open_table(RECORDS)?.iter()? {
        let (id, item) = item?;
        if seal.open(Place::Record(id.value()), item.value(), &mut text).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
