//! A reload puts all files in force together, or none, and a bad site stays as it was.

use std::fs;
use std::sync::Arc;

use site_config::{ConfigStore, ReloadOutcome};

use crate::{Files, core, site};

fn open(files: &Files) -> ConfigStore {
    ConfigStore::open(files.paths()).unwrap()
}

#[test]
fn a_good_change_is_in_force_after_a_reload() {
    let files = Files::good();
    let store = open(&files);
    let before = store.current();
    files.write("config/config.yaml", core("debug: yes\n"));
    assert!(!store.current().core.debug);
    assert!(matches!(store.reload(), ReloadOutcome::Applied(_)));
    assert!(store.current().core.debug);
    assert!(!before.core.debug, "who took it before keeps what it was");
}

#[test]
fn a_bad_core_file_keeps_everything_as_it_was() {
    let files = Files::good();
    let store = open(&files);
    files.write("config/config.yaml", core("debug: perhaps\n"));
    files.write("sites/misp.example.net.yaml", site("company: New\n"));
    files.write("sites/bad.example.net.yaml", "tag: ''\n");
    let ReloadOutcome::Refused(problems) = store.reload() else {
        panic!("a bad core file is in force");
    };
    assert_eq!(problems.len(), 2);
    assert_eq!(store.current().site("misp.example.net").unwrap().company, "");
}

#[test]
fn a_bad_site_keeps_its_previous_version_until_it_is_good_again() {
    let files = Files::good();
    let store = open(&files);
    files.write("sites/misp.example.net.yaml", "tag: 'a|b'\n");
    files.write("sites/new.example.net.yaml", "tag: 'a|b'\n");
    for _ in 0..2 {
        let ReloadOutcome::Applied(loaded) = store.reload() else {
            panic!("a bad site refuses everything");
        };
        assert_eq!(loaded.site("misp.example.net").unwrap().tag, "example");
        assert_eq!(loaded.kept.len(), 1);
        assert_eq!(loaded.kept[0].name.as_str(), "misp.example.net");
        assert_eq!(loaded.disabled.len(), 1);
        assert_eq!(loaded.disabled[0].name, "new.example.net");
    }
    files.write("sites/misp.example.net.yaml", "tag: other\n");
    store.reload();
    let now = store.current();
    assert_eq!(now.site("misp.example.net").unwrap().tag, "other");
    assert!(now.kept.is_empty());
}

#[test]
fn a_removed_site_is_gone() {
    let files = Files::good();
    let store = open(&files);
    fs::remove_file(files.path("sites/misp.example.net.yaml")).unwrap();
    store.reload();
    assert!(store.current().sites.is_empty());
}

#[test]
fn what_did_not_change_is_the_same_allocation() {
    let files = Files::good();
    files.write("sites/second.example.net.yaml", site(""));
    let store = open(&files);
    let before = store.current();
    files.write("sites/second.example.net.yaml", site("company: New\n"));
    store.reload();
    let after = store.current();
    let same = |name: &str| Arc::ptr_eq(before.site(name).unwrap(), after.site(name).unwrap());
    assert!(same("misp.example.net") && !same("second.example.net"));
    assert!(Arc::ptr_eq(&before.mappings, &after.mappings));
}

#[test]
fn readers_see_whole_versions_while_reloads_go_on() {
    let files = Files::good();
    let store = open(&files);
    std::thread::scope(|scope| {
        let reader = store.clone();
        scope.spawn(move || {
            for _ in 0..2000 {
                let now = reader.current();
                let company = &now.site("misp.example.net").unwrap().company;
                assert_eq!(company.is_empty(), !now.core.debug);
            }
        });
        for round in 0..20 {
            let (debug, company) = if round % 2 == 0 { ("yes", "x") } else { ("no", "") };
            files.write("config/config.yaml", core(&format!("debug: {debug}\n")));
            let keys = format!("company: '{company}'\n");
            files.write("sites/misp.example.net.yaml", site(&keys));
            store.reload();
        }
    });
}
