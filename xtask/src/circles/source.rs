//! The modules of a crate, read from its files.

use std::path::Path;

use anyhow::Context as _;

/// One file of a crate.
#[derive(Debug)]
pub(super) struct Module {
    /// Its place in the crate, for example `["routes", "feed"]`; empty for `lib.rs` and `main.rs`.
    pub(super) place: Vec<String>,
    /// Every path of its `use` lines with groups written out, for example `["crate", "app", "App"]`.
    pub(super) uses: Vec<Vec<String>>,
    /// The modules that it declares.
    pub(super) children: Vec<String>,
}

/// Reads every module below `folder`, without modules that only tests have.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn modules(folder: &Path) -> anyhow::Result<Vec<Module>> {
    let mut modules = Vec::new();
    collect(folder, &[], &mut modules)?;
    // A module that no other module declares belongs to tests, or to another program.
    let declared: Vec<Vec<String>> = modules.iter().flat_map(declared_by).collect();
    modules.retain(|module| module.place.is_empty() || declared.contains(&module.place));
    Ok(modules)
}

fn declared_by(module: &Module) -> Vec<Vec<String>> {
    let child = |name: &String| module.place.iter().chain([name]).cloned().collect();
    module.children.iter().map(child).collect()
}

fn collect(folder: &Path, place: &[String], modules: &mut Vec<Module>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut here = place.to_vec();
        if path.is_dir() {
            here.push(stem);
            collect(&path, &here, modules)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            if !(place.is_empty() && matches!(&*stem, "lib" | "main")) {
                here.push(stem);
            }
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            modules.push(Module::read(here, &text));
        }
    }
    Ok(())
}

impl Module {
    pub(super) fn read(place: Vec<String>, text: &str) -> Self {
        let code = without_tests(text);
        let statements: Vec<&str> = code.split_inclusive(';').map(last_statement).collect();
        let uses = statements.iter().filter_map(|statement| used(statement));
        let children = statements.iter().filter_map(|statement| declared(statement));
        Self {
            place,
            uses: uses.flat_map(|tree| paths(&tree)).collect(),
            children: children.collect(),
        }
    }
}

/// Returns the code above the test module, without comments, attributes and items that only tests have.
fn without_tests(text: &str) -> String {
    let mut lines = Vec::new();
    let mut only_tests = false;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if line == "#[cfg(test)]" {
            only_tests = true;
        } else if only_tests && line.ends_with('{') && line.contains("mod ") {
            break;
        } else if only_tests {
            only_tests = !(line.ends_with(';') || line.ends_with('}'));
        } else if !line.starts_with("#[") {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Returns what stands after the last line that ends another item.
fn last_statement(text: &str) -> &str {
    let starts = [
        "use ",
        "pub use ",
        "pub(crate) use ",
        "pub(super) use ",
        "mod ",
        "pub mod ",
        "pub(crate) mod ",
        "pub(super) mod ",
    ];
    let begins = |line: &str| starts.iter().any(|start| line.trim_start().starts_with(start));
    let mut offset = 0;
    let mut found = text.len();
    for line in text.split_inclusive('\n') {
        if begins(line) {
            found = offset;
        }
        offset += line.len();
    }
    text.get(found..).unwrap_or_default().trim().trim_end_matches(';')
}

fn used(statement: &str) -> Option<String> {
    let (_, tree) = statement.split_once("use ")?;
    Some(tree.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn declared(statement: &str) -> Option<String> {
    let (_, name) = statement.split_once("mod ")?;
    let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name(name).then(|| name.to_owned())
}

/// Writes a tree such as `crate::{app, routes::{Route, feed}}` out as paths.
fn paths(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, Some(group.strip_suffix('}').unwrap_or(group))),
        None => (tree, None),
    };
    let head: Vec<String> = head
        .split("::")
        .map(|part| part.split(" as ").next().unwrap_or_default().trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let Some(group) = group else { return vec![head] };
    let joined = |tail: Vec<String>| head.iter().cloned().chain(tail).collect();
    members(group).into_iter().flat_map(paths).map(joined).collect()
}

/// Splits at the commas that stand in no inner group.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_u32, 0, Vec::new());
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                found.extend(group.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.extend(group.get(start..));
    found.into_iter().filter(|member| !member.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_out() {
        let found: Vec<String> = paths("crate::{app, routes::{Route as R, feed}}")
            .iter()
            .map(|path| path.join("::"))
            .collect();
        assert_eq!(found, ["crate::app", "crate::routes::Route", "crate::routes::feed"]);
    }

    #[test]
    fn uses_and_modules_are_found_and_those_of_tests_are_not() {
        let text = "\
//! use crate::words;
mod a;
#[cfg(test)]
mod double;
pub(crate) mod b;

use std::{
    fmt,
    io,
};
use crate::x::Y; // why
struct S;
fn f() { g(); }
pub use self::a::A;
#[cfg(test)]
mod tests {
    use crate::other;
}
";
        let module = Module::read(vec!["m".to_owned()], text);
        assert_eq!(module.children, ["a", "b"]);
        let uses: Vec<String> = module.uses.iter().map(|path| path.join("::")).collect();
        assert_eq!(uses, ["std::fmt", "std::io", "crate::x::Y", "self::a::A"]);
    }
}
