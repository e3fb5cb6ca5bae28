//! The description of look-ups.

use http::Method;
use serde_json::json;

use super::answer::{Answer, Answers};
use super::question::{OneValue, Options, Question};
use crate::openapi::{JSON, Operation, Refusal};

const ABOUT: &str = "\
For tokens with the permission `lookup`; tokens that also have `context` see the events. Addresses are also found in listed networks, names \
below listed domains, URLs and e-mail addresses by their host. A defanged value (`hxxp://evil[.]example`) is looked up as `looked_up` shows. \
A miss is 200 with `found: false`, never 404, and nothing is ever null.";

const VALUE: &str = "\
The value: an address, network, name, URL, hash, e-mail address, CVE or another, in any spelling; names of files and mutexes as MISP has them.";

/// A value for documentation, which the sample MISP lists.
const EXAMPLE: &str = "192.0.2.1";

/// Describes `/v1/lookup`: one value in the query, or many in a body.
pub(super) fn query_or_body(operation: Operation<'_>) -> Operation<'_> {
    if *operation.method() == Method::POST {
        return many(operation);
    }
    let operation = operation
        .named("lookup", "feeds", "Looks a value up")
        .query::<OneValue>();
    finished(operation.answers_with::<Answer>(200, "The answer, also if the value is not listed."))
}

/// Describes `/v1/lookup/{value}`.
pub(super) fn path(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation
        .named("lookupValue", "feeds", "Looks a value up")
        .in_path("value", VALUE, json!({ "type": "string", "maxLength": 8192 }))
        .example(EXAMPLE);
    finished(operation.answers_with::<Answer>(200, "The answer, also if the value is not listed."))
}

fn many(mut operation: Operation<'_>) -> Operation<'_> {
    let schema = operation.schema_of_body::<Question>();
    let example = json!({ "values": [EXAMPLE, "mail.example.com"] });
    let content = json!({ JSON: { "schema": schema, "example": example } });
    let operation = operation
        .named("lookupMany", "feeds", "Looks up to a thousand values up")
        .body(json!({ "required": true, "content": content }))
        .answers_with::<Answers<'_>>(200, "One answer for each value, in the order of the question.")
        .refuses([Refusal::BodyIncomplete, Refusal::BodyTooLarge, Refusal::EncodedBody]);
    finished(operation)
}

fn finished(operation: Operation<'_>) -> Operation<'_> {
    operation
        .query::<Options>()
        .description(ABOUT)
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}
