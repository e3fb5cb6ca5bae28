//! The file as it is written.

use std::io::Read as _;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::{Place, Report, reading, tree};

/// More than anybody writes by hand; a wrong path must not fill the memory.
const MAX_BYTES: usize = 1 << 20;

/// Returns what the file of this report says, up to 1 MiB. All that is wrong with it goes to the report.
///
/// A value that cannot be read is left out and the rest is still returned, so that the caller can look for more problems. A field
/// `#[serde(default, rename = "$told")] told: Vec<String>` of a struct gets the names of its keys that something was said about.
#[must_use]
pub fn read<T: DeserializeOwned>(report: &mut Report) -> Option<T> {
    let text = match text(report.file()) {
        Ok(text) => text,
        Err(what) => {
            report.wrong(Place::START, "", what, "");
            return None;
        }
    };
    let root = tree::parse(&text, report)?;
    reading::read(&root, report)
}

fn text(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the file cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    // One byte more than may be there, so that a larger file is seen and not cut.
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > MAX_BYTES {
        return Err("the file is larger than 1 MiB, so it is not the configuration".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::Spanned;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        name: Option<Spanned<String>>,
        #[serde(default)]
        count: u16,
        #[serde(default)]
        is_on: bool,
        #[serde(default)]
        items: Vec<Item>,
        #[serde(default, rename = "$told")]
        told: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        path: String,
        #[serde(default)]
        #[allow(dead_code, reason = "only its spelling is tested")]
        mode: Option<String>,
    }

    fn file(bytes: &[u8]) -> (Option<Written>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.yaml");
        std::fs::write(&path, bytes).unwrap();
        let mut report = Report::new(&path);
        let written = read(&mut report);
        let problems = report.finish(None::<()>).unwrap_err();
        let folder = format!("{}/", dir.path().display());
        (
            written,
            problems
                .iter()
                .map(|problem| problem.to_string().replace(&folder, ""))
                .collect(),
        )
    }

    #[test]
    fn a_file_larger_than_a_mebibyte_is_refused_and_not_cut() {
        let mut text = b"name: x\n# ".to_vec();
        text.resize(MAX_BYTES, b'x');
        let (written, problems) = file(&text);
        assert_eq!(written.unwrap().name.unwrap().value, "x");
        assert!(problems.is_empty(), "{problems:?}");
        text.push(b'x');
        let (written, problems) = file(&text);
        assert!(written.is_none());
        assert_eq!(
            problems,
            ["x.yaml:1:1: the file is larger than 1 MiB, so it is not the configuration"]
        );
    }

    #[test]
    fn every_mistake_is_said_once_and_all_at_once() {
        let text = b"nmae: x\ncount: 70000\nis_on: yes\nitems:\n  - pth: a\n  - {path: [a], mode: b}\n  - {path: c, mode: d, more: e}\n  - {mode: f}\n";
        let (written, problems) = file(text);
        assert_eq!(
            problems,
            [
                "x.yaml:1:1: nmae: the key is not known: did you mean `name`?",
                "x.yaml:2:8: count: `70000` is too large: write a whole number from 0 to 65535",
                "x.yaml:3:8: is_on: `yes` is neither true nor false: write true or false",
                "x.yaml:5:5: pth: the key is not known: did you mean `path`?",
                "x.yaml:6:12: path: a list stands where one value belongs: write one value",
                "x.yaml:7:24: more: the key is not known: did you mean `mode`?",
                "x.yaml:8:5: items: `path` is missing",
            ]
        );
        let written = written.unwrap();
        assert_eq!(written.items.len(), 1, "what can be read is there: {written:?}");
        assert_eq!(written.items[0].path, "c");
        assert_eq!(written.told, ["name", "count", "is_on"]);
        assert_eq!((written.count, written.is_on), (0, false));
    }

    #[test]
    fn aliases_and_merges_mean_what_they_mean_in_yaml() {
        let text = b"items:\n  - &one {path: a, mode: b}\n  - *one\n  - {<<: *one, path: c}\nname: null\n";
        let (written, problems) = file(text);
        let written = written.unwrap();
        assert!(problems.is_empty() && written.name.is_none(), "{problems:?}");
        let paths: Vec<&str> = written.items.iter().map(|item| item.path.as_str()).collect();
        assert_eq!(paths, ["a", "a", "c"]);
    }

    #[test]
    fn what_is_no_yaml_is_one_problem() {
        for text in [
            &b"name: ["[..],
            b"",
            b"a\n",
            b"- a\n",
            b"name: \xff\n",
            b"name: x\n---\nname: y\n",
            b"name: x\nname: y\n",
        ] {
            let (_, problems) = file(text);
            assert_eq!(problems.len(), 1, "{problems:?}");
        }
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, of) in ["b", "c", "d", "e", "f", "g"]
            .iter()
            .zip(["a", "b", "c", "d", "e", "f"])
        {
            let items = vec![format!("*{of}"); 10].join(", ");
            text.push_str(&format!("{name}: &{name} [{items}]\n"));
        }
        let (written, problems) = file(text.as_bytes());
        assert!(
            written.is_none() && problems[0].contains("grows beyond"),
            "{problems:?}"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[ -~\n]{0,120}") {
            let _ = file(text.as_bytes());
        }
    }
}
