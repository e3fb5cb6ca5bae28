//! Texts that find the watched tags in MISP's list of tags.

/// MISP is asked for texts of ASCII letters, digits, `-` and `_` only, of this length.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=64;

/// Returns a few texts, so that each of these tags has one of them in its name. A tag without such a text is not found.
pub(super) fn tag_texts(tags: &[String]) -> Vec<String> {
    let mut left: Vec<&String> = tags.iter().collect();
    let mut texts = Vec::new();
    loop {
        let found = |text: &str| left.iter().filter(|tag| tag.contains(text)).count();
        let candidates = left.iter().flat_map(|tag| parts(tag));
        // The text of most tags, and of those the longest, since fewer other tags have it.
        let Some(best) = candidates.max_by_key(|text| (found(text), text.len())) else {
            return texts;
        };
        let best = best.to_owned();
        left.retain(|tag| !tag.contains(&best));
        texts.push(best);
    }
}

fn parts(tag: &str) -> impl Iterator<Item = &str> {
    let is_other = |letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'));
    tag.split(is_other).filter(|part| LENGTHS.contains(&part.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tags: &[&str]) -> Vec<String> {
        tag_texts(&tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn tags_of_one_taxonomy_are_found_by_one_text() {
        assert_eq!(
            texts(&[
                "example:incident-classification=block",
                "example:incident-classification=alert"
            ]),
            ["incident-classification"]
        );
    }

    #[test]
    fn tags_without_a_common_text_are_found_by_several() {
        assert_eq!(texts(&["one:block", "two:alert", "a:b"]), ["alert", "block"]);
        assert!(texts(&[]).is_empty());
    }
}
