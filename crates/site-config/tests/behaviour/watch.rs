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

/// Kubernetes shows a new version of a mounted ConfigMap by moving the one link that all names lead through.
#[test]
#[cfg(unix)]
fn a_link_that_is_moved_to_another_version_is_seen() {
    use std::os::unix::fs::symlink;
    let files = Files::good();
    for (version, company) in [("..1", "First"), ("..2", "Second"), ("..3", "Third")] {
        let text = site(&format!("company: {company}\n"));
        fs::create_dir(files.path(&format!("sites/{version}"))).unwrap();
        files.write(&format!("sites/{version}/misp.example.net.yaml"), text);
    }
    let link = files.path("sites/..data");
    symlink("..1", &link).unwrap();
    fs::remove_file(files.path("sites/misp.example.net.yaml")).unwrap();
    symlink(
        "..data/misp.example.net.yaml",
        files.path("sites/misp.example.net.yaml"),
    )
    .unwrap();
    let (store, _watch, told) = watched(&files);
    assert_eq!(store.current().sites["misp.example.net"].company, "First");
    for (version, company) in [("..2", "Second"), ("..3", "Third")] {
        symlink(version, files.path("sites/..data_tmp")).unwrap();
        fs::rename(files.path("sites/..data_tmp"), &link).unwrap();
        wait_for(&told, company_is(company));
    }
    // A file behind the links is edited where it is.
    files.write("sites/..3/misp.example.net.yaml", site("company: Edited\n"));
    wait_for(&told, company_is("Edited"));
}

#[test]
fn a_directory_above_the_files_that_is_replaced_is_seen() {
    let files = Files::good();
    let inner = files.paths();
    for (folder, company) in [("live", "Live"), ("next", "Next")] {
        fs::create_dir_all(files.path(&format!("{folder}/deep/sites"))).unwrap();
        files.write(
            &format!("{folder}/deep/sites/misp.example.net.yaml"),
            site(&format!("company: {company}\n")),
        );
    }
    let paths = site_config::Paths {
        sites: files.path("live/deep/sites"),
        ..inner
    };
    let store = ConfigStore::open(paths).unwrap();
    let (tell, told) = channel();
    let _watch = store
        .watch(move |outcome| {
            let _ = tell.send(outcome);
        })
        .unwrap();
    assert_eq!(store.current().sites["misp.example.net"].company, "Live");
    fs::rename(files.path("live"), files.path("before")).unwrap();
    fs::rename(files.path("next"), files.path("live")).unwrap();
    wait_for(&told, company_is("Next"));
    files.write("live/deep/sites/misp.example.net.yaml", site("company: After\n"));
    wait_for(&told, company_is("After"));
}

/// What else lies in the directories of the files: a log that grows, files that are read, an editor's own files.
#[test]
#[cfg(target_os = "linux")]
fn other_files_beside_those_of_the_configuration_do_not_wake_the_watch() {
    use std::io::Write as _;
    let files = Files::good();
    let (woken, looks) = channel();
    let config = files.path("config/config.yaml");
    let named = config.clone();
    let watch = Watch::files(
        move || vec![named.clone()],
        move || {
            let _ = woken.send(());
        },
    )
    .unwrap();
    looks.recv_timeout(LIMIT).expect("the first look");
    let mut log = fs::File::create(files.path("config/access.log")).unwrap();
    for _ in 0..20 {
        writeln!(log, "a line").unwrap();
        fs::read(&config).unwrap();
        fs::write(files.path("config/.config.yaml.swp"), "x").unwrap();
    }
    drop(log);
    // Reports come in order, so this change is the first that the watch hears of.
    fs::rename(files.path("config/access.log"), files.path("config/access.log.1")).unwrap();
    files.write("config/config.yaml", core("debug: on\n"));
    looks.recv_timeout(LIMIT).expect("the change is seen");
    watch.look_again();
    looks.recv_timeout(LIMIT).expect("asked for");
    assert!(looks.try_recv().is_err(), "one look each, and none for the other files");
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
