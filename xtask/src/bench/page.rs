//! The page that the bench writes into. Only the text between two marks is replaced: the rest is written by people.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::cargo;

/// Replaces what stands between the marks of this group.
pub(super) fn write(group: &str, text: &str) -> anyhow::Result<()> {
    let file = path();
    let page = std::fs::read_to_string(&file)?;
    let page = replaced(&page, group, text)
        .with_context(|| format!("{} has no marks {} … {}", file.display(), begin(group), end(group)))?;
    Ok(std::fs::write(&file, page)?)
}

/// Returns whether the page has a place for this group.
#[cfg(test)]
pub(super) fn has_marks(group: &str) -> anyhow::Result<bool> {
    Ok(replaced(&std::fs::read_to_string(path())?, group, "").is_some())
}

fn path() -> PathBuf {
    cargo::root().join("docs/performance.md")
}

fn begin(group: &str) -> String {
    format!("<!-- bench {group} -->\n")
}

fn end(group: &str) -> String {
    format!("<!-- end of {group} -->")
}

fn replaced(page: &str, group: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(&begin(group))?;
    let (_, after) = rest.split_once(&end(group))?;
    let (begin, end, text) = (begin(group), end(group), text.trim());
    Some(format!("{before}{begin}\n{text}\n\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_outside_of_the_marks_stays() {
        let page = "by hand\n<!-- bench hits -->\nold\n<!-- end of hits -->\nby hand too\n";
        let new = replaced(page, "hits", "| new |\n").unwrap();
        assert_eq!(
            new,
            "by hand\n<!-- bench hits -->\n\n| new |\n\n<!-- end of hits -->\nby hand too\n"
        );
        assert_eq!(replaced(&new, "hits", "| new |").unwrap(), new);
    }

    #[test]
    fn a_page_without_marks_is_refused() {
        assert!(replaced("<!-- bench hits -->\n", "hits", "").is_none());
        assert!(replaced("<!-- bench hits -->\n<!-- end of hits -->", "first", "").is_none());
    }
}
