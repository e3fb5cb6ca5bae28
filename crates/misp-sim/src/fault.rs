//! What can go wrong between a client and MISP, made to order.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A way in which the stand-in misbehaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Nothing listens: connections are refused and open ones are cut. With a path or a number of requests it is
    /// [`Fault::CloseEarly`], since a connection is refused before its request is read.
    Refuse,
    /// Reads the request, then closes the connection without an answer.
    CloseEarly,
    /// Reads the request and never answers.
    Hang,
    /// Sends the headers and so many bytes of the right body, then nothing more.
    HangInBody {
        /// How many bytes of the body come.
        after_bytes: usize,
    },
    /// Sends so many bytes of the right body, then closes the connection.
    CutOff {
        /// How many bytes of the body come.
        after_bytes: usize,
        /// Whether the body is chunked; else a `Content-Length` promises the whole.
        chunked: bool,
    },
    /// Answers a page of HTML.
    Html {
        /// Its status; with 200 it looks like a login page behind a proxy.
        status: u16,
    },
    /// Answers MISP's error of that status: 403, 404, 405, 429, 500; others with a general text.
    Status(u16),
    /// Answers that the data failed MISP's validation, with the reasons by field (recording 562) and this status.
    Invalid(u16),
    /// Sends the right answer a few bytes at a time.
    SlowDrip {
        /// How many bytes come at once; 0 counts as 1.
        bytes: usize,
        /// The pause between them.
        pause: Duration,
    },
    /// Answers a search as if its body had been lost on the way: with everything (fact 10).
    EverythingUnfiltered,
    /// Answers 200 with the right Content-Type and a body that is not JSON.
    NotJson,
    /// Sends the client to the login page.
    LoginRedirect,
    /// Sends the right answer as `text/html`.
    WrongContentType,
    /// Leaves `X-Result-Count` and `X-Skipped-Elements-Count` out.
    WithoutCounts,
    /// Sends numbers without quotes, as an old `database.php` makes MISP do (recordings 700 to 706).
    NumbersUnquoted,
    /// Answers rightly, but late.
    Late(Duration),
    /// Lists no events, in `/events/index` and `/events/restSearch`, as a MISP that was restored badly does.
    ListsNothing,
    /// Lists only the events with even numbers, in `/events/index` and `/events/restSearch`.
    ListsHalf,
    /// Finds no attributes, whatever the lists of events say.
    NoRows,
    /// Answers `/events/index` with so many made-up events, in the minimal form.
    LongIndex {
        /// How many; a million make about 180 MB.
        events: u64,
    },
    /// Answers `/events/restSearch` with one made-up event that has so many tags.
    ManyTags {
        /// How many; a million make about 240 MB.
        tags: u64,
    },
}

impl Fault {
    /// Limits the fault to one path, such as `/attributes/restSearch` (compared without `.json` and double slashes).
    #[must_use]
    pub fn on(self, path: &str) -> FaultRule {
        FaultRule::from(self).on(path)
    }

    /// Limits the fault to the next `requests` it fits.
    #[must_use]
    pub fn times(self, requests: usize) -> FaultRule {
        FaultRule::from(self).times(requests)
    }

    /// Lets `requests` that it fits pass first.
    #[must_use]
    pub fn after(self, requests: usize) -> FaultRule {
        FaultRule::from(self).after(requests)
    }
}

/// A fault and when it strikes: always, on one path, for some requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    fault: Fault,
    path: Option<String>,
    skip: usize,
    times: Option<usize>,
}

impl From<Fault> for FaultRule {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            path: None,
            skip: 0,
            times: None,
        }
    }
}

impl FaultRule {
    /// Limits it to one path, compared without `.json` and double slashes.
    #[must_use]
    pub fn on(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Limits it to the next `requests` it fits.
    #[must_use]
    pub fn times(mut self, requests: usize) -> Self {
        self.times = Some(requests);
        self
    }

    /// Lets `requests` that it fits pass first.
    #[must_use]
    pub fn after(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }

    /// Returns whether connections are to be refused.
    pub(crate) fn closes_the_door(&self) -> bool {
        self.fault == Fault::Refuse && self.path.is_none() && self.skip == 0 && self.times.is_none()
    }

    /// Returns the fault if it strikes a request to `path`, and counts the request.
    pub(crate) fn strike(&mut self, path: &str) -> Option<Fault> {
        if self.path.as_deref().is_some_and(|wanted| wanted != path) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        match &mut self.times {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        Some(if self.fault == Fault::Refuse {
            Fault::CloseEarly
        } else {
            self.fault.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_strikes_its_path_after_some_and_so_often() {
        let mut rule = Fault::NotJson.on("/a").after(1).times(2);
        assert_eq!(rule.strike("/b"), None);
        let struck: Vec<bool> = (0..5).map(|_| rule.strike("/a").is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
    }
}
