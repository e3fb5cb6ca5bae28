//! The options that an exporter declares: their form, and the exporter with each of them at its extremes.

use std::sync::Arc;

use crate::export::{ExportOption, Exporter, OptionKind, Options, RESERVED_NAMES, TextForm};

/// Asserts that each option can be written in a query and documented, and that its default is a value that it takes.
pub(super) fn check(declared: &[ExportOption]) {
    for (at, option) in declared.iter().enumerate() {
        let name = option.name;
        let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        assert!(
            !name.is_empty() && name.bytes().all(is_name),
            "the option {name:?} does not fit into a query"
        );
        assert!(
            !RESERVED_NAMES.contains(&name),
            "the option {name} has the name of another part of the query"
        );
        let again = declared.iter().skip(at + 1).any(|other| other.name == name);
        assert!(!again, "the option {name} is declared twice");
        assert!(
            !option.meaning.is_empty() && !option.meaning.contains(['\n', '|']),
            "the meaning of the option {name} has to be one line, without a bar"
        );
        check_kind(name, option.kind);
    }
}

fn check_kind(name: &str, kind: OptionKind) {
    match kind {
        OptionKind::Address { .. } => {}
        OptionKind::Number { default, least, most } => {
            assert!(
                (least..=most).contains(&default),
                "the default of {name} is out of its bounds"
            );
        }
        OptionKind::Word { words } => {
            assert!(words.len() > 1, "the option {name} leaves no choice");
            for (at, word) in words.iter().enumerate() {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
                assert!(
                    !word.is_empty() && word.bytes().all(is_plain),
                    "the word {word:?} of {name} does not fit into a query"
                );
                assert!(
                    !words.iter().skip(at + 1).any(|other| other == word),
                    "the option {name} has the word {word} twice"
                );
            }
        }
        OptionKind::Text { default, form } => {
            assert!(form.takes(default), "{name} does not take its default {default:?}");
            assert!(
                form.longest <= TextForm::MOST_CHARACTERS,
                "{name} takes more than {} characters",
                TextForm::MOST_CHARACTERS
            );
            assert!(
                form.also.bytes().all(|byte| matches!(byte, b' '..=b'~')),
                "{name} takes characters that are not printable ASCII"
            );
        }
    }
}

/// Returns the exporter with each value of the option that [`ExportOption::extremes`] names.
pub(super) fn extremes(exporter: &dyn Exporter, option: &ExportOption) -> Vec<Arc<dyn Exporter>> {
    let values = option.extremes();
    values
        .iter()
        .filter_map(|value| configured(exporter, &[(option.name, value.as_str())]))
        .collect()
}

/// Returns the exporter with the last of these values for every option; `None` if it has no more than one option.
pub(super) fn all_at_once(exporter: &dyn Exporter) -> Option<Arc<dyn Exporter>> {
    let declared = exporter.about().options;
    let values: Vec<(&str, String)> = declared
        .iter()
        .filter_map(|option| Some((option.name, option.extremes().pop()?)))
        .collect();
    let pairs: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    (pairs.len() > 1).then(|| configured(exporter, &pairs)).flatten()
}

fn configured(exporter: &dyn Exporter, pairs: &[(&str, &str)]) -> Option<Arc<dyn Exporter>> {
    let about = exporter.about();
    let options = Options::of(about.options, pairs);
    assert!(
        options.is_ok(),
        "{pairs:?} is within the bounds and refused: {options:?}"
    );
    let configured = exporter.configured(&options.unwrap_or_default());
    assert!(
        configured.is_some(),
        "{} declares options and does not apply {pairs:?}",
        about.name
    );
    let its = configured.as_ref().map(|configured| configured.about());
    assert_eq!(its, Some(about), "{pairs:?} changes the description");
    configured
}
