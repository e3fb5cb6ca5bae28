//! Scores reckoned here against every score that a real MISP gave.

use std::collections::BTreeMap;
use std::fs;

use misp_client::{Attribute, AttributeReader, AttributeSearch, DecayingModel, ErrorKind, Scorer};
use serde_json::Value;

use crate::recording::{Recording, folder, number};
use crate::server::{Reply, Server};

/// MISP prints the shortest text that is the same number; the difference is the last bit of the power function and of
/// the test's JSON reader.
const LAST_DIGITS: f64 = 1e-12;

/// One score as MISP gave it, with the row that it is of.
struct Given {
    row: Attribute,
    model: u64,
    score: f64,
    base_score: f64,
}

/// The scores in a recording, and the seconds during which MISP can have computed them.
struct Shown {
    name: String,
    seconds: std::ops::RangeInclusive<i64>,
    given: Vec<Given>,
}

async fn models() -> Vec<DecayingModel> {
    let server = Server::always(Recording::open(317).reply()).await;
    server.client().decaying_models().await.unwrap()
}

fn row_of(json: &Value) -> Attribute {
    let body = serde_json::to_vec(&serde_json::json!({"response": {"Attribute": [json]}})).unwrap();
    let (mut reader, mut rows) = (AttributeReader::new(), Vec::new());
    reader.push(&body, &mut rows).unwrap();
    reader.finish(&mut rows).unwrap();
    rows.remove(0)
}

fn shown() -> Vec<Shown> {
    let mut all = Vec::new();
    for recording in Recording::all().into_iter().filter(Recording::is_search) {
        let path = folder().join(format!("{}.json", recording.name));
        let whole: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let mut given = Vec::new();
        for json in recording.body["response"]["Attribute"].as_array().unwrap() {
            for one in json["decay_score"].as_array().into_iter().flatten() {
                given.push(Given {
                    row: row_of(json),
                    model: number(&one["DecayingModel"]["id"]),
                    score: one["score"].as_f64().unwrap(),
                    base_score: one["base_score"].as_f64().unwrap(),
                });
            }
        }
        if let Some(asked_at) = whole["recorded_at"].as_i64().filter(|_| !given.is_empty()) {
            let date = whole["response"]["headers"]["Date"].as_str().unwrap();
            let answered = httpdate::parse_http_date(date).unwrap();
            let answered = answered.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            all.push(Shown {
                name: recording.name,
                seconds: asked_at..=answered as i64,
                given,
            });
        }
    }
    all
}

/// Returns whether all scores of a recording are those of this second.
fn explains(second: i64, given: &[Given], scorers: &BTreeMap<u64, Scorer>) -> bool {
    given.iter().all(|given| {
        let score = scorers[&given.model].score(&given.row, second);
        (score.now - given.score).abs() <= LAST_DIGITS && (score.base - given.base_score).abs() <= LAST_DIGITS
    })
}

#[tokio::test]
async fn every_recorded_score_is_reckoned_to_misps_digits() {
    let scorers = models().await;
    let scorers = scorers
        .iter()
        .map(|model| (model.id, model.scorer().unwrap()))
        .collect();
    let (mut recordings, mut scores) = (0, 0);
    for shown in shown() {
        // MISP reckons one row after another: most answers took no second, the one of 20,000 rows took nine.
        let together = if shown.seconds.clone().count() <= 2 {
            shown.given.len()
        } else {
            1
        };
        for given in shown.given.chunks(together) {
            assert!(
                shown.seconds.clone().any(|second| explains(second, given, &scorers)),
                "{}: no second of {:?} explains its scores",
                shown.name,
                shown.seconds
            );
        }
        // The test could not be right by luck: an hour earlier explains nothing that is not zero anyway.
        assert!(!explains(shown.seconds.start() - 3600, &shown.given, &scorers));
        recordings += 1;
        scores += shown.given.len();
    }
    // 300 to 306, 309, 313 to 315, 358 (of whose rows four were kept) and 704.
    assert_eq!((recordings, scores), (13, 59));
}

#[tokio::test]
async fn last_seen_and_not_the_timestamp_is_what_misp_counts_from() {
    let scorers = models().await;
    let nids = scorers.iter().find(|model| model.id == 3).unwrap().scorer().unwrap();
    let recording = Recording::open(301);
    let row = recording.rows().into_iter().find(|row| row.id == 24_217).unwrap();
    assert_eq!(row.last_seen, Some(1_738_368_000));
    assert_eq!(nids.score(&row, 1_795_308_097).now, 0.0);
    let mut by_timestamp = row;
    by_timestamp.last_seen = None;
    assert!(nids.score(&by_timestamp, 1_795_308_097).now > 78.0);
}

/// Asked for all models, MISP gives scores by those only that name the type; asked for one by number, it gives them for
/// any type.
#[tokio::test]
async fn types_of_a_model_are_those_that_misp_gives_scores_of_by_itself() {
    let models = models().await;
    let nids = models.iter().find(|model| model.id == 3).unwrap().scorer().unwrap();
    let without = Recording::open(312);
    assert!(without.rows().iter().all(|row| !nids.covers(&row.kind)));
    assert!(without.body.pointer("/response/Attribute/0/decay_score").is_none());
    let by_number = Recording::open(313);
    assert!(by_number.body.pointer("/response/Attribute/0/decay_score").is_some());
    assert!(Recording::open(300).rows().iter().all(|row| nids.covers(&row.kind)));
}

#[tokio::test]
async fn models_are_listed_and_read() {
    let models = models().await;
    let names: Vec<_> = models
        .iter()
        .map(|model| (model.id, &*model.name, model.enabled))
        .collect();
    assert_eq!(
        names,
        [
            (1, "Vishing model", false),
            (2, "Phishing model", true),
            (3, "NIDS Simple Decaying Model", true)
        ]
    );
    let nids = &models[2];
    assert_eq!((nids.lifetime_days, nids.decay_speed), (Some(120.0), Some(2.0)));
    assert_eq!((nids.threshold, nids.default_base_score), (Some(30.0), 80.0));
    assert_eq!(nids.base_score_config["retention"], 0.1667);
    assert_eq!(nids.base_score_config.len(), 7);
    assert_eq!((&*nids.formula, nids.attribute_types.len()), ("Polynomial", 13));
    assert_eq!(nids.uuid.unwrap().to_string(), "073fae4a-2377-4cfa-bd34-2516830d33c3");

    let server = Server::always(Recording::open(318).reply()).await;
    assert_eq!(&server.client().decaying_model(3).await.unwrap(), nids);
    assert!(server.seen()[0].head.starts_with("GET /decayingModel/view/3 "));
    assert_eq!(
        server.client().decaying_model(2).await.unwrap_err().kind(),
        ErrorKind::UnexpectedAnswer
    );
}

/// MISP shows fifty at a time, and 404 behind the last page.
#[tokio::test]
async fn all_pages_of_models_are_read() {
    let page = |ids: std::ops::Range<u64>| {
        let models: Vec<Value> = ids
            .map(|id| serde_json::json!({"DecayingModel": {"id": id, "name": format!("model {id}")}}))
            .collect();
        serde_json::to_string(&models).unwrap()
    };
    let full = Server::start(move |_, number| match number {
        0 => Reply::json(page(0..50)),
        1 => Reply::json(page(50..100)),
        _ => Recording::open(515).reply(),
    })
    .await;
    assert_eq!(full.client().decaying_models().await.unwrap().len(), 100);
    let heads: Vec<String> = full.seen().iter().map(|seen| seen.head.clone()).collect();
    for (head, path) in heads.iter().zip(["", "/page:2", "/page:3"]) {
        assert!(head.starts_with(&format!("GET /decayingModel/index{path} ")), "{head}");
    }
    // One that knows no pages is not asked for ever.
    let same = Server::always(Reply::json(page(0..50))).await;
    assert_eq!(same.client().decaying_models().await.unwrap().len(), 50);
    assert_eq!(same.seen().len(), 2);
}

#[tokio::test]
async fn list_of_models_that_is_none_is_refused() {
    for (reply, kind) in [
        (Reply::json("{}"), ErrorKind::UnexpectedAnswer),
        (Reply::json(r#"[{"DecayingModel": {"id": "#), ErrorKind::CutShort),
        (Recording::open(552).reply(), ErrorKind::NotPermitted),
    ] {
        let server = Server::always(reply).await;
        assert_eq!(server.client().decaying_models().await.unwrap_err().kind(), kind);
    }
}

/// A common script filters by `decayScore`. MISP ignores unknown keys, so that everything passed.
#[test]
fn decay_score_in_the_body_is_not_what_misp_knows() {
    let (with, without) = (Recording::open(308), Recording::open(307));
    assert_eq!(with.request["body"]["decayScore"], "60");
    assert_eq!(with.rows(), without.rows());
    assert!(
        with.rows().iter().any(|row| row.timestamp < 1_761_000_000),
        "400 days old"
    );
    let search = AttributeSearch::new(["domain"]).unwrap().timestamp_from(1_795_000_000);
    let body = String::from_utf8(search.body(1)).unwrap();
    for word in ["decay", "score", "Decay", "Score"] {
        assert!(!body.contains(word), "{body}");
    }
}

#[test]
fn sightings_are_read_where_they_were_asked_for_and_only_hits_count() {
    let of = |number| Recording::open(number).rows().remove(0);
    // None at all, and a false positive.
    assert_eq!((of(206).last_sighting, of(557).last_sighting), (None, None));
    let mut hit = Recording::open(557).body;
    let sightings = hit.pointer_mut("/response/Attribute/0/Sighting").unwrap();
    let mut older = sightings[0].clone();
    (older["type"], older["date_sighting"]) = ("0".into(), "1795300000".into());
    sightings[0]["type"] = 0.into();
    sightings.as_array_mut().unwrap().push(older);
    let row = row_of(&hit["response"]["Attribute"][0]);
    assert_eq!(row.last_sighting, Some(1_795_308_235));

    let search = AttributeSearch::new(["domain"]).unwrap();
    let body = |search: AttributeSearch| String::from_utf8(search.body(1)).unwrap();
    assert!(!body(search.clone()).contains("ightings"));
    assert!(!body(search.clone()).contains("includeWarninglistHits"));
    assert!(body(search.clone().include_warninglist_hits(true)).contains("\"includeWarninglistHits\":1"));
    assert!(body(search.include_sightings(true)).contains("\"includeSightings\":1"));
}
