use secrecy::SecretString;

use super::*;

const RIPE: Ripeness = Ripeness {
    values: 4,
    linger: Duration::from_secs(5),
};

fn reporter(secret: &str) -> Reporter {
    Reporter::new("misp.example.net", SecretString::from(secret))
}

fn accepted(who: &str, numbers: impl IntoIterator<Item = u64>, seen_at: i64) -> Accepted {
    let report = |number| Report {
        value: format!("{number}.example"),
        kind: Kind::Hit,
        source: "fw".into(),
        seen_at,
    };
    Accepted {
        reporter: reporter(who),
        accepted_at: 7,
        reports: numbers.into_iter().map(|number| (number, report(number))).collect(),
    }
}

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn a_lot_goes_when_it_is_full_or_old_and_with_what_was_seen_in_the_same_minute() {
    let start = Instant::now();
    let mut pending = Pending::default();
    pending.add(accepted("a", 0..3, 119), start);
    assert!(pending.take(start, RIPE, |_| true).is_none());
    assert_eq!(pending.oldest(), Some(start));
    assert_eq!(pending.next_change(start, RIPE, |_| true), Some(after(start, 5)));
    assert_eq!(pending.next_change(start, RIPE, |_| false), None);
    pending.add(accepted("a", 3..5, 60), start);
    pending.add(accepted("a", 5..6, 120), start);
    let parcel = pending.take(start, RIPE, |_| true).unwrap();
    assert_eq!(
        (parcel.numbers.as_slice(), parcel.seen_at),
        ([0, 1, 2, 3].as_slice(), 60)
    );
    assert!(
        pending.take(after(start, 4), RIPE, |_| true).is_none(),
        "the rest of the lot waits for the first ones"
    );
    pending.settle(&parcel);
    let next: Vec<_> = std::iter::from_fn(|| pending.take(after(start, 5), RIPE, |_| true)).collect();
    let numbers: Vec<_> = next.iter().map(|parcel| parcel.numbers.clone()).collect();
    assert_eq!(numbers, [vec![4], vec![5]]);
    next.iter().for_each(|parcel| pending.settle(parcel));
    assert!(pending.is_empty() && pending.bytes() == 0);
}

#[test]
fn debug_shows_the_site_of_a_parcel_and_no_value() {
    let mut pending = Pending::default();
    pending.add(accepted("secret", 0..4, 60), Instant::now());
    let parcel = pending.take(Instant::now(), RIPE, |_| true).unwrap();
    let shown = r#"Parcel { site: "misp.example.net", values: 4, kind: Hit, .. }"#;
    assert_eq!(format!("{parcel:?}"), shown);
}

#[test]
fn reporters_take_turns_and_sites_that_are_busy_are_left_alone() {
    let start = Instant::now();
    let mut pending = Pending::default();
    pending.add(accepted("a", 0..8, 0), start);
    pending.add(accepted("b", 8..16, 0), start);
    assert!(pending.take(start, RIPE, |_| false).is_none());
    let mut whose = Vec::new();
    for _ in 0..4 {
        let parcel = pending.take(start, RIPE, |_| true).unwrap();
        whose.push(parcel.numbers[0] / 8);
        pending.settle(&parcel);
    }
    assert!(whose == [0, 1, 0, 1] || whose == [1, 0, 1, 0], "{whose:?}");
}

#[test]
fn what_misp_stumbles_over_is_tried_later_and_in_smaller_pieces() {
    let start = Instant::now();
    let mut pending = Pending::default();
    pending.add(accepted("a", 0..4, 0), start);
    pending.add(accepted("a", 4..8, 60), start);
    let first = pending.take(start, RIPE, |_| true).unwrap();
    assert_eq!(first.numbers, [0, 1, 2, 3]);
    pending.put_back(&first, true);
    let other = pending.take(start, RIPE, |_| true).unwrap();
    assert_eq!(other.numbers, [4, 5, 6, 7]);
    pending.settle(&other);
    let again = pending.take(after(start, 5), RIPE, |_| true).unwrap();
    assert_eq!(again.numbers, [0]);
    pending.put_back(&again, false);
    assert_eq!(pending.count(), 4);
}

#[test]
fn what_misp_stumbles_over_keeps_nothing_of_its_own_lot_back() {
    let start = Instant::now();
    let mut pending = Pending::default();
    pending.add(accepted("a", 0..20, 0), start);
    let mut tries = 0;
    while pending.count() > 1 {
        tries += 1;
        assert!(tries < 60, "{} wait for ever", pending.count());
        let parcel = pending.take(after(start, 5), RIPE, |_| true).unwrap();
        if parcel.numbers.contains(&1) {
            pending.put_back(&parcel, true);
        } else {
            pending.settle(&parcel);
        }
    }
    assert_eq!(pending.take(after(start, 5), RIPE, |_| true).unwrap().numbers, [1]);
}

#[test]
fn after_a_long_outage_parcels_are_soon_whole_again() {
    let start = Instant::now();
    let whole = Ripeness { values: 100, ..RIPE };
    let mut pending = Pending::default();
    pending.add(accepted("a", 0..1_000, 0), start);
    for _ in 0..2_000 {
        let parcel = pending.take(start, whole, |_| true).unwrap();
        pending.put_back(&parcel, true);
    }
    let mut parcels = 0;
    while let Some(parcel) = pending.take(after(start, 5), whole, |_| true) {
        pending.settle(&parcel);
        parcels += 1;
    }
    assert!(pending.is_empty() && parcels < 20, "{parcels}");
}

#[test]
fn a_refused_reporter_is_held_and_the_others_go_on() {
    let start = Instant::now();
    let mut pending = Pending::default();
    pending.add(accepted("a", 0..4, 0), start);
    let parcel = pending.take(start, RIPE, |_| true).unwrap();
    pending.put_back(&parcel, false);
    pending.hold(&parcel.reporter, after(start, 60));
    pending.add(accepted("b", 4..8, 0), start);
    let parcel = pending.take(start, RIPE, |_| true).unwrap();
    assert_eq!(parcel.numbers[0], 4);
    pending.settle(&parcel);
    assert!(pending.take(after(start, 59), RIPE, |_| true).is_none());
    assert_eq!(
        (pending.held(start), pending.next_change(start, RIPE, |_| true)),
        (1, Some(after(start, 60)))
    );
    let free_again = after(start, 60);
    assert_eq!(
        (
            pending.held(free_again),
            pending.next_change(free_again, RIPE, |_| true)
        ),
        (0, Some(start)),
        "its lot was full from the beginning"
    );
    assert!(pending.take(after(start, 60), RIPE, |_| true).is_some());
}

#[test]
fn what_waits_too_long_ends_and_what_is_under_way_does_not() {
    let start = Instant::now();
    let mut pending = Pending::default();
    pending.add(accepted("a", 0..4, 0), start);
    pending.add(accepted("a", 4..6, 60), start);
    pending.add(accepted("a", 6..7, 60), after(start, 50));
    let parcel = pending.take(start, RIPE, |_| true).unwrap();
    assert_eq!(pending.expire(after(start, 60), Duration::from_secs(60)), [4, 5]);
    assert_eq!(pending.count(), 5);
    pending.put_back(&parcel, false);
    assert_eq!(pending.expire(after(start, 60), Duration::from_secs(60)).len(), 4);
    let mut gone = pending.drop_reporter(&reporter("a"));
    gone.sort_unstable();
    assert_eq!(gone, [6]);
    assert!(pending.is_empty());
}

#[test]
fn records_hold_everything_that_waits() {
    let mut pending = Pending::default();
    pending.add(accepted("a", 0..3, 0), Instant::now());
    pending.add(accepted("b", 3..5, 60), Instant::now());
    let mut numbers: Vec<u64> = pending
        .records()
        .flat_map(|record| record.reports.into_iter().map(|(number, _)| number))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}
/// A source may be longer than what it saw: a share that does not count it is none.
#[test]
fn bytes_are_those_of_the_journal_whatever_the_sources_are() {
    let start = Instant::now();
    let mut pending = Pending::default();
    let mut all = accepted("a", 0..500, 0);
    for (number, report) in &mut all.reports {
        report.source = format!("{number:0>250}").into();
    }
    assert_eq!(bytes_of_all(&all.reports), 500 * (250 + 4 + 29) + values_of(&all));
    let written = all.written().len() as u64;
    pending.add(all, start);
    assert!(
        pending.bytes().abs_diff(written) < written / 10,
        "{} {written}",
        pending.bytes()
    );
    let parcel = pending.take(after(start, 5), RIPE, |_| true).unwrap();
    pending.settle(&parcel);
    assert_eq!(pending.expire(after(start, 60), Duration::from_secs(60)).len(), 499);
    assert!(pending.is_empty() && pending.bytes() == 0);
}

fn values_of(all: &Accepted) -> u64 {
    all.reports.iter().map(|(_, report)| report.value.len() as u64).sum()
}

/// A record has the reporter's secret in it, which is longer than most values.
#[test]
fn reports_that_came_one_by_one_share_records_when_they_are_written_anew() {
    let mut pending = Pending::default();
    for number in 0..600_u32 {
        let mut one = accepted("a", [u64::from(number)], i64::from(number) * 60);
        one.accepted_at = i64::from(number);
        pending.add(one, Instant::now());
    }
    let records: Vec<Accepted> = pending.records().collect();
    assert_eq!(records.len(), 10);
    assert_eq!(records.iter().map(|record| record.reports.len()).sum::<usize>(), 600);
    assert!(records.iter().all(|record| record.accepted_at % 60 == 59));
}
