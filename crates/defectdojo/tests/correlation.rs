//! Whole runs against stand-ins of DefectDojo and cratosd.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use defectdojo::{Mode, RunError, chain};
use support::http::Log;
use support::{Cratos, Dojo, Fault, Host, Row, dojo};

const TAG: &str = "cratos:exploited";
const CVE: &str = "CVE-2026-0001";
const OTHER: &str = "CVE-2026-0002";

/// One finding, one CVE, one event.
fn campaign() -> (Dojo, Cratos, Host) {
    let (dojo, cratos) = (Dojo::start(vec![Row::new(1, &[CVE])]), Cratos::start());
    cratos.list(CVE, 77);
    let host = Host::new(&dojo, &cratos);
    (dojo, cratos, host)
}

#[tokio::test]
async fn a_finding_gets_one_note_and_one_tag_however_often_it_is_run() {
    let (dojo, _cratos, host) = campaign();
    for run in 0..3 {
        let summary = host.apply().await;
        assert!(summary.is_whole(), "{summary}");
        let expected = usize::from(run == 0);
        assert_eq!(
            (summary.notes_added, summary.tags_added),
            (expected, expected),
            "run {run}"
        );
    }
    let row = dojo.row(1);
    assert_eq!((row.about(77), row.tags.as_slice()), (1, [TAG.to_owned()].as_slice()));
    let note = &row.notes[0];
    assert!(note.private);
    for part in [
        "77, Campaign 77",
        "https://misp.example.net/events/view/77",
        "APT X, APT Y",
        "TLP: amber",
        CVE,
    ] {
        assert!(note.entry.contains(part), "{part}: {}", note.entry);
    }
}

#[tokio::test]
async fn what_has_no_listed_cve_is_left_alone() {
    let rows = vec![
        Row::new(1, &[CVE]),
        Row::new(2, &[OTHER]),
        Row::new(3, &[]),
        Row::new(4, &["GHSA-jfh8-c2jp-5v3q"]),
        Row {
            active: false,
            ..Row::new(5, &[CVE])
        },
        Row {
            severity: "Low",
            ..Row::new(6, &[CVE])
        },
    ];
    let (dojo, cratos) = (Dojo::start(rows), Cratos::start());
    cratos.list(CVE, 77);
    let host = Host::new(&dojo, &cratos);
    let summary = host.apply().await;
    assert_eq!((summary.findings, summary.cves, summary.matched), (4, 2, 1));
    for id in 2..=6 {
        assert!(dojo.row(id).notes.is_empty() && dojo.row(id).tags.is_empty(), "{id}");
    }
    // The notes of other findings are not read.
    assert_eq!(dojo.log.count("GET", "/notes/"), 2);
}

#[tokio::test]
async fn each_event_has_its_note_and_cves_of_one_event_share_it() {
    let (dojo, cratos) = (Dojo::start(vec![Row::new(1, &[CVE, OTHER])]), Cratos::start());
    for (cve, event) in [(CVE, 77), (OTHER, 77), (OTHER, 78)] {
        cratos.list(cve, event);
    }
    let host = Host::new(&dojo, &cratos);
    let summary = host.apply().await;
    assert_eq!((summary.notes_added, summary.tags_added), (2, 1));
    let row = dojo.row(1);
    assert_eq!((row.about(77), row.about(78)), (1, 1));
    let both = row
        .notes
        .iter()
        .find(|note| note.entry.contains("Campaign 77"))
        .unwrap();
    assert!(both.entry.contains("CVE-2026-0001, CVE-2026-0002"), "{}", both.entry);
}

#[tokio::test]
async fn pages_are_read_to_the_end_and_the_key_goes_to_no_other_host() {
    let rows = (1..=250).map(|id| Row::new(id, &[CVE])).collect();
    let (dojo, cratos, elsewhere) = (Dojo::start(rows), Cratos::start(), Dojo::start(Vec::new()));
    dojo.next_begins_with(&elsewhere.url());
    let host = Host::new(&dojo, &cratos);
    assert_eq!(host.apply().await.findings, 250);
    assert!(elsewhere.log.requests().is_empty());
    let first = &dojo.log.requests()[0];
    assert_eq!(first.asks("severity"), Some("Critical,High"));
    assert_eq!(first.asks("active"), Some("true"));
    assert_eq!(first.asks("cve"), None);
    assert_eq!(cratos.log.count("POST", "/v1/lookup"), 1, "one look-up for all");
}

#[tokio::test]
async fn cves_are_looked_up_a_thousand_at_once() {
    let rows = (0..2500)
        .map(|id| Row::new(id, &[&format!("CVE-2026-{:05}", 10_000 + id)]))
        .collect();
    let (dojo, cratos) = (Dojo::start(rows), Cratos::start());
    let host = Host::new(&dojo, &cratos);
    let summary = host.apply().await;
    assert!(summary.is_whole(), "{summary}");
    assert_eq!((summary.cves, cratos.log.count("POST", "/v1/lookup")), (2500, 3));
}

#[tokio::test]
async fn the_tag_goes_when_the_campaign_is_over_and_nothing_else() {
    let (dojo, cratos, host) = campaign();
    dojo.change(1, |row| row.tags.push("by-hand".to_owned()));
    host.apply().await;
    cratos.unlist(CVE);
    let summary = host.apply().await;
    assert_eq!((summary.tags_removed, summary.notes_removed), (1, 0));
    let row = dojo.row(1);
    assert_eq!(row.tags, ["by-hand"]);
    assert_eq!(row.about(77), 1, "the note stays");
    assert_eq!(host.apply().await.tags_removed, 0);
    // The campaign comes back: the note is there already.
    cratos.list(CVE, 77);
    let summary = host.apply().await;
    assert_eq!((summary.notes_added, summary.tags_added), (0, 1));
}

#[tokio::test]
async fn the_tag_goes_from_findings_that_are_not_active_any_more_too() {
    let (dojo, cratos, host) = campaign();
    host.apply().await;
    dojo.change(1, |row| row.active = false);
    assert_eq!(host.apply().await.tags_removed, 0, "the campaign goes on");
    cratos.unlist(CVE);
    assert_eq!(host.apply().await.tags_removed, 1);
    assert!(dojo.row(1).tags.is_empty());
}

#[tokio::test]
async fn a_tag_that_somebody_set_by_hand_stays() {
    let (dojo, cratos) = (Dojo::start(vec![Row::new(1, &[CVE])]), Cratos::start());
    dojo.change(1, |row| row.tags.push(TAG.to_owned()));
    let summary = Host::new(&dojo, &cratos).apply().await;
    assert_eq!((summary.tags_removed, summary.tags_left), (0, 1));
    assert_eq!(dojo.row(1).tags, [TAG]);
}

#[tokio::test]
async fn no_answer_removes_a_tag_but_a_whole_one() {
    let (dojo, cratos, host) = campaign();
    host.apply().await;
    cratos.unlist(CVE);
    for fault in [
        Fault::Status(503, ""),
        Fault::Status(504, ""),
        Fault::Status(403, ""),
        Fault::Status(302, "Location: /elsewhere\r\n"),
        Fault::CutBefore,
        Fault::CutBody,
        Fault::Body(""),
        Fault::Body("null"),
        Fault::Body("{}"),
        Fault::Body("<html>login</html>"),
        Fault::Body(r#"{"results": []}"#),
        Fault::Body(
            r#"{"results": [{"found": false, "value": "CVE-2026-0009", "count": 0, "event_uuid": "", "matches": []}]}"#,
        ),
        Fault::Body(
            r#"{"results": [{"found": false, "value": "CVE-2026-0001", "count": 2, "event_uuid": "", "matches": []}]}"#,
        ),
        Fault::Body(
            r#"{"results": [{"found": true, "value": "CVE-2026-0001", "count": 0, "event_uuid": "", "matches": []}]}"#,
        ),
    ] {
        cratos.log.fail("POST", "/v1/lookup", 3, fault.clone());
        let (outcome, steps) = host.run(Mode::Apply).await;
        assert!(matches!(outcome, Err(RunError::LookUp(_))), "{fault:?}: {outcome:?}");
        assert!(steps.is_empty());
        assert_eq!(dojo.row(1).tags, [TAG], "{fault:?}");
        cratos.log.heal();
    }
    assert_eq!(host.apply().await.tags_removed, 1);
}

#[tokio::test]
async fn a_look_up_of_which_a_part_failed_adds_and_does_not_remove() {
    let mut rows: Vec<Row> = (0..1500)
        .map(|id| Row::new(id, &[&format!("CVE-2026-{:05}", 10_000 + id)]))
        .collect();
    rows.push(Row::new(9000, &["CVE-2025-0001"]));
    let (dojo, cratos) = (Dojo::start(rows), Cratos::start());
    cratos.list("CVE-2025-0001", 77);
    let host = Host::new(&dojo, &cratos);
    host.apply().await;
    cratos.unlist("CVE-2025-0001");
    cratos.list("CVE-2026-10000", 78);
    cratos
        .log
        .fail_after(1, "POST", "/v1/lookup", 1, Fault::Status(503, ""));
    let summary = host.apply().await;
    assert_eq!(
        (summary.notes_added, summary.tags_removed, summary.failures.len()),
        (1, 0, 1)
    );
    assert!(
        summary.failures[0].0.starts_with("look-up of 501 CVEs from CVE-2026-"),
        "{summary}"
    );
    assert_eq!(dojo.row(9000).tags, [TAG]);
    let summary = host.apply().await;
    assert_eq!((summary.tags_removed, summary.failures.len()), (1, 0));
}

#[tokio::test]
async fn a_token_without_context_is_told_and_changes_nothing() {
    let (dojo, cratos, host) = campaign();
    cratos.take_context();
    let (outcome, _) = host.run(Mode::Apply).await;
    let said = chain(&outcome.unwrap_err());
    assert_eq!(
        said,
        "cratosd does not answer the look-up: the token lacks the permission `context`"
    );
    assert!(dojo.row(1).notes.is_empty());
}

#[tokio::test]
async fn one_finding_that_fails_leaves_the_others() {
    let rows = (1..=4).map(|id| Row::new(id, &[CVE])).collect();
    let (dojo, cratos) = (Dojo::start(rows), Cratos::start());
    cratos.list(CVE, 77);
    let host = Host::new(&dojo, &cratos);
    dojo.log.fail("POST", "/2/notes/", 1, Fault::Status(500, ""));
    dojo.log.fail("GET", "/3/notes/", 1, Fault::Body("[]"));
    let summary = host.apply().await;
    let failed: Vec<&str> = summary.failures.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(failed, ["finding 2", "finding 3"]);
    assert_eq!(summary.notes_added, 2);
    assert!(dojo.row(2).tags.is_empty(), "no tag without its note");
    let summary = host.apply().await;
    assert_eq!((summary.notes_added, summary.failures.len()), (2, 0));
    assert!((1..=4).all(|id| dojo.row(id).about(77) == 1 && dojo.row(id).tags == [TAG]));
}

#[tokio::test]
async fn a_note_that_arrived_unheard_is_not_sent_again() {
    for fault in [Fault::CutAfter, Fault::CutBody] {
        let (dojo, _cratos, host) = campaign();
        dojo.log.fail("POST", "/notes/", 1, fault);
        let summary = host.apply().await;
        assert_eq!((summary.notes_added, summary.failures.len()), (1, 0), "{summary}");
        assert_eq!((dojo.row(1).about(77), dojo.log.count("POST", "/notes/")), (1, 1));
    }
    let (dojo, _cratos, host) = campaign();
    dojo.log.fail("POST", "/notes/", 1, Fault::CutBefore);
    assert_eq!(host.apply().await.notes_added, 1);
    assert_eq!((dojo.row(1).about(77), dojo.log.count("POST", "/notes/")), (1, 2));
}

#[tokio::test]
async fn a_run_that_died_half_way_is_finished_by_the_next() {
    let (dojo, _cratos, host) = campaign();
    // The note arrived, the tag did not, and the connection never came back.
    dojo.log.fail("POST", "/notes/", 1, Fault::CutAfter);
    dojo.log.fail_after(1, "GET", "/notes/", 3, Fault::CutBefore);
    assert_eq!(host.apply().await.failures.len(), 1);
    assert_eq!((dojo.row(1).about(77), dojo.row(1).tags.len()), (1, 0));
    let summary = host.apply().await;
    assert_eq!((summary.notes_added, summary.tags_added), (0, 1));
    assert_eq!(dojo.row(1).about(77), 1);
}

/// Two hosts read at the same time that a note is missing, and both add one.
async fn race(keys: [&str; 2]) -> (Dojo, [Host; 2]) {
    let (dojo, cratos) = (Dojo::start(vec![Row::new(1, &[CVE])]), Cratos::start());
    cratos.list(CVE, 77);
    let hosts = [Host::new(&dojo, &cratos), Host::new(&dojo, &cratos)];
    for (host, key) in hosts.iter().zip(keys) {
        std::fs::write(host.path("key"), key).unwrap();
    }
    dojo.notes_wait_for(2);
    let (first, second) = tokio::join!(hosts[0].apply(), hosts[1].apply());
    assert!(first.is_whole() && second.is_whole(), "{first}{second}");
    assert_eq!(dojo.log.count("POST", "/notes/"), 2, "both sent one");
    // The first reader cannot know of the other's note; the next run does.
    hosts[0].apply().await;
    hosts[1].apply().await;
    (dojo, hosts)
}

#[tokio::test]
async fn two_runs_at_the_same_time_end_with_one_note() {
    let (dojo, _hosts) = race([dojo::KEY, dojo::KEY]).await;
    assert_eq!((dojo.row(1).about(77), dojo.row(1).tags.len()), (1, 1));
    assert_eq!(dojo.row(1).notes[0].id, 101, "the oldest stays");
}

#[tokio::test]
async fn two_runs_as_two_users_end_with_one_note() {
    let (dojo, _hosts) = race([dojo::KEY, dojo::OTHER_KEY]).await;
    assert_eq!((dojo.row(1).about(77), dojo.row(1).notes[0].id), (1, 101));
}

#[tokio::test]
async fn two_runs_on_one_host_take_turns() {
    let (dojo, _cratos, host) = campaign();
    let (first, second) = tokio::join!(host.apply(), host.apply());
    assert_eq!(first.notes_added + second.notes_added, 1);
    assert_eq!((dojo.row(1).about(77), dojo.log.count("POST", "/notes/")), (1, 1));
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let (dojo, cratos, host) = campaign();
    let (outcome, steps) = host.run(Mode::DryRun).await;
    let said: Vec<String> = steps.iter().map(ToString::to_string).collect();
    let expected = [
        "finding 1: would add a note about event 77, Campaign 77",
        "finding 1: would add the tag cratos:exploited",
    ];
    assert_eq!(said, expected);
    assert!(
        outcome
            .unwrap()
            .to_string()
            .starts_with("dry run: nothing was changed\n")
    );
    host.apply().await;
    cratos.unlist(CVE);
    dojo.log.forget();
    let (_, steps) = host.run(Mode::DryRun).await;
    assert_eq!(steps[0].to_string(), "finding 1: would remove the tag cratos:exploited");
    assert!(dojo.log.requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn defectdojo_may_ask_for_patience() {
    let (dojo, cratos, host) = campaign();
    dojo.log
        .fail("GET", "/findings/", 1, Fault::Status(429, "Retry-After: 0\r\n"));
    dojo.log
        .fail("POST", "/notes/", 2, Fault::Status(429, "Retry-After: 0\r\n"));
    cratos
        .log
        .fail("POST", "/v1/lookup", 1, Fault::Status(429, "Retry-After: 0\r\n"));
    let summary = host.apply().await;
    assert_eq!(
        (summary.notes_added, summary.tags_added, summary.failures.len()),
        (1, 1, 0),
        "{summary}"
    );
    assert_eq!(dojo.row(1).about(77), 1);
    dojo.log
        .fail("GET", "/findings/", 100, Fault::Status(429, "Retry-After: 0\r\n"));
    let (outcome, _) = host.run(Mode::Apply).await;
    assert!(matches!(outcome, Err(RunError::Findings(_))), "{outcome:?}");
}

async fn findings_fail(host: &Host, log: &Log, fault: Fault) -> String {
    log.fail("GET", "/findings/", 3, fault);
    let (outcome, steps) = host.run(Mode::Apply).await;
    log.heal();
    assert!(steps.is_empty());
    chain(&outcome.unwrap_err())
}

#[tokio::test]
async fn a_defectdojo_that_is_down_or_talks_nonsense_is_told() {
    let (dojo, cratos, mut host) = campaign();
    host.more = "timeout: 1s\nmax_body_bytes: 20000\n".to_owned();
    let mut said = Vec::new();
    for fault in [
        Fault::Status(500, ""),
        Fault::Status(301, "Location: https://elsewhere.example/\r\n"),
        Fault::Silence,
        Fault::Body("<html>login</html>"),
        Fault::Body(r#"{"next": null}"#),
        Fault::Body(r#"{"next": "https://elsewhere.example/", "results": []}"#),
        Fault::Body(r#"{"next": "?offset=100", "results": []}"#),
    ] {
        said.push(findings_fail(&host, &dojo.log, fault).await);
    }
    dojo.change(1, |row| row.cves = vec!["CVE-2026-0001".to_owned(); 1000]);
    said.push(chain(&host.run(Mode::Apply).await.0.unwrap_err()));
    std::fs::write(host.path("key"), "wrong").unwrap();
    said.push(chain(&host.run(Mode::Apply).await.0.unwrap_err()));
    insta::assert_snapshot!(said.join("\n"));
    assert_eq!(cratos.log.count("POST", ""), 0);
    let metrics = std::fs::read_to_string(host.path("dojo.prom")).unwrap();
    assert!(metrics.contains("\ncratos_agent_defectdojo_up 0\n"), "{metrics}");
}

#[tokio::test]
async fn a_defectdojo_that_dies_on_the_way_is_not_asked_about_every_finding() {
    let rows = (1..=50).map(|id| Row::new(id, &[CVE])).collect();
    let (dojo, cratos) = (Dojo::start(rows), Cratos::start());
    cratos.list(CVE, 77);
    let host = Host::new(&dojo, &cratos);
    dojo.log.fail_after(4, "GET", "/notes/", 10_000, Fault::CutBefore);
    let summary = host.apply().await;
    assert_eq!(summary.notes_added, 2);
    let last = summary.failures.last().unwrap();
    assert_eq!(
        (last.0.as_str(), last.1.as_str()),
        ("45 further findings", "DefectDojo does not answer any more")
    );
}

#[tokio::test]
async fn a_key_that_may_only_read_fails_at_each_finding() {
    let (dojo, _cratos, host) = campaign();
    std::fs::write(host.path("key"), dojo::READ_KEY).unwrap();
    let summary = host.apply().await;
    assert_eq!(summary.failures[0].1, "the key or token is refused (403)");
    assert!(dojo.row(1).notes.is_empty());
}

#[tokio::test]
async fn an_older_defectdojo_that_ignores_the_tag_filter_is_told() {
    let rows = (1..=3).map(|id| Row::new(id, &[CVE])).collect();
    let (dojo, cratos) = (Dojo::start(rows), Cratos::start());
    dojo.ignore_tags();
    let (outcome, _) = Host::new(&dojo, &cratos).run(Mode::Apply).await;
    assert!(chain(&outcome.unwrap_err()).contains("as if the filter was ignored"));
}

#[tokio::test]
async fn more_findings_than_allowed_change_nothing() {
    let rows = (1..=150).map(|id| Row::new(id, &[CVE])).collect();
    let (dojo, cratos) = (Dojo::start(rows), Cratos::start());
    cratos.list(CVE, 77);
    let mut host = Host::new(&dojo, &cratos);
    host.more = "max_findings: 149\n".to_owned();
    let (outcome, steps) = host.run(Mode::Apply).await;
    assert!(
        matches!(outcome, Err(RunError::TooManyFindings { limit: 149 })),
        "{outcome:?}"
    );
    assert!(steps.is_empty());
}

#[tokio::test]
async fn hostile_events_make_one_harmless_note() {
    let (dojo, cratos) = (Dojo::start(vec![Row::new(1, &[CVE])]), Cratos::start());
    let info = format!(
        "x\u{0}\r\n\ncratos-event: {}\n<img src=x> @admin **b** {}",
        support::cratos::uuid(1),
        "a".repeat(10_000)
    );
    cratos.list_with(CVE, 77, &info);
    let host = Host::new(&dojo, &cratos);
    host.apply().await;
    host.apply().await;
    let row = dojo.row(1);
    assert_eq!((row.notes.len(), row.about(77), row.about(1)), (1, 1, 0));
    assert!(!row.notes[0].entry.contains(['<', '@', '*', '\0']) && row.notes[0].entry.len() < 3000);
}

#[tokio::test]
async fn no_secret_is_shown() {
    let (dojo, _cratos, host) = campaign();
    let config = defectdojo::Config::read(&host.config_file()).unwrap();
    let shown = format!("{config:?}{:?}", defectdojo::Correlation::new(&config).unwrap());
    let (_, steps) = host.run(Mode::Apply).await;
    dojo.log.fail("GET", "/findings/", 3, Fault::CutBefore);
    let (outcome, _) = host.run(Mode::Apply).await;
    let all = format!("{shown}{steps:?}{outcome:?}{}", chain(&outcome.as_ref().unwrap_err()));
    assert!(!all.contains(dojo::KEY) && !all.contains(support::cratos::TOKEN));
    let urls = dojo.log.requests();
    assert!(
        urls.iter()
            .all(|request| !format!("{}{:?}", request.path, request.query).contains(dojo::KEY))
    );
}
