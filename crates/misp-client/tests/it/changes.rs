//! What an analyst changes, on the stand-in for MISP: written, read back, and refused.

use futures_util::TryStreamExt;
use misp_client::{
    AttributeEdit, AttributeSearch, Client, ErrorKind, EventEdit, EventSearch, Fault, NewAttribute, NewEvent,
    NewObject, ObjectEdit, SightingKind, SightingReport,
};
use misp_sim::{RunningSim, Sim, Warninglist, WarninglistKind};

use crate::recording::Recording;
use crate::server::{Reply, Server};
use crate::sim::{builder, client};

async fn sim() -> (RunningSim, Client) {
    let private = Warninglist::new("private", WarninglistKind::Cidr, &["ip-dst"], &["10.0.0.0/8"]);
    let sim = Sim::builder().warninglist(private).start().await.unwrap();
    let misp = builder(&sim, Sim::PUBLISHER_KEY).build().unwrap();
    (sim, misp)
}

fn wave() -> NewEvent {
    NewEvent::new("Phishing wave")
        .distribution(1)
        .threat_level(1)
        .tag("tlp:green")
        .attribute(
            NewAttribute::new("domain", "bad.example.com")
                .to_ids(true)
                .comment("mail"),
        )
}

fn domain_ip() -> NewObject {
    let template = "43b3b146-77eb-4931-b4cc-b66c60f28734".parse().unwrap();
    NewObject::new("domain-ip", "network", template, 10)
        .attribute("domain", NewAttribute::new("domain", "c2.example.com"))
        .attribute("ip", NewAttribute::new("ip-dst", "192.0.2.66").to_ids(true))
}

#[tokio::test]
async fn event_is_added_read_edited_published_and_deleted() {
    let (sim, misp) = sim().await;
    let added = misp.add_event(&wave().object(domain_ip())).await.unwrap();
    assert_eq!(
        (added.info.as_str(), added.published, added.threat_level_id),
        ("Phishing wave", false, Some(1))
    );
    assert!(added.has_tag("tlp:green"));
    assert_eq!(added.attributes[0].comment, "mail");
    assert_eq!(
        (added.objects[0].name.as_str(), added.objects[0].attributes.len()),
        ("domain-ip", 2)
    );
    assert_eq!(misp.event(added.id).await.unwrap(), added);
    assert_eq!(misp.event_of_uuid(added.uuid.unwrap()).await.unwrap(), added);

    misp.publish_event(added.id).await.unwrap();
    assert!(misp.event(added.id).await.unwrap().published);
    let edited = misp
        .edit_event(added.id, &EventEdit::new().info("Phishing waves").analysis(2))
        .await
        .unwrap();
    assert_eq!(
        (edited.info.as_str(), edited.analysis, edited.published),
        ("Phishing waves", Some(2), false)
    );
    misp.publish_event(added.id).await.unwrap();
    misp.unpublish_event(added.id).await.unwrap();
    assert!(!misp.event(added.id).await.unwrap().published);
    misp.delete_event(added.id).await.unwrap();
    let gone = misp.event(added.id).await.unwrap_err();
    assert_eq!((gone.kind(), gone.fault()), (ErrorKind::NotFound, Fault::Caller));
    assert_eq!(sim.with_store(|store| store.events().count()), 0);
}

#[tokio::test]
async fn attribute_is_added_edited_deleted_and_restored() {
    let (sim, misp) = sim().await;
    let event = misp.add_event(&wave()).await.unwrap().id;
    let added = misp
        .add_attribute(event, &NewAttribute::new("ip-dst", "192.0.2.1").to_ids(true))
        .await
        .unwrap();
    assert_eq!(
        (added.event_id, added.value.as_str(), added.to_ids),
        (event, "192.0.2.1", true)
    );
    let edited = misp
        .edit_attribute(added.id, &AttributeEdit::new().to_ids(false).comment("sinkholed"))
        .await
        .unwrap();
    assert_eq!(
        (edited.to_ids, edited.comment.as_str(), edited.value.as_str()),
        (false, "sinkholed", "192.0.2.1")
    );
    assert_eq!(
        misp.attribute_of_uuid(added.uuid.unwrap()).await.unwrap().comment,
        "sinkholed"
    );

    misp.delete_attribute(added.id).await.unwrap();
    assert_eq!(misp.attribute(added.id).await.unwrap_err().status(), Some(405));
    misp.restore_attribute(added.id).await.unwrap();
    assert!(!misp.attribute(added.id).await.unwrap().deleted);
    misp.delete_attribute_for_good(added.id).await.unwrap();
    assert_eq!(misp.attribute(added.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        misp.restore_attribute(added.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(sim.with_store(|store| store.find("192.0.2.1")).is_none());
}

#[tokio::test]
async fn value_that_misp_refuses_is_a_rejection_with_its_reason() {
    let (_sim, misp) = sim().await;
    let event = misp.add_event(&wave()).await.unwrap().id;
    for (attribute, reason) in [
        (
            NewAttribute::new("ip-dst", "not an ip"),
            "IP address has an invalid format.",
        ),
        (
            NewAttribute::new("domain", "bad.example.com"),
            "A similar attribute already exists for this event.",
        ),
    ] {
        let error = misp.add_attribute(event, &attribute).await.unwrap_err();
        assert_eq!((error.kind(), error.fault()), (ErrorKind::Rejected, Fault::Caller));
        assert!(error.misp_message().unwrap().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn key_without_the_right_is_refused() {
    let (sim, misp) = sim().await;
    let event = misp.add_event(&wave()).await.unwrap().id;
    for key in [Sim::READER_KEY, Sim::PARTNER_KEY] {
        let reader = builder(&sim, key).build().unwrap();
        let error = reader.add_event(&wave()).await.unwrap_err();
        assert_eq!((error.kind(), error.fault()), (ErrorKind::NotPermitted, Fault::Caller));
        assert_eq!(
            reader.publish_event(event).await.unwrap_err().kind(),
            ErrorKind::NotPermitted
        );
        assert_eq!(
            reader.delete_event(event).await.unwrap_err().kind(),
            ErrorKind::NotPermitted
        );
    }
    assert_eq!(misp.publish_event(999).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn object_is_added_edited_and_deleted_with_its_attributes() {
    let (_sim, misp) = sim().await;
    let event = misp.add_event(&wave()).await.unwrap().id;
    let object = misp
        .add_object(event, &domain_ip().comment("seen twice"))
        .await
        .unwrap();
    assert_eq!(
        (object.meta_category.as_str(), object.comment.as_str()),
        ("network", "seen twice")
    );
    assert_eq!(object.attributes[1].object_relation.as_deref(), Some("ip"));
    let edited = misp
        .edit_object(object.id, &ObjectEdit::new().comment("once"))
        .await
        .unwrap();
    assert_eq!((edited.comment.as_str(), edited.attributes.len()), ("once", 2));
    misp.delete_object(object.id).await.unwrap();
    assert!(misp.event(event).await.unwrap().objects.is_empty());
    misp.delete_object_for_good(object.id).await.unwrap();
    assert_eq!(
        misp.delete_object(object.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn tags_are_put_on_and_taken_off_and_local_ones_keep_the_publication() {
    let (_sim, misp) = sim().await;
    let event = misp.add_event(&wave()).await.unwrap();
    misp.publish_event(event.id).await.unwrap();
    let (of_event, of_attribute) = (event.uuid.unwrap(), event.attributes[0].uuid.unwrap());
    misp.tag_locally(of_event, "example:mine").await.unwrap();
    let tagged = misp.event(event.id).await.unwrap();
    assert!(tagged.published && tagged.tags.iter().any(|tag| tag.name == "example:mine" && tag.local));
    misp.tag(of_attribute, "example:seen").await.unwrap();
    let tagged = misp.event(event.id).await.unwrap();
    assert!(!tagged.published && tagged.attributes[0].has_tag("example:seen"));
    misp.untag(of_attribute, "example:seen").await.unwrap();
    misp.untag(of_event, "example:mine").await.unwrap();
    let bare = misp.event(event.id).await.unwrap();
    assert!(!bare.attributes[0].has_tag("example:seen") && !bare.has_tag("example:mine"));
    let error = misp.tag(of_event, "!tlp:red").await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::InvalidSearch, Fault::Caller));
    let names: Vec<String> = misp.tags().await.unwrap().into_iter().map(|tag| tag.name).collect();
    assert_eq!(names, ["example:mine", "example:seen", "tlp:green"]);
}

#[tokio::test]
async fn recorded_answers_to_changes_are_read() {
    let server = |number: u32| Server::always(Recording::open(number).reply());
    let added = server(560).await;
    let attribute = NewAttribute::new("ip-dst", "192.0.2.222")
        .category("Network activity")
        .to_ids(true)
        .comment("added through the API");
    let stored = added.client().add_attribute(74, &attribute).await.unwrap();
    assert_eq!((stored.id, stored.value.as_str()), (24_221, "192.0.2.222"));
    let sent = &added.seen()[0];
    assert!(sent.head.starts_with("POST /attributes/add/74 "));
    assert_eq!(sent.json(), Recording::open(560).request["body"]);
    for number in [561, 562] {
        let error = server(number)
            .await
            .client()
            .add_attribute(74, &attribute)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{number}");
    }
    let edit = server(564).await;
    assert!(
        !edit
            .client()
            .edit_attribute(24_221, &AttributeEdit::new().to_ids(false))
            .await
            .unwrap()
            .to_ids
    );
    assert_eq!(edit.seen()[0].json(), Recording::open(564).request["body"]);
    let uuid = "15e78344-f99d-4841-9fbe-37d1cb11eeb8".parse().unwrap();
    let tag = "example:incident-classification=hunt";
    let attach = server(565).await;
    attach.client().tag(uuid, tag).await.unwrap();
    assert_eq!(attach.seen()[0].json(), Recording::open(565).request["body"]);
    let remove = server(566).await;
    remove.client().untag(uuid, tag).await.unwrap();
    assert_eq!(remove.seen()[0].json(), Recording::open(566).request["body"]);
    let delete = server(567).await;
    delete.client().delete_attribute(24_221).await.unwrap();
    delete.client().delete_attribute_for_good(24_221).await.unwrap();
    assert!(delete.seen()[1].head.starts_with("POST /attributes/delete/24221/1 "));
}

#[tokio::test]
async fn change_is_not_sent_twice_and_a_refusal_with_status_200_is_an_error() {
    let lost = Server::always(Reply::nothing()).await;
    assert_eq!(
        lost.client().publish_event(7).await.unwrap_err().kind(),
        ErrorKind::Connect
    );
    assert_eq!(lost.seen().len(), 1);
    let refused = Server::always(Reply::json(r#"{"saved": false, "errors": "Invalid tag"}"#)).await;
    let error = refused.client().tag(uuid::Uuid::nil(), "a:b").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.misp_message()),
        (ErrorKind::Rejected, Some("Invalid tag"))
    );
    let login = Server::always(Reply::new(
        302,
        &[("Location", "https://misp.example.net/users/login")],
        "",
    ))
    .await;
    assert!(
        login
            .client()
            .restore_attribute(7)
            .await
            .unwrap_err()
            .is_login_redirect()
    );
}

#[tokio::test]
async fn events_are_streamed_and_compared_with_the_question() {
    let (sim, misp) = sim().await;
    for number in 0..7 {
        let event = NewEvent::new(format!("event {number}")).distribution(1);
        let event = if number % 2 == 0 {
            event.tag("example:even")
        } else {
            event
        };
        misp.add_event(&event.attribute(NewAttribute::new("domain", format!("d{number}.example.com"))))
            .await
            .unwrap();
    }
    let by_two = EventSearch::new().page_size(std::num::NonZeroU32::new(2).unwrap());
    let mut pages = misp.events(by_two.clone());
    let mut titles = Vec::new();
    while let Some(event) = pages.try_next().await.unwrap() {
        titles.push(event.info);
    }
    assert_eq!(
        titles,
        (0..7).map(|number| format!("event {number}")).collect::<Vec<_>>()
    );
    assert_eq!(
        (
            pages.progress().pages,
            pages.progress().events_sent,
            pages.progress().total
        ),
        (4, 7, Some(7))
    );

    let even: Vec<_> = misp
        .events(by_two.clone().with_tag("example:even").unwrap())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(even.len(), 4);
    let odd: Vec<_> = misp
        .events(by_two.clone().without_tag("example:even").unwrap())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(odd.len(), 3);
    let third: Vec<_> = misp
        .events(by_two.with_value("d3.example.com").unwrap())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(third[0].info, "event 3");
    assert_eq!(third[0].attributes[0].value, "d3.example.com");

    // A server that lost the question.
    let body = sim.with_store(|store| store.events().count());
    assert_eq!(body, 7);
    let stray = r#"{"response": [{"Event": {"id": "8", "info": "x", "published": true, "Attribute": []}}]}"#;
    let server = Server::always(Reply::page(stray, 1, 0)).await;
    let of_seven = EventSearch::new().event_ids([7]);
    let error = server.client().events(of_seven.clone()).try_next().await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Unfiltered, Fault::Upstream));
    assert!(
        server
            .client()
            .events(of_seven)
            .unchecked()
            .try_next()
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn an_event_that_nobody_can_read_is_counted_once_however_its_page_arrives() {
    // The first two arrive before the third one is whole.
    let large = "x".repeat(1 << 20);
    let page = format!(
        r#"{{"response": [{{"Event": {{"id": "7", "info": "x", "published": true, "Attribute": []}}}},
            {{"Event": {{"info": "no number"}}}},
            {{"Event": {{"id": "8", "info": "{large}", "published": true, "Attribute": []}}}}]}}"#
    );
    let server = Server::always(Reply::page(page, 3, 0)).await;
    let mut events = server.client().events(EventSearch::new().event_ids([7, 8]));
    while events.try_next().await.unwrap().is_some() {}
    assert_eq!((events.progress().events_sent, events.progress().unusable), (3, 1));
}

#[tokio::test]
async fn records_of_the_stand_in_are_read() {
    let (sim, misp) = sim().await;
    let names: Vec<String> = misp
        .organisations()
        .await
        .unwrap()
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(names, ["Example CERT", "Partner Research"]);
    assert_eq!(
        misp.organisation_of_uuid(Sim::PARTNER).await.unwrap().name,
        "Partner Research"
    );
    assert!(misp.galaxies().await.unwrap().is_empty() && misp.taxonomies().await.unwrap().is_empty());
    assert!(misp.sharing_groups().await.unwrap().is_empty() && misp.feeds().await.unwrap().is_empty());
    assert_eq!(misp.users().await.unwrap_err().kind(), ErrorKind::NotPermitted);
    assert_eq!(misp.servers().await.unwrap_err().kind(), ErrorKind::NotPermitted);
    let admin = builder(&sim, Sim::ADMIN_KEY).build().unwrap();
    let users = admin.users().await.unwrap();
    assert_eq!(users.len(), 4);
    assert_eq!(admin.user(users[0].id).await.unwrap().email, "reader@cert.example.org");
    assert!(admin.servers().await.unwrap().is_empty());
    assert!(misp.me().await.unwrap().role.may_modify);

    let hits = misp.check_warninglists(["10.1.2.3", "192.0.2.1"]).await.unwrap();
    assert_eq!((hits.len(), hits["10.1.2.3"][0].name.as_str()), (1, "private"));
    assert!(misp.check_warninglists(["192.0.2.1"]).await.unwrap().is_empty());
}

#[tokio::test]
async fn sightings_are_listed_by_attribute_and_by_event() {
    let (_sim, misp) = sim().await;
    let event = misp.add_event(&wave()).await.unwrap();
    let report = SightingReport::new(["bad.example.com"], SightingKind::FalsePositive).unwrap();
    misp.add_sightings(&report.source("proxy 7").unwrap().seen_at(1_795_308_235))
        .await
        .unwrap();
    let seen = misp.sightings_of_attribute(event.attributes[0].id).await.unwrap();
    assert_eq!((seen.len(), seen[0].kind, seen[0].source.as_str()), (1, 1, "proxy 7"));
    assert_eq!(seen[0].date_sighting, 1_795_308_235);
    assert_eq!(misp.sightings_of_event(event.id).await.unwrap(), seen);
    assert!(misp.sightings_of_event(event.id + 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn sightings_between_two_times_are_those_of_that_time() {
    let reply = r#"{"response": [{"Sighting": {"id": "4", "date_sighting": "1795308235"}}]}"#;
    let server = Server::always(Reply::json(reply)).await;
    let misp = server.client();
    let seen = misp.sightings_between(1_795_308_235, 1_795_308_235).await.unwrap();
    assert_eq!((seen.len(), seen[0].id), (1, 4));
    let error = misp.sightings_between(1_795_308_236, 1_795_308_300).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unfiltered);
}

#[tokio::test]
async fn reader_finds_by_search_what_a_publisher_added() {
    let (sim, misp) = sim().await;
    misp.add_event(&wave().object(domain_ip())).await.unwrap();
    let search = AttributeSearch::of_values(["192.0.2.66"]).unwrap();
    let row = client(&sim).search(search).try_next().await.unwrap().unwrap();
    assert_eq!(row.object_relation.as_deref(), Some("ip"));
    assert!(row.has_tag("tlp:green"));
}
