//! `/openapi.json`, against a third-party validator and against real answers.

use std::collections::BTreeSet;
use std::process::Command;

use http::Method;
use misp_sim::{Fault, Sim, User};
use serde_json::{Value, json};
use token_crypto::{Permission, Scope};

use crate::support::{Answer, Ask, Daemon, FEED, Setup, event, schema};

async fn document(daemon: &Daemon) -> Value {
    daemon.send(Ask::get("/openapi.json")).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_at_both_paths() {
    let daemon = Daemon::start().await;
    let one = daemon.send(Ask::get("/openapi.json")).await;
    assert_eq!(
        (one.status.as_u16(), one.header("content-type")),
        (200, "application/json")
    );
    assert_eq!(one.json()["openapi"], "3.1.0");
    let other = daemon.send(Ask::get("/v1/openapi.json")).await;
    assert_eq!(other.body, one.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_of_others_finds_nothing_wrong() {
    const VALIDATE: &str = "import json, sys; from openapi_spec_validator import OpenAPIV31SpecValidator as V; \
                            problems = [e.message for e in V(json.load(open(sys.argv[1]))).iter_errors()]; \
                            print('\\n'.join(problems)); sys.exit(bool(problems))";
    let Some(python) = test_peers::python() else { return };
    let validate = |document: &Value| {
        let file = tempfile::NamedTempFile::new().unwrap();
        serde_json::to_writer(&file, document).unwrap();
        Command::new(&python)
            .args(["-c", VALIDATE])
            .arg(file.path())
            .output()
            .unwrap()
    };
    let daemon = Daemon::start().await;
    let mut document = document(&daemon).await;
    let said = validate(&document);
    assert!(
        said.status.success(),
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    // The validator works: it rejects a document with a fault.
    document["paths"]["/v1/check"]["get"]["responses"] = json!(5);
    assert!(!validate(&document).status.success());
}

/// Returns the target that `/v1/help` requests after *Try it out* and *Execute*: with each example, or else the
/// default, or else the first item of a required list.
fn as_the_help_page_sends(path: &str, operation: &Value) -> String {
    let (mut path, mut query) = (path.to_owned(), Vec::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (schema, name) = (&parameter["schema"], parameter["name"].as_str().unwrap());
        let required = parameter["required"] == true;
        let first = [&parameter["example"], &schema["default"]]
            .into_iter()
            .find(|value| !value.is_null())
            .or_else(|| schema["enum"].get(0).filter(|_| required));
        let Some(value) = first else { continue };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), &text);
        } else if parameter["in"] == "query" {
            query.push(format!("{name}={text}"));
        }
    }
    format!("{path}?{}", query.join("&"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_defaults_of_the_help_page_are_never_refused_as_invalid() {
    let daemon = Daemon::start().await;
    let document = document(&daemon).await;
    let permissions = [
        Permission::Lookup,
        Permission::Context,
        Permission::Stream,
        Permission::Operate,
    ];
    let scope = Scope::new().with_permissions(permissions);
    let token = daemon.seal(&daemon.claims().with_scope(scope));
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get") else { continue };
        let target = as_the_help_page_sends(path, operation);
        // A stream has no end, so this asks for the headers only.
        let answer = daemon
            .send(Ask::new(Method::HEAD, &target).header("token", &token))
            .await;
        assert!(
            [200, 404].contains(&answer.status.as_u16()),
            "{target}: {}",
            answer.status
        );
        // A 404 is for lists and organisations that the sample MISP does not have.
        asked += usize::from(answer.status == 200);
    }
    assert!(asked > 20, "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_described() {
    let daemon = Daemon::start().await;
    let document = document(&daemon).await;
    let token = daemon.token();
    let scoped = daemon.seal(&daemon.claims().with_scope(Scope::new().with_feeds(["hunt"])));
    let feed = "/v1/feed/{feed}/type/{type}/age/{age}/output/{output}";
    let list = "/v1/warninglist/id/{id}/output/{output}";
    let vendor = "/v1/vendor/{vendor}/feed/{feed}/type/{type}/age/{age}";
    let clear = "/v1/clear_cache/feed/{feed}/type/{type}/age/{age}/output/{output}";
    let make = "/v1/generate_token_json";
    let get = |template: &'static str, path: &str, token: &str| {
        (template, Method::GET, Ask::get(path).header("token", token))
    };
    let mut asked = vec![
        (make, Method::POST, Ask::new(Method::POST, make).body("{}")),
        (
            make,
            Method::POST,
            Ask::new(Method::POST, make).body(vec![b' '; 20_000]),
        ),
        (
            clear,
            Method::DELETE,
            Ask::new(Method::DELETE, &FEED.replace("/v1", "/v1/clear_cache")).header("token", &token),
        ),
        (
            "/v1/check",
            Method::GET,
            Ask::get("/v1/check").header("authorization", "Basic !"),
        ),
        (
            feed,
            Method::GET,
            Ask::get(FEED).header("token", &token).header("if-none-match", "*"),
        ),
        (feed, Method::HEAD, Ask::new(Method::HEAD, FEED).header("token", &token)),
        get(list, "/v1/warninglist/id/9/output/txt", &token),
        get(list, "/v1/warninglist/id/x/output/txt", &token),
        get(vendor, "/v1/vendor/paloalto/feed/block/type/ipv4/age/1w", &token),
        get("/static/{file}", "/static/nothing", ""),
        get("/static/{file}", "/static/icon.svg", ""),
        get(feed, FEED, &scoped),
        get(feed, &FEED.replace("1w", "8w"), &token),
    ];
    for output in ["txt", "json", "xml", "yaml", "b64", "cisco", "nftables"] {
        asked.push(get(feed, &FEED.replace("txt", output), &token));
    }
    for output in ["txt", "json", "xml", "yaml"] {
        asked.push(get(list, &format!("/v1/warninglist/id/0/output/{output}"), &token));
    }
    for path in document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|path| !path.contains('{'))
    {
        let path: &'static str = path.clone().leak();
        asked.extend([get(path, path, &token), get(path, path, "")]);
    }
    for (template, method, ask) in asked {
        let answer = daemon.send(ask).await;
        assert_described(&document, template, &method, &answer);
    }
    for fault in [Fault::Refuse, Fault::Hang] {
        daemon.sim.set_fault(fault);
        for path in ["/v1/check", "/v1/statistics"] {
            assert_described(&document, path, &Method::GET, &daemon.get(path).await);
        }
        assert_described(
            &document,
            feed,
            &Method::GET,
            &daemon.get(&FEED.replace("block", "any")).await,
        );
    }
}

/// Returns every operation with the status of a JSON answer whose fields are described.
fn structs(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let schema = &answer["content"]["application/json"]["schema"];
                if schema["$ref"].is_string() || schema["properties"].is_object() {
                    found.insert(format!("{} {path} {status}", method.to_ascii_uppercase()));
                }
            }
        }
    }
    found
}

/// [`Daemon::send`] holds each JSON answer against its schema; this test sees to it that every schema meets an answer.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_fields_that_its_schema_describes_and_no_others() {
    let daemon = Daemon::with(Setup {
        sim: Sim::builder()
            .user(User::reporter("sensor@cert.example.org", 1, Sim::REPORTER_KEY))
            .event(event("block", &["198.51.100.7"]).tag("tlp:amber")),
        core: "sightings: {directory: kept}\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let document = document(&daemon).await;
    let permissions = [
        Permission::Lookup,
        Permission::Context,
        Permission::Stream,
        Permission::Sightings,
        Permission::Operate,
        Permission::ClearCache,
    ];
    let mut claims = daemon.claims().with_scope(Scope::new().with_permissions(permissions));
    claims.auth_key = Sim::REPORTER_KEY.into();
    let token = daemon.seal(&claims);
    let order = json!({
        "port": daemon.sim.addr().port(), "proto": "http", "domain": "127.0.0.1", "auth": Sim::REPORTER_KEY, "expire": "2099-12-31",
    });
    let values = json!({ "values": ["198.51.100.7", "192.0.2.1"] });
    let mut met = BTreeSet::new();
    let clear = "/v1/clear_cache/feed/block/type/ipv4/age/1w/output/txt".to_owned();
    let mut calls = vec![
        (Method::GET, "/v1/lookup?value=198.51.100.7".to_owned(), Value::Null),
        (Method::POST, "/v1/lookup".to_owned(), values),
        (Method::DELETE, clear, Value::Null),
        (
            Method::POST,
            "/v1/feed/block/type/ipv4/age/1w/accept".to_owned(),
            Value::Null,
        ),
        (
            Method::POST,
            "/v1/uuid/01234567-89ab-cdef-0123-456789abcdef/type/ipv4/age/1w/accept".to_owned(),
            Value::Null,
        ),
        (Method::POST, "/v1/site/resync".to_owned(), Value::Null),
        (Method::POST, "/v1/site/forget".to_owned(), Value::Null),
        (Method::POST, "/v1/generate_token_json".to_owned(), order),
    ];
    // Every route that only reads, new ones too, with the examples of its parameters.
    for (path, item) in document["paths"].as_object().unwrap() {
        let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if schema["$ref"].is_string() {
            calls.push((Method::GET, as_the_help_page_sends(path, &item["get"]), Value::Null));
        }
    }
    for (method, path, body) in calls {
        let ask = Ask::new(method, &path).header("token", &token);
        let ask = if body.is_null() {
            ask
        } else {
            ask.body(body.to_string())
        };
        let (answer, described) = daemon.send_described(ask).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        met.extend(described);
    }
    let report = || {
        Ask::new(Method::POST, "/v1/sightings")
            .header("token", &token)
            .body(r#"{"sightings":[{"value":"198.51.100.7"},{"value":"no value"}]}"#)
    };
    // The journal may still be being opened.
    let mut last = daemon.send_described(report()).await;
    for _ in 0..600 {
        if last.0.status == 202 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        last = daemon.send_described(report()).await;
    }
    met.extend(last.1);
    // No site is ready if there is none.
    let without_sites = Daemon::with(Setup::site_with("enabled: False\n")).await;
    met.extend(without_sites.send_described(Ask::get("/readyz")).await.1);
    assert_eq!(met, structs(&document));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_described_is_found() {
    let daemon = Daemon::start().await;
    let document = document(&daemon).await;
    let schema = &document["paths"]["/v1/status"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    let status = daemon.send(Ask::get("/v1/status")).await.json();
    assert_eq!(schema::mistakes(&document, schema, &status), Vec::<String>::new());
    for (field, value, count) in [
        ("new", json!(1), 1),
        ("ping", json!("Pong"), 1),
        ("ping", Value::Null, 2),
        ("memcachedstatus", json!("ok"), 1),
    ] {
        let mut wrong = status.clone();
        wrong[field] = value;
        let found = schema::mistakes(&document, schema, &wrong);
        assert_eq!(found.len(), count, "{found:?}");
    }
    assert_eq!(schema::mistakes(&document, schema, &json!({})).len(), 1);
}

/// Asserts that the document describes this answer: its status, its media type, and each of our headers.
fn assert_described(document: &Value, template: &str, method: &Method, answer: &Answer) {
    if answer.status == 405 {
        // The document has no operation for a method that answers 405.
        return;
    }
    // The document describes `HEAD` once for all paths: like `GET`.
    let described_as = if *method == Method::HEAD { &Method::GET } else { method };
    let operation = &document["paths"][template][described_as.as_str().to_ascii_lowercase()];
    let mut described = &operation["responses"][answer.status.as_str()];
    assert!(
        described.is_object(),
        "{method} {template} answered {} {}",
        answer.status,
        answer.text()
    );
    if let Some(reference) = described["$ref"].as_str() {
        described = document.pointer(reference.trim_start_matches('#')).unwrap();
    }
    if !answer.body.is_empty() {
        let media_type = answer.header("content-type");
        assert!(
            described["content"][media_type].is_object(),
            "{method} {template} {}: {media_type}",
            answer.status
        );
    }
    for name in answer
        .headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-cache") || name.as_str().starts_with("x-feed"))
    {
        let headers = described["headers"].as_object().unwrap();
        assert!(
            headers.keys().any(|known| known.eq_ignore_ascii_case(name.as_str())),
            "{method} {template}: {name}"
        );
    }
}
