//! Comments and pages stay within the columns of the code, so that they can be read beside it.
//!
//! rustfmt holds code to [`COLUMNS`] and leaves comments alone.

use super::files::File;

/// `max_width` of `rustfmt.toml`.
const COLUMNS: usize = 120;

/// Generated pages, whose lines are table rows and whole sentences.
const GENERATED: &[&str] = &["docs/attribute-types.md", "-reference.md"];

/// Returns each comment line and each line of a page that is too long. Tables, fenced blocks and links have no other
/// form.
pub(super) fn breaches(files: &[File]) -> Vec<String> {
    files.iter().flat_map(breaches_in).collect()
}

fn breaches_in(file: &File) -> Vec<String> {
    let is_code = file.has_extension(&["rs"]);
    if !(is_code || file.has_extension(&["md"])) || GENERATED.iter().any(|page| file.path.ends_with(page)) {
        return Vec::new();
    }
    let mut in_block = false;
    let mut found = Vec::new();
    for (line, number) in file.text.lines().zip(1..) {
        let Some(text) = prose(line, is_code) else { continue };
        let is_fence = text.trim_start().starts_with("```");
        in_block ^= is_fence;
        if !in_block && !is_fence && line.chars().count() > COLUMNS && can_be_broken(text) {
            found.push(format!("{}:{number}: longer than {COLUMNS} columns", file.path));
        }
    }
    found
}

/// Returns the text of a comment, or a line of a page.
fn prose(line: &str, is_code: bool) -> Option<&str> {
    if !is_code {
        return Some(line);
    }
    let comment = line.trim_start().strip_prefix("//")?;
    Some(comment.trim_start_matches(['/', '!']))
}

/// Returns whether the text is not a table row, and has a space at which its first part fits into a line.
fn can_be_broken(text: &str) -> bool {
    let text = text.trim();
    !text.starts_with('|') && text.chars().take(COLUMNS / 2).any(char::is_whitespace) && !text.starts_with('[')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        breaches(&[file]).len()
    }

    #[test]
    fn long_comments_and_lines_of_pages_are_reported() {
        let long = "word ".repeat(30);
        assert_eq!(found("a.rs", &format!("    /// {long}\n")), 1);
        assert_eq!(found("a.md", &format!("{long}\n")), 1);
        assert_eq!(found("a.rs", "/// short\n"), 0);
    }

    #[test]
    fn tables_fenced_blocks_and_code_are_left_alone() {
        let long = "word ".repeat(30);
        assert_eq!(found("a.md", &format!("| {long} |\n```text\n{long}\n```\n")), 0);
        assert_eq!(found("a.rs", &format!("let a = \"{long}\";\n")), 0);
    }
}
