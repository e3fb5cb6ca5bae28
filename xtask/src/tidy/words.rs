//! Words that must not stand in the repository: places that exist on one machine only, and promises to finish later.
//!
//! The patterns are put together from halves, so that this file does not break its own rule.

use super::files::File;

/// Hosts that packages come from; the clients know them, and another network has others.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("deb.debian", ".org"),
    concat!("files.pythonhosted", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("pypi", ".org"),
    concat!("registry.npmjs", ".org"),
];

/// Beginnings of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("../sh", "ared"),
];

/// Open work belongs into an issue.
const PROMISES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimpl", "emented!"),
];

pub(crate) fn breaches(files: &[File]) -> Vec<String> {
    files.iter().flat_map(breaches_in).collect()
}

fn breaches_in(file: &File) -> Vec<String> {
    // Cargo writes the lock file, and names the source of every crate there in a form that is the same everywhere.
    let lock = file.path.ends_with("Cargo.lock");
    let written_by_hand = file.has_extension(&["md", "rs", "sh", "toml"]);
    let mut found = Vec::new();
    for (line, number) in file.text.lines().zip(1..) {
        let mut breach = |what: &str, word: &str| found.push(format!("{}:{number}: {what}: {word}", file.path));
        if !lock {
            HOSTS
                .iter()
                .filter(|host| stands_alone(line, host))
                .for_each(|host| breach("a registry's host", host));
            MACHINE_PATHS
                .iter()
                .filter(|path| stands_alone(line, path))
                .for_each(|path| breach("a path of one machine", path));
        }
        if written_by_hand {
            PROMISES
                .iter()
                .filter(|word| stands_alone(line, word))
                .for_each(|word| breach("not finished", word));
        }
    }
    found
}

/// Returns whether `line` contains `word`, and not only as the end of a longer word.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        let open_ended = word.ends_with(['/', '!']);
        // `static.` before a host is still that host; a folder before a path makes it a relative one.
        let joined = |c: char| c.is_alphanumeric() || c == '_' || (word.starts_with('/') && ".-}".contains(c));
        !before.is_some_and(joined) && (open_ended || !after.is_some_and(|c| c.is_alphanumeric() || c == '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        breaches(&[File {
            path: path.to_owned(),
            text: text.to_owned(),
        }])
        .len()
    }

    #[test]
    fn a_registry_host_is_found_with_and_without_a_sub_domain() {
        assert_eq!(
            found(
                "README.md",
                concat!("see https://static.crates", ".io/x\nand crates", ".io")
            ),
            2
        );
        assert_eq!(found("Cargo.lock", concat!("source = \"crates", ".io-index\"")), 0);
    }

    #[test]
    fn a_path_of_one_machine_is_found_and_a_relative_one_is_not() {
        assert_eq!(found("a.json", concat!("\"/ho", "me/me/x\"")), 1);
        assert_eq!(found("a.json", concat!("docs/ho", "me/x")), 0);
        assert_eq!(found("a.rs", concat!("include_str!(\"../../../sh", "ared/x\")")), 1);
    }

    #[test]
    fn a_promise_is_found_in_what_people_write_only() {
        assert_eq!(found("a.rs", concat!("// TO", "DO later")), 1);
        assert_eq!(found("data.json", concat!("\"TO", "DO\"")), 0);
        assert_eq!(found("a.rs", concat!("AUTO", "DOC")), 0);
    }
}
