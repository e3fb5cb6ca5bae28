//! `/v1/explain`: why a value is in a feed or not.

use misp_sim::{Attribute, Event, Sim};
use serde_json::{Value, json};
use token_crypto::{Claims, Permission, Scope, Tlp};

use crate::support::{Daemon, Setup};

const PATH: &str = "/v1/explain/feed/block/type/domain/age/1w/output/txt";

async fn daemon() -> Daemon {
    let block = "example:incident-classification=block";
    let listed = Event::new("Phishing")
        .tag(block)
        .tag("tlp:green")
        .attribute(Attribute::new("domain", "evil.example"));
    let closed = Event::new("A secret").tag(block).tag("tlp:red");
    let closed = closed.attribute(Attribute::new("domain", "evil.example"));
    Daemon::with(Setup {
        sim: Sim::builder().event(listed).event(closed),
        ..Setup::default()
    })
    .await
}

fn reader(daemon: &Daemon, scope: Scope) -> Claims {
    daemon
        .claims()
        .with_scope(scope.with_permissions([Permission::Context]))
}

async fn explained(daemon: &Daemon, claims: &Claims, path: &str) -> Value {
    let answer = daemon.get_as(claims, path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_value_names_its_attributes_events_and_rules() {
    let daemon = daemon().await;
    let answer = explained(
        &daemon,
        &reader(&daemon, Scope::new()),
        &format!("{PATH}?value=EVIL[.]example"),
    )
    .await;
    assert_eq!(
        (
            &answer["value"],
            &answer["listed"],
            &answer["output"],
            &answer["reasons_known"]
        ),
        (&json!("evil.example"), &json!(true), &json!("written"), &json!(true))
    );
    let first = &answer["attributes"][0];
    assert_eq!(
        (&first["counts"], &first["event_info"], &first["attribute_type"]),
        (&json!(true), &json!("Phishing"), &json!("domain"))
    );
    assert_eq!(
        first["event_url"],
        format!("http://{}/events/view/1", daemon.sim.addr())
    );
    assert_eq!(first["attribute_ids"].as_array().unwrap().len(), 1);
    assert_eq!(first["rules"].as_array().unwrap().len(), 9);
    assert!(
        first["rules"]
            .as_array()
            .unwrap()
            .iter()
            .all(|rule| rule["passes"] == true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_a_token_hide_an_attribute_and_those_of_the_query_are_a_rule() {
    let daemon = daemon().await;
    let amber = reader(&daemon, Scope::new().with_max_tlp(Tlp::Amber));
    let answer = explained(&daemon, &amber, &format!("{PATH}?value=evil.example")).await;
    assert_eq!(answer["attributes"].as_array().unwrap().len(), 1);
    assert!(!answer.to_string().contains("A secret"));
    let red = reader(&daemon, Scope::new());
    let answer = explained(&daemon, &red, &format!("{PATH}?value=evil.example&max_tlp=green")).await;
    let closed = &answer["attributes"][1];
    assert_eq!(
        (&closed["event_info"], &closed["counts"], &closed["tlp"]),
        (&json!("A secret"), &json!(false), &json!("red"))
    );
    let refusing: Vec<&Value> = closed["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["passes"] == false)
        .collect();
    assert_eq!(refusing, [&json!({ "rule": "tlp", "passes": false })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_needs_the_feed_and_the_permission_context_and_a_value() {
    let daemon = daemon().await;
    let path = format!("{PATH}?value=evil.example");
    assert_eq!(daemon.get(&path).await.status, 403, "a token without context");
    let only_context = daemon.claims().with_scope(Scope::new().only([Permission::Context]));
    assert_eq!(daemon.get_as(&only_context, &path).await.status, 403);
    let other = reader(&daemon, Scope::new().with_feeds(["alert"]));
    assert_eq!(daemon.get_as(&other, &path).await.status, 403);
    let reader = reader(&daemon, Scope::new());
    assert_eq!(daemon.get_as(&reader, PATH).await.status, 422);
    let unknown = explained(&daemon, &reader, &format!("{PATH}?value=good.example")).await;
    assert_eq!(
        (&unknown["listed"], &unknown["attributes"]),
        (&json!(false), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_feed_gets_only_published_attributes_of_that_feed() {
    let value = || Attribute::new("domain", "evil.example");
    let block = "example:incident-classification=block";
    let listed = Event::new("Phishing").tag(block).attribute(value());
    let other = Event::new("Of another feed").tag("example:incident-classification=hunt");
    let draft = Event::new("A draft").tag(block);
    let harmless = Event::new("A correction").tag("example:incident-classification=false-positive");
    let events = [
        listed,
        other.attribute(value()),
        draft.attribute(value()),
        harmless.attribute(value()),
    ];
    let daemon = Daemon::with(Setup {
        sim: events.into_iter().fold(Sim::builder(), misp_sim::SimBuilder::event),
        ..Setup::default()
    })
    .await;
    daemon.sim.edit(|store| {
        let draft = store.find_event("A draft").unwrap();
        store.unpublish(draft).unwrap();
    });
    let path = format!("{PATH}?value=evil.example");
    let whole = explained(&daemon, &reader(&daemon, Scope::new()), &path).await;
    assert_eq!(whole["attributes"].as_array().unwrap().len(), 4, "{whole}");
    for scope in [Scope::new().with_feeds(["block"]), Scope::new().with_types(["domain"])] {
        let answer = explained(&daemon, &reader(&daemon, scope), &path).await;
        let attributes = answer["attributes"].as_array().unwrap();
        let titles: Vec<&Value> = attributes.iter().map(|attribute| &attribute["event_info"]).collect();
        assert_eq!(titles, [&json!("Phishing")], "{answer}");
        assert_eq!(answer["harmless_by"], json!([]));
    }
}
