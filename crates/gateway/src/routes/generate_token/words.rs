//! The description of the two ways to a token.

use feed_classification::{FeedName, IndicatorType, Registry};
use http::Method;
use serde_json::{Value, json};
use token_crypto::{Permission, Tlp};

use crate::openapi::{HTML, JSON, Operation, Refusal};

pub(super) fn json(operation: Operation<'_>) -> Operation<'_> {
    let registry = operation.registry();
    let minted = json!({
        "type": "object",
        "required": ["MISP", "validity", "token", "sha256"],
        "properties": {
            "MISP": { "type": "string", "format": "uri" },
            "validity": { "type": "string", "format": "date" },
            "token": { "type": "string" },
            "sha256": { "type": "string", "description": "For `blacklisted_api_tokens`, should the token ever have to go." },
        },
    });
    let body = json!({ "required": true, "content": { "application/json": { "schema": order(registry) } } });
    makes(operation.named(
        "generateTokenJson",
        "tokens",
        "Makes a token for who holds a working MISP key",
    ))
    .body(body)
    .gives(JSON, minted, "The token, which is told this once.")
}

/// What every way to a token has in common.
fn makes(operation: Operation<'_>) -> Operation<'_> {
    operation
        .description(
            "For addresses in `token_minting.allowed_ips`. MISP is asked whether the key works before a token is made.",
        )
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

fn order(registry: &Registry) -> Value {
    json!({
        "type": "object",
        "required": ["port", "proto", "domain", "expire", "auth"],
        "properties": {
            "port": { "type": ["integer", "string"], "minimum": 1, "maximum": 65535, "examples": [443] },
            "proto": { "type": "string", "enum": ["https", "http"] },
            "domain": { "type": "string", "description": "Name or address of the MISP, as its site file is called." },
            "expire": { "type": "string", "format": "date", "description": "The token stops working at 00:00 UTC of this day." },
            "auth": { "type": "string", "minLength": 40, "maxLength": 72, "pattern": "^[0-9A-Za-z]+$", "writeOnly": true },
            "scope": scope(registry),
        },
    })
}

fn scope(registry: &Registry) -> Value {
    let names: Vec<&str> = registry.names().collect();
    let names_of = |permissions: &[Permission]| -> Vec<&str> {
        permissions.iter().map(|permission| permission.as_str()).collect()
    };
    let (permissions, purposes) = (names_of(Permission::OFFERED), names_of(Permission::PURPOSES));
    let list = |names: &[&str]| {
        json!({ "oneOf": [
            { "type": "string", "const": "all" },
            { "type": "array", "items": { "type": "string", "enum": names } },
        ] })
    };
    json!({
        "type": "object",
        "description": "What the token is limited to. Without it: everything that the key sees, and clearing the cache.",
        "additionalProperties": false,
        "properties": {
            "feeds": list(FeedName::NAMES),
            "types": list(IndicatorType::NAMES),
            "outputs": list(&names),
            "max_tlp": {
                "type": "string", "enum": Tlp::ALL.map(Tlp::as_str), "default": "red",
                "description": "What is more closed than this TLP level does not exist for the token.",
            },
            "networks": { "type": "array", "items": { "type": "string" }, "examples": [["10.0.0.0/8"]] },
            "only": {
                "description": "What the token is for instead of reading feeds; a name or a list of them.",
                "oneOf": [
                    { "type": "string", "enum": purposes },
                    { "type": "array", "minItems": 1, "items": { "type": "string", "enum": purposes } },
                ],
            },
            "permissions": { "type": "array", "items": { "type": "string", "enum": permissions } },
            "label": { "type": "string", "minLength": 1, "maxLength": 64 },
        },
    })
}

/// The page for people: every answer is one, whatever its status.
pub(super) fn form(operation: Operation<'_>) -> Operation<'_> {
    let page = |description: &str| json!({ "description": description, "content": { HTML: {} } });
    let refused = page("Tokens cannot be made from this address, or another page has sent the form.");
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
