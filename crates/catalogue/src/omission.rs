//! Values that a feed leaves out, each with the reason.

use feed_classification::{DropReason, GuardRule};

/// A value that a feed leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Omission {
    /// The value, as MISP has it and not fit for a terminal; of an invalid one the first 200 characters.
    pub value: String,
    /// The reason.
    pub reason: OmissionReason,
    /// MISP's number of the event, where one attribute is the reason.
    pub event: Option<u64>,
}

/// The reason why a feed leaves a value out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OmissionReason {
    /// The value is not valid for the type.
    Invalid(DropReason),
    /// Its event is not published, or the attribute is not a part of its last publication.
    Unpublished,
    /// This rule of the guard does not let it pass as it is.
    Guard(GuardRule),
}

/// The first omissions, and the number of the others.
#[derive(Debug)]
pub(crate) struct Omissions {
    named: Vec<Omission>,
    count: usize,
    most: usize,
}

impl Omissions {
    pub(crate) fn up_to(most: usize) -> Self {
        Self {
            named: Vec::new(),
            count: 0,
            most,
        }
    }

    pub(crate) fn add(&mut self, value: &str, reason: OmissionReason, event: Option<u64>) {
        if self.most == 0 {
            return;
        }
        self.count += 1;
        if self.named.len() < self.most {
            self.named.push(Omission {
                value: value.to_owned(),
                reason,
                event,
            });
        }
    }

    pub(crate) fn into_parts(self) -> (Vec<Omission>, usize) {
        let more = self.count - self.named.len();
        (self.named, more)
    }
}
