//! Events by metadata, against recordings.

use std::num::NonZeroU32;

use misp_client::{ErrorKind, EventMetadata, EventSearch};
use serde_json::{Value, json};

use crate::recording::{Recording, number};
use crate::server::{Reply, Seen, Server};

/// The events of a recording, as another parser reads them.
fn recorded(recording: &Recording) -> Vec<(u64, u64, u64, bool, bool)> {
    let rows = recording.body["response"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            let event = &row["Event"];
            let at = |key: &str| number(&event[key]);
            let flag = |key: &str| event[key].as_bool().unwrap_or(false);
            (
                at("id"),
                at("timestamp"),
                at("publish_timestamp"),
                flag("published"),
                flag("protected"),
            )
        })
        .collect()
}

fn told(events: &[EventMetadata]) -> Vec<(u64, u64, u64, bool, bool)> {
    events
        .iter()
        .map(|event| {
            let (changed, published_at) = (event.timestamp as u64, event.publish_timestamp as u64);
            (event.id, changed, published_at, event.published, event.protected)
        })
        .collect()
}

/// The body of a request without order and page, which the recorded questions lack.
fn filters(seen: &Seen) -> Value {
    let mut body = seen.json();
    for key in ["order", "limit", "page"] {
        assert!(body.as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }
    body
}

#[tokio::test]
async fn events_that_the_index_leaves_out_are_read_by_metadata() {
    let of = || EventSearch::new().event_ids([12, 13, 14, 36]);
    for (number, question) in [
        (804, of()),
        (805, of().published(false)),
        (810, EventSearch::new().event_ids([8_305])),
        (811, EventSearch::new().event_ids([8_305])),
        (812, EventSearch::new().event_ids([8_305])),
        (814, EventSearch::new().timestamp_from(1_795_896_602)),
        (815, EventSearch::new().publish_timestamp_from(1_795_896_592)),
        (822, EventSearch::new().event_ids([8_306])),
        (824, EventSearch::new().event_ids([8_306])),
    ] {
        let recording = Recording::open(number);
        let server = Server::always(recording.reply()).await;
        let events = server.client().event_metadata(&question).await.unwrap();
        assert_eq!(told(&events), recorded(&recording), "{number}");
        assert_eq!(server.seen().len(), 1, "one page needs no second question");
        if number != 824 {
            let mut asked = recording.request["body"].clone();
            if let Some(ids) = asked.get_mut("eventid") {
                let numbers: Vec<u64> = ids.as_array().unwrap().iter().map(crate::recording::number).collect();
                *ids = json!(numbers);
            }
            assert_eq!(filters(&server.seen()[0]), asked, "{number}");
        }
    }
}

#[tokio::test]
async fn counts_of_attributes_are_passed_on_as_misp_keeps_them() {
    let server = Server::always(Recording::open(804).reply()).await;
    let events = server.client().event_metadata(&EventSearch::new()).await.unwrap();
    let counts: Vec<_> = events.iter().map(|event| event.attribute_count).collect();
    assert_eq!(counts, [Some(10), Some(10), Some(10), Some(0)]);
}

#[tokio::test]
async fn an_answer_to_another_question_is_refused_but_not_for_one_event() {
    let answer = |ids: std::ops::Range<u64>| {
        let rows: Vec<Value> = ids
            .map(|id| json!({"Event": {"id": id, "timestamp": "5", "publish_timestamp": "5", "published": true}}))
            .collect();
        Reply::json(json!({"response": rows}).to_string())
    };
    let question = EventSearch::new().published(false);
    let few = Server::always(answer(1..3)).await;
    assert!(few.client().event_metadata(&question).await.unwrap().is_empty());
    let many = Server::always(answer(1..9)).await;
    let error = many.client().event_metadata(&question).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
}

#[tokio::test]
async fn events_without_times_or_in_another_shape_are_refused() {
    for body in [
        r#"{"response":[{"Event":{"id":"1","timestamp":"5","published":true}}]}"#,
        r#"{"response":[{"Attribute":{}}]}"#,
        r#"{"response":{"Attribute":[]}}"#,
        "[]",
    ] {
        let server = Server::always(Reply::json(body)).await;
        let error = server.client().event_metadata(&EventSearch::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{body}");
    }
    let nothing = Server::always(Reply::json(r#"{"response": []}"#)).await;
    assert!(
        nothing
            .client()
            .event_metadata(&EventSearch::new())
            .await
            .unwrap()
            .is_empty()
    );
}

/// Answers with the page of these events that is asked for.
fn page_of(events: &[u64], seen: &Seen) -> Reply {
    let body = seen.json();
    let (page, limit) = (
        body["page"].as_u64().unwrap() as usize,
        body["limit"].as_u64().unwrap() as usize,
    );
    let rows: Vec<Value> = events
        .iter()
        .skip((page - 1) * limit)
        .take(limit)
        .map(|id| json!({"Event": {"id": id, "timestamp": 5, "publish_timestamp": 0, "published": false}}))
        .collect();
    Reply::page(json!({"response": rows}).to_string(), events.len() as u64, 0)
}

#[tokio::test]
async fn an_event_that_leaves_between_two_pages_hides_no_other() {
    let server = Server::start(|seen, number| {
        // Event 2 is published while the second page is asked for.
        if number == 0 {
            page_of(&[1, 2, 3, 4, 5, 6], seen)
        } else {
            page_of(&[1, 3, 4, 5, 6], seen)
        }
    })
    .await;
    let question = EventSearch::new().page_size(NonZeroU32::new(2).unwrap());
    let events = server.client().event_metadata(&question).await.unwrap();
    let ids: Vec<u64> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids, [1, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_list_that_never_rests_ends_with_its_last_two_readings_together() {
    let server = Server::start(|seen, number| {
        // With every question the first event of the list is gone.
        let events: Vec<u64> = (number as u64..40).collect();
        page_of(&events, seen)
    })
    .await;
    let question = EventSearch::new().page_size(NonZeroU32::new(10).unwrap());
    let events = server.client().event_metadata(&question).await.unwrap();
    assert!(server.seen().len() < 30, "it ends: {} questions", server.seen().len());
    for id in 20..40 {
        assert!(events.iter().any(|event| event.id == id), "{id} is missing");
    }
}
