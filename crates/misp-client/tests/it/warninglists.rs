//! The enabled warninglists as a matcher: which lists are asked for, and what a broken answer does.

use std::fmt::Write as _;

use misp_client::warninglist::WarninglistMatcher;
use misp_client::{AttributeSearch, ErrorKind};
use misp_sim::{Sim, Warninglist, WarninglistKind};

use crate::server::{Reply, Server};
use crate::sim::client;

const INDEX: &str = r#"{"Warninglists": [
    {"Warninglist": {"id": "8", "name": "Invented networks", "type": "cidr", "version": "3", "enabled": true,
        "category": "false_positive", "warninglist_entry_count": "2", "valid_attributes": "ip-dst, domain|ip"}},
    {"Warninglist": {"id": "7", "name": "Off", "type": "string", "version": "1", "enabled": false,
        "valid_attributes": "md5"}}]}"#;
const VIEW: &str = r#"{"Warninglist": {"id": "8", "name": "Invented networks", "type": "cidr", "enabled": true,
    "WarninglistEntry": [{"id": "1", "value": "198.51.100.0/24", "warninglist_id": "8", "comment": null},
        {"id": "2", "value": "2001:db8::/32", "warninglist_id": "8", "comment": "ours"}],
    "WarninglistType": [{"id": "1", "type": "ip-dst", "warninglist_id": "8"},
        {"id": "2", "type": "domain|ip", "warninglist_id": "8"}]}}"#;

async fn replies<const N: usize>(replies: [Reply; N]) -> Server {
    Server::start(move |_, number| replies[number].clone()).await
}

#[tokio::test]
async fn enabled_lists_become_a_matcher_and_others_are_not_read() {
    let server = replies([Reply::json(INDEX), Reply::json(VIEW), Reply::json(INDEX)]).await;
    let matcher = server.client().warninglist_matcher().await.unwrap().build();
    let hits = matcher.hits("domain|ip", "a.example.org|198.51.100.7");
    assert_eq!((hits[0].id, hits[0].name.as_str()), (8, "Invented networks"));
    assert_eq!(
        (hits[0].matched.as_str(), hits[0].value.as_str()),
        ("198.51.100.0/24", "198.51.100.7")
    );
    assert_eq!(hits[0].category, "false_positive");
    assert!(matcher.matches("ip-dst", "2001:DB8::1") && !matcher.matches("ip-src", "2001:db8::1"));
    assert_eq!(server.client().warninglist_digest().await.unwrap(), matcher.digest());
    let asked: Vec<String> = server
        .seen()
        .iter()
        .map(|seen| seen.head.lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(
        asked,
        [
            "POST /warninglists/index HTTP/1.1",
            "GET /warninglists/view/8 HTTP/1.1",
            "POST /warninglists/index HTTP/1.1"
        ]
    );
    assert_eq!(server.seen()[0].body, r#"{"enabled":1}"#);
}

#[tokio::test]
async fn single_list_names_its_attribute_types() {
    let server = Server::always(Reply::json(VIEW)).await;
    let list = server.client().warninglist(8).await.unwrap();
    assert_eq!(list.list.attribute_types, ["ip-dst", "domain|ip"]);
    assert!(
        WarninglistMatcher::builder()
            .add_list(&list)
            .build()
            .matches("ip-dst", "198.51.100.7")
    );
}

#[tokio::test]
async fn list_that_was_deleted_meanwhile_is_left_out() {
    let gone = r#"{"name": "Warninglist not found.", "message": "Warninglist not found.", "url": "/"}"#;
    let server = replies([
        Reply::json(INDEX),
        Reply::new(404, &[("content-type", "application/json")], gone),
    ])
    .await;
    assert!(server.client().enabled_warninglists().await.unwrap().is_empty());
}

#[tokio::test]
async fn answer_that_is_not_the_list_is_an_error() {
    let other = VIEW.replace(r#""warninglist_id": "8""#, r#""warninglist_id": "9""#);
    for (view, kind) in [
        (other.as_str(), ErrorKind::UnexpectedAnswer),
        (VIEW.split_at(VIEW.len() - 2).0, ErrorKind::CutShort),
        (r#"{"Warninglist": {"id": "8"}}"#, ErrorKind::UnexpectedAnswer),
        ("[]", ErrorKind::UnexpectedAnswer),
    ] {
        let server = replies([Reply::json(INDEX), Reply::json(view)]).await;
        let error = server.client().warninglist_matcher().await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{view}");
    }
}

#[tokio::test]
async fn lists_larger_than_a_page_may_be_are_refused() {
    let server = replies([Reply::json(INDEX), Reply::json(VIEW)]).await;
    let client = server
        .builder()
        .max_page_bytes(INDEX.len().max(VIEW.len() - 1) as u64)
        .build()
        .unwrap();
    let error = client.warninglist_matcher().await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn list_of_many_entries_is_read_while_it_arrives() {
    let mut view = String::from(r#"{"Warninglist": {"id": "8", "WarninglistEntry": ["#);
    for number in 0..20_000 {
        let comma = if number > 0 { "," } else { "" };
        write!(
            view,
            r#"{comma}{{"id": "{number}", "value": "host{number}.example.org", "warninglist_id": 8}}"#
        )
        .unwrap();
    }
    view.push_str("]}}");
    let index = INDEX.replace("cidr", "hostname");
    let server = replies([Reply::json(&index), Reply::json(&view)]).await;
    let matcher = server.client().warninglist_matcher().await.unwrap().build();
    assert!(matcher.matches("domain|ip", "www.host19999.example.org|192.0.2.1"));
    assert!(!matcher.matches("domain|ip", "host20000.example.org|192.0.2.1"));
}

#[tokio::test]
async fn hits_in_rows_are_those_of_the_matcher() {
    let row = r#"{"response": {"Attribute": [{"id": "5", "type": "ip-dst", "to_ids": true, "value": "198.51.100.7",
        "warnings": [{"match": "198.51.100.0/24", "value": "198.51.100.7", "warninglist_id": "8",
            "warninglist_name": "Invented networks", "warninglist_category": "false_positive"}]},
        {"id": "6", "type": "ip-dst", "to_ids": true, "value": "192.0.2.1"}]}}"#;
    let server = replies([Reply::json(INDEX), Reply::json(VIEW), Reply::json(row)]).await;
    let matcher = server.client().warninglist_matcher().await.unwrap().build();
    let search = AttributeSearch::new(["ip-dst"]).unwrap().include_warninglist_hits(true);
    let rows = crate::all(&server.client(), search).await.unwrap();
    assert_eq!(server.seen()[2].json()["includeWarninglistHits"], 1);
    assert_eq!(rows.iter().map(|row| row.warnings.len()).collect::<Vec<_>>(), [1, 0]);
    for row in rows {
        assert_eq!(matcher.hits(&row.kind, &row.value), row.warnings);
    }
}

#[tokio::test]
async fn matcher_of_the_stand_in_takes_out_what_the_stand_in_does() {
    let hosts = Warninglist::new(
        "hosts",
        WarninglistKind::Hostname,
        &["domain", "url"],
        &["shared.example.org"],
    );
    let mut off = Warninglist::new("off", WarninglistKind::String, &["domain"], &["bad.example.com"]);
    off.enabled = false;
    let sim = Sim::builder()
        .warninglist(hosts)
        .warninglist(off)
        .start()
        .await
        .unwrap();
    let misp = client(&sim);
    let lists = misp.enabled_warninglists().await.unwrap();
    assert_eq!(
        lists.iter().map(|list| list.list.name.as_str()).collect::<Vec<_>>(),
        ["hosts"]
    );
    let matcher = misp.warninglist_matcher().await.unwrap().build();
    assert!(matcher.matches("url", "http://a.shared.example.org/x") && !matcher.matches("domain", "bad.example.com"));
    assert_eq!(matcher.digest(), misp.warninglist_digest().await.unwrap());
}
