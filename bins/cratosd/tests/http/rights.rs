//! What a token for one purpose may, on every route there is.

use http::Method;
use token_crypto::{Permission, Scope};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Ask, Daemon, Setup};

/// The routes that each purpose opens. Every other route that takes a token is 403, those of later versions too.
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
];

/// What stands for the variable parts of a path; a new one makes the test fail until it is here.
const PARTS: &[(&str, &str)] = &[
    ("{feed}", "block"),
    ("{type}", "ipv4"),
    ("{age}", "1w"),
    ("{output}", "txt"),
    ("{vendor}", "cisco"),
    ("{uuid}", "5c0ba7a0-0001-4000-8000-000000000001"),
    ("{id}", "1"),
    ("{value}", "192.0.2.1"),
    ("{file}", "icon.svg"),
];

/// Every route that takes a token, with its methods: out of the description, which has every route there is. `HEAD`, which stands there
/// with `GET`, is asked of every route that has a `GET`.
async fn routes_with_a_token(daemon: &Daemon) -> Vec<(String, Method)> {
    let document = daemon.send(Ask::get("/openapi.json")).await.json();
    let mut routes = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !operation["security"].is_array() {
                continue;
            }
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            if method == Method::GET {
                routes.push((template.clone(), Method::HEAD));
            }
            if method != Method::HEAD {
                routes.push((template.clone(), method));
            }
        }
    }
    routes
}

/// Returns the status alone: some answers have no end.
async fn status(daemon: &Daemon, template: &str, method: &Method, token: &str) -> u16 {
    let path = PARTS
        .iter()
        .fold(template.to_owned(), |path, (name, value)| path.replace(name, value));
    assert!(!path.contains('{'), "{path}: add the new part to PARTS");
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
    // A token that is refused again and again is answered 429 in the end.
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
    let context = seal(Scope::new().only([Permission::Context, Permission::Operate]));
    for (template, method) in &routes {
        let got = status(&daemon, template, method, &everything).await;
        assert!(
            ![401, 403].contains(&got),
            "{method} {template} with every right: {got}"
        );
        for token in [&nothing, &context] {
            assert_eq!(
                status(&daemon, template, method, token).await,
                403,
                "{method} {template}"
            );
        }
    }
    for (purpose, open) in OPEN {
        let token = seal(Scope::new().only([*purpose]));
        assert!(token.len() < 190);
        for template in *open {
            assert!(
                routes.iter().any(|(route, _)| route == template),
                "{template} is no route"
            );
        }
        for (template, method) in &routes {
            let got = status(&daemon, template, method, &token).await;
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

/// Tokens that exist keep what they have: feeds, and what their permissions add.
#[tokio::test(flavor = "multi_thread")]
async fn permissions_still_add_to_feeds() {
    let daemon = Daemon::start().await;
    let claims = daemon
        .claims()
        .with_scope(Scope::new().with_permissions([Permission::Lookup]));
    assert_eq!(daemon.get_as(&claims, crate::support::FEED).await.status, 200);
    assert_eq!(daemon.get_as(&claims, "/v1/lookup?value=192.0.2.1").await.status, 200);
}
