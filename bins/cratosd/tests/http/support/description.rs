//! The OpenAPI document of the daemon, which every JSON answer of every test is held against.

use http::Method;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{Answer, Ask, Daemon, schema};

static DOCUMENT: OnceCell<Value> = OnceCell::const_new();

/// Asserts that a JSON answer has the shape that the document gives for it. Returns the operation with its status, if
/// it has one.
pub(crate) async fn assert_fits(method: &Method, path: &str, answer: &Answer) -> Option<String> {
    let media_type = answer.headers.get("content-type")?.to_str().ok()?;
    if answer.body.is_empty() || !["application/json", "application/problem+json"].contains(&media_type) {
        return None;
    }
    let document = DOCUMENT.get_or_init(|| Box::pin(document())).await;
    let (template, item) = item_of(document, path)?;
    let response = &item[method.as_str().to_ascii_lowercase()]["responses"][answer.status.as_str()];
    let response = match response["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => response,
    };
    let schema = &response["content"][media_type]["schema"];
    if schema.is_null() {
        return None;
    }
    let mistakes = schema::mistakes(document, schema, &answer.json());
    assert!(mistakes.is_empty(), "{method} {path}: {mistakes:#?}");
    Some(format!("{method} {template} {}", answer.status.as_u16()))
}

/// A daemon of its own, so that no test finds one more request than it has sent.
async fn document() -> Value {
    let daemon = Daemon::start().await;
    Ask::get("/openapi.json").send(daemon.addr).await.json()
}

/// Returns the template and the operations of a path, with or without a token in front of it.
fn item_of<'d>(document: &'d Value, path: &str) -> Option<(&'d str, &'d Value)> {
    let path = path.split('?').next()?;
    let in_path = path.strip_prefix("/t/").and_then(|rest| rest.split_once('/'));
    let path = in_path.map_or_else(|| path.to_owned(), |(_, rest)| format!("/{rest}"));
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        template.len() == parts.len()
            && template
                .iter()
                .zip(&parts)
                .all(|(one, other)| one.starts_with('{') || one == other)
    };
    let paths = document["paths"].as_object()?.iter();
    let mut paths = paths.filter(|(template, _)| fits(template));
    paths.next().map(|(template, item)| (template.as_str(), item))
}
