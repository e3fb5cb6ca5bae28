//! Mirrors on disk: what lies there, and what a restart makes of it.

use std::sync::Arc;
use std::time::Duration;

use feed_engine::{DirectReason, IndicatorSource as _, MirrorSource, Way};
use misp_sim::{Attribute, Fault, Sim};

use crate::mirror_bench::{Files, MirrorBench, QUIET, block, domain_event, until, values};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_first_answer_knows_what_happened_meanwhile() {
    let (files, mut bench) = MirrorBench::on_disk([domain_event("a.example")], QUIET).await;
    bench.end_mirror();
    bench.sim.edit(|store| {
        let event = store.find_event("a.example").unwrap();
        store.unpublish(event).unwrap();
    });
    bench.mirror = files.source().await;
    bench.until_mirrored().await;
    assert!(bench.gather(block()).await.unwrap().values.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_feeds_come_from_disk_while_misp_is_away() {
    let (files, mut bench) = MirrorBench::on_disk([domain_event("a.example")], QUIET).await;
    assert_eq!(files.ends(), ["key", "redb"]);
    let status = bench.mirror.states().remove(0);
    assert!(status.way.mirror().unwrap().is_durable && status.in_memory_because.is_none());

    bench.sim.set_fault(Fault::Refuse);
    bench.end_mirror();
    bench.mirror = files.source().await;
    bench.until_mirrored().await;
    let contents = bench.gather(block()).await.unwrap();
    assert_eq!(values(&contents), ["a.example"]);
    assert!(contents.as_of.unwrap() < jiff::Timestamp::now());
    bench.sim.clear_fault();
    bench.sim.edit(|store| store.add_event(domain_event("b.example")));
    until(|| match bench.mirror.states()[0].as_of {
        Some(at) if at > contents.as_of.unwrap() => Ok(()),
        at => {
            bench.mirror.hint(&bench.upstream.site().name);
            Err(format!("{at:?}"))
        }
    })
    .await;
    assert_eq!(values(&bench.gather_now(block()).await), ["a.example", "b.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_of_a_mirror_shows_a_key_a_value_or_a_site() {
    let (files, _bench) = MirrorBench::on_disk([domain_event("a-secret-name.example")], QUIET).await;
    for entry in std::fs::read_dir(files.state()).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.to_string_lossy().contains("127.0.0.1"), "{path:?}");
        let bytes = std::fs::read(&path).unwrap();
        for secret in [Sim::READER_KEY, "a-secret-name", "127.0.0.1"] {
            let shows = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!shows, "{secret} in {path:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_mirror_go_when_its_site_goes_or_has_no_mirror_any_more() {
    for goes in [true, false] {
        let (files, bench) = MirrorBench::on_disk([domain_event("a.example")], QUIET).await;
        if goes {
            files.remove_site();
        } else {
            files.write_site("mirror: no\n");
        }
        files.load_into(&bench.mirror, 1).await;
        until(|| match (files.ends().len(), bench.mirror.states().len()) {
            (0, 0) => Ok(()),
            counts => Err(format!("{counts:?}")),
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_site_that_is_gone_at_the_start_are_deleted() {
    let (files, mut bench) = MirrorBench::on_disk([domain_event("a.example")], QUIET).await;
    bench.end_mirror();
    files.write_site("nonsense: [");
    let _broken = files.source().await;
    assert_eq!(
        files.ends(),
        ["key", "redb"],
        "a mistake in a site file deletes nothing"
    );
    files.remove_site();
    let _gone = files.source().await;
    assert!(files.ends().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_another_encryption_key_stays_as_it_is_and_feeds_go_on_in_memory() {
    let (files, mut bench) = MirrorBench::on_disk([domain_event("a.example")], QUIET).await;
    let source = MirrorSource::new(Arc::default()).state_directory(files.state());
    bench.mirror = Arc::new(source);
    files.load_into(&bench.mirror, 2).await;
    bench.begin().await;
    let state = bench.mirror.states().remove(0);
    let why = state.in_memory_because.unwrap();
    assert!(
        why.contains("encryption_keys") && !state.way.mirror().unwrap().is_durable,
        "{why}"
    );
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
    bench.sim.set_fault(Fault::Refuse);
    bench.mirror = files.source().await;
    bench.until_mirrored().await;
    assert_eq!(
        values(&bench.gather(block()).await.unwrap()),
        ["a.example"],
        "with the old key it is as it was"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_mappings_are_read_from_misp_before_the_mirror_answers_by_them() {
    let event = domain_event("a.example").attribute(Attribute::new("filename", "b.example"));
    let (files, mut bench) = MirrorBench::on_disk([event], QUIET).await;
    let mappings = "types:\n  domain: [domain, filename]\n";
    std::fs::write(files.0.path().join("mappings.yaml"), mappings).unwrap();
    let mappings = Arc::new(site_config::Mappings::from_yaml(mappings).unwrap());
    bench.upstream = feed_engine::Upstream::new(
        Arc::clone(bench.upstream.site()),
        mappings,
        feed_engine::Protocol::Http,
        bench.sim.addr().port(),
        Sim::READER_KEY.to_owned().into(),
    );
    let both = ["a.example", "b.example"];
    assert_eq!(
        bench.reason(),
        Some(DirectReason::Opening),
        "the rows of the mirror are of other types"
    );
    assert_eq!(values(&bench.gather(block()).await.unwrap()), both);
    files.load_into(&bench.mirror, 1).await;
    bench.until_mirrored().await;
    assert_eq!(values(&bench.gather(block()).await.unwrap()), both);
    assert!(matches!(bench.mirror.way(&bench.upstream), Way::Mirror(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_is_forgotten_begins_again_with_the_next_answer_of_misp() {
    let (files, bench) = MirrorBench::on_disk([domain_event("a.example")], QUIET).await;
    assert!(bench.mirror.forget_mirror(&bench.upstream));
    until(|| match files.ends().len() {
        0 => Ok(()),
        files => Err(format!("{files} files")),
    })
    .await;
    bench.begin().await;
    assert_eq!(files.ends(), ["key", "redb"]);
}

/// A source as after a restart with a mirror on disk, while MISP takes questions and answers none.
async fn restarted_while_misp_hangs(more: &str) -> (Files, MirrorBench) {
    let (files, mut bench) = MirrorBench::on_disk([domain_event("a.example")], more).await;
    bench.end_mirror();
    bench.sim.set_fault(Fault::Hang);
    bench.mirror = files.source().await;
    (files, bench)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_misp_that_hangs_delays_the_first_answer_by_some_seconds_only() {
    let (_files, bench) = restarted_while_misp_hangs(QUIET).await;
    bench.sim.clear_requests();
    let began = std::time::Instant::now();
    let contents = bench.gather(block()).await.unwrap();
    assert_eq!(values(&contents), ["a.example"]);
    assert!(contents.as_of.is_some(), "the answer comes from the mirror");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(bench.questions_for_rows(), 0, "no question for the feed goes to MISP");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misp_that_hangs_delays_the_answer_of_an_old_copy_by_some_seconds_only() {
    let (_files, bench) = restarted_while_misp_hangs(&format!("{QUIET}memcached_all_timeout: 1\n")).await;
    bench.until_mirrored().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let began = std::time::Instant::now();
    assert_eq!(values(&bench.gather(block()).await.unwrap()), ["a.example"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_to_a_misp_that_hangs_ends_when_the_mirror_is_ready() {
    let (files, mut bench) = MirrorBench::on_disk([domain_event("a.example")], QUIET).await;
    bench.end_mirror();
    bench.sim.set_fault(Fault::Hang);
    // The request comes before the configuration, and so before the mirror has a place.
    bench.mirror = Arc::new(MirrorSource::new(Arc::default()).state_directory(files.state()));
    let (contents, ()) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(10), bench.gather(block())),
        files.load_into(&bench.mirror, 1),
    );
    assert_eq!(values(&contents.unwrap().unwrap()), ["a.example"]);
}
