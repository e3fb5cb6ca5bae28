//! Lists with one entry per line, for devices that fetch them.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::Indicator;
use crate::export::{About, Exporter, QuarantineReason};

/// One entry per line, every line with its LF, without header, comments and blank lines; an empty feed has no bytes.
///
/// A device has its own list: the types that it takes, the values that it would misread, and the form of its URLs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainList {
    about: About,
    refuses: fn(&Indicator<'_>) -> Option<QuarantineReason>,
    rewrite: for<'v> fn(&Indicator<'v>) -> Cow<'v, str>,
}

impl PlainList {
    /// Makes a list that writes every value as it is.
    pub(super) const fn new(about: About) -> Self {
        Self {
            about,
            refuses: |_| None,
            rewrite: |item| Cow::Borrowed(item.value),
        }
    }

    /// Sets which values are left out, and why.
    pub(super) const fn refusing(mut self, refuses: fn(&Indicator<'_>) -> Option<QuarantineReason>) -> Self {
        self.refuses = refuses;
        self
    }

    /// Sets the form of the values of the types in [`About::rewrites`].
    pub(super) const fn rewriting(mut self, rewrite: for<'v> fn(&Indicator<'v>) -> Cow<'v, str>) -> Self {
        self.rewrite = rewrite;
        self
    }
}

impl Exporter for PlainList {
    fn about(&self) -> &About {
        &self.about
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        (self.refuses)(item)
    }

    fn rewrite<'v>(&self, item: &Indicator<'v>) -> Cow<'v, str> {
        (self.rewrite)(item)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(item.value.as_bytes())?;
        out.write_all(b"\n")
    }
}
