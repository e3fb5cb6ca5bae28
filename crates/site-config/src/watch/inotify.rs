//! What Linux reports about the places.
//!
//! The crate `notify` asks Linux for every opening of and every writing to every file of a directory, and version 8 has
//! no option otherwise: each line of an access log beside the configuration would wake it. rustix gives the four calls
//! that are needed.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::places::{Names, Places};
use super::{Heard, LOOK};

/// What can make a name in a directory lead to something else. Writing counts when the file is closed, reading never.
const OF_DIRECTORIES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);
/// A symbolic link is not followed: it is itself what may be replaced, which changes its attributes and ends it. What
/// happens inside of a directory on the way is not reported.
const OF_STEPS: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DONT_FOLLOW);
const OF_FILES: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// The types of file systems that other machines or programs change without a word, from `linux/magic.h`: NFS, SMB in
/// three kinds, 9P, Ceph, AFS, and all that is behind FUSE.
const REMOTE: &[u64] = &[
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x0102_1997,
    0x00c3_6400,
    0x5346_414f,
    0x6573_5546,
];

/// Reports of changes.
#[derive(Debug)]
pub(super) struct Notices {
    inotify: OwnedFd,
    bell: Arc<OwnedFd>,
    watched: HashMap<i32, Watched>,
}

#[derive(Debug)]
enum Watched {
    Directory(Names),
    /// A file, or a step on the way to one: all that is reported matters.
    Whole,
}

/// Ends a wait from another thread.
#[derive(Debug, Clone)]
pub(super) struct Bell(Arc<OwnedFd>);

impl Bell {
    pub(super) fn ring(&self) {
        // It fails only after some 2^64 rings without a listener.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

/// Returns reports about no place yet.
pub(super) fn open() -> io::Result<(Notices, Bell)> {
    let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let notices = Notices {
        inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
        bell: Arc::clone(&bell),
        watched: HashMap::new(),
    };
    Ok((notices, Bell(bell)))
}

impl Notices {
    /// Watches these places and no others. Returns whether Linux will report every change there.
    pub(super) fn watch(&mut self, places: &Places) -> bool {
        let mut watched = HashMap::new();
        let mut is_told = true;
        for (directory, names) in &places.directories {
            is_told &= !is_remote(directory);
            // A directory that is watched already gets the number that it has.
            let Ok(number) = inotify::add_watch(&self.inotify, directory, OF_DIRECTORIES) else {
                is_told = false;
                continue;
            };
            match watched
                .entry(number)
                .or_insert_with(|| Watched::Directory(Names::default()))
            {
                Watched::Directory(all) => all.extend(names),
                Watched::Whole => {}
            }
        }
        for step in &places.steps {
            // A directory that is listened to anyway: a second call would take its other reports away.
            if places.directories.contains_key(step) {
                continue;
            }
            match inotify::add_watch(&self.inotify, step, OF_STEPS) {
                Ok(number) => drop(watched.insert(number, Watched::Whole)),
                Err(_) => is_told = false,
            }
        }
        for file in &places.files {
            is_told &= !is_remote(file);
            // For a file without read permission, its directory reports enough.
            if let Ok(number) = inotify::add_watch(&self.inotify, file, OF_FILES) {
                watched.insert(number, Watched::Whole);
            }
        }
        for number in self.watched.keys().filter(|number| !watched.contains_key(number)) {
            // Linux has ended it already if the directory is gone.
            let _ = inotify::remove_watch(&self.inotify, *number);
        }
        self.watched = watched;
        is_told
    }

    /// Waits for a change at one of the places, for ever without `patience`.
    pub(super) fn wait(&mut self, patience: Option<Duration>) -> Heard {
        let until = patience.map(|patience| Instant::now() + patience);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let timeout = left.and_then(|left| Timespec::try_from(left).ok());
            let mut sources = [
                PollFd::new(&self.inotify, PollFlags::IN),
                PollFd::new(&*self.bell, PollFlags::IN),
            ];
            match poll(&mut sources, timeout.as_ref()) {
                Ok(0) => return Heard::Nothing,
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => {
                    // So that an unknown error does not make the loop spin.
                    thread::sleep(LOOK);
                    return Heard::Nothing;
                }
            }
            if rustix::io::read(&*self.bell, &mut [0; 8]).is_ok() {
                return Heard::Bell;
            }
            if self.read() {
                return Heard::Change;
            }
            // Reports that do not matter must not prolong the wait, however many there are.
            if until.is_some_and(|until| Instant::now() >= until) {
                return Heard::Nothing;
            }
        }
    }

    /// Takes all reports that are there. Returns whether one of them matters.
    fn read(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reports = Reader::new(&self.inotify, &mut buffer);
        let mut matters = false;
        while let Ok(report) = reports.next() {
            let name = report.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            matters |= self.concerns(report.wd(), report.events(), name);
        }
        matters
    }

    fn concerns(&self, number: i32, what: ReadFlags, name: Option<&OsStr>) -> bool {
        let whole = ReadFlags::QUEUE_OVERFLOW | ReadFlags::UNMOUNT | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF;
        match self.watched.get(&number) {
            _ if what.contains(ReadFlags::IGNORED) => false,
            _ if what.intersects(whole) => true,
            Some(Watched::Whole) => true,
            Some(Watched::Directory(names)) => name.is_some_and(|name| names.contains(name)),
            None => false,
        }
    }
}

fn is_remote(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|found| {
        // Its width and sign differ between architectures; the numbers have 32 bits on all of them.
        let kind = found.f_type as u64 & 0xffff_ffff;
        REMOTE.contains(&kind)
    })
}
