//! The table of outputs in `docs/formats.md`, from the descriptions of the built-in exporters.

use feed_classification::{About, Exporter, FeedInfo, IndicatorType, Registry, TypeSet};

use crate::cargo::root;

/// The page, whose other parts are written by hand.
pub(crate) const PATH: &str = "docs/formats.md";

const BEGIN: &str =
    "<!-- `cargo xtask codegen` writes this table from the exporters in crates/feed-classification/src/export. -->\n";
const END: &str = "<!-- End of the table. -->\n";

/// Returns the page with the current table; a page without the marks of the table gets it at its end.
pub(crate) fn page() -> String {
    with_table(
        &std::fs::read_to_string(root().join(PATH)).unwrap_or_default(),
        &table(),
    )
}

fn with_table(page: &str, table: &str) -> String {
    let (before, rest) = page.split_once(BEGIN).unwrap_or((page, ""));
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    format!("{before}{BEGIN}{table}{END}{after}")
}

fn table() -> String {
    let rows: String = Registry::builtin()
        .iter()
        .map(|exporter| row(exporter.as_ref()))
        .collect();
    format!(
        "| output | for | types | URL ends in | empty feed | options |\n| --- | --- | --- | --- | --- | --- |\n{rows}"
    )
}

fn row(exporter: &dyn Exporter) -> String {
    let About {
        name,
        summary,
        accepts,
        most,
        options,
        ..
    } = *exporter.about();
    let options: Vec<String> = options.iter().map(|option| format!("`{}`", option.name)).collect();
    let kind = example_of(accepts);
    let limit = most.map_or(String::new(), |most| format!("; at most the newest {most}"));
    format!(
        "| `{name}` | {}{limit} | {} | `type/{kind}/age/1w/output/{name}` | {} | {} |\n",
        summary.trim_end_matches('.'),
        types(accepts),
        empty_feed(exporter, kind),
        options.join(" "),
    )
}

fn example_of(accepts: TypeSet) -> IndicatorType {
    let liked = [IndicatorType::Domain, IndicatorType::Ip].into_iter();
    let accepted = liked
        .filter(|kind| accepts.contains(*kind))
        .chain(accepts.iter())
        .next();
    accepted.unwrap_or(IndicatorType::Ip)
}

/// Returns the types in words: all, all but a few, or groups and single types.
pub(super) fn types(accepts: TypeSet) -> String {
    let missing = TypeSet::ALL.without(accepts);
    if missing.is_empty() {
        return "all".to_owned();
    }
    if missing.len() <= 5 {
        return format!("all but {}", names(missing));
    }
    let mut rest = accepts;
    let mut words = Vec::new();
    for (word, group) in [("addresses", TypeSet::ADDRESSES), ("names", TypeSet::NAMES)] {
        if group.without(rest).is_empty() {
            rest = rest.without(group);
            words.push(word.to_owned());
        }
    }
    if !rest.is_empty() {
        words.push(names(rest));
    }
    words.join(", ")
}

fn names(types: TypeSet) -> String {
    types
        .iter()
        .map(|kind| format!("`{kind}`"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn empty_feed(exporter: &dyn Exporter, kind: IndicatorType) -> String {
    let mut body = Vec::new();
    let written = exporter.export(&FeedInfo::new(kind, ""), &mut std::iter::empty(), &mut body);
    match String::from_utf8(body).as_deref().map(str::trim_end) {
        Ok("") if written.is_ok() => "no byte".to_owned(),
        Ok(text) if !text.contains(['\n', '|', '`']) => format!("`{text}`"),
        _ => "a frame without entries".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_output_has_its_row() {
        let table = table();
        for name in Registry::builtin().names() {
            assert!(table.contains(&format!("\n| `{name}` |")), "{name}");
        }
        assert!(
            table.contains("| all but `snort` `yara` `sigma` | `type/domain/age/1w/output/generic` | no byte |  |\n")
        );
        assert!(
            table.contains(
                "| addresses, names | `type/domain/age/1w/output/rpz` | a frame without entries | `action` |\n"
            )
        );
    }

    #[test]
    fn only_the_table_of_the_page_changes() {
        let page = with_table("Before.\n", "old\n");
        let page = with_table(&format!("{page}After.\n"), "new\n");
        assert_eq!(page, format!("Before.\n{BEGIN}new\n{END}After.\n"));
    }
}
