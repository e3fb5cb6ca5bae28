//! A filter value as MISP takes it: one or many, wanted or not.

use serde_json::Value;

use super::{Refusal, truthy};

/// Values that are wanted, of which all are wanted, and that are not wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) any: Vec<String>,
    pub(crate) all: Vec<String>,
    pub(crate) none: Vec<String>,
}

impl Terms {
    /// Reads a filter; `None` means "no filter".
    pub(crate) fn read(value: Option<&Value>) -> Result<Option<Self>, Refusal> {
        let Some(value) = value.filter(|value| truthy(value)) else {
            return Ok(None);
        };
        let mut terms = Self::default();
        match value {
            Value::String(text) => text.split("||").for_each(|part| terms.push(part)),
            Value::Array(list) => {
                for entry in list {
                    terms.push(&scalar(entry)?);
                }
            }
            Value::Object(map) if ["OR", "AND", "NOT"].iter().any(|key| map.contains_key(*key)) => {
                terms.any = entries(map.get("OR"))?;
                terms.all = entries(map.get("AND"))?;
                // A name with `!` inside NOT loses its negation (fact 16).
                terms.none = entries(map.get("NOT"))?
                    .into_iter()
                    .filter(|name| !name.starts_with('!'))
                    .collect();
            }
            // Other keys mean nothing: the values count as a list (629).
            Value::Object(map) => {
                for entry in map.values() {
                    terms.push(&scalar(entry)?);
                }
            }
            other => terms.push(&scalar(other)?),
        }
        Ok(Some(terms))
    }

    pub(super) fn push(&mut self, text: &str) {
        match text.strip_prefix('!') {
            Some(name) => self.none.push(name.to_owned()),
            None => self.any.push(text.to_owned()),
        }
    }

    /// Returns whether a value passes, compared without regard to case, with `%` as a wildcard.
    pub(crate) fn admit(&self, value: &str) -> bool {
        let matches = |pattern: &String| {
            if pattern.contains('%') {
                like(pattern, value)
            } else {
                same(pattern, value)
            }
        };
        (self.any.is_empty() || self.any.iter().any(matches))
            && self.all.iter().all(matches)
            && !self.none.iter().any(matches)
    }
}

fn entries(value: Option<&Value>) -> Result<Vec<String>, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(scalar).collect(),
        Some(other) => Ok(vec![scalar(other)?]),
    }
}

/// Returns a plain value as text; a list inside a list breaks MISP's query (119, 627).
fn scalar(value: &Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(true) => Ok("1".to_owned()),
        Value::Bool(false) | Value::Null => Ok(String::new()),
        Value::Array(_) | Value::Object(_) => Err(Refusal::Internal),
    }
}

fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || (!left.is_ascii() && left.to_lowercase() == right.to_lowercase())
}

/// Returns whether a value matches an SQL pattern (`%` any run, `_` one character), without regard to ASCII case.
pub(crate) fn like(pattern: &str, value: &str) -> bool {
    like_by(pattern, value, |left, right| left.eq_ignore_ascii_case(&right))
}

/// Returns whether a value matches an SQL pattern with characters compared by `equal`.
pub(crate) fn like_by(pattern: &str, value: &str, equal: impl Fn(char, char) -> bool) -> bool {
    let (pattern, value): (Vec<char>, Vec<char>) = (pattern.chars().collect(), value.chars().collect());
    let (mut p, mut v) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while v < value.len() {
        match pattern.get(p) {
            Some('%') => {
                retry = Some((p + 1, v));
                p += 1;
            }
            Some(wanted) if *wanted == '_' || equal(*wanted, value[v]) => {
                p += 1;
                v += 1;
            }
            _ => {
                let Some((back, from)) = retry else {
                    return false;
                };
                retry = Some((back, from + 1));
                p = back;
                v = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|rest| *rest == '%')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn terms(any: &[&str], all: &[&str], none: &[&str]) -> Terms {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Terms {
            any: own(any),
            all: own(all),
            none: own(none),
        }
    }

    #[test]
    fn one_many_and_negated() {
        for (value, want) in [
            (json!("a"), terms(&["a"], &[], &[])),
            (json!("a||!b"), terms(&["a"], &[], &["b"])),
            (json!(["a", "!b", 8]), terms(&["a", "8"], &[], &["b"])),
            (
                json!({"AND": ["a", "b"], "NOT": ["c", "!d"]}),
                terms(&[], &["a", "b"], &["c"]),
            ),
            (json!({"x": 1}), terms(&["1"], &[], &[])),
            (json!([""]), terms(&[""], &[], &[])),
        ] {
            assert_eq!(Terms::read(Some(&value)), Ok(Some(want)), "{value}");
        }
    }

    #[test]
    fn empty_things_are_no_filter() {
        for value in [json!(null), json!(""), json!([]), json!(0), json!(false)] {
            assert_eq!(Terms::read(Some(&value)), Ok(None), "{value}");
        }
    }

    #[test]
    fn a_list_in_a_list_breaks_the_query() {
        assert_eq!(Terms::read(Some(&json!([["a"]]))), Err(Refusal::Internal));
        assert_eq!(Terms::read(Some(&json!({"or": ["a"]}))), Err(Refusal::Internal));
    }

    #[test]
    fn patterns_match_as_in_sql() {
        assert!(like("%m5%.example.com", "m5a-x.EXAMPLE.com"));
        assert!(like("a_c", "abc") && like("%", "") && like("a%%", "a"));
        assert!(!like("a_c", "ac") && !like("%b", "abc"));
    }
}
