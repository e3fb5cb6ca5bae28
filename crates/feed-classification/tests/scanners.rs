//! The bytes of `clamav`, loaded by the real program, which then finds the listed files.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use feed_classification::export::testkit;
use feed_classification::{ExportCounts, FeedInfo, IndicatorSet, IndicatorType as Kind, Registry};

fn export(output: &str, kind: Kind, values: &[&str]) -> (String, ExportCounts) {
    let set = IndicatorSet::of(kind, values.iter().copied());
    let mut body = Vec::new();
    let registry = Registry::builtin();
    let exporter = registry.by_name(output).unwrap();
    let counts = exporter.export(&FeedInfo::new(kind, "block-any-1w"), &mut set.indicators(), &mut body);
    (String::from_utf8(body).unwrap(), counts.unwrap())
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
