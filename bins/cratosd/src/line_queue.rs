//! Lines on their way to where they may have to wait: a disk, standard error.
//!
//! The threads that answer never wait for either: they put lines into a bounded queue, and a thread of its own takes them out. What finds
//! no room is counted as lost. The thread sleeps a moment after each batch instead of waiting for the next line: waking it for every single
//! one costs more than writing it, with twenty thousand answers a second.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait; each is shorter than a few KiB.
const QUEUE: usize = 8_192;

/// Lines that are handed on together.
const BATCH: usize = 512;

/// How long the thread sleeps after a batch, and so the longest that a line waits for others.
const REST: Duration = Duration::from_millis(5);

/// How long the end of the process waits for lines to be written.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where lines are put; the thread behind it ends with it.
#[derive(Debug)]
pub(crate) struct LineQueue {
    queue: SyncSender<Message>,
    lost: AtomicU64,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// A caller waits until everything before is written.
    Flush(SyncSender<()>),
    /// The taker has something to look after.
    Wake,
}

impl LineQueue {
    /// Starts the thread. `take` is given lines as they come, and none after [`LineQueue::wake`]. While no line comes the thread sleeps.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(name: &str, take: impl FnMut(&[Vec<u8>]) + Send + 'static) -> io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || hand_on(&lines, take))?;
        Ok(Self {
            queue,
            lost: AtomicU64::new(0),
        })
    }

    /// Puts a line into the queue, or counts it as lost and says why.
    pub(crate) fn put(&self, line: Vec<u8>) -> Result<(), &'static str> {
        let why = match self.queue.try_send(Message::Line(line)) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(_)) => "it takes no more",
            Err(TrySendError::Disconnected(_)) => "its thread has ended",
        };
        self.lost.fetch_add(1, Ordering::Relaxed);
        Err(why)
    }

    /// Has `take` called although there may be no line. Where the queue is full, it is about to be called anyway.
    pub(crate) fn wake(&self) {
        let _ = self.queue.try_send(Message::Wake);
    }

    /// Returns how many lines found no room.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits a moment until the lines so far are written.
    pub(crate) fn flush(&self) {
        let (written, wait) = sync_channel(1);
        if self.queue.try_send(Message::Flush(written)).is_ok() {
            // After a while they are given up.
            let _ = wait.recv_timeout(FAREWELL);
        }
    }
}

fn hand_on(queue: &Receiver<Message>, mut take: impl FnMut(&[Vec<u8>])) {
    loop {
        let Ok(first) = queue.recv() else { return };
        let (mut lines, mut waiting) = (Vec::new(), Vec::new());
        for message in std::iter::once(first).chain(queue.try_iter()).take(BATCH) {
            match message {
                Message::Line(line) => lines.push(line),
                Message::Flush(written) => waiting.push(written),
                Message::Wake => {}
            }
        }
        take(&lines);
        for written in &waiting {
            // Whoever waited may have left.
            let _ = written.try_send(());
        }
        // A queue that fills faster than that is not slept over.
        if (1..BATCH).contains(&lines.len()) && waiting.is_empty() {
            thread::sleep(REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn lines_come_out_as_they_went_in() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&seen);
        let take = move |lines: &[Vec<u8>]| theirs.lock().unwrap().extend_from_slice(lines);
        let queue = LineQueue::start("test", take).unwrap();
        let lines: Vec<Vec<u8>> = (0..2_000).map(|n| format!("line {n}").into_bytes()).collect();
        for line in &lines {
            queue.put(line.clone()).unwrap();
        }
        queue.flush();
        assert_eq!(*seen.lock().unwrap(), lines);
        assert_eq!(queue.lost(), 0);
    }

    #[test]
    fn nobody_waits_for_a_reader_that_has_stopped() {
        let (go_on, stopped) = sync_channel::<()>(0);
        let take = move |lines: &[Vec<u8>]| {
            if !lines.is_empty() {
                let _ = stopped.recv();
            }
        };
        let queue = LineQueue::start("test", take).unwrap();
        let outcomes: Vec<_> = (0..QUEUE + BATCH + 10).map(|_| queue.put(b"x".to_vec())).collect();
        let lost = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        assert!(lost > 0);
        assert_eq!(queue.lost(), lost as u64);
        drop(go_on);
    }
}
