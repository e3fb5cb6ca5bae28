//! A queue of lines in front of something slow: a disk, standard error.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most lines that wait, and the most bytes of all of them.
const QUEUE: usize = 16_384;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// With so many lines at once the thread looks for more of them without a pause.
const MANY: usize = 4_096;

/// The pause of the thread after fewer lines, and so the longest that a line waits for others.
const REST: Duration = Duration::from_millis(20);

/// The memory that stays for the next lines.
const KEPT_BYTES: usize = 512 * 1024;

/// How long [`LineQueue::flush`] waits.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// A bounded queue of lines with a thread that writes them, so that a thread that answers requests waits neither for a
/// disk nor for standard error. A line that finds no room is dropped and counted. The thread ends with the queue.
///
/// Lines wait in one piece of memory: a line is copied to its end, and memory of its own, which one thread takes and
/// another one gives back, would cost more than the copy.
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
/// queue.put(b"hello\n").ok();
/// queue.flush();
/// assert_eq!(queue.lost(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LineQueue {
    shared: Arc<Shared>,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

/// Everything that waits for the thread.
#[derive(Debug, Default)]
struct Waiting {
    lines: Lines,
    /// Threads that wait until every line before is written.
    flushes: Vec<SyncSender<()>>,
    /// The writer has other work, for example to open its file again.
    is_woken: bool,
    /// The thread waits for news.
    is_idle: bool,
    /// No line will be put any more.
    is_closed: bool,
    /// The thread has ended.
    has_ended: bool,
}

/// Lines one after the other, and where each of them ends.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    fn has_room(&self, line: &[u8]) -> bool {
        self.ends.len() < QUEUE && self.bytes.len().saturating_add(line.len()) <= MAX_BYTES
    }

    fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    fn pieces(&self) -> Vec<&[u8]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        let places = begins.zip(&self.ends);
        places.filter_map(|(begin, end)| self.bytes.get(*begin..*end)).collect()
    }

    /// Removes the lines, and their memory if it is much.
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }
}

impl LineQueue {
    /// Starts the thread. It calls `write` with the lines as they come, and with no line after [`LineQueue::wake`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(name: &str, write: impl FnMut(&[&[u8]]) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Also where `write` panics.
            let theirs = UntilItsEnd(theirs);
            pass_on(&theirs.0, write);
        })?;
        Ok(Self {
            shared,
            lost: AtomicU64::new(0),
        })
    }

    /// Puts a copy of a line into the queue, or of several lines that stay together and cost as little as one.
    ///
    /// # Errors
    /// The reason why the line is lost; each line end in it is counted.
    pub fn put(&self, line: &[u8]) -> Result<(), &'static str> {
        let mut waiting = self.shared.lock();
        let reason = if waiting.has_ended {
            "its thread has ended"
        } else if waiting.lines.has_room(line) {
            waiting.lines.push(line);
            self.shared.tell(waiting);
            return Ok(());
        } else {
            "it takes no more"
        };
        drop(waiting);
        let lines = line.iter().filter(|byte| **byte == b'\n').count().max(1);
        self.lost.fetch_add(lines as u64, Ordering::Relaxed);
        Err(reason)
    }

    /// Has `write` called even where no line waits.
    pub fn wake(&self) {
        let mut waiting = self.shared.lock();
        waiting.is_woken = true;
        self.shared.tell(waiting);
    }

    /// Returns how many lines found no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until the lines so far are written, for two seconds at most. Blocks.
    pub fn flush(&self) {
        let (written, wait) = sync_channel(1);
        let mut waiting = self.shared.lock();
        if waiting.has_ended {
            return;
        }
        waiting.flushes.push(written);
        self.shared.tell(waiting);
        let _ = wait.recv_timeout(FLUSH_PATIENCE);
    }
}

impl Drop for LineQueue {
    fn drop(&mut self) {
        let mut waiting = self.shared.lock();
        waiting.is_closed = true;
        self.shared.tell(waiting);
    }
}

impl Shared {
    /// Nothing that can panic runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread, if it waits for news.
    fn tell(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let is_idle = std::mem::take(&mut waiting.is_idle);
        drop(waiting);
        if is_idle {
            self.news.notify_one();
        }
    }

    /// Waits for news and takes them, lines in exchange for `lines`; nothing once the queue is gone and empty.
    fn take(&self, lines: &mut Lines) -> Option<Vec<SyncSender<()>>> {
        let mut waiting = self.lock();
        loop {
            let is_empty = waiting.lines.ends.is_empty() && waiting.flushes.is_empty() && !waiting.is_woken;
            if !is_empty {
                waiting.is_woken = false;
                std::mem::swap(&mut waiting.lines, lines);
                return Some(std::mem::take(&mut waiting.flushes));
            }
            if waiting.is_closed {
                return None;
            }
            waiting.is_idle = true;
            waiting = self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The thread of a queue, until it ends.
struct UntilItsEnd(Arc<Shared>);

impl Drop for UntilItsEnd {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.has_ended = true;
        waiting.lines = Lines::default();
        // Their threads go on.
        waiting.flushes.clear();
    }
}

fn pass_on(queue: &Shared, mut write: impl FnMut(&[&[u8]])) {
    let mut lines = Lines::default();
    while let Some(waiting) = queue.take(&mut lines) {
        let count = lines.ends.len();
        write(&lines.pieces());
        lines.clear();
        for written in &waiting {
            // The thread that waited may have given up.
            let _ = written.try_send(());
        }
        // No pause where the queue fills faster than that.
        if (1..MANY).contains(&count) && waiting.is_empty() {
            thread::sleep(REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_in_their_order() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&seen);
        let take = move |lines: &[&[u8]]| {
            let lines = lines.iter().map(|line| line.to_vec());
            theirs.lock().unwrap().extend(lines);
        };
        let queue = LineQueue::start("test", take).unwrap();
        let lines: Vec<Vec<u8>> = (0..2_000).map(|n| format!("line {n}").into_bytes()).collect();
        for line in &lines {
            queue.put(line).unwrap();
        }
        queue.flush();
        assert_eq!(*seen.lock().unwrap(), lines);
        assert_eq!(queue.lost(), 0);
    }

    #[test]
    fn a_line_is_lost_instead_of_waiting_for_a_writer_that_has_stopped() {
        let (go_on, stopped) = sync_channel::<()>(0);
        let take = move |lines: &[&[u8]]| {
            if !lines.is_empty() {
                let _ = stopped.recv();
            }
        };
        let queue = LineQueue::start("test", take).unwrap();
        // The writer has as many as may wait, and as many wait behind them.
        let outcomes: Vec<_> = (0..2 * QUEUE + 10).map(|_| queue.put(b"x")).collect();
        let lost = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        assert!(lost > 0);
        assert_eq!(queue.lost(), lost as u64);
        drop(go_on);
    }

    /// Few long lines must not take the memory of many short ones.
    #[test]
    fn the_bytes_that_wait_are_bounded_and_their_memory_is_given_back() {
        let (go_on, stopped) = sync_channel::<()>(0);
        let take = move |lines: &[&[u8]]| {
            if !lines.is_empty() {
                let _ = stopped.recv();
            }
        };
        let queue = LineQueue::start("test", take).unwrap();
        let line = vec![b'x'; MAX_BYTES / 4];
        let outcomes: Vec<_> = (0..9).map(|_| queue.put(&line)).collect();
        // The writer has as many as may wait, and as many wait behind them.
        assert!(outcomes.contains(&Err("it takes no more")));
        drop(go_on);
        queue.flush();
        assert!(queue.shared.lock().lines.bytes.capacity() <= KEPT_BYTES);
    }

    #[test]
    fn a_writer_that_panics_ends_the_queue() {
        let take = |lines: &[&[u8]]| assert!(lines.is_empty(), "a line");
        let queue = LineQueue::start("test", take).unwrap();
        queue.put(b"x").unwrap();
        queue.flush();
        while queue.put(b"x").is_ok() {
            thread::yield_now();
        }
        assert_eq!(queue.put(b"x"), Err("its thread has ended"));
    }

    #[test]
    fn the_lines_that_wait_are_written_before_the_thread_ends_with_its_queue() {
        let (written, wait) = sync_channel(8);
        let take = move |lines: &[&[u8]]| written.send(lines.concat()).unwrap();
        let queue = LineQueue::start("test", take).unwrap();
        queue.put(b"x").unwrap();
        drop(queue);
        assert_eq!(wait.iter().collect::<Vec<_>>().concat(), b"x");
    }
}
