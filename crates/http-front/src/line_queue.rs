//! A queue of lines in front of something slow: a disk, standard error.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// The most lines that wait; each is shorter than a few KiB.
const QUEUE: usize = 8_192;

/// The most lines that are passed on together.
const BATCH: usize = 512;

/// The pause of the thread after a batch, and so the longest that a line waits for others.
const REST: Duration = Duration::from_millis(5);

/// How long [`LineQueue::flush`] waits.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// A bounded queue of lines with a thread that writes them, so that a thread that answers requests waits neither for a
/// disk nor for standard error. A line that finds no room is dropped and counted. The thread ends with the queue.
///
/// The thread sleeps a moment after each batch instead of waiting for the next line: with twenty thousand lines a
/// second, waking it for each of them costs more than writing it.
///
/// ```
/// use std::io::Write as _;
///
/// # fn main() -> std::io::Result<()> {
/// let queue = http_front::LineQueue::start("log", |lines| {
///     let _ = std::io::stderr().write_all(&lines.concat());
/// })?;
/// queue.put(b"hello\n".to_vec()).ok();
/// queue.flush();
/// assert_eq!(queue.lost(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LineQueue {
    queue: SyncSender<Message>,
    lost: AtomicU64,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// A thread waits until every line before this is written.
    Flush(SyncSender<()>),
    /// The writer has other work, for example to open its file again.
    Wake,
}

impl LineQueue {
    /// Starts the thread. It calls `write` with the lines as they come, and with no line after [`LineQueue::wake`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(name: &str, write: impl FnMut(&[Vec<u8>]) + Send + 'static) -> io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || pass_on(&lines, write))?;
        Ok(Self {
            queue,
            lost: AtomicU64::new(0),
        })
    }

    /// Puts a line into the queue.
    ///
    /// # Errors
    /// The reason why the line is lost; it is counted.
    pub fn put(&self, line: Vec<u8>) -> Result<(), &'static str> {
        let reason = match self.queue.try_send(Message::Line(line)) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(_)) => "it takes no more",
            Err(TrySendError::Disconnected(_)) => "its thread has ended",
        };
        self.lost.fetch_add(1, Ordering::Relaxed);
        Err(reason)
    }

    /// Has `write` called even where no line waits. Where the queue is full, it is about to be called anyway.
    pub fn wake(&self) {
        let _ = self.queue.try_send(Message::Wake);
    }

    /// Returns how many lines found no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until the lines so far are written, for two seconds at most. Blocks.
    pub fn flush(&self) {
        let (written, wait) = sync_channel(1);
        if self.queue.try_send(Message::Flush(written)).is_ok() {
            let _ = wait.recv_timeout(FLUSH_PATIENCE);
        }
    }
}

fn pass_on(queue: &Receiver<Message>, mut write: impl FnMut(&[Vec<u8>])) {
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
        write(&lines);
        for written in &waiting {
            // The thread that waited may have given up.
            let _ = written.try_send(());
        }
        // No pause where the queue fills faster than that.
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
    fn lines_come_out_in_their_order() {
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
    fn a_line_is_lost_instead_of_waiting_for_a_writer_that_has_stopped() {
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
