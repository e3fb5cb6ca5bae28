//! Files stay small enough to be read in one go. Tests do not count.

use super::files::File;

/// Above this many lines a file is listed.
const LOOK_TWICE: usize = 500;

/// Above this many lines a file is refused.
const TOO_LONG: usize = 900;

/// Large files, and files that are too large.
#[derive(Default)]
pub(crate) struct Sizes {
    pub(crate) notes: Vec<String>,
    pub(crate) breaches: Vec<String>,
}

pub(crate) fn look(files: &[File]) -> Sizes {
    let mut sizes = Sizes::default();
    for file in files
        .iter()
        .filter(|file| file.has_extension(&["rs"]) && !is_test(&file.path))
    {
        let lines = lines_before_tests(&file.text);
        if lines > TOO_LONG {
            sizes.breaches.push(format!(
                "{}: {lines} lines without its tests, {TOO_LONG} are the most: split it",
                file.path
            ));
        } else if lines > LOOK_TWICE {
            sizes
                .notes
                .push(format!("{}: {lines} lines without its tests", file.path));
        }
    }
    sizes
}

fn is_test(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "benches" | "tests" | "tests.rs"))
}

/// Counts the lines above the test module, which stands last.
fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let test_module = |pair: &[&str]| matches!(pair, ["#[cfg(test)]", next] if next.starts_with("mod "));
    lines.windows(2).position(test_module).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_test_module_do_not_count() {
        assert_eq!(lines_before_tests("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
        assert_eq!(lines_before_tests("a\n#[cfg(test)]\nuse b;\nc\n"), 4);
    }

    #[test]
    fn long_files_are_listed_and_very_long_ones_refused() {
        let file = |path: &str, lines: usize| File {
            path: path.to_owned(),
            text: "x\n".repeat(lines),
        };
        let sizes = look(&[
            file("a.rs", 500),
            file("b.rs", 501),
            file("c.rs", 901),
            file("crates/x/tests/d.rs", 2000),
        ]);
        assert_eq!(sizes.notes, ["b.rs: 501 lines without its tests"]);
        assert_eq!(sizes.breaches.len(), 1);
        assert!(sizes.breaches[0].starts_with("c.rs: 901 lines"));
    }
}
