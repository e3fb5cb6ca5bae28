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
    let warninglist = |output: &str, content_type, bytes: &str| {
        Row::get(format!("/v1/warninglist/id/1/output/{output}"))
            .token(&token)
            .answers(200, content_type)
            .with(Shape::Bytes(bytes.to_owned()))
    };
    vec![
        warninglist("txt", "text/plain; charset=utf-8", "a.example.net\r\nb.example.net\r\n"),
        warninglist("json", "application/json", "[\"a.example.net\", \"b.example.net\"]"),
        warninglist(
            "yaml",
            "text/plain; charset=utf-8",
            "---\n- a.example.net\n- b.example.net\n",
        ),
        warninglist(
            "xml",
            "text/xml; charset=utf-8",
            // The reference's elements; the numbers are those of the stand-in.
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Warninglists>\
             <item><id>1002</id><value>a.example.net</value><warninglist_id>1</warninglist_id><comment></comment></item>\
             <item><id>1001</id><value>b.example.net</value><warninglist_id>1</warninglist_id><comment></comment></item>\
             </Warninglists>",
        ),
        Row::get("/v1/warninglist/id/0/output/json")
            .token(&token)
            .answers(200, "application/json")
            .with(Shape::At("/0/Warninglist/name", json!("Harmless"))),
        Row::get("/v1/statistics")
            .token(&token)
            .answers(200, "application/json")
            .with(Shape::Keys(&["status_code", "encoding", "content", "misp_host"]))
            .with(Shape::At("/status_code", json!(200)))
            .with(Shape::At("/misp_host", json!(installation.misp.url())))
            .with(Shape::At("/content/url", json!("2"))),
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
