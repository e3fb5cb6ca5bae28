//! Lists and single things, against recordings.

use misp_client::{ErrorKind, Fault};

use crate::recording::Recording;
use crate::server::{Reply, Server};

async fn server(recording: u32) -> Server {
    Server::always(Recording::open(recording).reply()).await
}

#[tokio::test]
async fn organisations_are_listed_and_found() {
    let server_of_list = server(540).await;
    let all = server_of_list.client().organisations().await.unwrap();
    let names: Vec<(u64, &str)> = all.iter().map(|one| (one.id, one.name.as_str())).collect();
    assert_eq!(names, [(2, "Example CERT"), (1, "ORGNAME"), (3, "Partner Research")]);
    assert_eq!(all[2].extra["nationality"], "Denmark");
    assert!(server_of_list.seen()[0].head.starts_with("GET /organisations/index "));
    server_of_list.client().all_organisations().await.unwrap();
    assert!(
        server_of_list.seen()[1]
            .head
            .starts_with("GET /organisations/index/scope:all ")
    );
    let uuid = "5c0ba7a0-0002-4000-8000-000000000002".parse().unwrap();
    let server_of_one = server(542).await;
    let misp = server_of_one.client();
    assert_eq!(misp.organisation_of_uuid(uuid).await.unwrap().id, 3);
    assert_eq!(misp.organisation(3).await.unwrap().uuid, Some(uuid));
    let error = misp.organisation(7).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::UnexpectedAnswer,
        "another one than was asked for"
    );
}

#[tokio::test]
async fn galaxies_taxonomies_and_feeds_are_read() {
    let galaxies = server(545).await.client().galaxies().await.unwrap();
    assert_eq!((galaxies.len(), galaxies[3].kind.as_str()), (4, "threat-actor"));
    assert!(galaxies[0].enabled && galaxies[0].uuid.is_some());
    let tlp = server(546).await.client().taxonomy(170).await.unwrap();
    assert_eq!(
        (tlp.namespace.as_str(), tlp.exclusive, tlp.required),
        ("tlp", true, false)
    );
    assert_eq!(tlp.extra["entries"][0]["tag"], "tlp:red");
    assert!(server(553).await.client().feeds().await.unwrap().is_empty());
}

#[tokio::test]
async fn one_feed_is_read_and_another_one_is_refused() {
    let body = r#"{"Feed": {"id": "4", "name": "Abuse", "source_format": "csv", "enabled": true}}"#;
    let server = Server::always(Reply::json(body)).await;
    let feed = server.client().feed(4).await.unwrap();
    assert_eq!((feed.id, feed.name.as_str(), feed.enabled), (4, "Abuse", true));
    assert!(server.seen()[0].head.starts_with("GET /feeds/view/4 "));
    let error = server.client().feed(5).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
}

#[tokio::test]
async fn list_that_holds_something_else_is_refused() {
    for body in [
        r#"[{"Galaxy": {"id": "1"}}, {"Other": {"id": "2"}}]"#,
        r#"{"name": "x"}"#,
        "[1]",
        r#"[{"Galaxy": {}}]"#,
    ] {
        let server = Server::always(Reply::json(body)).await;
        let error = server.client().galaxies().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{body}");
    }
}

#[tokio::test]
async fn groups_servers_and_users_are_read_with_their_neighbours() {
    let groups = r#"{"response": [{"SharingGroup": {"id": "4", "name": "Trusted", "active": true}, "SharingGroupOrg": [{}],
        "Organisation": {"name": "x"}}]}"#;
    let groups = Server::always(Reply::json(groups))
        .await
        .client()
        .sharing_groups()
        .await
        .unwrap();
    assert_eq!((groups[0].id, groups[0].active), (4, true));
    assert!(groups[0].extra.contains_key("SharingGroupOrg"));
    let users = r#"[{"User": {"id": "3", "email": "a@example.org", "disabled": false, "org_id": 2}, "Role": {"name": "User"}}]"#;
    let server = Server::always(Reply::json(users)).await;
    let users = server.client().users().await.unwrap();
    assert_eq!((users[0].email.as_str(), users[0].org_id), ("a@example.org", 2));
    assert_eq!(users[0].extra["Role"]["name"], "User");
    assert!(server.seen()[0].head.starts_with("GET /admin/users/index "));
    let servers = r#"[{"Server": {"id": "1", "name": "peer", "pull": true}}]"#;
    assert!(
        Server::always(Reply::json(servers))
            .await
            .client()
            .servers()
            .await
            .unwrap()[0]
            .pull
    );
}

#[tokio::test]
async fn whole_event_and_single_attribute_are_read() {
    let event = server(530).await.client().event(71).await.unwrap();
    assert_eq!(
        (event.info.as_str(), event.published),
        ("EX-MATRIX-1 event-level block", true)
    );
    assert_eq!((event.attributes.len(), event.unusable), (5, 0));
    assert!(event.has_tag("example:incident-classification=block"));
    assert_eq!(event.creator.as_ref().unwrap().name, "Example CERT");
    assert_eq!(event.attributes[0].extra["ShadowAttribute"], serde_json::json!([]));
    let with_object = server(531).await.client().event(75).await.unwrap();
    let object = &with_object.objects[0];
    assert_eq!((object.name.as_str(), object.attributes.len()), ("domain-ip", 2));
    assert_eq!(with_object.all_attributes().count(), 6);
    assert!(object.attributes.iter().all(|row| row.object_relation.is_some()));
    let error = server(530).await.client().event(72).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
    let error = server(533).await.client().event(999_999).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::NotFound, Fault::Caller));

    let attribute = server(547).await.client().attribute(24_206).await.unwrap();
    assert_eq!(attribute.value, "m2b-attr-block.example.com");
    assert!(!attribute.tags[0].local);
    assert!(
        server(548)
            .await
            .client()
            .attribute_of_uuid(attribute.uuid.unwrap())
            .await
            .is_ok()
    );
    let deleted = server(549).await.client().attribute(24_209).await.unwrap_err();
    assert_eq!(deleted.status(), Some(405));
}

#[tokio::test]
async fn values_on_warninglists_are_named() {
    let found = r#"{"10.0.0.1": [{"id": "101", "name": "private", "matched": "10.0.0.0/8"}]}"#;
    let server_of_hit = Server::always(Reply::json(found)).await;
    let hits = server_of_hit
        .client()
        .check_warninglists(["10.0.0.1", "192.0.2.1"])
        .await
        .unwrap();
    assert_eq!(hits.keys().collect::<Vec<_>>(), ["10.0.0.1"]);
    assert_eq!(
        (hits["10.0.0.1"][0].id, hits["10.0.0.1"][0].matched.as_str()),
        (101, "10.0.0.0/8")
    );
    assert_eq!(
        server_of_hit.seen()[0].json(),
        serde_json::json!(["10.0.0.1", "192.0.2.1"])
    );
    // No hit at all is an empty list, not an empty object.
    assert!(
        server(518)
            .await
            .client()
            .check_warninglists(["192.0.2.1"])
            .await
            .unwrap()
            .is_empty()
    );
    let stray = server_of_hit
        .client()
        .check_warninglists(["192.0.2.1"])
        .await
        .unwrap_err();
    assert_eq!(stray.kind(), ErrorKind::Unfiltered);
}
