//! Lists whose items MISP wraps one by one, such as `[{"Galaxy": {…}}, …]`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::parse;
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

/// The most one list may take; the longest are those of tags and users, with some 300 bytes each.
const MAX_BYTES: u64 = 64 << 20;

/// Parts of the names of fields that may hold a secret in some versions and roles, for example `external_auth_key`: the
/// client drops these fields at every depth, so that no log can show them.
const SECRETS: &[&str] = &["authkey", "auth_key", "headers", "password", "totp"];

/// A thing that MISP wraps into an object with one key of this name.
pub(super) trait Record: DeserializeOwned {
    const KEY: &'static str;

    /// Returns MISP's number; 0 when it is missing.
    fn id(&self) -> u64;
}

impl Client {
    /// Returns a list. Items that cannot be read make the whole list an error: a shorter one would look like the truth.
    pub(super) async fn records<T: Record>(&self, request: Request) -> Result<Vec<T>, Error> {
        let endpoint = request.endpoint.clone();
        let body = self.ask_small(request, MAX_BYTES).await?;
        let list: List<Value> = parse(&body, endpoint.clone())?;
        let read = |item| record(item).ok_or_else(|| not_it::<T>(&endpoint));
        list.items.into_iter().map(read).collect()
    }

    /// Returns one record; with an `id` it must have that number.
    pub(super) async fn record<T: Record>(&self, request: Request, id: Option<u64>) -> Result<T, Error> {
        let endpoint = request.endpoint.clone();
        let body = self.ask_small(request, MAX_BYTES).await?;
        let item: Value = parse(&body, endpoint.clone())?;
        record(item)
            .filter(|record: &T| id.is_none_or(|id| record.id() == id))
            .ok_or_else(|| not_it::<T>(&endpoint))
    }
}

fn drop_secrets(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !SECRETS.iter().any(|secret| name.contains(secret)));
            fields.values_mut().for_each(drop_secrets);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_secrets),
        _ => {}
    }
}

fn record<T: Record>(item: Value) -> Option<T> {
    let record: T = match item {
        Value::Object(mut keys) => {
            let inner = keys.remove(T::KEY).unwrap_or(Value::Null);
            let Value::Object(mut inner) = inner else { return None };
            // Beside the record MISP puts what belongs to it, for example the role beside the user.
            for (key, value) in keys {
                inner.entry(key).or_insert(value);
            }
            let mut record = Value::Object(inner);
            drop_secrets(&mut record);
            serde_json::from_value(record).ok()?
        }
        _ => return None,
    };
    (record.id() > 0).then_some(record)
}

fn not_it<T: Record>(endpoint: &str) -> Error {
    Error::new(ErrorKind::UnexpectedAnswer)
        .with_detail(format!("not the {} that was asked for", T::KEY))
        .at(endpoint.to_owned())
}

/// A list, or an object that holds it under one key of any name (`{"response": […]}`).
struct List<T> {
    items: Vec<T>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form<T> {
            Bare(Vec<T>),
            Wrapped { response: Vec<T> },
        }
        let items = match Form::deserialize(deserializer)? {
            Form::Bare(items) | Form::Wrapped { response: items } => items,
        };
        Ok(Self { items })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Thing {
        id: u64,
        #[serde(default)]
        beside: bool,
    }

    impl Record for Thing {
        const KEY: &'static str = "Thing";

        fn id(&self) -> u64 {
            self.id
        }
    }

    #[test]
    fn item_is_unwrapped_with_its_neighbours() {
        let thing: Thing = record(serde_json::json!({"Thing": {"id": 7}, "beside": true})).unwrap();
        assert_eq!((thing.id, thing.beside), (7, true));
        for wrong in [
            serde_json::json!({}),
            serde_json::json!({"Other": {"id": 7}}),
            serde_json::json!({"Thing": {"id": 0}}),
            serde_json::json!([]),
        ] {
            assert!(record::<Thing>(wrong).is_none());
        }
    }

    #[test]
    fn secrets_are_dropped() {
        let user = serde_json::json!({"User": {"id": 7, "email": "a@example.org", "external_auth_key": "secret",
            "password": "secret"}, "Role": {"authkey": "secret"}});
        let user: crate::User = record(user).unwrap();
        assert_eq!(user.email, "a@example.org");
        assert!(!format!("{user:?}").contains("secret"));
    }

    #[test]
    fn list_may_be_bare_or_wrapped() {
        for json in ["[1]", r#"{"response": [1]}"#] {
            assert_eq!(serde_json::from_str::<List<u8>>(json).unwrap().items, [1]);
        }
        assert!(serde_json::from_str::<List<u8>>("{}").is_err());
    }
}
