//! Reading a file of any bytes ends with a value or with problems, and no problem shows a secret.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail where it stands, in its helpers too"
)]

use std::fs;

use proptest::prelude::*;
use site_config::{Core, Mappings, Paths, Problem, Site, SiteName, load};

fn name() -> SiteName {
    "misp.example.net".parse().unwrap()
}

fn read_all(text: &str) -> Vec<Problem> {
    let outcomes = [
        Core::from_yaml(text).err(),
        Mappings::from_yaml(text).err(),
        Site::from_yaml(name(), text).err(),
    ];
    outcomes.into_iter().flatten().flatten().collect()
}

/// Text made of what YAML and our files are made of, so that it gets past the first line.
fn likely_text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(
            site_config::reference()
                .map(|key| key.name.to_owned())
                .collect::<Vec<_>>()
        ),
        "[a-z0-9./:<>%&!*|~\"'#-]{0,12}",
        prop::sample::select(
            [
                "yes",
                "~",
                "[",
                "]",
                "{",
                "}",
                "- ",
                "&a ",
                "*a",
                "<<",
                "!!str ",
                "!x ",
                "|",
                ">",
                "? ",
                "---",
                "\t",
                "\u{feff}",
                "10.0.0.1/8",
                "1w",
                "7d",
                "💥"
            ]
            .map(str::to_owned)
            .to_vec()
        ),
    ];
    let join = prop::sample::select(vec!["", ": ", "\n", "\n  ", "\n- ", ", ", " "]);
    prop::collection::vec((word, join), 0..60)
        .prop_map(|parts| parts.into_iter().map(|(word, join)| word + join).collect())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("misp.example.net.yaml");
        fs::write(&path, &bytes).unwrap();
        let paths = Paths { config: path.clone(), mappings: path, sites: dir.path().to_owned() };
        let problems = load(&paths).expect_err("these bytes have no encryption key");
        for problem in problems {
            prop_assert_eq!(problem.to_string().lines().count(), 1);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        read_all(&text);
    }

    #[test]
    fn likely_text_never_panics_and_every_problem_is_one_line_in_the_file(text in likely_text()) {
        let lines = text.split('\n').count() + 1;
        for problem in read_all(&text) {
            prop_assert_eq!(problem.to_string().lines().count(), 1, "{}", problem);
            prop_assert!(problem.line >= 1 && problem.column >= 1);
            prop_assert!(problem.line as usize <= lines, "{} of {lines}", problem);
        }
    }

    #[test]
    fn arbitrary_names_never_panic(text in any::<String>()) {
        if let Ok(name) = text.parse::<SiteName>() {
            // A name is a file name and a part of a URL.
            prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b)));
            prop_assert_eq!(name.to_string().parse::<SiteName>(), Ok(name));
        }
    }
}
