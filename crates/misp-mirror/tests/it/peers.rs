//! Mirrors in several processes: one asks MISP, the others follow it, and any of them goes on when that one is gone.

use std::time::Duration;

use misp_mirror::{Clock as _, Standing};
use misp_sim::{Attribute, RunningSim, Warninglist, WarninglistKind};

use crate::replicas::Replicas;
use crate::site::{POLL, empty_store, event, sim};

fn two_events() -> RunningSim {
    sim(|sim| sim.event(event("a")).event(event("b")))
}

/// Adds a row to the event `a` and publishes it.
fn edit(all: &Replicas, value: &str) {
    all.sim.edit(|store| {
        let a = store.find_event("a").unwrap();
        store.add_attribute(a, Attribute::new("domain", value)).unwrap();
        store.publish(a).unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mirror_asks_misp_and_all_have_the_same() {
    let all = Replicas::of(3, two_events()).await;
    // What was read in the second of its change is read once more.
    all.seconds(40).await;
    let leader = all.leader();
    let before: Vec<u64> = all.replicas.iter().map(|replica| replica.questions()).collect();
    for number in 0..3 {
        edit(&all, &format!("new-{number}.example.com"));
        all.sim.edit(|store| store.add_event(event(&format!("event-{number}"))));
        all.seconds(20).await;
        all.until_settled().await;
    }
    all.sim.edit(|store| {
        let b = store.find_event("b").unwrap();
        store.unpublish(b).unwrap();
        let gone = store.find_event("event-0").unwrap();
        store.delete_event(gone).unwrap();
    });
    all.seconds(20).await;
    all.until_settled().await;
    for (place, (replica, before)) in all.replicas.iter().zip(before).enumerate() {
        let asked = replica.questions() - before;
        assert_eq!(
            asked > 0,
            place == leader,
            "{place} asked {asked} questions, {leader} leads"
        );
        assert_eq!(
            replica.records(),
            all.replicas[leader].records(),
            "as last published too"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn follower_asks_misp_nothing_in_a_quiet_hour_and_is_as_fresh_as_the_leader() {
    let all = Replicas::of(2, two_events()).await;
    all.seconds(40).await;
    let before = all.follower().questions();
    // A leader that has just looked renews its lease of 5 seconds in the second step from then on.
    for _ in 0..3_600 / 2 {
        all.step(2).await;
        all.due_look_of_leader(Duration::from_secs(2)).await;
        let as_of = |place: usize| all.replicas[place].mirror.status().as_of.unwrap();
        let apart = as_of(0).duration_since(as_of(1)).unsigned_abs();
        // Each mirror is at most one step late.
        assert!(apart <= POLL + Duration::from_secs(4), "{apart:?}");
    }
    assert_eq!(all.follower().questions(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mirror_goes_on_within_ten_seconds_after_the_leader_was_killed() {
    let mut all = Replicas::of(3, two_events()).await;
    for round in 0..2 {
        all.seconds(20).await;
        let leader = all.leader();
        all.kill(leader).await;
        edit(&all, &format!("after-{round}.example.com"));
        let leads = |all: &Replicas| {
            all.replicas
                .iter()
                .any(|replica| replica.standing() == Standing::Leading)
        };
        let passed = all.until("another one leads", leads).await;
        // The clock stands still during its look, which takes longer on a busy machine.
        all.look_of_leader().await;
        let passed = passed + all.until_settled().await;
        assert!(passed <= 10, "{passed} seconds");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mirror_that_was_up_to_date_goes_on_after_a_change_of_leaders_without_asking_misp() {
    let mut all = Replicas::of(3, two_events()).await;
    all.seconds(40).await;
    let before: Vec<u64> = all.replicas.iter().map(|replica| replica.questions()).collect();
    let leader = all.leader();
    all.kill(leader).await;
    edit(&all, "after.example.com");
    all.until_settled().await;
    all.seconds(40).await;
    let quiet = all
        .replicas
        .iter()
        .zip(before.iter().enumerate().filter(|(place, _)| *place != leader));
    let quiet = quiet
        .filter(|(replica, (_, before))| replica.questions() == **before)
        .count();
    assert_eq!(quiet, 1, "one of the two asks MISP, the other one does not");
}

/// What it reads by itself is not what the leader had at its place in the log.
#[tokio::test(flavor = "multi_thread")]
async fn mirror_that_has_asked_misp_by_itself_compares_what_it_has_before_it_follows_again() {
    let all = Replicas::of(2, two_events()).await;
    all.seconds(40).await;
    let place = 1 - all.leader();
    let follower = &all.replicas[place];
    let before = follower.questions();
    follower.connect(false);
    all.until("it asks by itself", |_| follower.questions() > before).await;
    assert_eq!(follower.standing(), Standing::Alone);
    let alone = follower.questions();
    follower.connect(true);
    all.until("it follows", |_| follower.standing() == Standing::Following)
        .await;
    // With the leader's log alone it would ask nothing.
    all.until("it compares what it has with MISP", |_| follower.questions() > alone)
        .await;
    all.seconds(40).await;
    let compared = follower.questions();
    all.seconds(40).await;
    assert_eq!(follower.questions(), compared, "and then it follows");
}

#[tokio::test(flavor = "multi_thread")]
async fn mirror_that_knows_nothing_of_others_looks_again_after_a_whole_pause() {
    let mut all = Replicas::of(1, two_events()).await;
    all.board.state().is_away = true;
    all.add(empty_store());
    let new = &all.replicas[1];
    let loaded = async {
        while new.here() != all.there() || new.mirror.status().as_of.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), loaded).await.unwrap();
    let before = new.questions();
    for _ in 2..POLL.as_secs() {
        all.second().await;
    }
    assert_eq!(new.questions(), before, "sooner than {POLL:?}");
    all.until("it looks", |_| new.questions() > before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mirror_that_stops_gives_the_lease_back_at_once() {
    let mut all = Replicas::of(2, two_events()).await;
    let leader = all.leader();
    let replica = all.replicas.remove(leader);
    replica.mirror.stop();
    let passed = all.until("the other one leads", |all| {
        all.replicas[0].standing() == Standing::Leading
    });
    assert!(passed.await <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn mirror_with_a_gap_compares_once_with_misp_and_then_follows() {
    let mut all = Replicas::of(2, two_events()).await;
    all.seconds(20).await;
    let follower = 1 - all.leader();
    let store = all.kill(follower).await;
    all.sim.edit(|store| {
        let b = store.find_event("b").unwrap();
        store.delete_event(b).unwrap();
    });
    edit(&all, "meanwhile.example.com");
    all.seconds(40).await;
    // The log of this time is gone.
    all.board.state().items.retain(|name, _| name == "head");
    all.add(store);
    all.until_settled().await;
    all.seconds(10).await;
    let asked = all.follower().questions();
    assert!(asked > 0);
    edit(&all, "later.example.com");
    all.seconds(20).await;
    all.until_settled().await;
    assert_eq!(all.follower().questions(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn mirror_that_was_away_shortly_takes_what_it_missed_from_the_log() {
    let mut all = Replicas::of(2, two_events()).await;
    all.seconds(20).await;
    edit(&all, "before.example.com");
    all.seconds(40).await;
    let follower = 1 - all.leader();
    let store = all.kill(follower).await;
    edit(&all, "meanwhile.example.com");
    all.seconds(40).await;
    all.add(store);
    all.until_settled().await;
    all.seconds(20).await;
    assert_eq!(all.follower().questions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_place_each_mirror_asks_misp_and_afterwards_one_does() {
    let all = Replicas::of(2, two_events()).await;
    all.board.state().is_away = true;
    edit(&all, "alone.example.com");
    all.until("each has the change", |all| {
        let alone = |place: usize| all.replicas[place].standing() == Standing::Alone;
        alone(0) && alone(1) && all.is_same()
    })
    .await;
    all.board.state().is_away = false;
    all.until_settled().await;
    edit(&all, "together.example.com");
    all.seconds(20).await;
    all.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follower_asks_misp_nothing_while_the_place_is_away_for_some_seconds() {
    let all = Replicas::of(2, two_events()).await;
    all.seconds(20).await;
    let follower = &all.replicas[1 - all.leader()];
    let asked = follower.questions();
    all.board.state().is_away = true;
    all.seconds(4).await;
    assert_eq!(
        (follower.standing(), follower.questions()),
        (Standing::Following, asked)
    );
    all.board.state().is_away = false;
    all.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn place_that_is_empty_again_changes_nothing() {
    let all = Replicas::of(2, two_events()).await;
    all.board.state().items.clear();
    edit(&all, "after.example.com");
    all.seconds(20).await;
    all.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mirrors_that_both_believe_to_lead_corrupt_nothing() {
    let all = Replicas::of(3, two_events()).await;
    for round in 0..3 {
        all.board.state().all_lead = true;
        for number in 0..3 {
            edit(&all, &format!("row-{round}-{number}.example.com"));
            all.seconds(10).await;
        }
        all.board.state().all_lead = false;
        edit(&all, &format!("last-{round}.example.com"));
        all.seconds(20).await;
        all.until_settled().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_head_or_entry_in_place_of_a_newer_one_is_not_taken() {
    let all = Replicas::of(2, two_events()).await;
    edit(&all, "first.example.com");
    all.seconds(20).await;
    all.until_settled().await;
    let old = all.board.state().items.clone();
    edit(&all, "second.example.com");
    all.seconds(20).await;
    all.until_settled().await;
    let (held, as_of) = (all.follower().here(), all.follower().mirror.status().as_of);
    all.board.state().items.insert("head".to_owned(), old["head"].clone());
    all.seconds(3).await;
    assert_eq!(all.follower().here(), held);
    assert!(all.follower().mirror.status().as_of >= as_of);
    // From now on every entry is an old one, so that the follower has to ask MISP.
    let asked = all.follower().questions();
    let (_, stale) = old.iter().find(|(name, _)| name.starts_with("entry")).unwrap();
    all.board.state().stale = Some((old.keys().cloned().collect(), stale.clone()));
    edit(&all, "third.example.com");
    all.seconds(20).await;
    all.until_settled().await;
    assert!(all.follower().questions() > asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn hint_at_a_follower_makes_the_leader_look() {
    let all = Replicas::of(2, two_events()).await;
    all.seconds(20).await;
    let asked = all.follower().questions();
    all.until("a look has just been", |all| {
        let as_of = all.replicas[all.leader()].mirror.status().as_of.unwrap();
        all.clock.now().duration_since(as_of).as_secs() <= 1
    })
    .await;
    edit(&all, "hinted.example.com");
    all.follower().mirror.hint();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let passed = all.until_settled().await;
    assert!(
        passed <= 10,
        "{passed} seconds, and the next look without a hint is after 15"
    );
    assert_eq!(all.follower().questions(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn warninglist_that_is_switched_on_marks_rows_at_every_mirror() {
    let sim = sim(|sim| {
        let list = Warninglist::new(
            "shared names",
            WarninglistKind::Hostname,
            &["domain"],
            &["a.example.com"],
        );
        sim.event(event("a")).event(event("b")).warninglist(list)
    });
    sim.edit(|store| store.enable_warninglist(1, false));
    let all = Replicas::of(2, sim).await;
    all.seconds(20).await;
    let asked = all.follower().questions();
    assert_eq!(all.follower().warned(), 0);
    all.sim.edit(|store| store.enable_warninglist(1, true));
    all.until("marks at both", |all| {
        all.replicas.iter().all(|replica| replica.warned() == 1)
    })
    .await;
    assert_eq!(all.follower().questions(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_misp_says_of_a_list_that_cannot_be_judged_here_reaches_every_mirror() {
    let sim = sim(|sim| {
        let kind = WarninglistKind::Regex;
        let list = Warninglist::new("only PHP", kind, &["domain"], &[r"/^(?!b)/"]);
        sim.event(event("a")).event(event("b")).warninglist(list)
    });
    sim.edit(|store| store.enable_warninglist(1, false));
    let all = Replicas::of(2, sim).await;
    all.seconds(20).await;
    let asked = all.follower().questions();
    all.sim.edit(|store| store.enable_warninglist(1, true));
    let marks = |all: &Replicas, count| all.replicas.iter().all(|replica| replica.warned() == count);
    all.until("marks at both", |all| marks(all, 1)).await;
    all.sim.edit(|store| store.add_event(event("c")));
    all.until("marks of the new event", |all| marks(all, 2)).await;
    assert_eq!(all.follower().questions(), asked);
}
