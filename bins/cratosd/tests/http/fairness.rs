//! Many questions of one token, and the places that stay free for other tokens.

use std::time::Duration;

use misp_sim::{Fault, Sim, Warninglist, WarninglistKind};
use token_crypto::Claims;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::{Answer, Ask, Daemon, FEED, Setup, event};

/// Ages of different feeds; all contain the address of the event.
const AGES: [&str; 12] = ["2d", "3d", "4d", "5d", "6d", "2w", "3w", "1m", "2m", "3m", "4m", "5m"];

/// Far longer than an answer takes, and far shorter than a question that hangs.
const SOON: Duration = Duration::from_secs(30);

async fn daemon(seconds: u32) -> Daemon {
    let sim = Sim::builder()
        .event(event("block", &["198.51.100.7"]))
        .warninglist(Warninglist::new(
            "A",
            WarninglistKind::Hostname,
            &["domain"],
            &["a.example"],
        ));
    let site = format!("tag: example\nmispTimeoutSeconds: {seconds}\nallowed_ips: [\"127.0.0.0/8\"]\n");
    let setup = Setup {
        sim,
        site,
        ..Setup::default()
    };
    Daemon::with(setup).await
}

/// Sends these requests with one token at the same time.
fn ask_all(daemon: &Daemon, claims: &Claims, paths: impl IntoIterator<Item = String>) -> JoinSet<Answer> {
    let (token, to) = (daemon.seal(claims), daemon.addr);
    let asks = paths
        .into_iter()
        .map(|path| Ask::get(&path).header("token", &token).send(to));
    asks.collect()
}

fn feeds() -> impl Iterator<Item = String> {
    AGES.iter().map(|age| FEED.replace("/1w/", &format!("/{age}/")))
}

/// A port that takes connections and never answers, and claims of a token that names it.
async fn hanging_port(daemon: &Daemon) -> (TcpListener, Claims) {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut claims = daemon.claims();
    claims.port = port.local_addr().unwrap().port();
    (port, claims)
}

/// Takes so many connections, so that the questions are known to be under way.
async fn are_asked(port: &TcpListener, questions: usize) -> Vec<tokio::net::TcpStream> {
    let mut asked = Vec::new();
    while asked.len() < questions {
        asked.push(port.accept().await.unwrap().0);
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_to_a_port_that_hangs_do_not_hold_up_another_token() {
    let daemon = daemon(300).await;
    let (port, hostile) = hanging_port(&daemon).await;
    let mut hanging = ask_all(&daemon, &hostile, feeds());
    let lists = (0..12).map(|_| "/v1/warninglist/id/1/output/txt".to_owned());
    let mut lists = ask_all(&daemon, &hostile, lists);
    let _asked = are_asked(&port, 3).await;
    let good = async {
        assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
        assert_eq!(
            daemon.get("/v1/warninglist/id/1/output/txt").await.feed(),
            (200, "a.example\r\n")
        );
        assert_eq!(daemon.get("/v1/check").await.status, 200);
        assert_eq!(daemon.get("/v1/statistics").await.status, 200);
    };
    tokio::time::timeout(SOON, good).await.unwrap();
    assert!(hanging.try_join_next().is_none() && lists.try_join_next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_leaves_a_place_for_another_with_the_same_key() {
    let daemon = daemon(300).await;
    daemon.sim.set_fault(Fault::Hang.times(3));
    let mut hanging = ask_all(&daemon, &daemon.claims(), feeds());
    tokio::time::timeout(SOON, async {
        while daemon.sim.searches() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
    })
    .await
    .unwrap();
    assert!(
        hanging.try_join_next().is_none(),
        "the others wait for the three that hang"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_gets_no_place_is_503_in_time_and_says_why() {
    let daemon = daemon(2).await;
    daemon.sim.set_fault(Fault::Hang);
    let answers = ask_all(&daemon, &daemon.claims(), feeds()).join_all().await;
    let crowded: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!crowded.is_empty() && answers.iter().all(|answer| matches!(answer.status.as_u16(), 503 | 504)));
    for answer in crowded {
        let words = answer.detail();
        assert!(
            words.as_str().unwrap().contains("took all places at this MISP for 1 s"),
            "{words}"
        );
        assert_eq!(answer.header("retry-after"), "30");
    }
    daemon.sim.clear_fault();
    assert_eq!(daemon.get(FEED).await.feed(), (200, "198.51.100.7"));
}
