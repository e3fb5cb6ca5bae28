//! Findings in DefectDojo get a note and a tag for each MISP event that the look-up finds for them.

#[path = "../../../../crates/defectdojo/tests/support/mod.rs"]
mod defectdojo_support;

use std::time::{Duration, Instant};

use defectdojo::{Mode, RunError, chain};
use misp_sim::{Attribute, Event};
use token_crypto::{Permission, Scope};

use self::defectdojo_support::{Dojo, Host, Row};
use crate::support::{Daemon, SITE, Setup};

const CVE: &str = "CVE-2026-12345";
const INFO: &str = "Ransomware <b>against</b> hospitals";

async fn daemon() -> Daemon {
    // MISP creates a CVE like this: without the `to_ids` flag.
    let event = Event::new(INFO)
        .tag("tlp:amber")
        .tag("misp-galaxy:threat-actor=\"APT Example\"")
        .attribute(Attribute::new("vulnerability", CVE).to_ids(false));
    Daemon::with(Setup {
        sim: misp_sim::Sim::builder().event(event),
        site: format!("{SITE}ignore_to_ids: [vulnerability]\nmemcached_all_timeout: 1\n"),
        ..Setup::default()
    })
    .await
}

/// Returns a host whose token has these permissions.
fn host(daemon: &Daemon, dojo: &Dojo, permissions: &[Permission]) -> Host {
    let host = Host::at(dojo.url(), format!("http://{}", daemon.addr));
    let scope = Scope::new().with_permissions(permissions.iter().copied());
    let token = daemon.seal(&daemon.claims().with_scope(scope));
    std::fs::write(host.path("token"), token).unwrap();
    host
}

fn findings() -> Dojo {
    Dojo::start(vec![
        Row::new(1, &[CVE]),
        Row::new(2, &["CVE-2026-99999"]),
        Row::new(3, &["cve-2026-12345", "GHSA-jfh8-c2jp-5v3q"]),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_get_the_note_of_an_event_once_and_keep_its_tag_until_it_ends() {
    let (daemon, dojo) = (daemon().await, findings());
    let host = host(&daemon, &dojo, &[Permission::Lookup, Permission::Context]);
    for run in 0..3 {
        let summary = host.apply().await;
        let expected = if run == 0 { 2 } else { 0 };
        assert_eq!(
            (summary.matched, summary.notes_added, summary.tags_added),
            (2, expected, expected),
            "{summary}"
        );
        assert!(summary.is_whole(), "{summary}");
    }
    let (event, uuid) = daemon.sim.with_store(|store| {
        let event = store.find_event(INFO).unwrap();
        (event, store.event(event).unwrap().uuid().to_string())
    });
    for (id, notes) in [(1, 1), (2, 0), (3, 1)] {
        let row = dojo.row(id);
        assert_eq!((row.notes.len(), row.tags.len()), (notes, notes), "finding {id}");
        for note in row.notes {
            let site = daemon.sim.addr();
            for part in [
                format!("cratos-event: {uuid}\n"),
                format!("- Event: {event}, Ransomware ＜b＞against＜/b＞ hospitals\n"),
                format!("- In MISP: http://{site}/events/view/{event}"),
                "- Threat actors: APT Example\n".to_owned(),
                "- TLP: amber\n".to_owned(),
            ] {
                assert!(note.entry.contains(&part), "{part}: {}", note.entry);
            }
        }
    }
    // MISP is down: cratosd answers from its last index, and nothing changes in DefectDojo.
    daemon.sim.set_fault(misp_sim::Fault::Status(500));
    assert_eq!(host.apply().await.tags_removed, 0);
    daemon.sim.clear_fault();
    daemon.sim.edit(|store| store.delete_event(event)).unwrap();
    let began = Instant::now();
    while !dojo.row(1).tags.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(120), "the tag is still there");
        assert!(host.apply().await.is_whole());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let row = dojo.row(3);
    assert_eq!((row.notes.len(), row.tags.len()), (1, 0), "the note stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_without_an_answer() {
    let (daemon, dojo) = (daemon().await, findings());
    dojo.change(2, |row| row.tags.push("cratos:exploited".to_owned()));
    let whole = host(&daemon, &dojo, &[Permission::Lookup, Permission::Context]);
    daemon.sim.set_fault(misp_sim::Fault::Status(500));
    let (outcome, _) = whole.run(Mode::Apply).await;
    let said = chain(&outcome.unwrap_err());
    assert_eq!(
        said,
        "cratosd does not answer the look-up: cratosd has no answer now (503): MISP gave no usable answer: MISP answered \
         with an error (status 500): An Internal Error Has Occurred., asked for /attributes/restSearch"
    );
    daemon.sim.clear_fault();
    for (permissions, why) in [
        (
            &[][..],
            "cratosd refuses the token or this address (403): This token does not have the permission `lookup`.",
        ),
        (&[Permission::Lookup][..], "the token lacks the permission `context`"),
    ] {
        let (outcome, steps) = host(&daemon, &dojo, permissions).run(Mode::Apply).await;
        let Err(RunError::LookUp(error)) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((error.to_string().as_str(), steps.len()), (why, 0));
    }
    assert!((1..=3).all(|id| dojo.row(id).notes.is_empty()));
    assert_eq!(dojo.row(2).tags.len(), 1);
}
