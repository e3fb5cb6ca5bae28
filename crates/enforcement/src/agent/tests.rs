use feed_classification::Registry;

use super::*;

fn config(more: &str) -> (tempfile::TempDir, Config) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().display();
    let text = format!(
        "server: https://localhost:1\ntoken_file: {folder}/token\nstate_dir: {folder}/state\nfeeds:\n  \
         - {{name: names, feed: block, type: domain, age: 1w}}\ntargets:\n  \
         - {{name: names, feeds: [names], file: {{path: {folder}/names.txt, format: txt}}}}\n{more}"
    );
    let path = dir.path().join("agent.yaml");
    std::fs::write(&path, text).unwrap();
    let config = Config::read(&path, &Registry::builtin()).unwrap();
    (dir, config)
}

#[test]
fn the_name_of_cratosd_is_looked_up_again_when_the_answer_is_old_and_not_before() {
    let (_dir, config) = config("");
    let mut bench = Bench::open(config);
    let earlier: IpAddr = "192.0.2.1".parse().unwrap();
    bench.server = vec![earlier];
    bench.resolved = Some(Instant::now());
    bench.never_block();
    assert_eq!(bench.server, [earlier]);
    bench.resolved = Instant::now().checked_sub(RESOLVED_FOR * 2);
    bench.never_block();
    assert!(bench.server.iter().all(IpAddr::is_loopback), "{:?}", bench.server);
}

#[test]
fn a_feed_is_polled_where_the_operator_wants_no_stream() {
    for (more, expected) in [
        ("", "Follow"),
        ("follow: stream\n", "Follow"),
        ("follow: poll\n", "Poll"),
    ] {
        let (_dir, config) = config(more);
        let client = client(&config).unwrap();
        let source = format!("{:?}", source(&config, &client, &config.feeds[0]));
        assert!(source.starts_with(expected), "{more}: {source}");
    }
}

#[test]
fn the_errors_of_an_answer_name_the_feed_and_count_its_values() {
    let (_dir, config) = config("");
    let mut bench = Bench::open(config);
    assert_eq!(bench.feed_name(0), "names");
    let set = feed_classification::IndicatorSet::of(feed_classification::IndicatorType::Domain, ["a.example"]);
    let news = News::Whole {
        set,
        etag: None,
        refused: Refusals::default(),
    };
    assert!(bench.take(0, Ok(news), false).is_none());
    assert_eq!(bench.feeds[0].progress.values, 1);
}
