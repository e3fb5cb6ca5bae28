//! The questions that find the watched tags in MISP's list of tags.

/// MISP is asked for texts of ASCII letters, digits, `-` and `_` only, of this length.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=64;

/// More texts than this are more questions than one for all tags.
const MAX_TEXTS: usize = 3;

/// A question for the use of tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TagQuestion {
    /// For the tags with this text in their names, in any case.
    With(String),
    /// For all tags, which costs MISP a second or two if it has many.
    All,
}

impl TagQuestion {
    /// Returns whether the answer names this tag, if MISP has it.
    pub(super) fn finds(&self, tag: &str) -> bool {
        match self {
            Self::With(text) => tag.to_ascii_lowercase().contains(&text.to_ascii_lowercase()),
            Self::All => true,
        }
    }
}

/// Returns the fewest questions that find all these tags, or beginnings of tags.
pub(super) fn tag_questions(tags: &[String]) -> Vec<TagQuestion> {
    let texts = tag_texts(tags);
    let questions: Vec<TagQuestion> = texts.into_iter().map(TagQuestion::With).collect();
    let is_found = |tag: &String| questions.iter().any(|question| question.finds(tag));
    if questions.len() > MAX_TEXTS || !tags.iter().all(is_found) {
        return vec![TagQuestion::All];
    }
    questions
}

/// Returns a few texts, so that each of these tags has one of them in its name, if it has any such text.
fn tag_texts(tags: &[String]) -> Vec<String> {
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

    #[test]
    fn tags_that_few_texts_do_not_find_are_all_asked_for_at_once() {
        let questions = |tags: &[&str]| tag_questions(&tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            questions(&["example:incident-classification=block", "tlp:"]),
            [
                TagQuestion::With("incident-classification".to_owned()),
                TagQuestion::With("tlp".to_owned())
            ]
        );
        assert!(TagQuestion::With("tlp".to_owned()).finds("TLP:GREEN"));
        assert_eq!(questions(&["one", "two", "three", "four"]), [TagQuestion::All]);
        assert_eq!(questions(&["one", "a:b"]), [TagQuestion::All]);
        assert!(questions(&[]).is_empty());
    }
}
