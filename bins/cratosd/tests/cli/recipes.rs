//! Every URL in `docs/recipes` answers with a feed of the sample MISP.

use std::fs;
use std::path::Path;

use crate::demo::{Demo, demo};
use crate::support::get;

const SERVER: &str = "https://cratos.example.net";

#[test]
fn every_url_of_the_recipes_answers() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start(demo(directory.path()));
    let urls = urls();
    assert!(urls.len() > 40, "{urls:?}");
    for (page, path) in urls {
        // A device with the token in the path sends no header.
        let header = Some(demo.token.as_str()).filter(|_| !path.starts_with("/t/"));
        let answer = get(&format!("{}{}", demo.base, path.replace("TOKEN", &demo.token)), header);
        assert_eq!(answer.status, 200, "{page}: {path}: {}", answer.body);
        assert!(!answer.body.is_empty(), "{page}: {path} is empty");
    }
}

/// Returns the paths of the feeds that the pages name, each with its page. Paths with `…` or a word in capitals for a
/// part are explanations.
fn urls() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes");
    let mut urls = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for rest in text.split(SERVER).skip(1) {
            let end = rest.find([' ', '`', '"', '\n']).unwrap_or(rest.len());
            let is_feed = rest[..end].contains("/v1/feed/");
            let is_explanation = rest[..end].contains('…') || rest[..end].contains("/FEED/");
            if is_feed && !is_explanation {
                urls.push((path.display().to_string(), rest[..end].to_owned()));
            }
        }
    }
    urls
}
