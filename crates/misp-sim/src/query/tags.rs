//! The `tags` filter (facts 15 to 18).

use serde_json::Value;

use super::{Refusal, Terms, terms::like_by, truthy};
use crate::store::{Store, TagRef};

/// Tags that are wanted or not, by name, pattern or number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TagFilter(Terms);

impl TagFilter {
    /// Reads the filter; `None` means "no filter".
    pub(crate) fn read(value: Option<&Value>) -> Result<Option<Self>, Refusal> {
        if let Some(Value::String(text)) = value.filter(|value| truthy(value))
            && text.contains("&&")
        {
            let mut terms = Terms::default();
            text.split("&&").for_each(|part| terms.push(part));
            terms.all = std::mem::take(&mut terms.any);
            return Ok(Some(Self(terms)));
        }
        Ok(Terms::read(value)?.map(Self))
    }

    /// Reads the filter of the event index: a text is divided at `|`, or at `&` for all of them, and `%` stands for
    /// itself.
    pub(crate) fn read_of_index(value: Option<&Value>) -> Result<Option<Self>, Refusal> {
        let Some(Value::String(text)) = value.filter(|value| truthy(value)) else {
            return Ok(Terms::read(value)?.map(|terms| Self(terms).without_wildcards()));
        };
        let mut terms = Terms::default();
        if text.contains('&') {
            text.split('&').for_each(|part| terms.push(part));
            terms.all = std::mem::take(&mut terms.any);
        } else {
            text.split('|')
                .filter(|part| !part.is_empty())
                .for_each(|part| terms.push(part));
        }
        Ok(Some(Self(terms).without_wildcards()))
    }

    fn without_wildcards(self) -> Self {
        // No tag has this name: a name with a wildcard finds nothing.
        let plain = |names: Vec<String>| -> Vec<String> {
            let plain = |name: String| if name.contains('%') { String::new() } else { name };
            names.into_iter().map(plain).collect()
        };
        Self(Terms {
            any: plain(self.0.any),
            all: plain(self.0.all),
            none: plain(self.0.none),
        })
    }

    /// Looks the names up in the data.
    pub(crate) fn resolve(&self, store: &Store) -> ResolvedTags {
        let all: Vec<Vec<bool>> = self.0.all.iter().map(|name| places(name, store)).collect();
        let union = |names: &[String]| {
            let mut found = vec![false; store.tags.len()];
            for name in names {
                for (known, hit) in found.iter_mut().zip(places(name, store)) {
                    *known |= hit;
                }
            }
            found
        };
        ResolvedTags {
            any: (!self.0.any.is_empty()).then(|| union(&self.0.any)),
            all,
            none: union(&self.0.none),
        }
    }
}

/// Returns for each known tag whether it is meant. Names count with their case, `%` is a wildcard, digits are a number.
fn places(name: &str, store: &Store) -> Vec<bool> {
    let (is_pattern, id) = (name.contains('%'), name.parse().ok());
    let meant = |tag: &crate::model::Tag| {
        tag.name == name || (is_pattern && like_by(name, &tag.name, |left, right| left == right)) || id == Some(tag.id)
    };
    store.tags.iter().map(meant).collect()
}

/// The filter with tags as places in the tag table.
#[derive(Debug)]
pub(crate) struct ResolvedTags {
    any: Option<Vec<bool>>,
    all: Vec<Vec<bool>>,
    none: Vec<bool>,
}

impl ResolvedTags {
    /// Returns whether an attribute passes by its own tags and those of its event.
    pub(crate) fn admit(&self, own: &[TagRef], event: &[TagRef]) -> bool {
        let carries = |set: &Vec<bool>| {
            own.iter()
                .chain(event)
                .any(|attached| set.get(attached.tag as usize) == Some(&true))
        };
        self.any.as_ref().is_none_or(carries) && self.all.iter().all(carries) && !carries(&self.none)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock::Clock, model::Tag};

    fn admits(filter: &Value, own: &[&str], event: &[&str]) -> bool {
        let mut store = Store::new(Clock::fixed(0));
        for name in ["a:x", "a:y", "b:z"] {
            store.add_tag(Tag::new(name));
        }
        let refs = |names: &[&str]| -> Vec<TagRef> {
            names
                .iter()
                .map(|name| TagRef {
                    tag: store.tag_named(name).unwrap(),
                    local: false,
                })
                .collect()
        };
        let filter = TagFilter::read(Some(filter)).unwrap().unwrap();
        filter.resolve(&store).admit(&refs(own), &refs(event))
    }

    #[test]
    fn a_tag_counts_on_the_attribute_and_on_its_event() {
        assert!(admits(&json!(["a:x"]), &["a:x"], &[]));
        assert!(admits(&json!(["a:x"]), &[], &["a:x"]));
        assert!(!admits(&json!(["a:x", "!b:z"]), &["a:x"], &["b:z"]));
        assert!(admits(&json!({"AND": ["a:x", "b:z"]}), &["a:x"], &["b:z"]));
    }

    #[test]
    fn unknown_tags_find_nothing_alone_and_nothing_more_in_a_list() {
        assert!(!admits(&json!(["no"]), &["a:x"], &[]));
        assert!(admits(&json!(["a:x", "no"]), &["a:x"], &[]));
        assert!(admits(&json!(["a:x", "!no"]), &["a:x"], &[]));
        assert!(!admits(&json!({"AND": ["a:x", "no"]}), &["a:x"], &[]));
        assert!(!admits(&json!([""]), &["a:x"], &[]));
    }

    #[test]
    fn names_patterns_and_numbers() {
        assert!(admits(&json!(["a:%"]), &["a:y"], &[]));
        assert!(!admits(&json!(["A:%"]), &["a:y"], &[]));
        assert!(!admits(&json!(["A:X"]), &["a:x"], &[]));
        assert!(admits(&json!(3), &["b:z"], &[]));
        assert!(admits(&json!("a:x&&!b:z"), &["a:x"], &[]));
        assert!(!admits(&json!(["a:x&&!b:z"]), &["a:x"], &[]));
    }

    #[test]
    fn the_index_divides_a_text_and_knows_no_pattern() {
        let admits = |filter: &Value, tags: &[&str]| {
            let mut store = Store::new(Clock::fixed(0));
            for name in ["a:x", "a:y"] {
                store.add_tag(Tag::new(name));
            }
            let place = |name: &&str| TagRef {
                tag: store.tag_named(name).unwrap(),
                local: true,
            };
            let tags: Vec<TagRef> = tags.iter().map(place).collect();
            let filter = TagFilter::read_of_index(Some(filter)).unwrap().unwrap();
            filter.resolve(&store).admit(&[], &tags)
        };
        assert!(admits(&json!("a:x|a:y"), &["a:y"]) && admits(&json!("a:x&a:y"), &["a:x", "a:y"]));
        assert!(!admits(&json!("a:x&a:y"), &["a:y"]) && !admits(&json!("a:%"), &["a:y"]));
        assert!(!admits(&json!("!a:x"), &["a:x"]) && admits(&json!(["!a:x"]), &["a:y"]));
    }

    #[test]
    fn a_negated_name_inside_not_is_lost() {
        assert!(admits(&json!({"OR": ["a:x"], "NOT": ["!b:z"]}), &["a:x", "b:z"], &[]));
    }
}
