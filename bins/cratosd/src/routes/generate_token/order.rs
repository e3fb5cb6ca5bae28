//! What is asked for: the body of the request, checked.

use feed_classification::Registry;
use secrecy::SecretString;
use serde_json::{Value, json};
use site_config::SiteName;
use token_crypto::{Claims, ExpiryDay, Protocol};

use super::fields::{self, Fields};
use super::scope;
use crate::invalid::Invalid;

/// MISP's own keys have 40 letters and digits; the form of the reference takes up to 72.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 40..=72;

/// An order for a token whose every field is right by itself. Whether site and key exist is not asked here.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) claims: Claims,
}

impl Order {
    /// Reads the body; fields that are not known are ignored, as in the reference.
    ///
    /// # Errors
    /// Everything that is wrong with it. The MISP key is never repeated.
    pub(super) fn read(body: &[u8], registry: &Registry, now: jiff::Timestamp) -> Result<Self, Vec<Invalid>> {
        let values = fields::object(body).map_err(|invalid| vec![invalid])?;
        let mut wrong = Vec::new();
        let mut fields = Fields {
            values: &values,
            wrong: &mut wrong,
        };
        let port = port(&values);
        let port = fields.keep(port);
        let protocol = fields.text("proto", protocol);
        let site = fields.text("domain", domain);
        let key = fields.text("auth", auth);
        let expires = fields.text("expire", |text| expire(text, now));
        let (scope, label) = scope::read(&values, registry, &mut wrong);
        match (port, protocol, site, key, expires) {
            (Some(port), Some(protocol), Some(site), Some(key), Some(expires)) if wrong.is_empty() => {
                let claims = Claims::new(site, protocol, port, key, expires);
                let claims = scope.into_iter().fold(claims, Claims::with_scope);
                Ok(Self {
                    claims: label.into_iter().fold(claims, Claims::with_label),
                })
            }
            _ => Err(wrong),
        }
    }
}

/// A number, or a text of one.
fn port(values: &serde_json::Map<String, Value>) -> Result<u16, Invalid> {
    let place = ["body", "port"];
    let value = values.get("port").ok_or_else(|| Invalid::missing(&place))?;
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_u64().map(|_| i64::MAX)),
        // Digits that are too many for a number are a number all the same.
        Value::String(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(text.parse().unwrap_or(i64::MAX))
        }
        _ => None,
    };
    let Some(number) = number else {
        return Err(Invalid::new("int_parsing", &place, "Input should be a valid integer"));
    };
    match u16::try_from(number) {
        Ok(port @ 1..) => Ok(port),
        _ if number < 1 => {
            Err(Invalid::new("greater_than", &place, "Input should be greater than 0").context(json!({ "gt": 0 })))
        }
        _ => Err(Invalid::value(&place, "a port is at most 65535")),
    }
}

fn protocol(text: &str) -> Result<Protocol, Invalid> {
    match text {
        "http" => Ok(Protocol::Http),
        "https" => Ok(Protocol::Https),
        _ => Err(Invalid::value(&["body", "proto"], "the protocol is `http` or `https`").input(text)),
    }
}

fn domain(text: &str) -> Result<String, Invalid> {
    let site: Result<SiteName, _> = text.parse();
    site.map(|site| site.to_string())
        .map_err(|_| Invalid::value(&["body", "domain"], "neither a host name nor an address").input(text))
}

fn auth(text: &str) -> Result<SecretString, Invalid> {
    if KEY_LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(SecretString::from(text));
    }
    Err(Invalid::value(
        &["body", "auth"],
        "a MISP key is 40 to 72 letters and digits",
    ))
}

fn expire(text: &str, now: jiff::Timestamp) -> Result<ExpiryDay, Invalid> {
    let place = ["body", "expire"];
    let day = ExpiryDay::parse(text).map_err(|_| {
        Invalid::new(
            "date_from_datetime_parsing",
            &place,
            "Input should be a valid date, written as YYYY-MM-DD",
        )
        .input(text)
    })?;
    if day.has_ended(now.as_second()) {
        return Err(Invalid::value(
            &place,
            "the token would have ended already; it stops working at 00:00 UTC of this day",
        )
        .input(text));
    }
    Ok(day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use token_crypto::Scope;

    const KEY: &str = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcD";

    fn body(changes: Value) -> Value {
        let mut body = json!({ "port": 443, "proto": "https", "domain": "misp-prod.example.net", "auth": KEY, "expire": "2027-12-31", "extra": 1 });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    fn read(body: &Value) -> Result<Claims, Vec<(String, String)>> {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let order = Order::read(body.to_string().as_bytes(), &Registry::builtin(), now);
        order.map(|order| order.claims).map_err(|wrong| {
            let plain = wrong.iter().map(|invalid| serde_json::to_value(invalid).unwrap());
            assert!(!format!("{wrong:?}").contains(KEY));
            plain
                .map(|entry| {
                    (
                        entry["loc"][1].as_str().unwrap_or_default().to_owned(),
                        entry["type"].as_str().unwrap().to_owned(),
                    )
                })
                .collect()
        })
    }

    #[test]
    fn a_complete_order_becomes_claims_without_limits() {
        let claims = read(&body(json!({ "port": "8443" }))).unwrap();
        assert_eq!(
            (claims.site.as_str(), claims.port, claims.expires.to_string().as_str()),
            ("misp-prod.example.net", 8443, "2027-12-31")
        );
        assert_eq!(claims.scope, Scope::unrestricted());
    }

    #[test]
    fn every_field_is_required_and_all_are_named() {
        let missing = read(&json!({})).unwrap_err();
        let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["port", "proto", "domain", "auth", "expire"]);
        assert!(missing.iter().all(|(_, kind)| kind == "missing"));
    }

    #[test]
    fn each_wrong_value_is_refused_in_its_own_field() {
        for (field, value, kind) in [
            ("port", json!(0), "greater_than"),
            ("port", json!(-1), "greater_than"),
            ("port", json!(65_536), "value_error"),
            ("port", json!("99999999999999999999"), "value_error"),
            ("port", json!("443x"), "int_parsing"),
            ("port", json!(""), "int_parsing"),
            ("port", json!(443.5), "int_parsing"),
            ("port", json!(null), "int_parsing"),
            ("proto", json!("httpsx"), "value_error"),
            ("proto", json!("HTTPS"), "value_error"),
            ("proto", json!("ftp"), "value_error"),
            ("domain", json!("misp.example.net\n"), "value_error"),
            ("domain", json!("misp/x"), "value_error"),
            ("domain", json!(5), "string_type"),
            ("auth", json!("short"), "value_error"),
            ("auth", json!(KEY.to_owned() + "!"), "value_error"),
            ("auth", json!("a".repeat(73)), "value_error"),
            ("expire", json!("2027-02-30"), "date_from_datetime_parsing"),
            ("expire", json!("31.12.2027"), "date_from_datetime_parsing"),
            ("expire", json!("2026-11-22"), "value_error"),
        ] {
            let wrong = read(&body(json!({ field: value.clone() }))).unwrap_err();
            assert_eq!(wrong, [(field.to_owned(), kind.to_owned())], "{value}");
        }
    }

    #[test]
    fn several_wrong_fields_are_reported_together() {
        assert_eq!(
            read(&body(json!({ "port": 0, "proto": "x", "expire": "" })))
                .unwrap_err()
                .len(),
            3
        );
    }

    proptest! {
        #[test]
        fn no_values_make_it_panic(port in any::<f64>(), text in ".{0,80}", number in any::<i64>()) {
            let _ = read(&body(json!({ "port": port, "domain": text, "expire": text })));
            let _ = read(&body(json!({ "port": number, "proto": text })));
            let _ = read(&body(json!({ "port": text, "scope": text })));
        }
    }
}
