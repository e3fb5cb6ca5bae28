//! Questions about MISP itself.

use std::sync::Arc;
use std::time::Duration;

use feed_engine::MispSource;
use misp_sim::Sim;

use crate::support::Bench;

#[tokio::test]
async fn callers_of_one_moment_share_a_question_and_later_ones_ask_anew() {
    let source = Arc::new(MispSource::new());
    let bench = Bench::around(Sim::builder(), Arc::clone(&source), "").await;
    bench.sim.set_latency(Duration::from_millis(300));
    let callers = (0..50).map(|_| {
        let (source, upstream) = (Arc::clone(&source), bench.upstream.clone());
        tokio::spawn(async move { source.version(&upstream).await.unwrap() })
    });
    let mut answers = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        answers.push(caller.await.unwrap());
    }
    assert!(
        answers
            .iter()
            .all(|answer| answer["version"].is_string() && *answer == answers[0])
    );
    assert_eq!(bench.sim.count("/servers/getVersion"), 1);
    source.version(&bench.upstream).await.unwrap();
    assert_eq!(bench.sim.count("/servers/getVersion"), 2);
}
