//! The last good sets on disk: what a new engine believes and serves after a restart.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use feed_engine::{FeedEngine, IndicatorSource, Origin, RenderedFeed, StateKeys};
use tokio::time::sleep;

use crate::scripted_source::{Scripted, Stage, upstream};
use crate::support::{domains, lines};

/// An engine that keeps its last good sets in this folder, over a source with these values.
fn started(folder: &Path, values: &[&str]) -> Stage {
    let source = Arc::new(Scripted::default());
    source.set(values);
    let engine = FeedEngine::builder()
        .source(Arc::clone(&source) as Arc<dyn IndicatorSource>)
        .last_good_directory(Some(folder.join("sets")))
        .build();
    engine.seal_last_good(StateKeys::new([&[1; 32]]));
    Stage {
        source,
        engine,
        upstream: upstream(""),
    }
}

/// Waits until so many sets are on disk.
async fn on_disk(folder: &Path, sets: usize) {
    let is_set = |file: &std::fs::DirEntry| file.path().extension().is_some_and(|kind| kind == "set");
    let count = || {
        let files = std::fs::read_dir(folder.join("sets")).into_iter().flatten();
        files.flatten().filter(is_set).count()
    };
    while count() != sets {
        sleep(Duration::from_millis(1)).await;
    }
}

/// Has an engine gather these values, and waits until they are on disk.
async fn left_behind(folder: &Path, values: &[&str]) -> RenderedFeed {
    let stage = started(folder, values);
    let answer = stage.ask().await;
    on_disk(folder, 1).await;
    answer
}

#[tokio::test]
async fn a_set_that_empties_the_feed_of_the_life_before_is_held_back() {
    let folder = tempfile::tempdir().unwrap();
    left_behind(folder.path(), &["a.example"]).await;
    let stage = started(folder.path(), &[]);
    let answer = stage.ask_for(domains().max_age(Duration::ZERO)).await;
    assert_eq!((stage.source.asked(), answer.origin), (1, Origin::Stale));
    assert_eq!(lines(&answer), ["a.example"]);
    let shown = answer.held_back.unwrap();
    assert_eq!((shown.from, shown.to, shown.agreed), (1, 0, 1));
}

#[tokio::test]
async fn a_daemon_that_starts_while_misp_is_away_serves_the_last_good_set() {
    let folder = tempfile::tempdir().unwrap();
    let before = left_behind(folder.path(), &["a.example"]).await;
    let stage = started(folder.path(), &[]);
    stage.source.fails(true);
    let answer = stage.ask_for(domains().max_age(Duration::ZERO)).await;
    assert_eq!((stage.source.asked(), answer.origin), (1, Origin::Stale));
    assert_eq!(
        (lines(&answer), answer.etag, answer.changed_at),
        (lines(&before), before.etag, before.changed_at)
    );
}

#[tokio::test]
async fn a_fresh_set_is_served_without_a_question() {
    let folder = tempfile::tempdir().unwrap();
    left_behind(folder.path(), &["a.example"]).await;
    let stage = started(folder.path(), &[]);
    let answer = stage.ask().await;
    assert_eq!(
        (lines(&answer), answer.origin),
        (vec!["a.example".to_owned()], Origin::Hit)
    );
    assert_eq!(stage.source.asked(), 0);
}

/// The copy outlives the restart itself, and knows why values are gone.
#[tokio::test]
async fn a_set_on_disk_is_not_held_against_a_copy_of_misp() {
    let folder = tempfile::tempdir().unwrap();
    left_behind(folder.path(), &["a.example"]).await;
    let stage = started(folder.path(), &[]);
    stage.source.follows();
    assert_eq!(stage.ask().await.count, 0);
    on_disk(folder.path(), 0).await;
}
