//! The last request of a connection, in case that it comes again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{Request, Version};
use hyper::body::{Body, Bytes, Incoming};
use zeroize::Zeroizing;

use crate::access_log::{AccessLog, Record};
use crate::account::{Account, Charge};
use crate::body_file::{BodyFile, BodyFiles, LEAST_BYTES};
use crate::costs;
use crate::panic_guard::caught_call;
use crate::ready_answer::{AnswerAgain, ReadyAnswer};
use crate::request_bytes::RequestBytes;

/// The longest head of a known peer that is kept. Of a stranger no longer one is kept than that with which it began,
/// which is charged to it.
const MOST_BYTES: usize = 4 * 1024;

/// The requests of one connection of HTTP/1, as far as they repeat. The stream of the connection notes its bytes here,
/// and its service each request.
pub(crate) struct Repetition {
    account: Account,
    log: Option<AccessLog>,
    /// Counts those that were answered here, of all connections.
    count: Arc<AtomicU64>,
    files: BodyFiles,
    /// The most bytes that are kept for a stranger.
    most: usize,
    seen: Mutex<Seen>,
}

struct Seen {
    bytes: RequestBytes,
    /// How many requests came before the last one.
    turn: u64,
    /// The head of the last request.
    last: Zeroizing<Vec<u8>>,
    /// The last request, as the access log names it, if it has an answerer and the log was on.
    record: Option<Arc<Record>>,
    answerer: Option<Arc<dyn AnswerAgain>>,
    body: SentBody,
    /// From the first answerer on.
    charge: Option<Charge>,
}

/// The long body that was sent last.
enum SentBody {
    None,
    /// It was sent once; the number is its place in memory.
    Once(usize),
    /// It was sent more often.
    Often(Arc<BodyFile>),
}

/// What answers a request, and how the access log names it.
type Logged = (Arc<dyn AnswerAgain>, Option<Arc<Record>>);

impl Repetition {
    /// Returns the repetition of a connection that begins with so many bytes.
    pub(crate) fn new(
        account: Account,
        log: Option<AccessLog>,
        count: Arc<AtomicU64>,
        files: BodyFiles,
        first: usize,
    ) -> Self {
        Self {
            account,
            log,
            count,
            files,
            most: first.min(MOST_BYTES),
            seen: Mutex::new(Seen {
                bytes: RequestBytes::Nothing,
                turn: 0,
                last: Zeroizing::default(),
                record: None,
                answerer: None,
                body: SentBody::None,
                charge: None,
            }),
        }
    }

    /// Returns the answer to these bytes of the peer, if they are the last request once more and nothing else.
    /// Otherwise hyper must get them.
    pub(crate) fn answer(&self, bytes: &[u8]) -> Option<ReadyAnswer> {
        let (answerer, record) = self.answerer(bytes)?;
        let started = Instant::now();
        let answer = caught_call(|| answerer.answer_again()).ok().flatten();
        let Some(answer) = answer else {
            let before = self.lock().answerer.take();
            drop(before);
            return None;
        };
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(record) = record {
            record.write_line((answer.status, answer.length, &answer.extensions), started);
        }
        Some(answer)
    }

    /// Returns what answers these bytes. A log that was switched on meanwhile has to see the request first.
    fn answerer(&self, bytes: &[u8]) -> Option<Logged> {
        let seen = self.lock();
        let answerer = seen.answerer.as_ref()?;
        let is_the_last = seen.bytes.is_between_requests() && is_same(&seen.last, bytes);
        let is_logged = seen.record.is_some() || !self.log.as_ref().is_some_and(AccessLog::is_on);
        (is_the_last && is_logged).then(|| (Arc::clone(answerer), seen.record.clone()))
    }

    /// Returns the file of a body that is sent to this peer again and again. The file of the body before is given up.
    pub(crate) fn file(&self, body: &Bytes) -> Option<Arc<BodyFile>> {
        let place = body.as_ptr() as usize;
        let mut seen = self.lock();
        if body.len() < LEAST_BYTES {
            seen.body = SentBody::None;
            return None;
        }
        let file = match &seen.body {
            SentBody::Often(file) if file.is_of(body) => return Some(Arc::clone(file)),
            SentBody::Once(before) if *before == place => self.files.of(body),
            _ => None,
        };
        seen.body = file.clone().map_or(SentBody::Once(place), SentBody::Often);
        file
    }

    /// Notes bytes that hyper gets.
    pub(crate) fn pass(&self, bytes: &[u8]) {
        let most = if self.account.is_known() { MOST_BYTES } else { self.most };
        self.lock().bytes.pass(bytes, most);
    }

    /// Notes a request that hyper has made of the bytes. If it is the last one once more, its turn is returned, and its
    /// service may say how it is answered from now on.
    pub(crate) fn request(&self, request: &Request<Incoming>) -> Option<u64> {
        let is_plain = request.body().is_end_stream() && request.version() == Version::HTTP_11;
        let mut seen = self.lock();
        let head = seen.bytes.take(is_plain);
        seen.turn += 1;
        seen.record = None;
        let before = seen.answerer.take();
        let is_repeated = head.as_ref().is_some_and(|head| is_same(head, &seen.last));
        let repeated = is_repeated.then_some(seen.turn);
        if !is_repeated {
            seen.last = head.unwrap_or_default();
            seen.body = SentBody::None;
        }
        drop((seen, before));
        repeated
    }

    /// Has the request of this turn answered so, if it is still the last one.
    pub(crate) fn answer_with(&self, turn: u64, answerer: Arc<dyn AnswerAgain>) {
        let mut seen = self.lock();
        let mut before = None;
        if seen.turn == turn {
            before = seen.answerer.replace(answerer);
            seen.charge.get_or_insert_with(|| self.account.charge(costs::REPEATED));
        }
        drop((seen, before));
    }

    /// Keeps how the access log names the request of this turn, if the request has an answerer.
    pub(crate) fn keep(&self, turn: u64, record: &Record) {
        let mut seen = self.lock();
        if seen.turn == turn && seen.answerer.is_some() {
            seen.record = Some(Arc::new(record.detached()));
        }
    }

    /// Nothing that can panic runs under this lock, and no answerer is dropped: that is the service's code.
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares all bytes in any case: a head may hold a token, and a proxy may send the heads of several callers.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && differences == 0
}
