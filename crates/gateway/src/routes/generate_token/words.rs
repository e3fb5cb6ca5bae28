//! The description of the two ways to a token.

use http::Method;
use serde_json::{Value, json};

use super::NewToken;
use super::order::Order;
use crate::openapi::{HTML, JSON, Operation, Refusal};

/// Describes `/v1/generate_token_json`.
pub(super) fn json(mut operation: Operation<'_>) -> Operation<'_> {
    let mut order = operation.schema_of_body::<Order>();
    if let Some(outputs) = order.pointer_mut("/properties/scope/properties/outputs") {
        let names: Vec<&str> = operation.registry().names().collect();
        fill_lists(outputs, &json!(names));
    }
    let body = json!({ "required": true, "content": { JSON: { "schema": order } } });
    operation
        .named(
            "generateTokenJson",
            "tokens",
            "Makes a token for a caller with a working MISP key",
        )
        .description(
            "For addresses in `token_minting.allowed_ips`, under a name of this service. The daemon asks MISP whether the key works before it makes a token.",
        )
        .body(body)
        .answers_with::<NewToken<'_>>(200, "The token, which is shown this once.")
        .refuses([
            Refusal::Forbidden,
            Refusal::BodyIncomplete,
            Refusal::BodyTooLarge,
            Refusal::EncodedBody,
            Refusal::Invalid,
            Refusal::TooOften,
            Refusal::Unavailable,
            Refusal::TimedOut,
        ])
}

/// Puts names into the lists of a schema that are empty.
fn fill_lists(schema: &mut Value, names: &Value) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == "enum" && value.as_array().is_some_and(Vec::is_empty) {
                    value.clone_from(names);
                } else {
                    fill_lists(value, names);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| fill_lists(value, names)),
        _ => {}
    }
}

/// Describes the page `/v1/generate_token_form`. Each of its answers is a page, whatever the status.
pub(super) fn form(operation: Operation<'_>) -> Operation<'_> {
    let page = |description: &str| json!({ "description": description, "content": { HTML: {} } });
    let refused =
        page("Tokens cannot be made from this address or under this name, or another page has sent the form.");
    if *operation.method() != Method::POST {
        return operation
            .named("tokenForm", "tokens", "The page on which people have a token made")
            .answers(200, page("The form."))
            .answers(403, refused);
    }
    let schema = json!({ "type": "object", "additionalProperties": true });
    let body = json!({ "content": {
        "application/x-www-form-urlencoded": { "schema": schema.clone() },
        "multipart/form-data": { "schema": schema },
    } });
    let answers = [
        (200, "The token, which is shown this once."),
        (400, "The body is no whole form."),
        (408, "The body did not arrive."),
        (413, "The body is too large."),
        (415, "The body is no form."),
        (422, "The form, with what is wrong beside its fields."),
        (429, "The form: too many tokens were asked for from this address."),
        (503, "The form: MISP could not be asked about the key."),
        (504, "The form: MISP was too slow."),
    ];
    let operation = operation
        .named("sendTokenForm", "tokens", "Makes a token of the page's form")
        .body(body);
    let operation = operation.answers(403, refused);
    answers.into_iter().fold(operation, |operation, (status, description)| {
        operation.answers(status, page(description))
    })
}
