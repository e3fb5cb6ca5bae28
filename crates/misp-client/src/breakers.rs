//! The breakers of one client: that of its address, and that of its key.

use std::time::Duration;

use crate::breaker::{Admission, Breaker, Try};
use crate::{Error, ErrorKind};

/// The breakers that a client has; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breakers {
    pub(crate) address: Option<Breaker>,
    pub(crate) key: Option<Breaker>,
}

/// The tries that have to succeed before a question is sent.
pub(crate) struct Tries {
    pub(crate) address: Option<Try>,
    pub(crate) key: Option<Try>,
}

impl Breakers {
    /// Returns the tries to make before a question is sent; usually none.
    ///
    /// # Errors
    /// [`ErrorKind::Suspended`] or [`ErrorKind::KeyRefused`] while a breaker is open, with the time to wait.
    pub(crate) fn admit(&self) -> Result<Tries, Error> {
        let address = passed(self.address.as_ref(), |breaker, wait| {
            suspended(ErrorKind::Suspended, "it has not answered lately", wait)
                .with_earlier_timeout(breaker.has_timed_out())
        })?;
        let key = passed(self.key.as_ref(), |_, wait| {
            suspended(ErrorKind::KeyRefused, "again and again, so it is not asked now", wait)
        })?;
        Ok(Tries { address, key })
    }

    /// Notes an answer to a question.
    pub(crate) fn answered(&self) {
        for breaker in [&self.address, &self.key].into_iter().flatten() {
            breaker.answered();
        }
    }

    /// Notes the error of a question.
    pub(crate) fn failed(&self, error: &Error) {
        match error.kind() {
            ErrorKind::Connect | ErrorKind::CutShort | ErrorKind::Tls | ErrorKind::Timeout => {
                if let Some(address) = &self.address {
                    address.failed(error.is_timeout());
                }
            }
            kind => {
                if let Some(address) = self.address.as_ref().filter(|_| error.status().is_some()) {
                    address.answered();
                }
                if let Some(key) = self.key.as_ref().filter(|_| kind == ErrorKind::KeyRefused) {
                    key.failed(false);
                }
            }
        }
    }
}

impl Tries {
    pub(crate) fn is_none(&self) -> bool {
        self.address.is_none() && self.key.is_none()
    }

    /// Notes how the light question ended.
    pub(crate) fn ended(self, error: Option<&Error>) {
        let is_refused = error.is_some_and(|error| error.kind() == ErrorKind::KeyRefused);
        let has_answered = error.is_none_or(|error| error.status().is_some());
        if let Some(address) = self.address {
            if has_answered {
                address.answered()
            } else {
                address.failed()
            }
        }
        if let Some(key) = self.key {
            match (is_refused, has_answered) {
                (true, _) => key.failed(),
                (false, true) => key.answered(),
                // It says nothing about the key: the next question tries.
                (false, false) => drop(key),
            }
        }
    }
}

fn passed(breaker: Option<&Breaker>, refused: impl Fn(&Breaker, Duration) -> Error) -> Result<Option<Try>, Error> {
    let Some(breaker) = breaker else {
        return Ok(None);
    };
    match breaker.admit() {
        Admission::Sent => Ok(None),
        Admission::AfterTry(due) => Ok(Some(due)),
        Admission::Refused(wait) => Err(refused(breaker, wait)),
    }
}

fn suspended(kind: ErrorKind, why: &str, wait: Duration) -> Error {
    // Headers count whole seconds.
    let wait = Duration::from_secs(wait.as_secs() + 1);
    let detail = format!("{why}; the next try is in {} s", wait.as_secs());
    Error::new(kind).with_detail(detail).with_retry_after(Some(wait))
}
