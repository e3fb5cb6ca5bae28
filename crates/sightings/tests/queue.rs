//! The queue with recipients that behave in all the ways there are.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sightings::{
    JournalKeys, Kind, OpenError, Options, Outcome, Parcel, Queue, Recipient, Report, Reporter, SubmitError,
};
use tempfile::TempDir;

type Judge = Box<dyn Fn(&Parcel) -> Outcome + Send + Sync>;

/// Answers parcels as the test orders, and records those that it took.
struct Desk {
    judge: Mutex<Judge>,
    sent: Mutex<Vec<Parcel>>,
    tried: Mutex<Vec<Parcel>>,
}

impl Desk {
    fn new(judge: impl Fn(&Parcel) -> Outcome + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            judge: Mutex::new(Box::new(judge)),
            sent: Mutex::default(),
            tried: Mutex::default(),
        })
    }

    fn that_takes_all() -> Arc<Self> {
        Self::new(|_| Outcome::Sent)
    }

    fn becomes(&self, judge: impl Fn(&Parcel) -> Outcome + Send + Sync + 'static) {
        *self.judge.lock().unwrap() = Box::new(judge);
    }

    fn values(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for parcel in &*self.sent.lock().unwrap() {
            for value in &parcel.values {
                *counts.entry(value.clone()).or_default() += 1;
            }
        }
        counts
    }
}

impl Recipient for Desk {
    async fn deliver(&self, parcel: &Parcel) -> Outcome {
        self.tried.lock().unwrap().push(parcel.clone());
        let outcome = (self.judge.lock().unwrap_or_else(PoisonError::into_inner))(parcel);
        if outcome == Outcome::Sent {
            self.sent.lock().unwrap().push(parcel.clone());
        }
        outcome
    }
}

const AWAY: Outcome = Outcome::Failed {
    was_begun: false,
    retry_after: None,
};
const CUT_OFF: Outcome = Outcome::Failed {
    was_begun: true,
    retry_after: None,
};

/// No test waits for the pauses of real life.
fn options(directory: &Path) -> Options {
    let mut options = Options::new(directory);
    options.linger = Duration::from_millis(10);
    options.pace = Duration::from_millis(1);
    options.first_backoff = Duration::from_millis(10);
    options.longest_backoff = Duration::from_millis(50);
    options.hold = Duration::from_millis(50);
    options
}

fn keys() -> JournalKeys {
    JournalKeys::new([&[7; 32]]).unwrap()
}

fn open(directory: &TempDir, desk: &Arc<Desk>) -> Queue {
    Queue::open(options(directory.path()), keys(), Arc::clone(desk)).unwrap()
}

fn reporter(secret: &str) -> Reporter {
    Reporter::new("misp.example.net", SecretString::from(secret))
}

fn reports(names: impl IntoIterator<Item = u32>) -> Vec<Report> {
    let report = |number| Report {
        value: format!("{number}.example.com"),
        kind: Kind::Hit,
        source: "fw".into(),
        seen_at: 1_795_308_235,
    };
    names.into_iter().map(report).collect()
}

/// Waits for what will come on a machine that is busy with other things.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(is_so(), "never: {what}");
}

#[tokio::test]
async fn reports_arrive_in_parcels_and_the_journal_is_empty_then() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::that_takes_all();
    let queue = open(&directory, &desk);
    let receipt = queue.submit(reporter("a"), reports(0..250)).await.unwrap();
    assert_eq!((receipt.accepted, receipt.duplicates), (250, 0));
    let is_empty = || queue.status().waiting == 0 && queue.status().journal_bytes < 100;
    until("all sent", is_empty).await;
    assert!(desk.values().len() == 250 && desk.values().values().all(|count| *count == 1));
    let parcels = desk.sent.lock().unwrap();
    let fits = |parcel: &Parcel| parcel.values.len() <= 100 && parcel.seen_at == 1_795_308_180;
    assert!(parcels.iter().all(fits));
    let counted = queue.status().counted;
    assert_eq!((counted.accepted, counted.sent), (250, 250));
}

#[tokio::test]
async fn the_same_sighting_counts_once_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|_| AWAY);
    let queue = open(&directory, &desk);
    let twice = [reports(0..3), reports(0..3)].concat();
    let first = queue.submit(reporter("a"), twice).await.unwrap();
    assert_eq!((first.accepted, first.duplicates), (3, 3));
    queue.close(Duration::ZERO).await;
    let queue = open(&directory, &desk);
    let again = queue.submit(reporter("a"), reports(0..4)).await.unwrap();
    assert_eq!((again.accepted, again.duplicates), (1, 3));
    let other = queue.submit(reporter("b"), reports(0..1)).await.unwrap();
    assert_eq!(other.accepted, 1, "nobody can make another one's report a duplicate");
    desk.becomes(|_| Outcome::Sent);
    until("all sent", || queue.status().waiting == 0).await;
    assert_eq!(desk.values().values().sum::<usize>(), 5);
}

#[tokio::test]
async fn what_is_accepted_survives_a_queue_that_just_ends() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|_| AWAY);
    let queue = open(&directory, &desk);
    queue.submit(reporter("secret"), reports(0..500)).await.unwrap();
    drop(queue);
    let desk = Desk::that_takes_all();
    // The writer's thread gives the lock back a moment after the queue is dropped.
    let mut queue = None;
    until("the lock is free", || {
        queue = Queue::open(options(directory.path()), keys(), Arc::clone(&desk)).ok();
        queue.is_some()
    })
    .await;
    until("all sent", || desk.values().len() == 500).await;
    let sent = desk.sent.lock().unwrap();
    let whose = |parcel: &Parcel| parcel.reporter.credential().expose_secret() == "secret";
    assert!(sent.iter().all(whose));
}

#[tokio::test]
async fn what_waits_stays_in_the_journal_when_something_else_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|parcel| match parcel.reporter.site() {
        "misp.example.net" => AWAY,
        _ => Outcome::Sent,
    });
    let queue = open(&directory, &desk);
    queue.submit(reporter("a"), reports(0..3)).await.unwrap();
    let elsewhere = Reporter::new("other.example.net", SecretString::from("b"));
    queue.submit(elsewhere, reports(3..4)).await.unwrap();
    until("the other site", || queue.status().waiting == 3).await;
    queue.close(Duration::ZERO).await;
    assert_eq!(open(&directory, &desk).status().waiting, 3);
}

#[tokio::test]
async fn a_site_that_is_away_gets_everything_when_it_is_back_and_others_do_not_wait() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|parcel| match parcel.reporter.site() {
        "misp.example.net" => AWAY,
        _ => Outcome::Sent,
    });
    let queue = open(&directory, &desk);
    queue.submit(reporter("a"), reports(0..300)).await.unwrap();
    let elsewhere = Reporter::new("other.example.net", SecretString::from("b"));
    queue.submit(elsewhere, reports(1_000..1_001)).await.unwrap();
    until("the other site", || desk.values().contains_key("1000.example.com")).await;
    until("failures", || queue.status().counted.failed_parcels >= 3).await;
    assert_eq!(queue.status().waiting, 300);
    desk.becomes(|_| Outcome::Sent);
    until("all sent", || queue.status().waiting == 0).await;
    assert!(desk.values().values().all(|count| *count == 1));
    let sent = desk.sent.lock().unwrap();
    let sizes: Vec<usize> = sent.iter().map(|parcel| parcel.values.len()).collect();
    assert!(
        sizes.contains(&100),
        "who was not reached gets whole parcels: {sizes:?}"
    );
}

#[tokio::test]
async fn a_refused_reporter_waits_and_another_one_of_the_site_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|parcel| match parcel.reporter.credential().expose_secret() {
        "a" => Outcome::Refused,
        _ => Outcome::Sent,
    });
    let queue = open(&directory, &desk);
    queue.submit(reporter("a"), reports(0..3)).await.unwrap();
    queue.submit(reporter("b"), reports(10..13)).await.unwrap();
    until("b's", || desk.values().len() == 3).await;
    until("a is tried again", || queue.status().counted.refused_parcels >= 2).await;
    assert_eq!(queue.status().waiting, 3);
    desk.becomes(|_| Outcome::Sent);
    until("a's", || queue.status().waiting == 0).await;
    assert_eq!(desk.values().len(), 6);
}

#[tokio::test]
async fn what_nobody_will_ever_take_is_dropped_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|parcel| match parcel.reporter.credential().expose_secret() {
        "unknown" => Outcome::Unknown,
        "rejected" => Outcome::Rejected,
        _ => Outcome::Void,
    });
    let queue = open(&directory, &desk);
    for (first, who) in [(0, "unknown"), (1_000, "rejected"), (2_000, "void")] {
        queue.submit(reporter(who), reports(first..first + 150)).await.unwrap();
    }
    until("all judged", || queue.status().waiting == 0).await;
    let counted = queue.status().counted;
    let dropped = (counted.unknown, counted.rejected, counted.void, counted.sent);
    assert_eq!(dropped, (150, 150, 150, 0));
    let tried = desk.tried.lock().unwrap();
    let void = |parcel: &&Parcel| parcel.reporter.credential().expose_secret() == "void";
    assert_eq!(
        tried.iter().filter(void).count(),
        1,
        "of a reporter that ended nothing more is tried"
    );
}

#[tokio::test]
async fn a_value_that_misp_stumbles_over_keeps_no_other_lot_back() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|parcel| {
        let has_it = parcel.values.iter().any(|value| value == "7.example.com");
        if has_it { CUT_OFF } else { Outcome::Sent }
    });
    let queue = open(&directory, &desk);
    queue.submit(reporter("a"), reports(0..20)).await.unwrap();
    let mut other = reports(100..120);
    other.iter_mut().for_each(|report| report.source = "fw2".into());
    queue.submit(reporter("a"), other).await.unwrap();
    let others = || desk.values().keys().filter(|value| value.len() == 15).count();
    until("the other lot", || others() == 20).await;
    until("those that came with it", || desk.values().len() == 39).await;
    assert_eq!(queue.status().waiting, 1);
}

#[tokio::test]
async fn a_recipient_that_ends_in_the_middle_of_a_parcel_gets_one_parcel_twice_at_most() {
    let directory = tempfile::tempdir().unwrap();
    let taken_but_not_said = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&taken_but_not_said);
    let desk = Desk::new(move |parcel| {
        let mut noted = noted.lock().unwrap();
        if noted.is_empty() {
            noted.clone_from(&parcel.values);
            return CUT_OFF;
        }
        Outcome::Sent
    });
    let queue = open(&directory, &desk);
    queue.submit(reporter("a"), reports(0..250)).await.unwrap();
    until("all sent", || queue.status().waiting == 0).await;
    let sent = desk.values();
    assert!(sent.len() == 250 && sent.values().all(|count| *count == 1));
    let twice = taken_but_not_said.lock().unwrap().len();
    assert!(twice <= 100, "what came twice is one parcel: {twice}");
}

#[tokio::test]
async fn a_reporter_that_has_used_its_share_is_turned_away_and_others_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|_| AWAY);
    let mut small = options(directory.path());
    small.max_bytes = 20_000;
    let queue = Queue::open(small, keys(), Arc::clone(&desk)).unwrap();
    let mut accepted = 0;
    let mut refused = None;
    for round in 0..20_u32 {
        let some = reports(round * 100..round * 100 + 50);
        match queue.submit(reporter("a"), some).await {
            Ok(receipt) => accepted += receipt.accepted,
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    assert!(matches!(refused, Some(SubmitError::ShareUsed)), "{refused:?}");
    assert!(accepted >= 100, "{accepted}");
    queue.submit(reporter("b"), reports(0..50)).await.unwrap();
    desk.becomes(|_| Outcome::Sent);
    until("all sent", || queue.status().waiting == 0).await;
    queue.submit(reporter("a"), reports(5_000..5_050)).await.unwrap();
    let all = || desk.values().values().sum::<usize>();
    until("that too", || all() == accepted + 100).await;
}

#[tokio::test]
async fn a_full_journal_turns_everybody_away_until_something_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|_| AWAY);
    let mut small = options(directory.path());
    small.max_bytes = 12_000;
    let queue = Queue::open(small, keys(), Arc::clone(&desk)).unwrap();
    let mut outcome = Ok(());
    for who in 0..10_u32 {
        let sent = queue
            .submit(reporter(&who.to_string()), reports(who * 100..who * 100 + 50))
            .await;
        outcome = outcome.and(sent.map(drop));
    }
    assert!(matches!(outcome, Err(SubmitError::Full)), "{outcome:?}");
    let waiting = queue.status().waiting;
    queue.close(Duration::ZERO).await;
    let queue = open(&directory, &desk);
    assert_eq!(queue.status().waiting, waiting, "what was accepted is all there");
    desk.becomes(|_| Outcome::Sent);
    until("all sent", || queue.status().waiting == 0).await;
}

#[tokio::test]
async fn a_full_journal_has_room_again_where_something_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|parcel| match parcel.reporter.site() {
        "misp.example.net" => AWAY,
        _ => Outcome::Sent,
    });
    let mut small = options(directory.path());
    small.max_bytes = 12_000;
    let queue = Queue::open(small, keys(), Arc::clone(&desk)).unwrap();
    // As long as one waits, the journal is not just emptied.
    queue.submit(reporter("a"), reports(0..1)).await.unwrap();
    for round in 1..20 {
        let elsewhere = Reporter::new("other.example.net", SecretString::from("b"));
        let some = reports(round * 100..round * 100 + 50);
        queue.submit(elsewhere, some).await.unwrap();
        until("sent", || queue.status().waiting == 1).await;
    }
    queue.close(Duration::ZERO).await;
    assert_eq!(open(&directory, &desk).status().waiting, 1);
}

/// A reporter that retries against a full journal must not have all of it written each time.
#[tokio::test]
async fn a_full_journal_is_not_written_anew_for_everybody_who_is_turned_away() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|_| AWAY);
    let mut small = options(directory.path());
    small.max_bytes = 64 << 10;
    let queue = Queue::open(small, keys(), Arc::clone(&desk)).unwrap();
    let file = || std::fs::metadata(directory.path().join("journal")).unwrap().ino();
    let (mut rewritten, mut refused, mut before) = (0, 0, file());
    for who in 0..100_u32 {
        let some = reports(who * 100..who * 100 + 50);
        refused += u32::from(queue.submit(reporter(&who.to_string()), some).await.is_err());
        let now = file();
        rewritten += u32::from(now != before);
        before = now;
    }
    assert!(refused > 50 && rewritten < 10, "{refused} {rewritten}");
}

/// Set in a process whose files cannot grow beyond some KiB, as on a full disk.
const FULL: &str = "SIGHTINGS_TEST_FULL_DISK";

/// Reports that were sent from a full disk must not be sent again after every restart.
#[tokio::test]
async fn a_full_disk_does_not_keep_what_is_sent() {
    const NAME: &str = "a_full_disk_does_not_keep_what_is_sent";
    if std::env::var_os(FULL).is_none() {
        let script = "ulimit -f 8 && trap '' XFSZ && exec \"$0\" --exact \"$1\"";
        let program = std::env::current_exe().unwrap();
        let mut child = std::process::Command::new("sh");
        let output = child
            .args(["-c", script])
            .arg(program)
            .arg(NAME)
            .env(FULL, "yes")
            .output();
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|_| AWAY);
    let mut small = options(directory.path());
    // Each parcel is marked; there is room for one mark or two.
    small.batch = 5;
    let queue = Queue::open(small, keys(), Arc::clone(&desk)).unwrap();
    let mut refused = Vec::new();
    for number in 0..200 {
        let outcome = queue.submit(reporter("a"), reports(number..number + 1)).await;
        refused.extend(outcome.err());
    }
    let is_disk = |error: &SubmitError| matches!(error, SubmitError::Disk(_));
    assert!(!refused.is_empty() && refused.iter().all(is_disk), "{refused:?}");
    desk.becomes(|_| Outcome::Sent);
    until("all sent", || queue.status().waiting == 0).await;
    queue.close(Duration::from_secs(5)).await;
    assert_eq!(std::fs::metadata(directory.path().join("journal")).unwrap().len(), 8);
    let queue = open(&directory, &desk);
    assert_eq!(queue.status().waiting, 0);
}

/// A source may be thirty times as long as the value.
#[tokio::test]
async fn one_reporter_does_not_fill_the_journal_with_long_sources() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|_| AWAY);
    let mut small = options(directory.path());
    small.max_bytes = 128 << 10;
    let queue = Queue::open(small, keys(), Arc::clone(&desk)).unwrap();
    let mut refused = Vec::new();
    for number in 0..1_000 {
        let mut one = reports(number..number + 1);
        one[0].source = format!("{number:0>250}").into();
        refused.extend(queue.submit(reporter("a"), one).await.err());
    }
    assert!(!refused.is_empty());
    assert!(
        refused.iter().all(|error| matches!(error, SubmitError::ShareUsed)),
        "{:?}",
        refused[0]
    );
    queue.submit(reporter("b"), reports(0..100)).await.unwrap();
}

#[tokio::test]
async fn everybody_who_comes_at_a_time_is_answered_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::that_takes_all();
    let queue = Arc::new(open(&directory, &desk));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..200_u32 {
        let queue = Arc::clone(&queue);
        callers.spawn(async move {
            let some = reports(caller..caller + 2);
            queue.submit(reporter("a"), some).await.unwrap().accepted
        });
    }
    let mut accepted = 0;
    while let Some(one) = callers.join_next().await {
        accepted += one.unwrap();
    }
    assert_eq!(accepted, 201, "each value once, however many report it");
    until("all sent", || queue.status().waiting == 0).await;
    assert!(desk.values().len() == 201 && desk.values().values().all(|count| *count == 1));
}

#[tokio::test]
async fn two_queues_do_not_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::that_takes_all();
    let queue = open(&directory, &desk);
    let second = Queue::open(options(directory.path()), keys(), Arc::clone(&desk));
    assert!(matches!(second, Err(OpenError::Taken { .. })));
    queue.close(Duration::from_secs(5)).await;
    open(&directory, &desk);
    let late = queue.submit(reporter("a"), reports(0..1)).await;
    assert!(matches!(late, Err(SubmitError::Closed)));
}

#[tokio::test]
async fn closing_sends_what_would_have_waited_for_company() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::that_takes_all();
    let mut patient = options(directory.path());
    patient.linger = Duration::from_secs(3_600);
    patient.pace = Duration::from_secs(3_600);
    let queue = Queue::open(patient, keys(), Arc::clone(&desk)).unwrap();
    queue.submit(reporter("a"), reports(0..90)).await.unwrap();
    let mut others = reports(0..90);
    others.iter_mut().for_each(|report| report.source = "fw2".into());
    queue.submit(reporter("a"), others).await.unwrap();
    assert!(desk.values().is_empty());
    let shown = format!("{queue:?}");
    assert!(
        shown.starts_with("Queue { options: Options {") && !shown.contains("example.com"),
        "{shown}"
    );
    queue.close(Duration::from_secs(60)).await;
    assert_eq!(desk.values().values().sum::<usize>(), 180);
}

#[tokio::test]
async fn closing_does_not_wait_for_the_pause_after_what_was_sent_before() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::that_takes_all();
    let mut patient = options(directory.path());
    patient.pace = Duration::from_secs(3_600);
    let queue = Queue::open(patient, keys(), Arc::clone(&desk)).unwrap();
    queue.submit(reporter("a"), reports(0..1)).await.unwrap();
    until("the first one", || queue.status().waiting == 0).await;
    queue.submit(reporter("a"), reports(1..300)).await.unwrap();
    queue.close(Duration::from_secs(60)).await;
    assert_eq!(desk.values().len(), 300);
}

#[tokio::test]
async fn a_recipient_that_panics_is_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let desk = Desk::new(move |_| {
        let mut calls = counted.lock().unwrap_or_else(PoisonError::into_inner);
        *calls += 1;
        assert!(*calls > 1, "the first call panics on purpose");
        Outcome::Sent
    });
    let queue = open(&directory, &desk);
    queue.submit(reporter("a"), reports(0..1)).await.unwrap();
    until("it has failed", || queue.status().counted.failed_parcels >= 1).await;
    until("it is sent", || desk.values().len() == 1).await;
}

#[tokio::test]
async fn what_waits_too_long_is_dropped_at_the_next_sweep() {
    let directory = tempfile::tempdir().unwrap();
    let desk = Desk::new(|_| AWAY);
    let mut hasty = options(directory.path());
    hasty.max_age = Duration::from_secs(30);
    hasty.longest_backoff = Duration::from_secs(20);
    let queue = Queue::open(hasty, keys(), Arc::clone(&desk)).unwrap();
    queue.submit(reporter("a"), reports(0..3)).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(120)).await;
    until("dropped", || queue.status().counted.expired == 3).await;
    assert_eq!(queue.status().waiting, 0);
}
