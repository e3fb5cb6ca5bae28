//! `docs/attribute-types.md`: every attribute type of MISP, from the table that the built-in mappings follow.

use feed_classification::{AttributeType, IndicatorType};

/// Returns the page.
pub(crate) fn page() -> String {
    let mut page = String::from(ABOUT);
    page.push_str(
        "| attribute type of MISP | indicator types | the part that the feed gets, or why no feed has it |\n| --- | --- | --- |\n",
    );
    for attribute_type in AttributeType::all() {
        page.push_str(&row(attribute_type));
    }
    page
}

const ABOUT: &str = "\
# Attribute types of MISP

Written by `cargo xtask codegen` from `crates/feed-classification/src/attribute_type.rs`; change it there.

A feed has one *indicator type*, such as `file-md5`. MISP has about two hundred *attribute types*, such as `md5` or `malware-sample`. This table
lists every attribute type of MISP 2.5 with the indicator types whose feeds hold its values.

- Lists in your `config/mappings.yaml` replace these ([configure.md](configure.md)). Listing an attribute type there does not change its values:
  a value that does not parse as the indicator type is dropped and counted in `X-Feed-Dropped`.
- A feed holds an attribute only if its flag `to_ids` is set, unless `ignore_to_ids` of the site names the type. MISP sets the flag by itself for
  some types (`md5`, `ip-dst`) and leaves it off for others (`email-reply-to`, `vulnerability`, `user-agent`).
- An attribute type without an indicator type is in no feed. To search it all the same, list it in `mappings.yaml` for the indicator type that
  its values fit.

";

fn row(attribute_type: AttributeType) -> String {
    let kinds: Vec<String> = attribute_type.taken_by.iter().map(shown).collect();
    let kinds = if kinds.is_empty() {
        "none".to_owned()
    } else {
        kinds.join(" ")
    };
    let name = attribute_type.name.replace('|', "\\|");
    format!("| `{name}` | {kinds} | {} |\n", attribute_type.remark)
}

fn shown(kind: &IndicatorType) -> String {
    format!("`{kind}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_type_has_a_row() {
        let page = page();
        for attribute_type in AttributeType::all() {
            assert!(page.contains(&row(attribute_type)), "{}", attribute_type.name);
        }
        let sample = "| `malware-sample` | `file-md5` `filename` | the MD5 and the name of the file; never the file |";
        assert!(page.lines().any(|line| line == sample));
        assert!(page.contains("| `filename\\|md5` | `file-md5` `filename` |"));
    }
}
