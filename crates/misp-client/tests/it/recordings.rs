//! The recorded answers of a real MISP come out of the client unchanged.

use misp_client::{Attribute, AttributeSearch, Deleted, ErrorKind, Published};
use serde_json::Value;

use crate::recording::{Recording, number, raw, rows_of};
use crate::server::{Reply, Server};
use crate::{all, answer, any_search};

fn assert_same(row: &Attribute, json: &Value) {
    assert_eq!(row.id, number(&json["id"]));
    assert_eq!(row.event_id, number(&json["event_id"]));
    assert_eq!(row.uuid.unwrap().to_string(), json["uuid"].as_str().unwrap());
    assert_eq!(row.kind, json["type"].as_str().unwrap());
    assert_eq!(row.value, json["value"].as_str().unwrap());
    assert_eq!(row.to_ids, json["to_ids"].as_bool().unwrap());
    assert_eq!(row.deleted, json["deleted"].as_bool().unwrap());
    assert_eq!(row.timestamp as u64, number(&json["timestamp"]));
    assert_eq!(
        row.event.publish_timestamp.unwrap() as u64,
        number(&json["Event"]["publish_timestamp"])
    );
    assert_eq!(row.event.orgc_id.unwrap(), number(&json["Event"]["orgc_id"]));
    assert_eq!(row.event.org_id.unwrap(), number(&json["Event"]["org_id"]));
    assert_eq!(row.event.published, json["Event"]["published"].as_bool());
    let orgc = json.pointer("/Event/Orgc/uuid").and_then(Value::as_str);
    assert_eq!(row.event.orgc_uuid.map(|uuid| uuid.to_string()).as_deref(), orgc);
    let own: Vec<Value> = json["Tag"].as_array().cloned().unwrap_or_default();
    for tag in &own {
        let inherited = tag["inherited"] == 1;
        assert!(
            row.tags
                .iter()
                .any(|found| found.inherited == inherited && found.name == tag["name"].as_str().unwrap())
        );
    }
    let of_event = json
        .pointer("/Event/Tag")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for tag in &of_event {
        assert!(
            row.tags
                .iter()
                .any(|found| found.inherited && found.name == tag["name"].as_str().unwrap())
        );
    }
    assert!(row.tags.len() <= own.len() + of_event.len());
}

#[tokio::test]
async fn every_recorded_search_comes_out_whole() {
    let mut searches = 0;
    for recording in Recording::all().into_iter().filter(Recording::is_search) {
        searches += 1;
        let reply = recording.reply();
        let server = Server::start(move |_, number| match number {
            0 => reply.clone(),
            _ => Reply::page(answer([]), 1, 0),
        })
        .await;
        let rows = all(&server.client(), any_search())
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", recording.name));
        let expected = recording
            .body
            .pointer("/response/Attribute")
            .unwrap()
            .as_array()
            .unwrap();
        assert_eq!(rows.len(), expected.len(), "{}", recording.name);
        for (row, json) in rows.iter().zip(expected) {
            assert_same(row, json);
        }
    }
    assert!(searches >= 35, "only {searches} recordings found");
}

#[test]
fn bodies_as_sent_give_their_values_byte_for_byte() {
    let edge = raw("290-edge-values-all.raw.json");
    let rows = rows_of(&edge);
    assert_eq!(rows.len(), 72);
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        Recording::open(290).ids()
    );
    assert!(rows.iter().any(|row| row.value == "2001:db8::1|443"));
    assert!(rows.iter().any(|row| !row.value.is_ascii()));
    let rules = rows_of(&raw("231-type-multiline-yara-sigma-snort.raw.json"));
    assert!(rules.iter().any(|row| row.kind == "yara" && row.value.contains('\n')));
    assert_eq!(rows_of(&raw("101-matrix-tags-positive-list.raw.json")).len(), 17);
    assert_eq!(rows_of(&raw("110-empty.raw.json")), []);
}

#[test]
fn ids_and_times_as_numbers_are_the_same_as_ids_as_text() {
    let numbers = Recording::open(700);
    let texts = Recording::open(204);
    let rows = numbers.rows();
    let same: Vec<Attribute> = texts
        .rows()
        .into_iter()
        .filter(|row| rows.iter().any(|other| other.id == row.id))
        .collect();
    assert_eq!(rows, same);
}

fn types_of(rows: &[Attribute]) -> Vec<String> {
    let mut types: Vec<String> = rows.iter().map(|row| row.kind.clone()).collect();
    types.sort();
    types.dedup();
    types
}

/// Of all rows of the test matrix, exactly those answer the question that MISP gave for it.
fn assert_answers(everything: u32, expected: u32, question: impl Fn(AttributeSearch) -> AttributeSearch) {
    let rows = Recording::open(everything).rows();
    let search = question(AttributeSearch::new(types_of(&rows)).unwrap());
    let ids: Vec<u64> = rows
        .iter()
        .filter(|row| search.answers(row).is_ok())
        .map(|row| row.id)
        .collect();
    assert_eq!(ids, Recording::open(expected).ids(), "recording {expected}");
}

const BLOCK: &str = "example:incident-classification=block";
const FALSE_POSITIVE: &str = "example:incident-classification=false-positive";

#[test]
fn rows_answer_the_question_exactly_as_misp_means_it() {
    assert_answers(100, 101, |search| search.with_tag(BLOCK).unwrap());
    assert_answers(100, 103, |search| {
        search.with_tag(BLOCK).unwrap().without_tag(FALSE_POSITIVE).unwrap()
    });
    assert_answers(100, 110, |search| search.with_tag("example:no-such-tag").unwrap());
    assert_answers(101, 130, |search| search.to_ids(true));
    assert_answers(101, 132, |search| search.to_ids(false));
    assert_answers(143, 141, |search| search.deleted(Deleted::Only));
    let from = Recording::open(164).request["body"]["timestamp"].as_i64().unwrap();
    assert_answers(160, 164, |search| search.timestamp_from(from));
}

#[test]
fn email_attributes_answer_a_question_for_senders() {
    let recording = Recording::open(229);
    let asked = &recording.request["body"]["type"];
    let asked: Vec<String> = match asked {
        Value::String(one) => vec![one.clone()],
        list => list
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect(),
    };
    let search = AttributeSearch::new(asked).unwrap();
    let rows = recording.rows();
    assert!(rows.iter().any(|row| row.kind == "email"));
    assert!(rows.iter().all(|row| search.answers(row).is_ok()));
}

#[test]
fn context_shows_organisation_and_publication() {
    let rows = Recording::open(203).rows();
    let orgc = rows[0].event.orgc_uuid.unwrap();
    let search = AttributeSearch::new(types_of(&rows)).unwrap().include_context(true);
    assert!(
        rows.iter()
            .all(|row| search.clone().organisation(orgc).answers(row).is_ok())
    );
    let other = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    assert!(
        rows.iter()
            .all(|row| search.clone().organisation(other).answers(row).is_err())
    );
    assert!(
        rows.iter()
            .all(|row| search.clone().published(Published::Yes).answers(row).is_ok())
    );
    assert!(
        rows.iter()
            .all(|row| search.clone().published(Published::No).answers(row).is_err())
    );
    // The tags of the event come beside the event then.
    assert!(rows.iter().all(|row| row.has_tag(BLOCK)));
}

#[tokio::test]
async fn recorded_refusals_have_their_kinds() {
    for (number, kind) in [
        (12, ErrorKind::Redirected),
        (13, ErrorKind::KeyRefused),
        (16, ErrorKind::KeyRefused),
        (19, ErrorKind::KeyRefused),
        (23, ErrorKind::KeyRefused),
        (24, ErrorKind::KeyRefused),
        (343, ErrorKind::MispError),
        (515, ErrorKind::NotFound),
        (552, ErrorKind::NotPermitted),
        (600, ErrorKind::MispError),
        (614, ErrorKind::NotPermitted),
        (615, ErrorKind::NotFound),
        (653, ErrorKind::RateLimited),
        (660, ErrorKind::MispError),
        (665, ErrorKind::Redirected),
        (670, ErrorKind::KeyRefused),
        (685, ErrorKind::MispError),
        (690, ErrorKind::MispError),
    ] {
        let recording = Recording::open(number);
        let server = Server::always(recording.reply()).await;
        let error = all(&server.client(), any_search()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", recording.name);
        assert_eq!(error.status(), Some(recording.status), "{}", recording.name);
        assert_eq!(
            error.misp_message(),
            recording.body["message"].as_str(),
            "{}",
            recording.name
        );
        assert_eq!(error.endpoint(), Some("/attributes/restSearch"));
        assert_eq!(error.is_login_redirect(), kind == ErrorKind::Redirected);
        assert_eq!(
            error.retry_after().map(|wait| wait.as_secs()),
            (number == 653).then_some(900)
        );
        assert_eq!(server.seen().len(), 1, "asked once");
    }
}
