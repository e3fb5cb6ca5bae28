//! What the daemon remembers of withdrawn events over a restart.

use std::fs;

use misp_sim::{RunningSim, Sim};
use token_crypto::Scope;

use crate::story::{FEED, SITE, sim};
use crate::support::{Daemon, Installation, get};
use crate::tokens;

/// Starts the daemon, asks for the feed once and stops it.
fn asked_once(installation: &Installation, sim: &RunningSim) -> String {
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("STATE_DIRECTORY", installation.path().join("state"));
    let mut daemon = Daemon::start(command);
    let url = format!("http://{}{FEED}", daemon.address());
    let answer = get(&url, Some(&tokens::sealed(sim, Scope::new())));
    assert_eq!(answer.status, 200, "{}", answer.body);
    daemon.signal(rustix::process::Signal::TERM);
    daemon.wait();
    answer.body
}

#[test]
fn an_event_withdrawn_before_a_restart_and_edited_after_it_does_not_come_back() {
    let (installation, sim) = (Installation::new().with_site("127.0.0.1", SITE), sim());
    assert_eq!(asked_once(&installation, &sim), "a.evil.example");
    let edit = |edit: &dyn Fn(&mut misp_sim::Store, u64)| {
        sim.edit(|store| {
            let event = store.find_event("story").unwrap();
            edit(store, event);
        });
    };
    edit(&|store, event| store.unpublish(event).unwrap());
    assert_eq!(asked_once(&installation, &sim), "");
    edit(&|store, event| store.set_info(event, "story, told better").unwrap());
    assert_eq!(asked_once(&installation, &sim), "", "remembered");

    let files: Vec<_> = fs::read_dir(installation.path().join("state/withdrawn"))
        .unwrap()
        .collect();
    assert_eq!(files.len(), 1);
    for file in files {
        let file = file.unwrap();
        let shown = fs::read_to_string(file.path()).unwrap() + &file.file_name().to_string_lossy();
        assert!(!shown.contains(Sim::READER_KEY) && !shown.contains("evil"), "{shown}");
    }
    fs::remove_dir_all(installation.path().join("state")).unwrap();
    assert_eq!(
        asked_once(&installation, &sim),
        "a.evil.example",
        "forgotten with the file"
    );
}
