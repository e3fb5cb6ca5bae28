//! The routes that a token for one purpose opens, checked on all routes.

use http::Method;
use serde_json::Value;
use token_crypto::{Permission, Scope};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Ask, Daemon, Setup};

/// The routes that each purpose opens. Every other route that takes a token answers 403, a new route too. Add a route
/// here by hand when a purpose opens it: this list is independent of the table of routes.
const OPEN: &[(Permission, &[&str])] = &[
    (Permission::Lookup, &["/v1/lookup", "/v1/lookup/{value}"]),
    (Permission::Sightings, &["/v1/sightings"]),
    (
        Permission::Stream,
        &[
            "/v1/stream/feed/{feed}/type/{type}/age/{age}",
            "/v1/changes/feed/{feed}/type/{type}/age/{age}",
        ],
    ),
    (
        Permission::Operate,
        &[
            "/v1/site",
            "/v1/site/resync",
            "/v1/site/forget",
            "/v1/site/held",
            "/v1/feed/{feed}/type/{type}/age/{age}/accept",
            "/v1/uuid/{uuid}/type/{type}/age/{age}/accept",
        ],
    ),
];

/// A method of a route that takes a token.
#[derive(Debug)]
struct Tokened {
    template: String,
    /// The template with a value in place of each variable part.
    path: String,
    method: Method,
}

/// Returns every route that takes a token, with its methods. They come from `/openapi.json`, which lists all routes.
/// The document describes `HEAD` with `GET`, so every route with `GET` is called with both.
async fn routes_with_a_token(daemon: &Daemon) -> Vec<Tokened> {
    let document = daemon.send(Ask::get("/openapi.json")).await.json();
    let mut routes = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !operation["security"].is_array() {
                continue;
            }
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            let mut add = |method| {
                routes.push(Tokened {
                    template: template.clone(),
                    path: path(template, operation),
                    method,
                });
            };
            if method == Method::GET {
                add(Method::HEAD);
            }
            if method != Method::HEAD {
                add(method);
            }
        }
    }
    routes
}

/// Replaces each variable part with the example of its parameter, or with the first item of its list.
fn path(template: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let in_path = parameters.filter(|parameter| parameter["in"] == "path");
    let path = in_path.fold(template.to_owned(), |path, parameter| {
        let values = [&parameter["example"], &parameter["schema"]["enum"][0]];
        let value = values.into_iter().find(|value| !value.is_null()).unwrap();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), &text)
    });
    assert!(!path.contains('{'), "{path}: a part is not described");
    path
}

/// Returns only the status: some answers never end.
async fn status(daemon: &Daemon, path: &str, method: &Method, token: &str) -> u16 {
    let mut stream = TcpStream::connect(daemon.addr).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\ntoken: {token}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    std::str::from_utf8(&line)
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_one_purpose_opens_its_routes_and_no_other() {
    // By default, a token that is refused many times gets 429.
    let daemon = Daemon::with(Setup {
        core: "failed_tokens_per_minute: 1000\n".to_owned(),
        ..Setup::default()
    })
    .await;
    let routes = routes_with_a_token(&daemon).await;
    assert!(routes.len() > 15, "{routes:?}");
    let seal = |scope: Scope| daemon.seal(&daemon.claims().with_scope(scope));
    let everything = seal(Scope::new().with_permissions(Permission::OFFERED.iter().copied()));
    let nothing = seal(Scope::new().only([]));
    let context = seal(Scope::new().only([Permission::Context]));
    for Tokened { template, path, method } in &routes {
        let got = status(&daemon, path, method, &everything).await;
        assert!(
            ![401, 403].contains(&got),
            "{method} {template} with every right: {got}"
        );
        for token in [&nothing, &context] {
            assert_eq!(status(&daemon, path, method, token).await, 403, "{method} {template}");
        }
    }
    for (purpose, open) in OPEN {
        let token = seal(Scope::new().only([*purpose]));
        assert!(token.len() < 190);
        for template in *open {
            assert!(
                routes.iter().any(|route| route.template == *template),
                "{template} is no route"
            );
        }
        for Tokened { template, path, method } in &routes {
            let got = status(&daemon, path, method, &token).await;
            let may = open.contains(&template.as_str());
            assert_eq!(may, got != 403, "{purpose} only: {method} {template} is {got}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_is_named_where_it_is_missing_and_comes_before_the_path() {
    let daemon = Daemon::start().await;
    let lookups = daemon.claims().with_scope(Scope::new().only([Permission::Lookup]));
    for path in [crate::support::FEED, "/v1/feed/x/type/y/age/z/output/w", "/v1/check"] {
        let answer = daemon.get_as(&lookups, path).await;
        let detail = "This token does not have the permission `feeds`.";
        assert_eq!(
            (answer.status.as_u16(), answer.detail()),
            (403, detail.into()),
            "{path}"
        );
    }
}

/// Existing tokens keep their rights: they read feeds, and their permissions add to that.
#[tokio::test(flavor = "multi_thread")]
async fn permissions_still_add_to_feeds() {
    let daemon = Daemon::start().await;
    let claims = daemon
        .claims()
        .with_scope(Scope::new().with_permissions([Permission::Lookup]));
    assert_eq!(daemon.get_as(&claims, crate::support::FEED).await.status, 200);
    assert_eq!(daemon.get_as(&claims, "/v1/lookup?value=192.0.2.1").await.status, 200);
}
