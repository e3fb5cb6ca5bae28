//! Section 3: every way in which a legacy token arrives, on every route, and what is wrong with those that are refused.

use std::net::Ipv4Addr;

use misp_sim::Sim;
use reqwest::Method;
use serde_json::json;

use crate::FEED;
use crate::installation::Installation;
use crate::legacy::original;
use crate::rows::{Row, Shape};

const NOT_BASE64: &str = "Invalid Base64 string in use for token.";
const UNKNOWN: &str = "Unknown error in CheckApiToken";
const NO_TOKEN: &str = "Could not validate token, or token not set.";

pub(crate) fn rows(installation: &Installation) -> Vec<Row> {
    let mut rows = every_route_in_every_transport(installation);
    rows.extend(which_of_several_counts(installation));
    rows.extend(refused(installation));
    rows.extend(refused_by_contents(installation));
    rows
}

/// Routes that need a token, with their method and content type.
fn routes() -> Vec<(Method, String, &'static str)> {
    let text = "text/plain; charset=utf-8";
    let json = "application/json";
    let organisation = Sim::ORGANISATION;
    vec![
        (Method::GET, FEED.to_owned(), text),
        (
            Method::GET,
            format!("/v1/uuid/{organisation}/type/ipv4/age/1w/output/txt"),
            text,
        ),
        (
            Method::GET,
            "/v1/vendor/cisco/feed/block/type/ipv4/age/1w".to_owned(),
            text,
        ),
        (Method::GET, "/v1/feedmapping".to_owned(), text),
        (Method::GET, "/v1/statistics".to_owned(), json),
        (Method::GET, "/v1/warninglist/id/1/output/txt".to_owned(), text),
        (Method::GET, "/v1/check".to_owned(), json),
        (Method::DELETE, FEED.replace("/v1/feed", "/v1/clear_cache/feed"), json),
    ]
}

fn every_route_in_every_transport(installation: &Installation) -> Vec<Row> {
    let token = installation.token();
    let mut rows = Vec::new();
    for (method, path, content_type) in routes() {
        let ask = |target: &str| Row::new(method.clone(), target).answers(200, content_type);
        let (a, b) = token.split_at(token.len() / 3);
        let (c, d) = token.split_at(token.len() - 1);
        rows.extend([
            ask(&path).token(&token),
            ask(&path).header("ToKeN", &token),
            ask(&path).token(&token.replace('-', "+").replace('_', "/")),
            ask(&format!("{path}?token={token}")),
            ask(&format!("{path}?token={}", token.replace('=', "%3D"))),
            ask(&format!(
                "{path}?token={}",
                token.replace('-', "%2B").replace('_', "%2F")
            )),
            ask(&path).basic("cratos", &token),
            ask(&path).basic("", &token),
            ask(&path).basic(&token, ""),
            ask(&path).basic(a, b),
            ask(&path).basic(c, d),
            // Refused by the original, which knew no Bearer and no path.
            ask(&path).header("authorization", &format!("Bearer {token}")),
            ask(&format!("/t/{token}{path}")),
            ask(&format!("/t/{}{path}", token.replace('=', "%3D"))),
        ]);
    }
    rows
}

fn which_of_several_counts(installation: &Installation) -> Vec<Row> {
    let token = installation.token();
    let text = "text/plain; charset=utf-8";
    vec![
        Row::get(format!("{FEED}?token=AAAA&token={token}")).answers(200, text),
        Row::get(format!("{FEED}?token=")).token(&token).answers(200, text),
        Row::get(format!("{FEED}?token=AAAA"))
            .basic("cratos", &token)
            .answers(200, text),
        Row::get(format!("{FEED}?token={token}&token=AAAA")).refuses(403, UNKNOWN),
        Row::get(format!("{FEED}?token=AAAA"))
            .token(&token)
            .refuses(403, UNKNOWN),
        Row::get(format!("{FEED}?token={token}"))
            .basic("cratos", "AAAA")
            .refuses(403, UNKNOWN),
        Row::get(FEED)
            .token(&token)
            .header("authorization", "Basic !!!")
            .refuses(401, "Invalid authentication credentials"),
    ]
}

/// Every 401 has a realm, which the original left out.
fn challenge() -> Shape {
    Shape::Header(
        "www-authenticate",
        "Basic realm=\"cratos\", charset=\"UTF-8\"".to_owned(),
    )
}

fn refused(installation: &Installation) -> Vec<Row> {
    let token = installation.token();
    let no_colon = "Basic bm8gY29sb24gaGVyZQ==";
    let mut rows = vec![
        // The original said 403, and so clients that wait for a challenge never sent their password.
        Row::get(FEED).refuses(401, NO_TOKEN).with(challenge()),
        Row::get(FEED).token("").refuses(401, NO_TOKEN).with(challenge()),
        Row::get(format!("{FEED}?token="))
            .refuses(401, NO_TOKEN)
            .with(challenge()),
        Row::get(FEED)
            .token(token.trim_end_matches('='))
            .refuses(403, NOT_BASE64),
        Row::get(FEED).token("AAAAA").refuses(403, NOT_BASE64),
        Row::get(format!("{FEED}?token=%C3%A6")).refuses(403, NOT_BASE64),
        Row::get(FEED).token("AAAA").refuses(403, UNKNOWN),
        Row::get(FEED).token("!!!!").refuses(403, UNKNOWN),
        Row::get(FEED)
            .token(&original("bad_tokens", "other_key"))
            .refuses(403, UNKNOWN),
        Row::get(FEED)
            .token(&original("bad_tokens", "bit_flipped"))
            .refuses(403, UNKNOWN),
        Row::get(FEED)
            .token(&original("bad_tokens", "cut_short"))
            .refuses(403, UNKNOWN),
        // The token comes before the path: no token and a wrong path is about the token.
        Row::get("/v1/feed/nothing/type/x/age/y/output/z").refuses(401, NO_TOKEN),
    ];
    for credentials in [no_colon, "Basic !!!"] {
        let row = Row::get(FEED).header("authorization", credentials);
        let row = row.refuses(401, "Invalid authentication credentials");
        rows.push(row.with(challenge()));
    }
    // Another user than `cratos` is a part of the token.
    for user in ["bob", "CRATOS"] {
        rows.push(
            Row::get(FEED)
                .basic(user, &token)
                .answers(403, "application/problem+json"),
        );
    }
    rows
}

fn refused_by_contents(installation: &Installation) -> Vec<Row> {
    let sealed = |host: &str, expires: &str| installation.seal(&installation.plaintext(host, Sim::READER_KEY, expires));
    let outsider = Ipv4Addr::new(127, 0, 0, 2);
    let mut rows = vec![
        Row::get(FEED)
            .token(&sealed("127.0.0.1", "2099-12-31"))
            .from(outsider)
            .refuses(403, "127.0.0.2 are not allowed to access the MISP instance."),
        Row::get(FEED)
            .token(&sealed("127.0.0.1", "2020-01-01"))
            .refuses(403, "The security token has expired."),
        Row::get(FEED)
            .token(&original("tokens", "expired_2020"))
            .refuses(403, "The security token has expired."),
        Row::get(FEED)
            .token(&sealed("127.0.0.1", "2098-02-31"))
            .refuses(403, "Invalid date in security token (Format: YYYY-MM-DD)."),
        Row::get(FEED)
            .token(&sealed("nosuch.example.org", "2099-12-31"))
            .refuses(403, "Token config file not found"),
        Row::get(FEED)
            .token(&original("tokens", "unknown_site"))
            .refuses(403, "Token config file not found"),
    ];
    for contents in ["https;443", "a;b;c;d;e", "http;8080;127.0.0.1;x;2099-12-31", ""] {
        let row = Row::get(FEED).token(&installation.seal(contents));
        rows.push(row.refuses(403, "Failed decryption of config token"));
    }
    // The original quoted Python here.
    let row = Row::get(FEED).token(&original("bad_tokens", "sealed_not_utf8"));
    rows.push(
        row.answers(403, "application/problem+json")
            .with(Shape::At("/title", json!("Forbidden"))),
    );
    rows
}
