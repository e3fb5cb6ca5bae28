//! How plain the English of this repository is: turns of phrase per 10 000 words, measured in comments and pages.
//!
//! `cargo xtask words` prints the table. `tidy/prose.rs` holds the limits.

use std::collections::BTreeMap;

use anyhow::Context as _;
use regex::Regex;

use crate::tidy::files::{self, File};

/// A turn of phrase that makes a text hard to read.
pub(crate) struct Turn {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// What finds it, in lower-case text.
    pattern: &'static str,
    /// How often it may stand in 10 000 words. The numbers are those of kube, linkerd2-proxy, dropshot and foundations,
    /// rounded up.
    pub(crate) limit: f64,
    /// What to write instead.
    pub(crate) cure: &'static str,
}

/// The turns that `cargo xtask tidy` keeps rare.
pub(crate) const TURNS: &[Turn] = &[
    Turn {
        name: "what is …",
        pattern: r"\bwhat (?:is|was|has|were|had)\b",
        limit: 2.0,
        cure: "name the thing: \"the dropped values\", not a clause with \"what\"",
    },
    Turn {
        name: "somebody",
        pattern: r"\b(?:some|no|any|every)body\b",
        limit: 1.0,
        cure: "name the subject: \"an operator\", \"no caller\"",
    },
    Turn {
        name: "is no …",
        pattern: r"\b(?:is|are|was|were) no\b|\bnone of\b",
        limit: 5.0,
        cure: "use \"is not a …\", \"does not …\" or \"without\"",
    },
    Turn {
        name: "tells",
        pattern: r"\b(?:tell|tells|told)\b",
        limit: 1.5,
        cure: "use the exact verb: logs, reports, returns, names, shows",
    },
    Turn {
        name: "whoever",
        pattern: r"\b(?:whoever|whomever|who(?: asks| gets| takes| wants| comes| sends| has| is) )",
        limit: 0.5,
        cure: "name the subject: \"the caller\", \"a client\"",
    },
];

/// Examples, which a text should have.
const EXAMPLES: &str = r"\b(?:for example|for instance|such as|e\.g\.)";

/// The words of one room, and how often each turn stands there.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) words: usize,
    /// A place (`path:line`) for each time that a turn of [`TURNS`] was found.
    pub(crate) places: Vec<Vec<String>>,
    examples: usize,
}

impl Measured {
    /// Returns how often the turn at this place of [`TURNS`] stands in 10 000 words.
    pub(crate) fn rate(&self, turn: usize) -> f64 {
        self.per_10_000(self.places.get(turn).map_or(0, Vec::len))
    }

    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand words")]
    fn per_10_000(&self, count: usize) -> f64 {
        count as f64 * 10_000.0 / self.words.max(1) as f64
    }
}

/// Prints the table of every room.
pub(crate) fn print() -> anyhow::Result<()> {
    let rooms = measure(&files::all()?)?;
    print!("{:28} {:>7}", "per 10 000 words", "words");
    TURNS.iter().for_each(|turn| print!(" {:>10}", turn.name));
    println!(" {:>12}", "for example");
    for (name, room) in &rooms {
        print!("{name:28} {:>7}", room.words);
        (0..TURNS.len()).for_each(|turn| print!(" {:>10.1}", room.rate(turn)));
        println!(" {:>12.1}", room.per_10_000(room.examples));
    }
    Ok(())
}

/// Returns the measures of each room: a crate's comments and pages, `docs`, and the rest; and of `all` together.
pub(crate) fn measure(files: &[File]) -> anyhow::Result<BTreeMap<String, Measured>> {
    let patterns = TURNS.iter().map(|turn| Regex::new(turn.pattern).context(turn.name));
    let patterns = patterns.collect::<anyhow::Result<Vec<Regex>>>()?;
    let example = Regex::new(EXAMPLES)?;
    let mut rooms: BTreeMap<String, Measured> = BTreeMap::new();
    for file in files.iter().filter(|file| is_ours_to_read(file)) {
        for name in [room_of(&file.path), "all".to_owned()] {
            let room = rooms.entry(name).or_default();
            room.places.resize_with(TURNS.len(), Vec::new);
            for (line, number) in prose(file) {
                let line = line.to_lowercase();
                room.words += line.split_whitespace().count();
                room.examples += example.find_iter(&line).count();
                for (places, pattern) in room.places.iter_mut().zip(&patterns) {
                    let found = pattern.find_iter(&line).map(|_| format!("{}:{number}", file.path));
                    places.extend(found);
                }
            }
        }
    }
    Ok(rooms)
}

/// This file and its limits name the turns themselves; the pages of the reference's behaviour quote it. The migration
/// tests are a contract with operators of Cratos FastAPI and stay as they were written, comments included.
fn is_ours_to_read(file: &File) -> bool {
    let exempt = ["/tests/data/", "/tests/migration/"];
    file.has_extension(&["md", "rs"])
        && !file.path.ends_with("prose.rs")
        && !exempt.iter().any(|part| file.path.contains(part))
}

fn room_of(path: &str) -> String {
    let mut parts = path.split('/');
    match (parts.next(), parts.next()) {
        (Some(top @ ("crates" | "bins")), Some(name)) => format!("{top}/{name}"),
        (Some(top), Some(_)) => top.to_owned(),
        _ => "top level".to_owned(),
    }
}

/// Returns the lines that people read, with their numbers: comments of code, and pages without their fenced blocks.
fn prose(file: &File) -> Vec<(&str, usize)> {
    let numbered = file.text.lines().zip(1..);
    if file.has_extension(&["rs"]) {
        let comments = numbered.filter_map(|(line, number)| Some((line.trim_start().strip_prefix("//")?, number)));
        return comments.collect();
    }
    let mut in_code = false;
    let page = numbered.filter(|(line, _)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    });
    page.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_pages_are_measured_and_code_is_not() {
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let files = [
            file("crates/a/src/lib.rs", "/// Tells the caller.\nfn told() {}\n"),
            file("docs/b.md", "Nobody, for example.\n```text\nwhoever\n```\n"),
        ];
        let rooms = measure(&files).unwrap();
        assert_eq!(rooms["crates/a"].places[3], ["crates/a/src/lib.rs:1"]);
        assert_eq!(rooms["docs"].places[1], ["docs/b.md:1"]);
        assert_eq!((rooms["docs"].places[4].len(), rooms["docs"].examples), (0, 1));
        assert_eq!(rooms["all"].words, 3 + 1 + 3);
    }
}
