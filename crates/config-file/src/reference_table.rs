//! The keys of a table in Markdown.

use crate::Key;

/// Returns a table in Markdown with a row for each key: its name, the form of its values, its default and its meaning.
///
/// ```
/// use config_file::{Key, default, reference_table};
///
/// let rows = [Key::ours("timeout", "duration", default("60s"), "time that one answer may take")];
/// assert!(reference_table(&rows).ends_with("| `timeout` | duration | 60s | time that one answer may take |\n"));
/// ```
#[must_use]
pub fn reference_table(keys: &[Key]) -> String {
    let mut table = String::from("| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for key in keys {
        let [value, default, meaning] = [key.value, key.default(), key.meaning].map(cell);
        table.push_str(&format!("| `{}` | {value} | {default} | {meaning} |\n", key.name));
    }
    table
}

/// Returns a text as a cell may hold it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::absent;

    #[test]
    fn a_bar_in_a_text_does_not_end_the_cell() {
        let table = reference_table(&[Key::ours("x", "a|b", absent("none"), "c|d")]);
        assert!(table.ends_with("| `x` | a\\|b | none | c\\|d |\n"), "{table}");
    }
}
