//! A file on disk, read into a struct: its values, its defaults, and all its problems at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail where it stands, in its helpers too"
)]

use std::fs;

use config_file::{Item, Key, Report, Section, Value, absent, default, named, reader, value};
use proptest::prelude::*;

config_file::keys! {
    #[derive(Debug)]
    struct Service {
        ours "name", "text", absent("none"), "how it is called" => name: Option<String> = reader::optional(value::text);
        ours "count", "0 to 65535", default("7"), "how many" => count: u16 = reader::number(0, 65_535);
        ours "is_on", "yes or no", default("True"), "whether it runs" => is_on: bool = reader::yes_no();
        ours "words", "list of words", named("two words", "[a, \"b\"]"), "some words"
            => words: Vec<String> = reader::list(|scalar| Ok(Item::from(scalar.text.to_string())));
        ours "items", "list of items", absent("none"), "what it has";
        ours "inner.size", "size", default("1MiB"), "how large it is";
    } with {
        items: Vec<String>,
        size: u64,
    }
}

const ITEM: &[Key] = &[
    Key::ours("path", "text", absent("required"), "where it is"),
    Key::ours("mode", "text", absent("none"), "how it is"),
];

/// The largest file, in bytes.
const MAX_BYTES: usize = 1 << 20;

fn service(section: &mut Section<'_>) -> Service {
    let complete = Service::read_keys(section);
    let mut inner = section.inner("inner", "inner.");
    let size = inner.value_or_default("size", |scalar| value::size(scalar, 1, 1 << 30));
    inner.finish();
    let mut items = Vec::new();
    for (index, node) in section.nodes("items").unwrap_or_default().into_iter().enumerate() {
        if let Some(mut item) = Section::item(&[ITEM], &format!("items[{index}]"), node, section.report) {
            items.extend(item.required("path", "write one", value::text));
            item.value("mode", value::text);
            item.finish();
        }
    }
    complete(items, size)
}

fn file(bytes: &[u8]) -> (Option<Service>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.yaml");
    fs::write(&path, bytes).unwrap();
    let mut report = Report::new(&path);
    let node = config_file::read(&mut report);
    let section = node.and_then(|node| Section::new(&[Service::KEYS], "", node, &mut report));
    let read = section.map(|mut section| {
        let read = service(&mut section);
        section.finish();
        read
    });
    let folder = format!("{}/", dir.path().display());
    let problems = report.sorted();
    let lines = problems.iter().map(|problem| problem.to_string().replace(&folder, ""));
    (read, lines.collect())
}

#[test]
fn absent_keys_have_the_defaults_of_their_rows() {
    let (read, problems) = file(b"name: x\n");
    let read = read.unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!((read.count, read.is_on, read.size), (7, true, 1 << 20));
    assert_eq!(read.words, ["a", "b"]);
    let defaults = Section::defaults(&[Service::KEYS], "", service);
    assert_eq!((defaults.name, defaults.count), (None, 7));
}

#[test]
fn a_default_is_what_its_row_shows() {
    let shown = |name: &str| Service::KEYS.iter().find(|key| key.name == name).map(Key::default);
    assert_eq!([shown("count"), shown("words")], [Some("7"), Some("two words")]);
    let mut text = String::new();
    for key in Service::KEYS.iter().filter(|key| !key.name.contains('.')) {
        if let Some(value) = key.default_value() {
            text.push_str(&format!("{}: {value}\n", key.name));
        }
    }
    let (written, problems) = file(text.as_bytes());
    assert!(problems.is_empty(), "{problems:?}");
    let absent = Section::defaults(&[Service::KEYS], "", service);
    assert_eq!(format!("{:?}", written.unwrap()), format!("{absent:?}"));
}

#[test]
fn a_file_larger_than_a_mebibyte_is_refused_and_not_cut() {
    let mut text = b"name: x\n# ".to_vec();
    text.resize(MAX_BYTES, b'x');
    let (read, problems) = file(&text);
    assert_eq!(read.unwrap().name.unwrap(), "x");
    assert!(problems.is_empty(), "{problems:?}");
    text.push(b'x');
    let (read, problems) = file(&text);
    assert!(read.is_none());
    assert_eq!(
        problems,
        ["x.yaml:1:1: is larger than 1 MiB: look whether it is the right file"]
    );
}

#[test]
fn every_mistake_is_reported_once_and_all_at_once() {
    let text = b"nmae: x\ncount: 70000\nis_on: maybe\nitems:\n  - pth: a\n  - {path: [a], mode: b}\n  - {path: c, mode: d, more: e}\n  - {mode: f}\n  - g\ninner: [1]\nlog: x\n";
    let (read, problems) = file(text);
    assert_eq!(
        problems,
        [
            "x.yaml:1:1: nmae: unknown key: write `name`, or remove the line",
            "x.yaml:2:8: count: `70000` is out of range: write a number from 0 to 65535",
            "x.yaml:3:8: is_on: `maybe` is neither yes nor no: write True or False, without quotes",
            "x.yaml:5:5: items[0].pth: unknown key: write `path`, or remove the line",
            "x.yaml:6:12: items[1].path: is a list, not a single value: write a single value (text)",
            "x.yaml:7:24: items[2].more: unknown key: write `mode`, or remove the line",
            "x.yaml:8:5: items[3].path: is missing: write one",
            "x.yaml:9:5: items[4]: is a single value, not a map of keys: write one `key: value` per line",
            "x.yaml:10:8: inner: is a list, not a map of keys: write one `key: value` per line",
            "x.yaml:11:1: log: unknown key: remove the line; the example file lists every key",
        ]
    );
    let read = read.unwrap();
    assert_eq!(read.items, ["c"], "values without a problem are read");
    assert_eq!((read.count, read.is_on), (7, true));
}

#[test]
fn aliases_and_merges_mean_what_they_mean_in_yaml() {
    let text = b"items:\n  - &one {path: a, mode: b}\n  - *one\n  - {<<: *one, path: c}\n";
    let (read, problems) = file(text);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(read.unwrap().items, ["a", "a", "c"]);
}

#[test]
fn a_key_without_a_value_is_reported() {
    let (_, problems) = file(b"name: null\n");
    assert_eq!(
        problems,
        ["x.yaml:1:1: name: has no value: write one, or remove the line"]
    );
}

#[test]
fn a_file_that_is_no_yaml_is_one_problem() {
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
    let (read, problems) = file(text.as_bytes());
    assert!(read.is_none() && problems[0].contains("grows beyond"), "{problems:?}");
}

#[test]
fn a_text_as_long_as_a_secret_is_never_shown() {
    let secret = "s".repeat(40);
    let (_, problems) = file(format!("count: {secret}\n{secret}:x: y\n").as_bytes());
    assert!(
        !problems.is_empty() && !problems.concat().contains(&secret),
        "{problems:?}"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[ -~\n]{0,120}") {
        let _ = file(text.as_bytes());
    }

    #[test]
    fn no_value_makes_a_reader_panic(text in "\\PC{0,20}") {
        let mut report = Report::new("x".as_ref());
        if let Some(Value::Scalar(scalar)) = config_file::read_text(&text, &mut report).map(|node| node.value) {
            let day = std::time::Duration::from_secs(86_400);
            let _ = value::duration(&scalar, day, day);
            let _ = value::size(&scalar, 1, 2);
            let _ = value::network(&scalar);
            let _ = value::server_url(&scalar, "x", false);
            let _ = value::absolute_path(&scalar);
        }
    }
}
