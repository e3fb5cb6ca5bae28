//! Section 4: what is wrong with a path or a query, each part of it told.

use serde_json::json;

use crate::FEED;
use crate::installation::Installation;
use crate::rows::{Row, Shape};

const ENUM: &str = "enum";

pub(crate) fn rows(installation: &Installation) -> Vec<Row> {
    let token = installation.token();
    let wrong =
        |target: &str, parts: &[(&'static str, &'static str)]| Row::get(target).token(&token).finds_wrong(parts);
    let text = "text/plain; charset=utf-8";
    let mut rows = vec![
        wrong("/v1/feed/blok/type/ipv4/age/1w/output/txt", &[("feedName", ENUM)])
            .with(Shape::At("/detail/0/loc", json!(["path", "feedName"])))
            .with(Shape::At("/detail/0/input", json!("blok")))
            .with(Shape::Holds(
                "Input should be 'incident', 'alert', 'block', 'hunt', 'cust1'".to_owned(),
            )),
        wrong("/v1/feed/block/type/ipv5/age/1w/output/txt", &[("dataType", ENUM)]),
        wrong("/v1/feed/block/type/ipv4/age/8d/output/txt", &[("dataAge", ENUM)]),
        wrong(
            "/v1/feed/block/type/ipv4/age/1w/output/pdf",
            &[("returnedDataType", ENUM)],
        ),
        wrong("/v1/vendor/nobody/feed/block/type/ipv4/age/1w", &[("vendorName", ENUM)]),
        Row::get("/v1/warninglist/id/1001/output/txt")
            .token(&token)
            .answers(422, "application/problem+json"),
        wrong("/v1/warninglist/id/1/output/b64", &[("returnedDataType", ENUM)]),
        // Values are case-sensitive, and all that is wrong is told in the order of the path, then of the query.
        wrong(
            "/v1/feed/Block/type/IPv4/age/1W/output/TXT?cache=0",
            &[
                ("feedName", ENUM),
                ("dataType", ENUM),
                ("dataAge", ENUM),
                ("returnedDataType", ENUM),
                ("cache", "greater_than"),
            ],
        ),
        Row::get("/v1/feed/%62lock/type/ipv4/age/1w/output/txt")
            .token(&token)
            .answers(200, text),
        Row::get(format!("{FEED}?unknown=1")).token(&token).answers(200, text),
        Row::get(format!("{FEED}?cache=nonsense&cache=60"))
            .token(&token)
            .answers(200, text),
    ];
    for (cache, kind) in [
        ("0", "greater_than"),
        ("-1", "greater_than"),
        ("90000", "less_than_equal"),
        ("abc", "int_parsing"),
        ("", "int_parsing"),
        ("1.5", "int_parsing"),
    ] {
        rows.push(wrong(&format!("{FEED}?cache={cache}"), &[("cache", kind)]));
    }
    for cache in ["1", "86400", "2.0"] {
        rows.push(
            Row::get(format!("{FEED}?cache={cache}"))
                .token(&token)
                .answers(200, text),
        );
    }
    rows
}
