//! The order for a token: the fields of a request, checked.

use feed_classification::Registry;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use site_config::SiteName;
use token_crypto::{Claims, ExpiryDay, Protocol};

use super::fields::Fields;
use super::scope::ScopeFields;
use crate::invalid::Invalid;
use crate::openapi::OneOf;
use crate::query::integer;

/// MISP's own keys have 40 letters and digits; the form of the reference takes up to 72.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 40..=72;

/// An order for a token.
// Every field is right on its own; whether the site and the key exist is checked later.
#[derive(Debug, JsonSchema)]
#[schemars(inline)]
pub(super) struct Order {
    /// The port of MISP; a number, or a text of one.
    #[schemars(schema_with = "port_schema")]
    port: u16,
    /// The protocol of MISP.
    #[schemars(rename = "proto", with = "OneOf<Protocol>")]
    protocol: Protocol,
    /// The name or address of MISP, as its site file is called.
    #[schemars(rename = "domain", example = &"misp.example.net")]
    site: String,
    /// The key of a user of MISP.
    #[schemars(
        rename = "auth",
        with = "String",
        length(min = *KEY_LENGTHS.start(), max = *KEY_LENGTHS.end()),
        regex(pattern = "^[0-9A-Za-z]+$"),
        extend("writeOnly" = true)
    )]
    key: SecretString,
    /// The token stops working at 00:00 UTC of this day.
    #[schemars(rename = "expire", with = "String", extend("format" = "date"), example = &"2027-12-31")]
    expires: ExpiryDay,
    scope: Option<ScopeFields>,
}

fn port_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["integer", "string"], "minimum": 1, "maximum": 65535, "examples": [443] })
}

impl Order {
    /// Reads the fields; unknown ones are ignored, as in Cratos FastAPI.
    ///
    /// # Errors
    /// All mistakes in them. The MISP key is never repeated.
    pub(super) fn of(
        values: &Map<String, Value>,
        registry: &Registry,
        now: jiff::Timestamp,
    ) -> Result<Self, Vec<Invalid>> {
        let mut wrong = Vec::new();
        let mut fields = Fields {
            values,
            wrong: &mut wrong,
        };
        let port = port(values);
        let port = fields.keep(port);
        let protocol = fields.text("proto", protocol);
        let site = fields.text("domain", domain);
        let key = fields.text("auth", auth);
        let expires = expire(values, now);
        let expires = fields.keep(expires);
        let scope = ScopeFields::read(values, registry, &mut wrong);
        match (port, protocol, site, key, expires) {
            (Some(port), Some(protocol), Some(site), Some(key), Some(expires)) if wrong.is_empty() => Ok(Self {
                port,
                protocol,
                site,
                key,
                expires,
                scope: Some(scope),
            }),
            _ => Err(wrong),
        }
    }

    /// Returns the contents of the token.
    pub(super) fn into_claims(self) -> Claims {
        let (scope, label) = self.scope.unwrap_or_default().into_parts();
        let claims = Claims::new(self.site, self.protocol, self.port, self.key, self.expires);
        let claims = scope.into_iter().fold(claims, Claims::with_scope);
        label.into_iter().fold(claims, Claims::with_label)
    }
}

/// A whole number, or a text of one; as in the reference with white space around, a sign, or zeros behind a point.
fn port(values: &Map<String, Value>) -> Result<u16, Invalid> {
    let place = ["body", "port"];
    let value = values.get("port").ok_or_else(|| Invalid::missing(&place))?;
    let number = match value {
        // A fraction or an exponent is in the number's own text.
        Value::Number(number) => integer(&number.to_string()),
        Value::String(text) => integer(text),
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

/// A day, or as in the reference a moment at which one begins: a date and midnight, or unix seconds.
fn expire(values: &Map<String, Value>, now: jiff::Timestamp) -> Result<ExpiryDay, Invalid> {
    let place = ["body", "expire"];
    let value = values.get("expire").ok_or_else(|| Invalid::missing(&place))?;
    let (day, written) = match value {
        Value::String(text) => (day(text), text.clone()),
        Value::Number(number) => (number.as_i64().and_then(beginning_at), number.to_string()),
        _ => (None, String::new()),
    };
    let Some(day) = day else {
        let message = "Input should be a valid date, written as YYYY-MM-DD";
        return Err(Invalid::new("date_from_datetime_parsing", &place, message).input(&written));
    };
    if day.has_ended(now.as_second()) {
        return Err(Invalid::value(
            &place,
            "the token would have ended already; it stops working at 00:00 UTC of this day",
        )
        .input(&written));
    }
    Ok(day)
}

/// Reads `2027-12-31`, and with a midnight behind it: `2027-12-31T00:00:00.000Z`.
fn day(text: &str) -> Option<ExpiryDay> {
    let (date, time) = text.split_at_checked(10)?;
    let is_midnight = time.is_empty() || {
        let time = time.strip_prefix(['T', 't', ' '])?;
        let time = time
            .strip_suffix(['Z', 'z'])
            .or(time.strip_suffix("+00:00"))
            .unwrap_or(time);
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        matches!(time, "00:00" | "00:00:00") && (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b == b'0')
    };
    ExpiryDay::parse(date).ok().filter(|_| is_midnight)
}

fn beginning_at(unix_seconds: i64) -> Option<ExpiryDay> {
    let day = ExpiryDay::days_from(unix_seconds, 0);
    (day.ends_at() == unix_seconds).then_some(day)
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
        let order = Order::of(body.as_object().unwrap(), &Registry::builtin(), now);
        order.map(Order::into_claims).map_err(|wrong| {
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
    fn days_and_ports_are_read_in_every_spelling_that_the_reference_reads() {
        for expire in [
            json!("2027-12-31T00:00:00"),
            json!("2027-12-31 00:00"),
            json!("2027-12-31T00:00:00.000Z"),
            json!("2027-12-31T00:00:00+00:00"),
            json!(1_830_211_200),
        ] {
            let claims = read(&body(json!({ "expire": expire.clone() }))).unwrap();
            assert_eq!(claims.expires.to_string(), "2027-12-31", "{expire}");
        }
        for port in [
            json!(8443),
            json!(8443.0),
            json!(" 8443 "),
            json!("+8443"),
            json!("8443.0"),
        ] {
            assert_eq!(
                read(&body(json!({ "port": port.clone() }))).unwrap().port,
                8443,
                "{port}"
            );
        }
        for expire in [
            json!("2027-12-31T00:00:01"),
            json!("2027-12-31T01:00"),
            json!("2027-12-31T"),
            json!("2027-12-31Z"),
            json!("2027-12-31T00:00:00."),
            json!("2027-12-3１T00:00"),
            json!(1_830_211_201),
            json!(1_830_211_200.5),
            json!(i64::MAX),
            json!(true),
            json!(null),
        ] {
            let wrong = read(&body(json!({ "expire": expire.clone() }))).unwrap_err();
            assert_eq!(
                wrong,
                [("expire".to_owned(), "date_from_datetime_parsing".to_owned())],
                "{expire}"
            );
        }
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
