//! The notes for users that move over from Cratos FastAPI.

use insta::assert_snapshot;

use crate::Files;

/// Returns the notes about the keys of this site, without those about its tag.
fn told(keys: &str) -> String {
    let files = Files::with_site(keys);
    let told = files.load().differences;
    let told: Vec<_> = told.iter().filter(|note| note.key != "tag").collect();
    files.lines(&told)
}

#[test]
fn keys_that_are_not_written_are_not_spoken_of() {
    assert_eq!(told(""), "");
    assert_eq!(told("company: x\nmax_stale: 7d\nenabled: True\n"), "");
}

#[test]
fn switches_without_effect_are_told_when_they_are_on() {
    assert_eq!(told("debug: False\nmispDebug: False\n"), "");
    assert_snapshot!(told("debug: True\nmispDebug: yes\nlist_stats: 1w\n"));
    let files = Files::with_core("debug: True\n");
    let core: Vec<_> = files
        .load()
        .differences
        .into_iter()
        .filter(|note| note.key == "debug")
        .collect();
    assert_snapshot!(files.lines(&core));
}

#[test]
fn custom_feeds_that_are_missing_gave_everything_there() {
    let all = "custom_feeds: {cust1: a, cust2: b, cust3: c, cust4: d, cust5: e}\n";
    assert_eq!(told(all), "");
    assert_snapshot!(told("custom_feeds: {cust1: a, cust2: b, cust3: c, cust4: d}\n"));
    assert_snapshot!(told("custom_feeds: {cust2: a}\n"));
}

#[test]
fn names_that_never_matched_there_are_told() {
    assert_eq!(
        told("ignore_to_ids: [yara, vulnerability, ja3-fingerprint-md5, nonsense]\n"),
        ""
    );
    assert_snapshot!(told("ignore_to_ids: [yara, ja3]\n"));
    assert_snapshot!(told("ignore_to_ids: [ipv4, file-md5]\n"));
}

#[test]
fn revoked_tokens_stay_revoked_in_every_spelling() {
    assert_eq!(told("blacklisted_api_tokens: [empty]\n"), "");
    let digest = "ab".repeat(32);
    assert_snapshot!(told(&format!("blacklisted_api_tokens: [{digest}]\n")));
}

#[test]
fn so_many_megabytes_were_meant_to_be_bytes() {
    let notes = |megabytes: u32| {
        let files = Files::with_core(&format!("access_log_max_bytes: {megabytes}\n"));
        let notes = files.load().notes;
        let about: Vec<_> = notes.iter().filter(|note| note.key == "access_log_max_bytes").collect();
        files.lines(&about)
    };
    assert_eq!(notes(500), "");
    assert_snapshot!(notes(1_000_000));
}
