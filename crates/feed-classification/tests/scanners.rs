//! The bytes of `clamav` and `yara`, loaded by the real programs, which then find the listed files.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use feed_classification::export::testkit::{self, chosen};
use feed_classification::{ExportCounts, IndicatorType as Kind, Registry};

fn export(output: &str, kind: Kind, values: &[&str]) -> (String, ExportCounts) {
    chosen(output, &[], kind, values)
}

/// Runs a program in a folder and returns its status and all that it writes.
fn run(program: &Path, words: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = Command::new(program).args(words).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

mod clamav {
    use super::*;

    /// A text of 1 000 letters, since ClamAV looks at no file of a few bytes, and its hashes.
    const FOUND: [(Kind, &str); 3] = [
        (Kind::FileMd5, "cabe45dcc9ae5b66ba86600cca6b8ba8"),
        (Kind::FileSha1, "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
        (
            Kind::FileSha256,
            "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3",
        ),
    ];

    fn scan(program: &Path, database: &str) -> (Option<i32>, String) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("cratos.hsb", database);
        write("listed", &"a".repeat(1_000));
        write("other", &"b".repeat(1_000));
        run(
            program,
            &["--no-summary", "--database=cratos.hsb", "listed", "other"],
            folder.path(),
        )
    }

    #[test]
    fn a_file_is_found_by_each_of_its_hashes_and_another_is_not() {
        let Some(clamscan) = test_peers::program("clamscan") else {
            return;
        };
        for (kind, hash) in FOUND {
            let mut values = testkit::values(kind);
            values.push(hash.to_owned());
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let (status, said) = scan(&clamscan, &export("clamav", kind, &values).0);
            let name = hash.get(..16).unwrap();
            assert!(
                said.contains(&format!("listed: Cratos.{kind}.{name}.UNOFFICIAL FOUND")),
                "{said}"
            );
            assert!(said.contains("other: OK") && !said.contains("Error"), "{said}");
            assert_eq!(status, Some(1));
        }
    }

    #[test]
    fn the_database_of_an_empty_feed_loads_and_finds_nothing() {
        let Some(clamscan) = test_peers::program("clamscan") else {
            return;
        };
        let (status, said) = scan(&clamscan, &export("clamav", Kind::FileSha256, &[]).0);
        assert_eq!(status, Some(0), "{said}");
        assert!(said.contains("listed: OK") && !said.contains("Error"), "{said}");
        let (status, said) = scan(&clamscan, "");
        assert_eq!(status, Some(2), "without its comment the file would be refused: {said}");
    }
}

mod yara {
    use super::*;

    /// Texts as people publish them; each breaks a file of all of them, or the other rules in it.
    const BAD: [(&str, &str); 22] = [
        (
            "rule x { strings: $a = \u{201c}abc\u{201d} condition: $a }",
            "yara_syntax",
        ),
        ("rule x { condition: true", "yara_syntax"),
        ("rule x { condition: true } garbage", "yara_syntax"),
        ("\u{feff}rule x { condition: true }", "yara_syntax"),
        ("no rule", "yara_syntax"),
        ("// only a comment {}", "yara_no_rule"),
        ("import \"pe\"  // {}", "yara_no_rule"),
        ("rule x { condition: true } /* open", "yara_too_complex"),
        (
            "rule x { strings: $a = \"abc\" condition: true }",
            "yara_does_not_compile",
        ),
        ("rule x { condition: $a }", "yara_does_not_compile"),
        (
            "rule x { condition: later } rule later { condition: true }",
            "yara_does_not_compile",
        ),
        ("rule x { condition: filename == \"a\" }", "yara_does_not_compile"),
        ("rule x { condition: pe.no_such_field == 1 }", "yara_does_not_compile"),
        (
            "rule x { condition: true } rule x { condition: true }",
            "yara_does_not_compile",
        ),
        ("rule x : a a { condition: true }", "yara_does_not_compile"),
        ("import \"nothing\" rule x { condition: true }", "yara_module"),
        ("import \"cuckoo\" rule x { condition: true }", "yara_module"),
        ("global rule x { condition: false }", "yara_global_rule"),
        ("include \"/etc/passwd\" rule x { condition: true }", "yara_include"),
        (
            "rule x1 { condition: true } rule y { condition: any of (x*) }",
            "yara_set_of_rules",
        ),
        (
            "rule x { strings: $a = { 01 ~02 } condition: $a }",
            "yara_newer_version",
        ),
        (
            "rule x { strings: $_a = \"abc\" condition: true }",
            "yara_newer_version",
        ),
    ];

    const GOOD: [&str; 8] = [
        "rule found { strings: $a = \"needle\" condition: $a }",
        "rule found { strings: $a = \"needle\" nocase condition: $a }",
        "rule not_found { strings: $a = \"absent\" condition: $a }",
        "rule imports_nothing { condition: math.entropy(0, filesize) >= 0.0 and not pe.is_pe }",
        "import \"hash\"\r\nimport \"math\"\r\nrule imports { condition: hash.md5(0, filesize) != \"\" }\r\n",
        "private rule base { strings: $a = \"needle\" condition: $a }\nrule with_base { condition: base and any of (base) }",
        "private rule base { condition: false }\nrule without_base { condition: base }",
        "rule texts { meta: who = \"J\u{fc}rgen\" strings: $a = /ne{2}dle/ // \u{201c}quotes\u{201d}\ncondition: #a > 0 }",
    ];

    fn scan(program: &Path, rules: &str) -> (Option<i32>, BTreeSet<String>, String) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cratos.yar"), rules).unwrap();
        fs::write(folder.path().join("file"), "hay needle hay").unwrap();
        let (status, said) = run(program, &["--no-warnings", "cratos.yar", "file"], folder.path());
        let found = said.lines().filter_map(|line| line.strip_suffix(" file"));
        (status, found.map(str::to_owned).collect(), said.clone())
    }

    #[test]
    fn a_bad_text_is_left_out_with_its_reason() {
        let registry = Registry::builtin();
        let exporter = registry.by_name("yara").unwrap();
        for (text, reason) in BAD {
            let item = feed_classification::Indicator::new(Kind::Yara, text);
            assert_eq!(
                exporter.leaves_out(&item).map(|found| found.reason()),
                Some(reason),
                "{text}"
            );
        }
    }

    #[test]
    fn the_good_rules_of_good_and_bad_texts_match() {
        let Some(yara) = test_peers::program("yara") else {
            return;
        };
        let texts: Vec<&str> = GOOD.iter().copied().chain(BAD.map(|(text, _)| text)).collect();
        let (bundle, counts) = export("yara", Kind::Yara, &texts);
        assert_eq!(
            (counts.written, counts.quarantined),
            (GOOD.len() as u64, BAD.len() as u64)
        );
        let (status, found, said) = scan(&yara, &bundle);
        assert_eq!(status, Some(0), "{said}\n{bundle}");
        let (renamed, kept): (BTreeSet<String>, _) = found.into_iter().partition(|name| name.starts_with("found_"));
        assert_eq!(
            renamed.len(),
            2,
            "both rules of one name match under names of their own: {said}"
        );
        let expected = ["imports", "imports_nothing", "texts", "with_base"];
        assert_eq!(kept, expected.map(str::to_owned).into_iter().collect(), "{said}");
    }

    #[test]
    fn what_is_left_out_would_break_the_file() {
        let Some(yara) = test_peers::program("yara") else {
            return;
        };
        let harmless = ["yara_global_rule", "yara_include", "yara_no_rule", "yara_set_of_rules"];
        // `cuckoo` is in Debian's YARA and not in every other one.
        let other = |text: &str| text.contains("cuckoo") || text.contains("/* open");
        for (text, reason) in BAD {
            if !harmless.contains(&reason) && !other(text) {
                let (status, _, said) = scan(&yara, &format!("{}\n{text}\n", GOOD[0]));
                assert_ne!(status, Some(0), "{text}: {said}");
            }
        }
    }

    #[test]
    fn an_empty_feed_is_a_file_that_loads() {
        let Some(yara) = test_peers::program("yara") else {
            return;
        };
        let (status, found, said) = scan(&yara, &export("yara", Kind::Yara, &[]).0);
        assert_eq!((status, found.len()), (Some(0), 0), "{said}");
    }

    /// The order of the texts must not decide which rule keeps a name, or alerts would change their meaning.
    #[test]
    fn names_do_not_depend_on_what_else_has_the_name() {
        let three = [GOOD[0], GOOD[1], "rule found { condition: false }"];
        let names = |bundle: &str| -> BTreeSet<String> {
            let words = bundle.split_whitespace();
            words
                .filter(|word| word.starts_with("found"))
                .map(str::to_owned)
                .collect()
        };
        let (of_two, of_three) = (
            names(&export("yara", Kind::Yara, &three[..2]).0),
            names(&export("yara", Kind::Yara, &three).0),
        );
        assert_eq!((of_two.len(), of_three.len()), (2, 3));
        assert!(of_two.is_subset(&of_three));
        assert_eq!(
            names(&export("yara", Kind::Yara, &three[..1]).0),
            ["found".to_owned()].into()
        );
    }

    #[test]
    fn hostile_texts_end_soon() {
        let nested = |open: &str, close: &str, depth: usize| {
            format!(
                "rule x {{ condition: {}true{} }}",
                open.repeat(depth),
                close.repeat(depth)
            )
        };
        let strings = |string: &str, count: usize| {
            let all: String = (0..count).map(|number| format!("$a{number} = {string} ")).collect();
            format!("rule x {{ strings: {all} condition: any of them }}")
        };
        let texts = [
            nested("(", ")", 20),
            nested("not (", ")", 20),
            nested("(", ")", 100_000),
            format!("rule x {{ condition: {}1 == 1 }}", "1 + ".repeat(200_000)),
            format!("rule x {{ condition: {}true }}", "not ".repeat(200_000)),
            format!("rule x {{ condition: {}true }}", "true or ".repeat(20_000)),
            strings("/((a{1,1000}){1,1000}){1,1000}/", 1),
            strings("/[a-z]{1,1000}x/", 9_000),
            strings("/a.{0,30000}b.{0,30000}c/", 1),
            strings("{ 01 [1-100000] 02 [1-100000] 03 }", 1),
            strings("{ 01 (02|03|04|05) [1-20] ?? }", 9_000),
            strings(&format!("\"{}\" xor", "x".repeat(100)), 9_000),
            strings("\"abcdef\" base64 base64wide", 9_000),
            (0..2_000)
                .map(|number| format!("rule r{number} {{ condition: true }}\n"))
                .collect(),
        ];
        for text in &texts {
            let start = std::time::Instant::now();
            let _ = export("yara", Kind::Yara, &[text]);
            let seconds = start.elapsed().as_secs_f64();
            let shown = text.get(..60).unwrap_or(text);
            println!("{seconds:.3} s for {} bytes: {shown}", text.len());
            assert!(seconds < 20.0, "{seconds} s: {shown}");
        }
    }

    /// Where YARA and the compiler here differ, an operator has a file that does not load. Set `CRATOS_YARA_RULES` to a
    /// folder of public rules to compare them.
    #[test]
    fn a_folder_of_public_rules_is_one_file_that_loads() {
        let (Some(folder), Some(yara)) = (std::env::var_os("CRATOS_YARA_RULES"), test_peers::program("yara")) else {
            return;
        };
        let mut texts = Vec::new();
        let mut folders = vec![PathBuf::from(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "yar" || extension == "yara")
                {
                    texts.extend(fs::read_to_string(entry.path()));
                }
            }
        }
        let values: Vec<&str> = texts.iter().map(String::as_str).collect();
        let start = std::time::Instant::now();
        let (bundle, counts) = export("yara", Kind::Yara, &values);
        println!("{counts:?} in {:?}", start.elapsed());
        let (status, _, said) = scan(&yara, &bundle);
        assert_eq!(status, Some(0), "{said}");
    }
}
