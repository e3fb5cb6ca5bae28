//! A running program, from its start to its end.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The most time that a program may take to start, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(20);

/// A running program; it is killed when this is dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
}

impl Peer {
    /// Starts a program, with standard input closed.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", shown(command)));
        Self { child }
    }

    /// Starts a program and waits until it listens on this TCP port of 127.0.0.1.
    ///
    /// # Panics
    /// If it cannot be started, ends before it listens, or takes longer than a minute.
    pub fn listening(command: &mut Command, port: u16) -> Self {
        let mut peer = Self::start(command);
        until(&format!("{} listens", shown(command)), || {
            if let Ok(Some(status)) = peer.child.try_wait() {
                panic!("{} ended with {status}", shown(command));
            }
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        peer
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops the program, as a machine that hangs does, and returns when each of its threads stands still: one that was
    /// at work may still answer until then.
    ///
    /// # Panics
    /// If it cannot be stopped.
    pub fn freeze(&self) {
        self.signal("-STOP");
        until("all threads stand still", || {
            let threads = std::fs::read_dir(format!("/proc/{}/task", self.id()));
            threads.is_ok_and(|mut threads| {
                threads.all(|thread| {
                    let state = thread.and_then(|thread| std::fs::read_to_string(thread.path().join("stat")));
                    // The name of the program is in brackets and may have blanks.
                    state.is_ok_and(|state| state.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T")))
                })
            })
        });
    }

    /// Lets a stopped program go on.
    ///
    /// # Panics
    /// If it cannot go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// Kills the program now, without giving it a chance to clean up.
    pub fn kill(&mut self) {
        // It may have ended by itself; either way there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns a TCP port of 127.0.0.1 that was free a moment ago.
///
/// # Panics
/// If the machine has none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address
        .unwrap_or_else(|error| panic!("there is no free port: {error}"))
        .port()
}

/// Waits until the condition holds; `what` names the condition for the message of a failure.
///
/// # Panics
/// If it does not hold within a minute.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        sleep(PAUSE);
    }
}

fn shown(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_ends_with_its_test() {
        let peer = Peer::start(Command::new("sleep").arg("600"));
        let proc = format!("/proc/{}", peer.id());
        assert!(std::path::Path::new(&proc).exists());
        drop(peer);
        assert!(!std::path::Path::new(&proc).exists());
    }

    #[test]
    #[should_panic(expected = "cannot be started")]
    fn a_program_that_is_not_there_fails_the_test() {
        Peer::start(&mut Command::new("/nowhere/at-all"));
    }
}
