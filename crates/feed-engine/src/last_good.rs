//! The last good set of each feed, kept in a folder over restarts.
//!
//! Without it the first answer of MISP after a restart would be believed whatever it is, and a daemon that starts while
//! MISP is away would have nothing to serve. A feed of a copy of MISP is not kept here: the copy outlives a restart
//! itself.
//!
//! A set is one file, sealed, that is replaced whole. A damaged or foreign one is as good as none.

mod folder;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use cache::{MemoryStore, Weigh};
use jiff::{SignedDuration, Timestamp};

use self::folder::Folder;
use crate::feed_key::FeedKey;
use crate::set_bytes::{read_set, written};
use crate::shared_sets::{self, Label};
use crate::state_keys::StateKeys;
use crate::{FeedContents, FeedSet};

/// Memory for what is on disk: some ten thousand feeds. A file of a forgotten feed is written once more.
const KNOWN_BYTES: u64 = 4 * 1024 * 1024;

/// A set that has not changed is written again after this time, since its age counts.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// The most bytes of a set before compression; a larger one is not kept.
const MAX_SET_BYTES: usize = 256 * 1024 * 1024;

/// The fastest level: a set is written at each change.
const ZSTD_LEVEL: i32 = 1;

/// The bytes of a label before the set.
const LABEL_BYTES: usize = 96;

/// The last good sets. Everything here but the keys blocks.
pub(crate) struct LastGoodSets {
    folder: Option<Folder>,
    keys: ArcSwapOption<StateKeys>,
    known: MemoryStore<FeedKey, OnDisk>,
}

/// What the file of a feed holds.
#[derive(Clone, Copy)]
enum OnDisk {
    Nothing,
    Set { values: u128, made_at: Timestamp },
}

impl Weigh for OnDisk {
    fn weight_bytes(&self) -> usize {
        size_of::<Self>() + size_of::<FeedKey>()
    }
}

impl LastGoodSets {
    /// Returns the sets in this folder, which is made when it is needed; nowhere without one.
    pub(crate) fn kept_in(folder: Option<PathBuf>) -> Self {
        Self {
            folder: folder.map(Folder::new),
            keys: ArcSwapOption::empty(),
            known: MemoryStore::new(KNOWN_BYTES),
        }
    }

    /// Seals and opens with these keys from now on; without keys nothing is kept.
    pub(crate) fn use_keys(&self, keys: Option<StateKeys>) {
        self.keys.store(keys.map(Arc::new));
    }

    /// Returns whether sets are kept.
    pub(crate) fn is_on(&self) -> bool {
        self.folder.is_some() && self.keys.load().is_some()
    }

    /// Returns the set of a feed as it was written last, with its label; nothing if there is none of ours.
    pub(crate) fn read(&self, key: &FeedKey) -> Option<(Label, FeedContents)> {
        let (folder, keys) = (self.folder.as_ref()?, self.keys.load_full()?);
        let sealed = folder.read(&shared_sets::name(key))?;
        let opened = keys.open(&sealed, &context(key))?;
        let plain = zstd::bulk::decompress(&opened.text, MAX_SET_BYTES).ok()?;
        let (label, set) = plain.split_at_checked(LABEL_BYTES)?;
        let (label, contents) = (Label::read(label)?, read_set(key.scope.kind, set)?);
        if opened.is_current {
            self.note(key, &label);
        }
        Some((label, contents))
    }

    /// Writes the set of a feed, unless the file holds it already.
    pub(crate) fn write(&self, key: &FeedKey, label: &Label, set: &FeedSet) {
        let (Some(folder), Some(keys)) = (&self.folder, self.keys.load_full()) else {
            return;
        };
        if !self.is_news(key, label) {
            return;
        }
        let Some(plain) = written(set).map(|set| [label.written(), set].concat()) else {
            return;
        };
        if plain.len() > MAX_SET_BYTES {
            return;
        }
        let packed = zstd::bulk::compress(&plain, ZSTD_LEVEL).ok();
        let Some(sealed) = packed.and_then(|packed| keys.seal(&packed, &context(key))) else {
            return;
        };
        if folder.write(&shared_sets::name(key), &sealed) {
            self.note(key, label);
        }
    }

    /// Removes the file of a feed, once: a copy answers for it from now on.
    pub(crate) fn remove(&self, key: &FeedKey) {
        let Some(folder) = self.folder.as_ref() else { return };
        if !matches!(self.known.get(key), Some(OnDisk::Nothing)) {
            folder.remove(&shared_sets::name(key));
            self.known.insert(key.clone(), OnDisk::Nothing);
        }
    }

    fn is_news(&self, key: &FeedKey, label: &Label) -> bool {
        match self.known.get(key) {
            Some(OnDisk::Set { values, made_at }) => {
                let since = label.made_at.duration_since(made_at);
                (values != label.values && since >= SignedDuration::ZERO) || since >= AGAIN
            }
            _ => true,
        }
    }

    fn note(&self, key: &FeedKey, label: &Label) {
        let on_disk = OnDisk::Set {
            values: label.values,
            made_at: label.made_at,
        };
        self.known.insert(key.clone(), on_disk);
    }
}

/// What a seal is bound to: a set does not open as that of another feed.
fn context(key: &FeedKey) -> Vec<u8> {
    [b"cratos/last-good/1/", &*shared_sets::name(key)].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use feed_classification::{Age, FeedName, IndicatorSet, IndicatorType};

    use super::*;
    use crate::{FeedScope, Filter, Selection, Upstream};

    fn key(name: &str) -> FeedKey {
        let scope = FeedScope {
            selection: Selection::Feed(FeedName::Block),
            kind: IndicatorType::Domain,
            age: Age::Weeks1,
            filter: Filter::NONE,
        };
        FeedKey::of(&Upstream::named(name).unwrap(), scope)
    }

    fn sets(folder: &Path, keys: &[u8]) -> LastGoodSets {
        let sets = LastGoodSets::kept_in(Some(folder.join("last-good")));
        let keys: Vec<[u8; 32]> = keys.iter().map(|byte| [*byte; 32]).collect();
        sets.use_keys(StateKeys::new(&keys));
        sets
    }

    fn set(values: &[&str]) -> Arc<FeedSet> {
        let values = IndicatorSet::of(IndicatorType::Domain, values.iter().copied());
        FeedSet::renew(None, FeedContents::new(values, BTreeMap::new()), Timestamp::UNIX_EPOCH)
    }

    fn label(set: &FeedSet, second: i64) -> Label {
        let at = Timestamp::from_second(second).unwrap();
        Label {
            began_at: at,
            made_at: at,
            changed_at: set.changed_at(),
            ordered_at: set.ordered_at(),
            values: shared_sets::values_id(set),
            is_judged: true,
            is_timed: false,
        }
    }

    fn write(sets: &LastGoodSets, name: &str, values: &[&str], second: i64) {
        let set = set(values);
        sets.write(&key(name), &label(&set, second), &set);
    }

    fn values(sets: &LastGoodSets, name: &str) -> Option<Vec<String>> {
        let (_, contents) = sets.read(&key(name))?;
        Some(contents.values.iter().map(str::to_owned).collect())
    }

    #[test]
    fn a_set_outlives_the_process_and_a_change_of_keys() {
        let directory = tempfile::tempdir().unwrap();
        write(&sets(directory.path(), &[1]), "a", &["bad.example"], 7);
        let later = sets(directory.path(), &[2, 1]);
        let (read, contents) = later.read(&key("a")).unwrap();
        assert_eq!(read, label(&set(&["bad.example"]), 7));
        assert!(contents.values.iter().eq(["bad.example"]));
        assert_eq!(values(&later, "b"), None, "another feed");
        // The next answer is sealed with the new key.
        write(&later, "a", &["bad.example"], 8);
        assert_eq!(values(&sets(directory.path(), &[2]), "a").unwrap(), ["bad.example"]);
    }

    #[test]
    fn a_damaged_file_or_one_of_another_feed_or_key_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let own = sets(directory.path(), &[1]);
        write(&own, "a", &["bad.example"], 7);
        assert_eq!(values(&sets(directory.path(), &[2]), "a"), None);
        let files: Vec<_> = fs::read_dir(directory.path().join("last-good")).unwrap().collect();
        let path = files[0].as_ref().unwrap().path();
        let sealed = fs::read(&path).unwrap();
        assert!(!sealed.windows(3).any(|part| part == b"bad"));
        write(&own, "b", &["good.example"], 7);
        let both = fs::read_dir(directory.path().join("last-good")).unwrap();
        let other = both
            .map(|file| file.unwrap().path())
            .find(|other| *other != path)
            .unwrap();
        fs::copy(&path, other).unwrap();
        assert_eq!(values(&own, "b"), None);
        for bytes in [&sealed[..sealed.len() / 2], b"", b"something else"] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(values(&own, "a"), None);
        }
    }

    #[test]
    fn a_file_is_written_when_the_values_change_and_else_once_an_hour() {
        let directory = tempfile::tempdir().unwrap();
        let sets = sets(directory.path(), &[1]);
        let made_at = || sets.read(&key("a")).unwrap().0.made_at.as_second();
        write(&sets, "a", &["bad.example"], 100);
        write(&sets, "a", &["bad.example"], 400);
        assert_eq!(made_at(), 100);
        write(&sets, "a", &["bad.example", "worse.example"], 700);
        assert_eq!(made_at(), 700);
        write(&sets, "a", &["bad.example"], 600);
        assert_eq!(made_at(), 700, "an older answer came late");
        write(&sets, "a", &["bad.example", "worse.example"], 700 + 3_600);
        assert_eq!(made_at(), 4_300);
    }

    #[test]
    fn a_feed_of_a_copy_has_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let sets = sets(directory.path(), &[1]);
        write(&sets, "a", &["bad.example"], 7);
        sets.remove(&key("a"));
        assert_eq!(values(&sets, "a"), None);
        write(&sets, "a", &["bad.example"], 8);
        assert!(values(&sets, "a").is_some(), "the copy has ended");
    }
}
