//! `cargo xtask bench`: what answers cost, measured on real processes over loopback.
//!
//! Each group of measurements is a file here and an entry in [`GROUPS`]. The numbers are for the docs; nothing here
//! passes or fails by the clock.

mod check;
mod comparison;
pub(crate) mod connection;
mod daemon;
mod directory;
mod exports;
mod first_answers;
mod hits;
pub(crate) mod installation;
mod large;
mod load;
mod lookups;
mod mirror;
pub(crate) mod misp;
mod others;
mod page;
pub(crate) mod process;
mod processor_time;
pub(crate) mod programs;
mod section;
pub(crate) mod soak;
mod start;
mod static_servers;
mod streams;

use daemon::Daemon;
use programs::Programs;
use section::{Section, table_of_aims};

/// A group of measurements, `cargo xtask bench NAME`.
struct Group {
    name: &'static str,
    /// What may follow the name, for the list of commands.
    words: &'static str,
    most_words: usize,
    summary: &'static str,
    run: Run,
}

/// What a group does with the words behind its name.
#[derive(Clone, Copy)]
enum Run {
    /// Is a part of `cargo xtask bench`, and of the page.
    Section(fn(Option<&str>) -> anyhow::Result<Section>),
    /// Prints for itself.
    Printed(fn(Option<&str>, Option<&str>) -> anyhow::Result<()>),
}

const GROUPS: &[Group] = &[
    Group {
        name: "hits",
        words: "[PART]",
        most_words: 1,
        summary: "answers out of memory beside bare hyper and nginx, all cases or those with PART in their names",
        run: Run::Section(hits::run),
    },
    Group {
        name: "instructions",
        words: "",
        most_words: 0,
        summary: "processor instructions of hits and of the parts of an answer; needs valgrind",
        run: Run::Section(check::section),
    },
    Group {
        name: "first",
        words: "[N]",
        most_words: 1,
        summary: "first answers of up to N rows (1 000 000) against the fastest reading of the same JSON",
        run: Run::Section(first_answers::run),
    },
    Group {
        name: "exports",
        words: "[OUTPUT]",
        most_words: 1,
        summary: "a million values in each output, or in one",
        run: Run::Section(exports::run),
    },
    Group {
        name: "start",
        words: "",
        most_words: 0,
        summary: "start to listening, and memory when idle",
        run: Run::Section(start::run),
    },
    Group {
        name: "lookups",
        words: "[N]",
        most_words: 1,
        summary: "look-ups in a large index (1 000 000 values)",
        run: Run::Section(lookups::run),
    },
    Group {
        name: "streams",
        words: "[N]",
        most_words: 1,
        summary: "listeners of one feed (5 000)",
        run: Run::Section(streams::run),
    },
    Group {
        name: "others",
        words: "[N]",
        most_words: 1,
        summary: "others while a feed of N (1 000 000) is made",
        run: Run::Section(others::run),
    },
    Group {
        name: "large",
        words: "[N]",
        most_words: 1,
        summary: "a feed of N (100 000) domains: first answer, second answer, memory",
        run: Run::Printed(|attributes, _| large::run(attributes)),
    },
    Group {
        name: "mirror",
        words: "[A E]",
        most_words: 2,
        summary: "the mirror of a large MISP against its limits (1 000 000 attributes, 20 000 events)",
        run: Run::Printed(mirror::run),
    },
];

/// The word for counts of instructions.
const CHECK: &str = "--check";

/// The word that has a group written into the page, or a new baseline.
const WRITE: &str = "--write";

/// Returns what these words behind `cargo xtask bench` ask for, if anything.
pub(crate) fn chore(words: &[&str]) -> Option<Box<dyn FnOnce() -> anyhow::Result<()>>> {
    match words {
        [] => return Some(Box::new(all)),
        [word] if *word == CHECK => return Some(Box::new(check::run)),
        [one, other] if *one == CHECK && *other == WRITE => return Some(Box::new(check::write)),
        _ => (),
    }
    let (name, rest) = words.split_first()?;
    let group = GROUPS.iter().find(|group| group.name == *name)?;
    let (rest, is_written) = match rest {
        [rest @ .., last] if *last == WRITE => (rest, true),
        _ => (rest, false),
    };
    let is_section = matches!(group.run, Run::Section(_));
    if rest.len() > group.most_words || (is_written && !is_section) {
        return None;
    }
    let rest: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
    Some(Box::new(move || {
        let word = |at: usize| rest.get(at).map(String::as_str);
        match group.run {
            Run::Section(run) => show(group.name, &run(word(0))?, is_written),
            Run::Printed(run) => run(word(0), word(1)),
        }
    }))
}

/// Measures all groups of the page, prints them, and writes the page. A group that fails leaves its text there.
fn all() -> anyhow::Result<()> {
    let (mut aims, mut failed) = (Vec::new(), Vec::new());
    for group in GROUPS {
        if let Run::Section(run) = group.run {
            match run(None) {
                Ok(section) => {
                    show(group.name, &section, true)?;
                    aims.extend(section.aims);
                }
                Err(error) => failed.push(format!("{}: {error:#}", group.name)),
            }
        }
    }
    let table = table_of_aims(&aims);
    println!("{table}");
    page::write("aims", &table)?;
    anyhow::ensure!(failed.is_empty(), "not measured: {}", failed.join("; "));
    Ok(())
}

fn show(name: &str, section: &Section, is_written: bool) -> anyhow::Result<()> {
    println!("{}", section.text);
    if !section.aims.is_empty() {
        println!("{}", table_of_aims(&section.aims));
    }
    if is_written {
        page::write(name, &section.text)?;
    }
    Ok(())
}

/// Prints what can be measured for the list of commands.
pub(crate) fn usage() {
    eprintln!(
        "  {:<18} measures those of the groups below that are in docs/performance.md, and writes them there",
        "bench"
    );
    eprintln!(
        "  {:<18} compares counts of instructions with the baseline (with --write: makes a new one)",
        "bench --check"
    );
    for group in GROUPS {
        let command = format!("bench {} {}", group.name, group.words);
        eprintln!("    {command:<18} {}", group.summary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_of_the_page_has_marks_in_it() {
        let sections = GROUPS.iter().filter(|group| matches!(group.run, Run::Section(_)));
        for name in sections.map(|group| group.name).chain(["aims"]) {
            assert!(
                page::has_marks(name).unwrap(),
                "docs/performance.md has no marks of {name}"
            );
        }
    }

    #[test]
    fn words_that_no_group_takes_are_refused() {
        assert!(chore(&["hits", "304", "--write"]).is_some() && chore(&["mirror", "50000", "1000"]).is_some());
        assert!(chore(&["500000"]).is_none() && chore(&["hits", "304", "15"]).is_none());
        assert!(chore(&["mirror", "--write"]).is_none());
    }
}
