//! Links from one file of ours to another lead somewhere.

use std::collections::BTreeSet;

use super::files::File;

/// Returns every relative link in a Markdown file whose target is not there.
pub(super) fn breaches(files: &[File]) -> Vec<String> {
    let known = paths(files);
    let pages = files.iter().filter(|file| file.has_extension(&["md"]));
    pages.flat_map(|page| broken(page, &known)).collect()
}

/// All files, and all folders that have one somewhere below.
fn paths(files: &[File]) -> BTreeSet<&str> {
    let mut known = BTreeSet::new();
    for file in files {
        known.insert(file.path.as_str());
        let ends = file.path.match_indices('/').map(|(end, _)| end);
        known.extend(ends.filter_map(|end| file.path.get(..end)));
    }
    known
}

fn broken(page: &File, known: &BTreeSet<&str>) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut in_code = false;
    for (line, number) in page.text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line).filter(|target| !leads_somewhere(&page.path, target, known)) {
            breaches.push(format!("{}:{number}: {target}: there is no such file", page.path));
        }
    }
    breaches
}

/// What stands in the parentheses of `[text](target)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

fn leads_somewhere(page: &str, target: &str, known: &BTreeSet<&str>) -> bool {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() || target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            part => parts.push(part),
        }
    }
    known.contains(parts.join("/").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        breaches(&[
            file("README.md", ""),
            file("docs/page.md", text),
            file("docs/other.md", ""),
            file("crates/a/src/lib.rs", ""),
        ])
    }

    #[test]
    fn files_folders_and_other_places_are_fine() {
        let text = "[a](other.md) and [b](other.md#part), [c](../README.md) [d](../crates/a/) [e](#here) [f](https://example.net/x)";
        assert_eq!(found(text), [""; 0]);
        assert_eq!(found("```text\n[a](nowhere.md)\n```"), [""; 0]);
    }

    #[test]
    fn what_leads_nowhere_is_named_with_its_line() {
        assert_eq!(
            found("one\n[a](nowhere.md) [b](../docs/other.md)"),
            ["docs/page.md:2: nowhere.md: there is no such file"]
        );
        assert_eq!(found("[a](../../README.md)").len(), 1);
    }
}
