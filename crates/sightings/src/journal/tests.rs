use std::fs;
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

#[test]
fn more_than_a_buffer_of_what_waits_is_written_anew_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path());
    let records: Vec<Accepted> = (0..4)
        .map(|piece| accepted(piece * 10_000..(piece + 1) * 10_000))
        .collect();
    journal.rewrite(records.iter(), 0).unwrap();
    assert!(journal.bytes() > 1 << 20);
    let length = fs::metadata(directory.path().join(NAME)).unwrap().len();
    assert_eq!(length, journal.bytes());
    drop(journal);
    assert_eq!(numbers(&open(directory.path()).1), (0..40_000).collect::<Vec<_>>());
}

#[test]
fn a_small_one_is_not_worth_writing_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path());
    append(&mut journal, 0..100);
    assert!(!journal.is_worth_rewriting(0));
    append(&mut journal, 100..10_000);
    assert!(journal.is_worth_rewriting(0));
    journal.length = WORTH_REWRITING;
    assert!(!journal.is_worth_rewriting(0));
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

/// The secret of its reporter may be all that a record takes: what waits is then far less than the file, and it would
/// be written anew with every parcel that is settled.
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
    let (mut journal, _) = open(directory.path());
    append(&mut journal, 0..2);
    let full = journal.bytes();
    drop(journal);
    let (mut journal, _) = Journal::open(directory.path(), full, keys()).unwrap();
    let mut frames = Vec::new();
    journal.frame(&accepted(2..3).written(), &mut frames).unwrap();
    assert!(matches!(journal.append(&frames), Err(AppendError::Full)));
    settle(&mut journal, 0..=1);
    journal.clear().unwrap();
    assert_eq!(journal.bytes(), HEAD);
    assert_eq!(fs::metadata(directory.path().join(NAME)).unwrap().len(), HEAD);
}

/// A record of a later version, for example.
#[test]
fn a_record_that_opens_and_cannot_be_read_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path());
    let mut frames = Vec::new();
    journal.frame(b"\xff what is this", &mut frames).unwrap();
    journal.append(&frames).unwrap();
    append(&mut journal, 0..2);
    drop(journal);
    let (_, replay) = open(directory.path());
    assert_eq!((numbers(&replay), replay.unreadable), (vec![0, 1], 1));
}

/// A disk that nothing may be cut off from.
struct Whole;

impl Disk for Whole {
    fn write_at(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[test]
fn an_empty_one_is_not_cut_off_again() {
    let mut journal = Journal::on(Whole, 1 << 20, keys());
    journal.clear().unwrap();
    journal.append(b"more").unwrap();
    journal.clear().unwrap_err();
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

    /// Sectors go bad; the records before and behind them must survive.
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
