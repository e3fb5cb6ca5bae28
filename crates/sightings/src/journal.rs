//! The file that reports wait in: appended to, cut off where a write did not come to its end, and rewritten when most of it is settled.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::record::{self, Accepted, Record};
use crate::report::Reporter;
use crate::seal::{Frame, JournalKeys};

const MAGIC: &[u8; 8] = b"cratosS1";
const NAME: &str = "journal";
const FRESH_NAME: &str = "journal.new";
const LOCK_NAME: &str = "lock";
const HEAD: u64 = MAGIC.len() as u64;
/// Below this size the file is not worth rewriting.
const WORTH_REWRITING: u64 = 256 << 10;
/// What marks may take beyond the bound, so that a full journal can be emptied.
const ROOM_FOR_MARKS: u64 = 1 << 20;

/// The journal in a directory of its own. Whoever has it is alone with it: a lock says so.
pub(crate) struct Journal<D = File> {
    directory: PathBuf,
    disk: D,
    /// Bytes that are good; whatever stands behind them is not.
    length: u64,
    max_bytes: u64,
    /// What it was when nothing in it was settled; nothing if that is not known.
    fresh: Option<Fresh>,
    keys: JournalKeys,
    _lock: Option<File>,
}

/// A journal in which all waits.
#[derive(Clone, Copy)]
struct Fresh {
    length: u64,
    /// What waits, as it is reckoned elsewhere.
    waiting_bytes: u64,
}

/// What a journal held when it was opened.
#[derive(Default)]
pub(crate) struct Replay {
    /// Reports that are not settled, by number, in one piece for each record.
    pub(crate) accepted: Vec<Accepted>,
    /// The number that the next report gets.
    pub(crate) next_number: u64,
    /// Bytes at the end that belong to no whole record, and were cut off.
    pub(crate) torn_bytes: u64,
    /// Records that are whole and that no key opens any more, and places that were spoilt between whole ones.
    pub(crate) unreadable: u64,
}

/// Why something is not written.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// The bound of the journal.
    Full,
    Disk(io::Error),
}

impl Journal {
    /// Opens the journal of this directory, which is made if it is not there, and reads what waits in it.
    pub(crate) fn open(directory: &Path, max_bytes: u64, keys: JournalKeys) -> Result<(Self, Replay), OpenError> {
        let file_error = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::File { path, source }
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(file_error(directory))?;
        let lock = lock(directory)?;
        let path = directory.join(NAME);
        // What a rewriting left that did not come to its end.
        match fs::remove_file(directory.join(FRESH_NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(file_error(&directory.join(FRESH_NAME))(error));
            }
            _ => {}
        }
        let mut file = private(&path).read(true).open(&path).map_err(file_error(&path))?;
        let (replay, length) = read(&mut file, &keys)
            .map_err(file_error(&path))?
            .ok_or_else(|| OpenError::Foreign { path: path.clone() })?;
        let whole = file
            .set_len(length)
            .and_then(|()| file.write_at(0, MAGIC))
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_directory(directory));
        whole.map_err(file_error(&path))?;
        let journal = Self {
            directory: directory.to_owned(),
            disk: file,
            length: length.max(HEAD),
            max_bytes,
            fresh: None,
            keys,
            _lock: Some(lock),
        };
        Ok((journal, replay))
    }

    /// Writes a new file with these reports only, and puts it in place of the old one.
    pub(crate) fn rewrite<'r>(
        &mut self,
        waiting: impl Iterator<Item = &'r Accepted>,
        waiting_bytes: u64,
    ) -> io::Result<()> {
        let fresh = self.directory.join(FRESH_NAME);
        // Opened before anything is put anywhere: there may be no descriptor left for it.
        let written = self.write_fresh(&fresh, waiting).and_then(|written| {
            let directory = File::open(&self.directory)?;
            fs::rename(&fresh, self.directory.join(NAME))?;
            Ok((written, directory))
        });
        if written.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        let ((file, length), directory) = written?;
        // Whatever comes now: what is written to the old file would be in no directory.
        self.disk = file;
        self.length = length;
        self.fresh = Some(Fresh { length, waiting_bytes });
        directory.sync_all()
    }

    fn write_fresh<'r>(&self, fresh: &Path, waiting: impl Iterator<Item = &'r Accepted>) -> io::Result<(File, u64)> {
        let mut file = private(fresh).read(true).truncate(true).open(fresh)?;
        let mut length = HEAD;
        let mut frames = MAGIC.to_vec();
        for accepted in waiting {
            self.frame(&accepted.written(), &mut frames)?;
            if frames.len() > 1 << 20 {
                file.write_all(&frames)?;
                length += frames.len() as u64;
                frames.clear();
            }
        }
        file.write_all(&frames)?;
        length += frames.len() as u64;
        file.sync_all()?;
        // The head was among the frames.
        Ok((file, length - HEAD))
    }
}

impl<D: Disk> Journal<D> {
    #[cfg(test)]
    pub(crate) fn on(disk: D, max_bytes: u64, keys: JournalKeys) -> Self {
        Self {
            directory: PathBuf::new(),
            disk,
            length: HEAD,
            max_bytes,
            fresh: None,
            keys,
            _lock: None,
        }
    }

    /// Appends the frame of a record to `frames`, for [`append`](Self::append).
    pub(crate) fn frame(&self, record: &[u8], frames: &mut Vec<u8>) -> io::Result<()> {
        let sealed = self.keys.seal(record, frames);
        sealed.ok_or_else(|| io::Error::other("the system gives no random bytes"))
    }

    /// Writes frames, and returns when they are on the disk. After an error the file is what it was before.
    pub(crate) fn append(&mut self, frames: &[u8]) -> Result<(), AppendError> {
        self.append_within(frames, self.max_bytes)
    }

    /// Writes marks, for which there is room beyond the bound.
    pub(crate) fn append_marks(&mut self, frames: &[u8]) -> Result<(), AppendError> {
        self.append_within(frames, self.max_bytes.saturating_add(ROOM_FOR_MARKS))
    }

    fn append_within(&mut self, frames: &[u8], bound: u64) -> Result<(), AppendError> {
        let after = self.length.saturating_add(frames.len() as u64);
        if after > bound {
            return Err(AppendError::Full);
        }
        let written = self.disk.write_at(self.length, frames).and_then(|()| self.disk.sync());
        if let Err(error) = written {
            // Should this fail too: the next write begins at the same place, and reading stops there.
            let _ = self.disk.cut(self.length);
            return Err(AppendError::Disk(error));
        }
        self.length = after;
        Ok(())
    }

    /// Empties the file, and returns when that is on the disk; everything in it is settled, and may not be marked so.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        if self.length > HEAD {
            self.disk.cut(HEAD)?;
            self.length = HEAD;
            self.fresh = Some(Fresh {
                length: HEAD,
                waiting_bytes: 0,
            });
        }
        self.disk.sync()
    }

    /// Returns how many bytes it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.length
    }

    /// Returns whether it is large, and `waiting_bytes` of it only are worth keeping.
    pub(crate) fn is_worth_rewriting(&self, waiting_bytes: u64) -> bool {
        let half = self.length / 2;
        self.length > WORTH_REWRITING && waiting_bytes < half && self.to_gain(waiting_bytes) >= half
    }

    /// Returns whether a full one would have room for more than the next report if it were written anew: while nothing is settled it would
    /// not, and whoever comes again and again must not have the whole file written each time.
    pub(crate) fn has_room_to_gain(&self, waiting_bytes: u64) -> bool {
        self.to_gain(waiting_bytes) >= self.max_bytes / 8
    }

    /// What writing it anew would give back, at most: what came since the last time, and of what was there then the settled part.
    fn to_gain(&self, waiting_bytes: u64) -> u64 {
        let Some(fresh) = self.fresh else {
            return self.length;
        };
        let settled = fresh.waiting_bytes.saturating_sub(waiting_bytes);
        let of_fresh = fresh.length.saturating_mul(settled) / fresh.waiting_bytes.max(1);
        self.length.saturating_sub(fresh.length) + of_fresh
    }

    /// Seals with these keys from now on.
    pub(crate) fn use_keys(&mut self, keys: JournalKeys) {
        self.keys = keys;
    }
}

fn private(_: &Path) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options
}

/// The file stays when the lock goes: removing it would let two processes lock two files of one name.
fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK_NAME);
    let failed = |source| OpenError::File {
        path: path.clone(),
        source,
    };
    let file = private(&path).open(&path).map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(OpenError::Taken {
            directory: directory.to_owned(),
        }),
        Err(error) => Err(failed(error.into())),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Reads what waits, and how many bytes are good; nothing if the file is none of ours.
fn read(file: &mut File, keys: &JournalKeys) -> io::Result<Option<(Replay, u64)>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let Some(frames) = bytes.strip_prefix(MAGIC.as_slice()) else {
        // A power cut may come before the first eight bytes are there.
        let is_ours = MAGIC.starts_with(&bytes);
        return Ok(is_ours.then(|| (Replay::default(), 0)));
    };
    let mut waiting: BTreeMap<u64, (usize, crate::Report)> = BTreeMap::new();
    let mut whose: Vec<(Reporter, i64)> = Vec::new();
    let mut replay = Replay::default();
    let mut rest = frames;
    while !rest.is_empty() {
        let length = match keys.open(rest) {
            Frame::Torn => {
                let Some(spoilt) = keys.next_whole(rest) else { break };
                replay.unreadable += 1;
                spoilt
            }
            Frame::Foreign { length } => {
                replay.unreadable += 1;
                length
            }
            Frame::Record { record, length } => {
                match record::read(&record) {
                    Some(Record::Accepted(accepted)) => {
                        whose.push((accepted.reporter, accepted.accepted_at));
                        for (number, report) in accepted.reports {
                            replay.next_number = replay.next_number.max(number.saturating_add(1));
                            waiting.insert(number, (whose.len() - 1, report));
                        }
                    }
                    Some(Record::Settled(ranges)) => {
                        for range in ranges.into_iter().filter(|range| !range.is_empty()) {
                            let numbers: Vec<u64> = waiting.range(range).map(|(number, _)| *number).collect();
                            numbers.iter().for_each(|number| drop(waiting.remove(number)));
                        }
                    }
                    None => replay.unreadable += 1,
                }
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    replay.torn_bytes = rest.len() as u64;
    let mut pieces: BTreeMap<usize, Vec<(u64, crate::Report)>> = BTreeMap::new();
    for (number, (owner, report)) in waiting {
        pieces.entry(owner).or_default().push((number, report));
    }
    for (owner, reports) in pieces {
        if let Some((reporter, accepted_at)) = whose.get(owner) {
            replay.accepted.push(Accepted {
                reporter: reporter.clone(),
                accepted_at: *accepted_at,
                reports,
            });
        }
    }
    let good = bytes.len() as u64 - replay.torn_bytes;
    Ok(Some((replay, good)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;
    use crate::Kind;
    use crate::Report;

    fn keys() -> JournalKeys {
        JournalKeys::new([&[7; 32]]).unwrap()
    }

    fn accepted(numbers: impl IntoIterator<Item = u64>) -> Accepted {
        let report = |number| Report {
            value: format!("{number}.example.com"),
            kind: Kind::Hit,
            source: "fw".into(),
            seen_at: 0,
        };
        Accepted {
            reporter: Reporter::new("misp.example.net", SecretString::from("secrettoken")),
            accepted_at: 5,
            reports: numbers.into_iter().map(|number| (number, report(number))).collect(),
        }
    }

    fn open(directory: &Path) -> (Journal, Replay) {
        Journal::open(directory, 1 << 20, keys()).unwrap()
    }

    fn append(journal: &mut Journal, numbers: impl IntoIterator<Item = u64>) {
        let mut frames = Vec::new();
        journal.frame(&accepted(numbers).written(), &mut frames).unwrap();
        journal.append(&frames).unwrap();
    }

    fn settle(journal: &mut Journal, range: std::ops::RangeInclusive<u64>) {
        let mut frames = Vec::new();
        for marks in record::marks(&[range]) {
            journal.frame(&marks, &mut frames).unwrap();
        }
        journal.append_marks(&frames).unwrap();
    }

    fn numbers(replay: &Replay) -> Vec<u64> {
        let pieces = replay.accepted.iter();
        pieces
            .flat_map(|piece| piece.reports.iter().map(|(number, _)| *number))
            .collect()
    }

    #[test]
    fn what_is_not_settled_is_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, replay) = open(directory.path());
        assert_eq!((numbers(&replay), replay.next_number), (vec![], 0));
        append(&mut journal, 0..3);
        append(&mut journal, 3..6);
        settle(&mut journal, 1..=3);
        drop(journal);
        let (_, replay) = open(directory.path());
        assert_eq!((numbers(&replay), replay.next_number), (vec![0, 4, 5], 6));
        assert_eq!((replay.torn_bytes, replay.unreadable), (0, 0));
    }

    #[test]
    fn nobody_else_reads_it_and_no_secret_stands_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("sightings");
        let (mut journal, _) = open(&place);
        append(&mut journal, 0..3);
        journal.rewrite([accepted(0..3)].iter(), 0).unwrap();
        append(&mut journal, 3..4);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&place), mode(&place.join(NAME)), mode(&place.join(LOCK_NAME))),
            (0o700, 0o600, 0o600)
        );
        let bytes = fs::read(place.join(NAME)).unwrap();
        for secret in [&b"secrettoken"[..], b"example.com", b"misp.example.net"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret));
        }
    }

    #[test]
    fn rewriting_keeps_what_waits_and_gives_the_rest_back() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(directory.path());
        append(&mut journal, 0..1_000);
        let before = journal.bytes();
        settle(&mut journal, 0..=989);
        journal.rewrite([accepted(990..1_000)].iter(), 0).unwrap();
        assert!(journal.bytes() < before / 50);
        assert_eq!(
            fs::metadata(directory.path().join(NAME)).unwrap().len(),
            journal.bytes()
        );
        append(&mut journal, 1_000..1_001);
        drop(journal);
        assert_eq!(numbers(&open(directory.path()).1), (990..=1_000).collect::<Vec<_>>());
    }

    /// Set in a process of its own, whose last descriptors this test takes.
    const FEW: &str = "SIGHTINGS_TEST_FEW_DESCRIPTORS";

    #[test]
    fn without_descriptors_it_is_not_half_written_anew() {
        if std::env::var_os(FEW).is_none() {
            let name = "journal::tests::without_descriptors_it_is_not_half_written_anew";
            let mut child = std::process::Command::new("sh");
            child.args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\""]);
            let child = child.arg(std::env::current_exe().unwrap()).arg(name);
            let output = child.env(FEW, "yes").output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && told.contains("1 passed"), "{told}");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(directory.path());
        append(&mut journal, 0..3);
        let mut taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        taken.pop();
        assert!(journal.rewrite([accepted(0..3)].iter(), 0).is_err());
        taken.clear();
        append(&mut journal, 3..4);
        drop(journal);
        assert_eq!(numbers(&open(directory.path()).1), [0, 1, 2, 3]);
    }

    /// The secret of its reporter may be all that a record takes: what waits is then far less than the file, and it would be written anew
    /// with every parcel that is settled.
    #[test]
    fn it_is_written_anew_only_when_that_gives_something_back() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(directory.path());
        let records: Vec<Accepted> = (0..2_000).map(|number| accepted([number])).collect();
        let waiting_bytes = 2_000 * 40;
        journal.rewrite(records.iter(), waiting_bytes).unwrap();
        assert!(journal.bytes() > WORTH_REWRITING && waiting_bytes < journal.bytes() / 2);
        assert!(!journal.is_worth_rewriting(waiting_bytes) && !journal.has_room_to_gain(waiting_bytes));
        assert!(!journal.is_worth_rewriting(waiting_bytes - 40));
        // Half of it is settled.
        assert!(journal.is_worth_rewriting(waiting_bytes / 2 - 40) && journal.has_room_to_gain(waiting_bytes / 2));
        journal.clear().unwrap();
        append(&mut journal, 0..10_000);
        assert!(journal.is_worth_rewriting(40));
    }

    #[test]
    fn a_second_process_is_refused_until_the_first_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let (journal, _) = open(directory.path());
        let second = Journal::open(directory.path(), 1 << 20, keys());
        assert!(matches!(second, Err(OpenError::Taken { .. })));
        drop(journal);
        open(directory.path());
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(NAME);
        fs::write(&path, "precious").unwrap();
        let opened = Journal::open(directory.path(), 1 << 20, keys());
        assert!(matches!(opened, Err(OpenError::Foreign { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn records_of_a_key_that_is_gone_are_counted_and_poison_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(directory.path());
        append(&mut journal, 0..2);
        journal.use_keys(JournalKeys::new([&[8; 32]]).unwrap());
        append(&mut journal, 2..4);
        drop(journal);
        let (_, replay) = open(directory.path());
        assert_eq!((numbers(&replay), replay.unreadable), (vec![0, 1], 1));
        let both = JournalKeys::new([&[8; 32], &[7; 32]]).unwrap();
        let (_, replay) = Journal::open(directory.path(), 1 << 20, both).unwrap();
        assert_eq!(numbers(&replay), [0, 1, 2, 3]);
    }

    #[test]
    fn the_bound_holds_for_reports_and_leaves_room_for_marks() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(directory.path(), 400, keys()).unwrap();
        append(&mut journal, 0..2);
        let mut frames = Vec::new();
        journal.frame(&accepted(2..9).written(), &mut frames).unwrap();
        assert!(matches!(journal.append(&frames), Err(AppendError::Full)));
        settle(&mut journal, 0..=1);
        journal.clear().unwrap();
        assert_eq!(journal.bytes(), HEAD);
    }

    /// A disk with room for so many bytes, as a full one takes them: some of a write, and then an error.
    struct Small {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Disk for Small {
        fn write_at(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
            self.bytes.resize(usize::try_from(place).unwrap(), 0);
            let fits = bytes.len().min(self.room.saturating_sub(self.bytes.len()));
            self.bytes.extend_from_slice(&bytes[..fits]);
            if fits < bytes.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.bytes.truncate(usize::try_from(length).unwrap());
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_leaves_what_was_there_and_takes_more_once_there_is_room() {
        let disk = Small {
            bytes: MAGIC.to_vec(),
            room: 300,
        };
        let mut journal = Journal::on(disk, 1 << 20, keys());
        let frame = |journal: &Journal<Small>, number: u64| {
            let mut frames = Vec::new();
            journal.frame(&accepted([number]).written(), &mut frames).unwrap();
            frames
        };
        let (first, second) = (frame(&journal, 0), frame(&journal, 1));
        journal.append(&first).unwrap();
        assert!(
            matches!(journal.append(&second), Err(AppendError::Disk(error)) if error.kind() == io::ErrorKind::StorageFull)
        );
        let kept = [MAGIC.as_slice(), &first].concat();
        assert_eq!(journal.disk.bytes, kept);
        journal.disk.room = 1_000;
        journal.append(&second).unwrap();
        assert_eq!(journal.disk.bytes, [kept, second].concat());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Sectors go bad, and what was written before and after is no less promised.
        #[test]
        fn what_a_disk_spoils_costs_only_itself(at in any::<prop::sample::Index>(), length in 1_usize..300, by in 1_u8..) {
            let directory = tempfile::tempdir().unwrap();
            let (mut journal, _) = open(directory.path());
            let mut ends = vec![journal.bytes()];
            for number in 0..6 {
                append(&mut journal, [number]);
                ends.push(journal.bytes());
            }
            drop(journal);
            let path = directory.path().join(NAME);
            let mut bytes = fs::read(&path).unwrap();
            let head = usize::try_from(HEAD).unwrap();
            let from = head + at.index(bytes.len() - head);
            let to = bytes.len().min(from + length);
            bytes[from..to].iter_mut().for_each(|byte| *byte ^= by);
            fs::write(&path, &bytes).unwrap();
            let is_whole = |number: &u64| {
                let place = usize::try_from(*number).unwrap();
                ends[place + 1] <= from as u64 || ends[place] >= to as u64
            };
            let (_, replay) = open(directory.path());
            prop_assert_eq!(numbers(&replay), (0..6).filter(is_whole).collect::<Vec<_>>());
            prop_assert!(replay.unreadable + replay.torn_bytes > 0);
        }

        /// Wherever a power cut or a killed process stops a write: whole records stay, the rest is cut off and counted.
        #[test]
        fn a_torn_tail_is_cut_off(cut in any::<prop::sample::Index>(), rubbish in prop::collection::vec(any::<u8>(), 0..40)) {
            let directory = tempfile::tempdir().unwrap();
            let (mut journal, _) = open(directory.path());
            let mut ends = vec![journal.bytes()];
            for number in 0..4 {
                append(&mut journal, [number]);
                ends.push(journal.bytes());
            }
            drop(journal);
            let path = directory.path().join(NAME);
            let mut bytes = fs::read(&path).unwrap();
            let cut = cut.index(bytes.len() + 1);
            bytes.truncate(cut);
            bytes.extend_from_slice(&rubbish);
            fs::write(&path, &bytes).unwrap();
            prop_assume!(cut as u64 >= HEAD);
            let whole = ends.iter().filter(|end| **end <= cut as u64).count() as u64 - 1;
            let (mut journal, replay) = open(directory.path());
            prop_assert_eq!(numbers(&replay), (0..whole).collect::<Vec<_>>());
            prop_assert_eq!(replay.torn_bytes, bytes.len() as u64 - journal.bytes());
            append(&mut journal, [9]);
            drop(journal);
            let (_, replay) = open(directory.path());
            prop_assert_eq!(numbers(&replay), (0..whole).chain([9]).collect::<Vec<_>>());
            prop_assert_eq!(replay.torn_bytes, 0);
        }
    }
}
