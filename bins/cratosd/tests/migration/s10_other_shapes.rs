//! Section 10: answers of a shape of their own.

use misp_sim::Sim;
use serde_json::json;

use crate::installation::Installation;
use crate::rows::{Row, Shape};

pub(crate) fn rows(installation: &Installation) -> Vec<Row> {
    let token = installation.token();
    let lines = [
        "incident", "block", "alert", "hunt", "cust1", "cust2", "cust3", "cust4", "cust5",
    ]
    .map(|feed| format!("Feed name: \"{feed}\" is mapped to MISP tag: example:incident-classification={feed}\r\n"));
    vec![
        Row::get("/v1/check")
            .token(&token)
            .answers(200, "application/json")
            .with(Shape::Keys(&[
                "status_code",
                "encoding",
                "content",
                "misp_host",
                "unixtimestamp",
            ]))
            .with(Shape::At("/status_code", json!(200)))
            .with(Shape::At("/encoding", json!("UTF-8")))
            .with(Shape::At("/misp_host", json!(installation.misp.url())))
            .with(Shape::Holds("\"version\":".to_owned())),
        // The line of `block` named a misspelt tag, which the search did not use.
        Row::get("/v1/feedmapping")
            .token(&token)
            .answers(200, "text/plain; charset=utf-8")
            .with(Shape::Bytes(lines.concat())),
        Row::get(format!("/v1/uuid/{}/type/domain/age/1w/output/json", Sim::PARTNER))
            .token(&token)
            .answers(200, "application/json")
            .with(Shape::Bytes("[]".to_owned())),
        Row::get("/v1/uuid/not-a-uuid/type/domain/age/1w/output/json")
            .token(&token)
            .answers(422, "application/problem+json"),
    ]
}
