//! JSON values against the schemas of the OpenAPI document.
//!
//! The check is stricter than JSON Schema where drift would hide: a field that its object's schema does not name is a
//! mistake, and so is a keyword that the check does not know. `jsonschema` would bring 33 crates for the few keywords
//! that the document has.

use serde_json::{Map, Value};

/// Returns every mistake of a value, each with its place.
pub(crate) fn mistakes(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut check = Check {
        document,
        found: Vec::new(),
    };
    check.value(schema, value, "$");
    check.found
}

struct Check<'d> {
    document: &'d Value,
    found: Vec<String>,
}

impl<'d> Check<'d> {
    fn value(&mut self, schema: &'d Value, value: &Value, place: &str) {
        let Some(schema) = self.resolved(schema).as_object() else {
            self.found.push(format!("{place}: {schema} is not an object"));
            return;
        };
        for (keyword, limit) in schema {
            if let Some(mistake) = self.keyword(schema, keyword, limit, value, place) {
                self.found.push(format!("{place}: {mistake}: {value}"));
            }
        }
    }

    fn resolved(&self, schema: &'d Value) -> &'d Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    fn keyword(
        &mut self,
        schema: &'d Map<String, Value>,
        keyword: &str,
        limit: &'d Value,
        value: &Value,
        place: &str,
    ) -> Option<String> {
        let number = limit.as_f64().unwrap_or_default();
        let (items, fields) = (value.as_array(), value.as_object());
        let is_right = match keyword {
            "type" => has_type(limit, value),
            "enum" => limit.as_array().unwrap().contains(value),
            "const" => limit == value,
            "minimum" => value.as_f64().is_none_or(|value| value >= number),
            "maximum" => value.as_f64().is_none_or(|value| value <= number),
            "minItems" => items.is_none_or(|items| items.len() as f64 >= number),
            "maxItems" => items.is_none_or(|items| items.len() as f64 <= number),
            "anyOf" | "oneOf" => {
                let schemas = limit.as_array().unwrap().iter();
                let fitting = schemas.filter(|schema| mistakes(self.document, schema, value).is_empty());
                let fitting = fitting.count();
                fitting == 1 || (fitting > 1 && keyword == "anyOf")
            }
            "items" => {
                for (position, item) in items.into_iter().flatten().enumerate() {
                    self.value(limit, item, &format!("{place}[{position}]"));
                }
                true
            }
            "properties" => {
                for (name, field) in fields.into_iter().flatten() {
                    match limit.get(name).or_else(|| schema.get("additionalProperties")) {
                        Some(schema) => self.value(schema, field, &format!("{place}.{name}")),
                        None => self.found.push(format!("{place}.{name}: not described")),
                    }
                }
                true
            }
            "additionalProperties" => {
                let of_any = fields.filter(|_| limit.is_object() && !schema.contains_key("properties"));
                for (name, field) in of_any.into_iter().flatten() {
                    self.value(limit, field, &format!("{place}.{name}"));
                }
                true
            }
            "required" => {
                let names = limit.as_array().unwrap().iter();
                let mut names = names.map(|name| name.as_str().unwrap());
                names.all(|name| fields.is_some_and(|fields| fields.contains_key(name)))
            }
            "description" | "title" | "examples" | "example" | "format" | "default" => true,
            _ => return Some(format!("the check does not know the keyword `{keyword}`")),
        };
        (!is_right).then(|| format!("does not fit `{keyword}: {limit}`"))
    }
}

fn has_type(types: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    };
    types.as_array().map_or_else(|| is(types), |types| types.iter().any(is))
}
