//! Section 2: making tokens. Where the original put an error text into the place of the token, with 200, we answer 422.
//!
//! The page is one in every answer; for missing fields the original had JSON there, with the same 422.

use misp_sim::Sim;
use reqwest::Method;
use serde_json::{Value, json};

use crate::installation::Installation;
use crate::rows::{Row, Shape};

const PATH: &str = "/v1/generate_token_json";
const PAGE: &str = "/v1/generate_token_form";
const URLENCODED: &str = "application/x-www-form-urlencoded";

fn post(body: impl Into<String>) -> Row {
    Row::new(Method::POST, PATH).body(body)
}

pub(crate) fn rows(installation: &Installation) -> Vec<Row> {
    let port = installation.misp.addr().port();
    let order = |changes: Value| {
        let mut order = json!({
            "port": port, "proto": "http", "domain": "127.0.0.1", "auth": Sim::READER_KEY, "expire": "2099-12-31",
        });
        for (name, value) in changes.as_object().unwrap() {
            order[name] = value.clone();
        }
        order.to_string()
    };
    let made = |row: Row| {
        row.answers(200, "application/json")
            .with(Shape::Keys(&["MISP", "validity", "token"]))
            .with(Shape::At("/MISP", json!(format!("http://127.0.0.1:{port}/"))))
            .with(Shape::At("/validity", json!("2099-12-31")))
    };
    let mut rows = vec![
        made(post(order(json!({})))),
        made(post(order(json!({ "port": port.to_string() })))),
        made(post(order(json!({ "unknown": [1, 2] })))),
        made(post(order(json!({}))).header("content-type", "application/json")),
        made(post(order(json!({ "expire": "2099-12-31T00:00:00" })))),
        made(post(order(json!({ "expire": 4_102_358_400_u64 })))),
        Row::get(PATH).refuses(405, "Method Not Allowed"),
    ];
    for (changes, place, kind) in [
        (json!({ "port": 0 }), "port", "greater_than"),
        (json!({ "port": -1 }), "port", "greater_than"),
        (json!({ "port": 65_536 }), "port", "value_error"),
        (json!({ "proto": "ftp" }), "proto", "value_error"),
        (json!({ "proto": "xhttp" }), "proto", "value_error"),
        (json!({ "proto": "httpsx" }), "proto", "value_error"),
        (json!({ "domain": "a/b.example.net" }), "domain", "value_error"),
        (json!({ "domain": "misp;example" }), "domain", "value_error"),
        (json!({ "domain": "[::1]" }), "domain", "value_error"),
        (json!({ "domain": "misp.example.net\n" }), "domain", "value_error"),
        (json!({ "auth": "short" }), "auth", "value_error"),
        (json!({ "auth": "+".repeat(40) }), "auth", "value_error"),
        (json!({ "expire": "soon" }), "expire", "date_from_datetime_parsing"),
    ] {
        rows.push(post(order(changes)).finds_wrong(&[(place, kind)]));
    }
    for changes in [
        // A token that never works, and an error text in the place of the token.
        json!({ "expire": "2020-01-01" }),
        json!({ "expire": "1899-12-31" }),
        // Defaults for what is missing made tokens for a MISP that nobody has.
        json!({ "domain": "nosuch.example.org" }),
    ] {
        rows.push(post(order(changes)).answers(422, "application/problem+json"));
    }
    rows.push(
        post("")
            .answers(422, "application/problem+json")
            .with(Shape::At("/detail/0/type", json!("missing"))),
    );
    for (body, kind) in [("{", "json_invalid"), ("[]", "model_attributes_type")] {
        let row = post(body).answers(422, "application/problem+json");
        rows.push(row.with(Shape::At("/detail/0/type", json!(kind))));
    }
    rows.push(
        post("port=443&proto=https")
            .header("content-type", URLENCODED)
            .answers(422, "application/problem+json"),
    );
    rows.push(
        post("{}")
            .answers(422, "application/problem+json")
            .with(Shape::At("/detail/4/type", json!("missing"))),
    );
    rows.extend(rows_of_the_page(port));
    rows
}

fn rows_of_the_page(port: u16) -> Vec<Row> {
    let fields = |proto: &'static str, expire: &'static str| {
        [
            ("proto", proto.to_owned()),
            ("port", port.to_string()),
            ("domain", "127.0.0.1".to_owned()),
            ("auth", Sim::READER_KEY.to_owned()),
            ("expire", expire.to_owned()),
        ]
    };
    let send = |content_type: &str, body: String| {
        Row::new(Method::POST, PAGE)
            .header("content-type", content_type)
            .body(body)
    };
    let urlencoded = |fields: &[(&str, String)]| {
        let pairs = fields.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("&")
    };
    let multipart: String = fields("http", "2099-12-31")
        .iter()
        .map(|(name, value)| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"))
        .chain(["--b--\r\n".to_owned()])
        .collect();
    let made = [
        send(URLENCODED, urlencoded(&fields("http", "2099-12-31"))),
        send("multipart/form-data; boundary=b", multipart),
    ];
    let made = made.map(|row| {
        row.answers(200, "text/html; charset=utf-8")
            .with(Shape::Holds("id=\"token\">".to_owned()))
            .with(Shape::Holds(format!("http://127.0.0.1:{port}/")))
            .with(Shape::HasHeader("content-security-policy"))
    });
    let refused = [
        // A page with an error text in the place of the token, and 200.
        send(URLENCODED, urlencoded(&fields("httpsx", "2099-12-31"))),
        send(URLENCODED, urlencoded(&fields("http", "1899-12-31"))),
        // JSON.
        send(URLENCODED, "proto=http".to_owned()),
        send(URLENCODED, String::new()),
    ];
    let refused = refused.map(|row| {
        row.answers(422, "text/html; charset=utf-8")
            .with(Shape::Holds("No token was made yet".to_owned()))
    });
    made.into_iter().chain(refused).collect()
}
