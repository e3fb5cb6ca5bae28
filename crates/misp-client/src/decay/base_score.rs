//! The score before any time has passed: the numerical values of the tags, weighted.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::Tag;

/// Returns the weighted mean of the numerical values of the tags that count; none when none of these is weighed and has
/// one.
pub(super) fn of(tags: &[Tag], weights: &BTreeMap<String, f64>) -> Option<f64> {
    let weighed = |tag: &Tag| {
        let value = tag.numerical_value?;
        Some((*weights.get(family(&tag.name))?, value))
    };
    // Most attributes have no such tag at all: then nothing else need be looked at.
    if !tags.iter().any(|tag| weighed(tag).is_some()) {
        return None;
    }
    let (mut total, mut sum) = (0.0, 0.0);
    for (weight, value) in counting(tags).filter_map(weighed) {
        total += weight;
        #[expect(clippy::cast_precision_loss, reason = "MISP keeps 32 bits of it")]
        let value = value as f64;
        sum += weight * value;
    }
    let mean: f64 = sum / total;
    // A weight of zero changes nothing.
    mean.is_finite().then_some(mean)
}

/// Returns the tags that count, those of the event first: a tag on the attribute takes the place of all tags of the
/// same family on its event, and of several such the last one does.
pub(super) fn counting(tags: &[Tag]) -> impl Iterator<Item = &Tag> {
    let own = || tags.iter().filter(|tag| !tag.inherited);
    let inherited = || tags.iter().filter(|tag| tag.inherited);
    let on_event: HashSet<&str> = inherited().map(|tag| family(&tag.name)).collect();
    let last_own: HashMap<&str, &Tag> = own().map(|tag| (family(&tag.name), tag)).collect();
    inherited().chain(own()).filter(move |tag| {
        let last = last_own.get(family(&tag.name));
        if tag.inherited {
            last.is_none()
        } else {
            !on_event.contains(family(&tag.name)) || last.is_some_and(|last| std::ptr::eq(*last, *tag))
        }
    })
}

/// Returns what of a tag's name stands in a model: `phishing:state` for `phishing:state="online"`, `retention` for
/// `retention:7d`, and the whole name for a name of neither form.
fn family(tag: &str) -> &str {
    let is_word = |text: &str| !text.is_empty() && !text.contains([':', '=', '"']);
    let Some((namespace, rest)) = tag.split_once(':').filter(|(namespace, _)| is_word(namespace)) else {
        return tag;
    };
    if is_word(rest) {
        return namespace;
    }
    let is_triple = rest.split_once('=').is_some_and(|(predicate, value)| {
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        is_word(predicate) && value.is_some_and(is_word)
    });
    match tag.split_once('=') {
        Some((family, _)) if is_triple => family,
        _ => tag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> BTreeMap<String, f64> {
        [("a:b", 0.25), ("a:c", 0.75), ("retention", 0.5)]
            .map(|(name, weight)| (name.to_owned(), weight))
            .into()
    }

    fn own(name: &str, worth: i64) -> Tag {
        Tag::own(name).worth(worth)
    }

    fn inherited(name: &str, worth: i64) -> Tag {
        Tag::inherited(name).worth(worth)
    }

    #[test]
    fn family_of_a_tag_is_what_models_name() {
        for (tag, name) in [
            (r#"phishing:state="online""#, "phishing:state"),
            ("retention:7d", "retention"),
            ("priority-level:high", "priority-level"),
            ("bare", "bare"),
            ("a:b:c", "a:b:c"),
            (r#"a:b="c:d""#, r#"a:b="c:d""#),
            (r#"a:b="""#, r#"a:b="""#),
            ("a:b=c", "a:b=c"),
            (":b", ":b"),
            ("", ""),
        ] {
            assert_eq!(family(tag), name);
        }
    }

    #[test]
    fn tags_are_weighed_against_each_other() {
        // Only those that are there share the whole weight: (0.25 * 100 + 0.75 * 20) / 1, and 20 alone.
        let both = [own(r#"a:b="x""#, 100), own(r#"a:c="x""#, 20)];
        assert_eq!(of(&both, &weights()), Some(40.0));
        assert_eq!(of(&both[1..], &weights()), Some(20.0));
        assert_eq!(of(&[own("retention:7d", 7)], &weights()), Some(7.0));
    }

    #[test]
    fn what_has_no_weight_or_no_value_has_no_say() {
        assert_eq!(of(&[], &weights()), None);
        assert_eq!(of(&[own("tlp:green", 50), Tag::own(r#"a:b="x""#)], &weights()), None);
        assert_eq!(of(&[own(r#"a:b="x""#, 50)], &[("a:b".to_owned(), 0.0)].into()), None);
        // Zero is a value.
        assert_eq!(of(&[own(r#"a:b="x""#, 0)], &weights()), Some(0.0));
    }

    #[test]
    fn tag_of_the_attribute_takes_the_place_of_its_event_s() {
        let event = [inherited(r#"a:b="x""#, 10), inherited(r#"a:b="y""#, 30)];
        assert_eq!(of(&event, &weights()), Some(20.0));
        let mut tags = vec![own(r#"a:b="z""#, 90)];
        tags.extend(event);
        assert_eq!(of(&tags, &weights()), Some(90.0));
        tags.insert(1, own(r#"a:b="zz""#, 50));
        assert_eq!(of(&tags, &weights()), Some(50.0));
        // Where the event has none of the family, all of the attribute's count.
        assert_eq!(of(&tags[..2], &weights()), Some(70.0));
        // Also when it says nothing itself.
        assert_eq!(
            of(&[Tag::own(r#"a:b="z""#), inherited(r#"a:b="x""#, 10)], &weights()),
            None
        );
    }
}
