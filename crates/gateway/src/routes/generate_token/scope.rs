//! The scope and the label of a token that is asked for.

use std::net::IpAddr;

use feed_classification::{FeedName, IndicatorType, Registry};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde_json::{Map, Value};
use token_crypto::{Allowed, Permission, Permissions, Scope, Tlp};

use crate::invalid::Invalid;
use crate::openapi::{AllOrSome, Names, OfferedPermission, OneOf, OneOrMore, Purpose};

/// The fields of a scope. A misspelt field would silently widen a token, so `scope` refuses unknown ones.
const NAMES: [&str; 8] = [
    "feeds",
    "types",
    "outputs",
    "max_tlp",
    "networks",
    "only",
    "permissions",
    "label",
];

/// Wrong entries that are reported of one list: each names all the right ones, so a body full of them would become an
/// answer that is hundreds of times as large.
const MAX_WRONG: usize = 8;

/// The longest label, in bytes.
const MAX_LABEL_BYTES: usize = 64;

/// The limits of a token. Without any, the token opens everything that the key sees, and may clear the cache.
#[derive(Debug, Default, JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct ScopeFields {
    /// The feeds that the token opens.
    #[schemars(with = "Option<AllOrSome<FeedName>>")]
    feeds: Option<Allowed>,
    /// The indicator types that the token opens.
    #[schemars(with = "Option<AllOrSome<IndicatorType>>")]
    types: Option<Allowed>,
    /// The formats that the token opens.
    #[schemars(with = "Option<AllOrSome<Outputs>>")]
    outputs: Option<Allowed>,
    /// Values above this TLP level do not exist for the token.
    #[schemars(with = "Option<OneOf<Tlp>>", extend("default" = Tlp::Red.as_str()))]
    max_tlp: Option<Tlp>,
    /// The networks from which the token works, within those of the site.
    #[schemars(with = "Option<Vec<String>>", length(min = 1), example = ["10.0.0.0/8"])]
    networks: Option<Vec<IpNet>>,
    /// The purpose of the token instead of reading feeds: a name or a list of names.
    #[schemars(with = "Option<OneOrMore<Purpose>>")]
    only: Option<Permissions>,
    /// The permissions that the token has beside its purpose.
    #[schemars(with = "Option<Vec<OneOf<OfferedPermission>>>")]
    permissions: Option<Permissions>,
    /// A name for the device, which the logs show.
    #[schemars(length(min = 1, max = MAX_LABEL_BYTES))]
    label: Option<String>,
}

/// The formats of a daemon, which only its registry knows: the description adds their names.
struct Outputs;

impl Names for Outputs {
    fn names() -> Vec<&'static str> {
        Vec::new()
    }
}

impl ScopeFields {
    /// Reads the object `scope`, or fields of the same names beside the others. Mistakes are added to `wrong`.
    pub(super) fn read(values: &Map<String, Value>, registry: &Registry, wrong: &mut Vec<Invalid>) -> Self {
        let (place, fields): (&[&str], _) = match values.get("scope") {
            None | Some(Value::Null) => (&["body"], values),
            Some(Value::Object(fields)) => (&["body", "scope"], fields),
            Some(_) => {
                wrong.push(Invalid::new(
                    "dict_type",
                    &["body", "scope"],
                    "Input should be a valid dictionary",
                ));
                return Self::default();
            }
        };
        let mut reader = Reader { place, fields, wrong };
        if place.len() > 1 {
            reader.refuse_unknown(values);
        }
        Self {
            label: reader.label(),
            feeds: reader.allowed("feeds", FeedName::NAMES),
            types: reader.allowed("types", IndicatorType::NAMES),
            outputs: reader.allowed("outputs", &registry.names().collect::<Vec<_>>()),
            max_tlp: reader.max_tlp(),
            networks: reader.networks(),
            only: reader.only(),
            permissions: reader.permissions(),
        }
    }

    /// Returns the scope and the label of the token.
    ///
    /// Without any limit the token gets no scope: it is unlimited and may clear the cache, as in Cratos FastAPI. With
    /// any, the token has only the permissions that are named. With `only`, it reads no feeds. A label limits nothing.
    pub(super) fn into_parts(self) -> (Option<Scope>, Option<String>) {
        if !self.has_limits() {
            return (None, self.label);
        }
        let scope = Scope::new().with_networks(self.networks.unwrap_or_default());
        let mut scope = scope.with_max_tlp(self.max_tlp.unwrap_or(Tlp::Red));
        scope.feeds = self.feeds.unwrap_or_default();
        scope.types = self.types.unwrap_or_default();
        scope.outputs = self.outputs.unwrap_or_default();
        scope.reads_feeds = self.only.is_none();
        let permissions = self.permissions.unwrap_or_default();
        scope.permissions = self.only.unwrap_or_default().iter().chain(permissions.iter()).collect();
        (Some(scope), self.label)
    }

    fn has_limits(&self) -> bool {
        self.feeds.is_some()
            || self.types.is_some()
            || self.outputs.is_some()
            || self.max_tlp.is_some()
            || self.networks.is_some()
            || self.only.is_some()
            || self.permissions.is_some()
    }
}

struct Reader<'a> {
    place: &'a [&'a str],
    fields: &'a Map<String, Value>,
    wrong: &'a mut Vec<Invalid>,
}

impl<'a> Reader<'a> {
    fn refuse_unknown(&mut self, outside: &Map<String, Value>) {
        let unknown = self.fields.keys().filter(|name| !NAMES.contains(&name.as_str()));
        for name in unknown.take(MAX_WRONG) {
            let message = format!("Extra inputs are not permitted; there are {}", NAMES.join(", "));
            self.wrong
                .push(Invalid::new("extra_forbidden", self.place, message).input(name));
        }
        for name in NAMES.iter().filter(|name| outside.contains_key(**name)) {
            self.wrong.push(Invalid::new(
                "extra_forbidden",
                &["body", name],
                "write it inside of `scope`, where the others are",
            ));
        }
    }

    /// Reads `"all"` or a list of names that exist.
    fn allowed(&mut self, name: &'static str, valid: &[&str]) -> Option<Allowed> {
        if self.fields.get(name).and_then(Value::as_str) == Some("all") {
            return Some(Allowed::All);
        }
        let names = self.list(name, |text| valid.contains(&text).then(|| text.to_owned()), valid)?;
        Some(Allowed::only(names))
    }

    fn max_tlp(&mut self) -> Option<Tlp> {
        let place = self.at("max_tlp");
        let levels = Tlp::ALL.map(Tlp::as_str);
        let wrong = match self.fields.get("max_tlp")? {
            Value::Null => return None,
            Value::String(text) => match Tlp::ALL.into_iter().find(|level| level.as_str() == text) {
                Some(level) => return Some(level),
                None => Invalid::not_one_of(&place, text, levels),
            },
            _ => Invalid::new("string_type", &place, "Input should be a valid string"),
        };
        self.wrong.push(wrong);
        None
    }

    fn networks(&mut self) -> Option<Vec<IpNet>> {
        let network = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok();
        if self
            .fields
            .get("networks")
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty)
        {
            // A token without networks works from every network; an empty list means the opposite.
            let place = self.at("networks");
            self.wrong.push(Invalid::new(
                "too_short",
                &place,
                "name a network, or leave the field out",
            ));
        }
        self.list("networks", network, &["192.0.2.1", "192.0.2.0/24"])
    }

    /// Reads one purpose or a list of them; an empty list is a token for nothing.
    fn only(&mut self) -> Option<Permissions> {
        let names: Vec<&str> = Permission::PURPOSES.iter().map(|purpose| purpose.as_str()).collect();
        let known = |text: &str| {
            Permission::PURPOSES
                .iter()
                .copied()
                .find(|purpose| purpose.as_str() == text)
        };
        if let Some(text) = self.fields.get("only").and_then(Value::as_str) {
            let purpose = known(text);
            if purpose.is_none() {
                let place = self.at("only");
                self.wrong.push(Invalid::not_one_of(&place, text, names));
            }
            return Some(purpose.into_iter().collect());
        }
        let purposes = self.list("only", known, &names)?;
        if purposes.is_empty()
            && self
                .fields
                .get("only")
                .and_then(Value::as_array)
                .is_some_and(Vec::is_empty)
        {
            let place = self.at("only");
            self.wrong.push(Invalid::new(
                "too_short",
                &place,
                "name a purpose, or leave the field out",
            ));
        }
        Some(purposes.into_iter().collect())
    }

    fn permissions(&mut self) -> Option<Permissions> {
        let names: Vec<&str> = Permission::OFFERED
            .iter()
            .map(|permission| permission.as_str())
            .collect();
        let permissions = self.list("permissions", |text| text.parse::<Permission>().ok(), &names)?;
        Some(permissions.into_iter().collect())
    }

    fn label(&mut self) -> Option<String> {
        let place = self.at("label");
        match self.fields.get("label")? {
            Value::Null => None,
            Value::String(text) if (1..=MAX_LABEL_BYTES).contains(&text.len()) && !text.contains(char::is_control) => {
                Some(text.clone())
            }
            _ => {
                self.wrong.push(Invalid::value(
                    &place,
                    "a label is 1 to 64 bytes of text without control characters",
                ));
                None
            }
        }
    }

    /// Reads a list of texts. A mistake lists the `valid` ones. After [`MAX_WRONG`] mistakes the rest is not read.
    fn list<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Option<T>, valid: &[&str]) -> Option<Vec<T>> {
        let place = self.at(name);
        let values = match self.fields.get(name)? {
            Value::Null => return None,
            Value::Array(values) => values,
            _ => {
                self.wrong
                    .push(Invalid::new("list_type", &place, "Input should be a valid list"));
                return None;
            }
        };
        let mut items = Vec::new();
        let few = self.wrong.len() + MAX_WRONG;
        for (position, value) in values.iter().enumerate() {
            let text = value.as_str().unwrap_or_default();
            match read(text) {
                Some(item) => items.push(item),
                None if self.wrong.len() == few => break,
                None => self
                    .wrong
                    .push(Invalid::not_one_of(&place, text, valid.iter().copied()).at(position)),
            }
        }
        Some(items)
    }

    fn at(&self, name: &'static str) -> Vec<&'a str> {
        self.place.iter().copied().chain([name]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope(body: Value) -> Result<(Option<Scope>, Option<String>), Vec<Value>> {
        let mut wrong = Vec::new();
        let fields = ScopeFields::read(body.as_object().unwrap(), &Registry::builtin(), &mut wrong);
        if wrong.is_empty() {
            Ok(fields.into_parts())
        } else {
            Err(wrong
                .iter()
                .map(|invalid| serde_json::to_value(invalid).unwrap())
                .collect())
        }
    }

    #[test]
    fn every_field_that_is_described_is_read() {
        let schema = schemars::schema_for!(ScopeFields);
        let described: Vec<&String> = schema.get("properties").unwrap().as_object().unwrap().keys().collect();
        let mut read = NAMES;
        read.sort_unstable();
        assert_eq!(described, read);
    }

    #[test]
    fn nothing_said_is_no_scope_and_a_label_alone_limits_nothing() {
        assert_eq!(scope(json!({})).unwrap(), (None, None));
        assert_eq!(scope(json!({ "scope": {} })).unwrap(), (None, None));
        assert_eq!(
            scope(json!({ "scope": { "label": "fw1" } })).unwrap(),
            (None, Some("fw1".to_owned()))
        );
    }

    #[test]
    fn both_spellings_give_the_same_scope() {
        let fields = json!({
            "feeds": ["block", "42"], "types": "all", "outputs": ["txt", "paloalto"], "max_tlp": "amber+strict",
            "networks": ["10.0.0.0/8", "2001:db8::1"], "permissions": ["lookup"], "label": "fw1",
        });
        let (nested, label) = scope(json!({ "scope": fields })).unwrap();
        assert_eq!((nested.clone(), label), scope(fields).unwrap());
        let nested = nested.unwrap();
        assert!(nested.permits_feed("42") && !nested.permits_feed("hunt") && nested.permits_type("ipv4"));
        assert_eq!(nested.max_tlp, Tlp::AmberStrict);
        assert!(nested.permits_output("paloalto") && !nested.permits_output("cisco"));
        assert!(nested.permits(Permission::Lookup) && !nested.permits(Permission::ClearCache));
        assert!(
            nested.permits_address("10.1.1.1".parse().unwrap())
                && !nested.permits_address("192.0.2.1".parse().unwrap())
        );
    }

    #[test]
    fn a_scope_has_no_permissions_unless_named() {
        let (scope, _) = scope(json!({ "feeds": ["block"] })).unwrap();
        assert!(scope.unwrap().permissions.is_empty());
    }

    #[test]
    fn a_token_for_one_purpose_reads_no_feeds() {
        for body in [json!({ "only": "lookup" }), json!({ "scope": { "only": ["lookup"] } })] {
            let (scope, _) = scope(body).unwrap();
            assert_eq!(scope, Some(Scope::new().only([Permission::Lookup])));
        }
        let both = json!({ "only": ["lookup", "sightings"], "permissions": ["context"] });
        let permissions = [Permission::Lookup, Permission::Sightings, Permission::Context];
        assert_eq!(scope(both).unwrap().0, Some(Scope::new().only(permissions)));
        let none = json!({ "only": null, "permissions": ["lookup"] });
        assert!(scope(none).unwrap().0.unwrap().reads_feeds);
    }

    #[test]
    fn a_level_alone_is_a_scope_and_no_level_is_no_limit() {
        let (limited, _) = scope(json!({ "max_tlp": "green" })).unwrap();
        assert_eq!(limited, Some(Scope::new().with_max_tlp(Tlp::Green)));
        let (open, _) = scope(json!({ "feeds": ["block"], "max_tlp": null })).unwrap();
        assert_eq!(open.unwrap().max_tlp, Tlp::Red);
    }

    #[test]
    fn what_would_widen_a_token_by_mistake_is_refused() {
        for body in [
            json!({ "scope": { "feed": ["block"] } }),
            json!({ "scope": { "label": "x" }, "feeds": ["block"] }),
            json!({ "scope": "block" }),
            json!({ "feeds": "block" }),
            json!({ "feeds": ["Block"] }),
            json!({ "types": [5] }),
            json!({ "outputs": ["pdf"] }),
            json!({ "max_tlp": "" }),
            json!({ "max_tlp": "Amber" }),
            json!({ "max_tlp": ["amber"] }),
            json!({ "scope": { "max-tlp": "amber" } }),
            json!({ "networks": ["10.0.0.0/33"] }),
            json!({ "networks": [] }),
            json!({ "permissions": ["root"] }),
            json!({ "permissions": ["Operate"] }),
            json!({ "only": "feeds" }),
            json!({ "only": ["context"] }),
            json!({ "only": [] }),
            json!({ "only": true }),
            json!({ "label": "" }),
            json!({ "label": "a\nb" }),
        ] {
            assert_eq!(scope(body.clone()).unwrap_err().len(), 1, "{body}");
        }
    }

    #[test]
    fn a_wrong_entry_is_named_by_its_position() {
        let wrong = scope(json!({ "scope": { "permissions": ["lookup", "root"] } })).unwrap_err();
        assert_eq!(wrong[0]["loc"], json!(["body", "scope", "permissions", 1]));
    }
}
