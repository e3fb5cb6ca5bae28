//! The fenced blocks of the handbook (`docs/` and the README). Tests run them, since readers paste them.
//!
//! The word behind the language says which test takes a block: in `` ```sh run `` it is `run`. Readers show only the
//! language.

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block of a page.
#[derive(Clone, Debug)]
pub struct Block {
    /// The page, relative to the repository: `docs/tokens.md`.
    pub page: String,
    /// The line of the fence, from 1.
    pub line: usize,
    /// The first word behind the fence: `sh`, `yaml`, …
    pub language: String,
    /// The second word, which names the test that takes the block; may be empty.
    pub kind: String,
    /// The text between the fences, without the indentation of the fence.
    pub text: String,
}

impl Block {
    /// Returns the place of the block for messages, for example `docs/tokens.md:8`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

/// Returns every fenced block of the handbook, page by page, in order.
///
/// # Panics
/// If a page cannot be read, or a fence is not closed.
#[must_use]
pub fn blocks() -> Vec<Block> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut pages: Vec<PathBuf> = fs::read_dir(root.join("docs"))
        .unwrap_or_else(|error| panic!("docs: {error}"))
        .map_while(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    let docs = pages.iter().flat_map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        of_page(&format!("docs/{name}"), &read(path))
    });
    let readme = of_page("README.md", &read(&root.join("README.md")));
    readme.into_iter().chain(docs).collect()
}

/// Returns the text of the block of this kind on a page such as `docs/recipes/mail.md`.
///
/// # Panics
/// If the page cannot be read, or has not exactly one such block.
#[must_use]
pub fn block(page: &str, kind: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut found = of_page(page, &text).into_iter().filter(|block| block.kind == kind);
    match (found.next(), found.next()) {
        (Some(block), None) => block.text,
        _ => panic!("{page}: not one block of the kind {kind}"),
    }
}

fn of_page(page: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    for (number, line) in text.lines().enumerate() {
        let indentation = line.len() - line.trim_start().len();
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(words)) => {
                let mut words = words.split_whitespace().map(str::to_owned);
                let block = Block {
                    page: page.to_owned(),
                    line: number + 1,
                    language: words.next().unwrap_or_default(),
                    kind: words.next().unwrap_or_default(),
                    text: String::new(),
                };
                open = Some((block, indentation));
            }
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(block, _)| block)),
            (Some((block, indentation)), None) => {
                block.text.push_str(line.get(*indentation..).unwrap_or_default());
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a fence is not closed");
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_place_their_words_and_their_text() {
        let text = "a\n```sh run\nls\n\nls -l\n```\n1. b\n   ```yaml config/config.yaml\n   key: 1\n     deep: 2\n   ```\n```text\n```\n";
        let found = of_page("docs/a.md", text);
        let shown: Vec<_> = found
            .iter()
            .map(|block| {
                (
                    block.place(),
                    block.language.as_str(),
                    block.kind.as_str(),
                    block.text.as_str(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("docs/a.md:2".to_owned(), "sh", "run", "ls\n\nls -l\n"),
                (
                    "docs/a.md:8".to_owned(),
                    "yaml",
                    "config/config.yaml",
                    "key: 1\n  deep: 2\n"
                ),
                ("docs/a.md:12".to_owned(), "text", "", ""),
            ]
        );
    }
}
