//! The small questions, against recordings.

use misp_client::{
    CountedBy, ErrorKind, EventIndex, EventIndexAnswer, EventList, SightingAnswer, SightingKind, SightingReport,
    WarninglistEntry,
};

use crate::recording::{Recording, number};
use crate::server::{Reply, Server};

async fn server(recording: u32) -> Server {
    Server::always(Recording::open(recording).reply()).await
}

fn events(answer: EventIndexAnswer) -> EventList {
    match answer {
        EventIndexAnswer::Events(list) => list,
        EventIndexAnswer::NotModified => panic!("not modified"),
    }
}

#[tokio::test]
async fn version_is_read_and_passed_on() {
    let server = server(10).await;
    let client = server.client();
    assert_eq!(client.version().await.unwrap().version, "2.5.1");
    assert_eq!(client.version_json().await.unwrap(), Recording::open(10).body);
    assert!(server.seen()[0].head.starts_with("GET /servers/getVersion HTTP/1.1"));
    assert_eq!(server.seen()[0].header("accept"), Some("application/json"));
}

#[tokio::test]
async fn path_of_the_base_url_stays_before_the_endpoint() {
    let server = server(10).await;
    let url = misp_client::BaseUrl::parse(&format!("{}/misp/", server.base_url())).unwrap();
    let client = misp_client::Client::builder(url, misp_client::AuthKey::new("k").unwrap())
        .build()
        .unwrap();
    client.version().await.unwrap();
    assert!(
        server.seen()[0]
            .head
            .starts_with("GET /misp/servers/getVersion HTTP/1.1")
    );
}

#[tokio::test]
async fn small_answers_that_are_none_are_refused() {
    for (body, kind) in [
        ("{}", ErrorKind::UnexpectedAnswer),
        ("[1]", ErrorKind::UnexpectedAnswer),
        ("<html>", ErrorKind::NotJson),
        ("{\"version\":\"2.", ErrorKind::CutShort),
        ("", ErrorKind::CutShort),
    ] {
        let server = Server::always(Reply::json(body)).await;
        assert_eq!(server.client().version().await.unwrap_err().kind(), kind, "{body}");
    }
    let server = Server::always(Reply::json(vec![b' '; 2 << 20])).await;
    assert_eq!(server.client().version().await.unwrap_err().kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn user_role_and_organisation_of_the_key_are_read() {
    let reader = server(30).await.client().me().await.unwrap();
    assert_eq!((reader.user_id, reader.disabled), (3, false));
    assert_eq!(reader.role.name, "Read Only");
    assert!(reader.role.may_use_keys && !reader.role.may_modify && !reader.role.is_site_admin);
    assert_eq!(reader.organisation.name, "Example CERT");
    assert_eq!(
        reader.organisation.uuid.unwrap().to_string(),
        "5c0ba7a0-0001-4000-8000-000000000001"
    );
    assert_eq!(
        server(702).await.client().me().await.unwrap(),
        reader,
        "numbers as numbers"
    );
    assert!(server(31).await.client().me().await.unwrap().role.is_site_admin);
}

#[tokio::test]
async fn statistics_are_passed_on() {
    let server = server(500).await;
    assert_eq!(
        server.client().attribute_statistics().await.unwrap(),
        Recording::open(500).body
    );
    server
        .client()
        .attribute_statistics_by(CountedBy::Category)
        .await
        .unwrap();
    assert!(
        server.seen()[1]
            .head
            .starts_with("GET /attributes/attributeStatistics/category ")
    );
}

#[tokio::test]
async fn event_index_lists_every_event_with_its_last_change() {
    let recording = Recording::open(574);
    let server = server(574).await;
    let question = EventIndex::new().newest_change_first().page(1, 3);
    let list = events(server.client().event_index(&question).await.unwrap());
    let expected = recording.body.as_array().unwrap();
    assert_eq!(list.entries.len(), expected.len());
    for (entry, json) in list.entries.iter().zip(expected) {
        assert_eq!(entry.id, number(&json["id"]));
        assert_eq!(entry.timestamp as u64, number(&json["timestamp"]));
        assert_eq!(entry.published, json["published"].as_bool().unwrap());
        assert_eq!(entry.uuid.unwrap().to_string(), json["uuid"].as_str().unwrap());
        assert_eq!(
            entry.orgc_uuid.unwrap().to_string(),
            json["orgc_uuid"].as_str().unwrap()
        );
    }
    assert_eq!((list.total, list.etag), (Some(75), None));
    assert_eq!(
        server.seen()[0].json(),
        recording.request["body"]
            .as_object()
            .map(|body| {
                let mut body = body.clone();
                body.insert("page".to_owned(), 1.into());
                serde_json::Value::Object(body)
            })
            .unwrap()
    );
}

#[tokio::test]
async fn event_index_asks_only_for_what_was_set() {
    for (number, question) in [
        (573, EventIndex::new().published(false)),
        (575, EventIndex::new().timestamp_from(1_795_307_589)),
    ] {
        let server = server(number).await;
        let list = events(server.client().event_index(&question).await.unwrap());
        assert!(!list.entries.is_empty());
        assert_eq!(server.seen()[0].json(), Recording::open(number).request["body"]);
    }
}

#[tokio::test]
async fn etag_of_one_answer_saves_the_next() {
    let first = server(571).await;
    let list = events(
        first
            .client()
            .event_index(&EventIndex::new().if_changed_since("\"none\""))
            .await
            .unwrap(),
    );
    let etag = list.etag.unwrap();
    let server = server(572).await;
    let question = EventIndex::new().if_changed_since(&etag);
    assert_eq!(
        server.client().event_index(&question).await.unwrap(),
        EventIndexAnswer::NotModified
    );
    assert_eq!(server.seen()[0].header("if-none-match"), Some(etag.as_str()));
    // The question had no ETag.
    let error = server.client().event_index(&EventIndex::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
}

#[tokio::test]
async fn event_index_that_lost_its_question_is_refused() {
    let server = server(571).await;
    for question in [
        EventIndex::new().published(false),
        EventIndex::new().timestamp_from(1_795_309_899),
    ] {
        let error = server.client().event_index(&question).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
    }
}

#[tokio::test]
async fn event_without_id_time_or_state_is_refused() {
    for body in [
        r#"[{"id":"1","timestamp":"5"}]"#,
        r#"[{"timestamp":"5","published":true}]"#,
        r#"{"response":[]}"#,
    ] {
        let server = Server::always(Reply::json(body)).await;
        let error = server.client().event_index(&EventIndex::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{body}");
    }
}

#[tokio::test]
async fn list_of_more_than_five_million_events_is_refused() {
    // The events are empty, since only their number matters here.
    let body = format!("[{}{{}}]", "{},".repeat(5_001_000));
    let server = Server::always(Reply::json(body)).await;
    let error = server.client().event_index(&EventIndex::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn warninglists_are_listed_and_read() {
    let index = r#"{"Warninglists": [
        {"Warninglist": {"id": "7", "name": "Invented resolvers", "type": "cidr", "description": "made up", "version": "3",
            "enabled": true, "default": true, "category": "false_positive", "warninglist_entry_count": "2",
            "valid_attributes": "ip-src, ip-dst"}},
        {"Warninglist": {"id": 8, "name": "Invented names", "type": "hostname", "version": 20260101, "enabled": "0"}}]}"#;
    let server = Server::always(Reply::json(index)).await;
    let lists = server.client().warninglists().await.unwrap();
    assert_eq!(lists.len(), 2);
    assert_eq!(
        (lists[0].id, lists[0].entry_count, lists[0].enabled),
        (7, Some(2), true)
    );
    assert_eq!(
        (lists[0].is_default, &*lists[0].category, &*lists[0].attribute_types),
        (true, "false_positive", &["ip-src".to_owned(), "ip-dst".to_owned()][..])
    );
    assert_eq!((lists[1].is_default, lists[1].attribute_types.len()), (false, 0));
    assert_eq!(
        (&*lists[1].name, &*lists[1].version, lists[1].enabled),
        ("Invented names", "20260101", false)
    );

    let view = r#"{"Warninglist": {"id": "7", "name": "Invented resolvers", "type": "cidr", "enabled": true,
        "WarninglistEntry": [{"id": "2", "value": "192.0.2.0/24", "comment": null}, {"value": null}, {"value": "2001:db8::/32", "comment": "own"}]}}"#;
    let server = Server::always(Reply::json(view)).await;
    let list = server.client().warninglist(7).await.unwrap();
    let entry = |value: &str, id, comment: &str| WarninglistEntry {
        value: value.to_owned(),
        id,
        comment: comment.to_owned(),
    };
    let expected = [entry("192.0.2.0/24", Some(2), ""), entry("2001:db8::/32", None, "own")];
    assert_eq!(list.entries, expected);
    assert!(server.seen()[0].head.starts_with("GET /warninglists/view/7 "));
    assert_eq!(
        server.client().warninglist(9).await.unwrap_err().kind(),
        ErrorKind::UnexpectedAnswer
    );
}

#[tokio::test]
async fn unknown_warninglist_is_not_found() {
    let error = server(515).await.client().warninglist(99_999).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.misp_message(), Some("Warninglist not found."));
}

fn report(value: &str, kind: SightingKind) -> SightingReport {
    SightingReport::new([value], kind).unwrap()
}

#[tokio::test]
async fn a_sighting_is_sent_as_recorded_and_its_answer_read() {
    let server = server(555).await;
    let report = report("m2b-attr-block.example.com", SightingKind::FalsePositive)
        .source("proxy")
        .unwrap();
    assert_eq!(
        server.client().add_sightings(&report).await.unwrap(),
        SightingAnswer::Added
    );
    assert_eq!(server.seen()[0].json(), Recording::open(555).request["body"]);
}

#[tokio::test]
async fn a_key_that_may_not_add_sightings_is_told_from_a_wrong_one() {
    let report = report("192.0.2.66", SightingKind::Hit);
    let error = server(554).await.client().add_sightings(&report).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::NotPermitted, Some(403)));
    let error = server(16).await.client().add_sightings(&report).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyRefused);
}

#[tokio::test]
async fn a_sighting_is_not_sent_twice_by_itself() {
    let server = Server::always(Reply::nothing()).await;
    let report = report("192.0.2.66", SightingKind::Hit);
    let client = server.builder().max_retries(3).build().unwrap();
    let error = client.add_sightings(&report).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn tag_is_asked_for_by_its_number() {
    let server = server(523).await;
    let tag = server.client().known_tag(8).await.unwrap();
    assert_eq!(tag.name, "example:incident-classification=block");
    assert_eq!((tag.count, tag.attribute_count), (Some(15), Some(1_201)));
    assert!(server.seen()[0].head.starts_with("GET /tags/view/8 "));
}

#[tokio::test]
async fn tags_are_found_by_a_part_of_their_name() {
    // With numbers in quotes, and without.
    for recorded in [521, 705] {
        let server = server(recorded).await;
        let names = server.client().tags_with("incident-classification").await.unwrap();
        assert_eq!(names.len(), 9);
        assert!(names.contains(&"example:incident-classification=block".to_owned()));
        assert!(
            server.seen()[0]
                .head
                .starts_with("GET /tags/index/searchall:incident-classification ")
        );
        assert_eq!(server.client().tags_with("sinkhole").await.unwrap().len(), 1);
    }
}
