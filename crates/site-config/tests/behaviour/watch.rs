//! Changes on disk are seen, however an editor makes them.

use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use site_config::{ConfigStore, Loaded, ReloadOutcome, Watch};

use crate::{Files, core, site};

/// Longest wait for what should come within a second; only a broken watch takes so long.
const LIMIT: Duration = Duration::from_secs(60);

fn watched(files: &Files) -> (ConfigStore, Watch, Receiver<ReloadOutcome>) {
    let store = ConfigStore::open(files.paths()).unwrap();
    let (tell, told) = channel();
    let watch = store
        .watch(move |outcome| {
            let _ = tell.send(outcome);
        })
        .unwrap();
    (store, watch, told)
}

/// Waits for reloads until one satisfies the condition.
fn wait_for(told: &Receiver<ReloadOutcome>, condition: impl Fn(&Loaded) -> bool) {
    loop {
        match told.recv_timeout(LIMIT).expect("the change is seen") {
            ReloadOutcome::Applied(loaded) if condition(&loaded) => return,
            _ => {}
        }
    }
}

fn company_is(company: &str) -> impl Fn(&Loaded) -> bool {
    move |loaded| loaded.sites["misp.example.net"].company == company
}

#[test]
fn a_file_written_in_place_or_replaced_is_seen() {
    let files = Files::good();
    let (store, _watch, told) = watched(&files);
    files.write("sites/misp.example.net.yaml", site("company: Written\n"));
    wait_for(&told, company_is("Written"));
    assert_eq!(store.current().site("misp.example.net").unwrap().company, "Written");

    let target = files.path("sites/misp.example.net.yaml");
    for company in ["Renamed", "Again"] {
        files.write("sites/.new", site(&format!("company: {company}\n")));
        fs::rename(files.path("sites/.new"), &target).unwrap();
        wait_for(&told, company_is(company));
    }
    fs::remove_file(&target).unwrap();
    files.write("sites/misp.example.net.yaml", site("company: Recreated\n"));
    wait_for(&told, |loaded| {
        loaded
            .site("misp.example.net")
            .is_some_and(|site| site.company == "Recreated")
    });
    files.write("config/config.yaml", core("debug: on\n"));
    wait_for(&told, |loaded| loaded.core.debug);
}

#[test]
fn new_sites_and_a_replaced_directory_are_seen() {
    let files = Files::good();
    let (_store, _watch, told) = watched(&files);
    files.write("sites/new.example.net.yaml", site(""));
    wait_for(&told, |loaded| loaded.sites.len() == 2);

    fs::create_dir(files.path("other")).unwrap();
    files.write("other/third.example.net.yaml", site(""));
    fs::rename(files.path("sites"), files.path("old")).unwrap();
    fs::rename(files.path("other"), files.path("sites")).unwrap();
    wait_for(&told, |loaded| loaded.site("third.example.net").is_some());
    files.write("sites/fourth.example.net.yaml", site(""));
    wait_for(&told, |loaded| loaded.sites.len() == 2);
}

#[test]
fn a_bad_change_is_told_and_changes_nothing() {
    let files = Files::good();
    let (store, _watch, told) = watched(&files);
    files.write("config/config.yaml", core("debug: perhaps\n"));
    loop {
        match told.recv_timeout(LIMIT).expect("the change is seen") {
            ReloadOutcome::Refused(problems) => break assert_eq!(problems.len(), 1),
            ReloadOutcome::Applied(_) => {}
            _ => unreachable!(),
        }
    }
    assert!(!store.current().core.debug);
}

#[test]
fn a_dropped_watch_ends_its_thread() {
    let files = Files::good();
    let (_store, watch, told) = watched(&files);
    drop(watch);
    // The thread owns the sending half, so its end is the end of the channel.
    assert!(
        told.recv_timeout(LIMIT)
            .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Disconnected)
    );
}
