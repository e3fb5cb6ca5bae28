//! What an exporter says about itself.

use crate::TypeSet;

/// What an exporter says about itself; made in a constant and handed out by reference.
///
/// ```
/// use feed_classification::{TypeSet, export::About};
///
/// static ABOUT: About = About::new("proxy-list", "One URL per line for the proxy.").extension("lst").accepts(TypeSet::NAMES);
/// assert_eq!(ABOUT.content_type, "text/plain; charset=utf-8");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// The name in URLs: lower-case ASCII letters, digits and hyphens.
    pub name: &'static str,
    /// What it writes and for whom, in one line.
    pub summary: &'static str,
    /// The content type of the answer.
    pub content_type: &'static str,
    /// The file extension, without the dot.
    pub extension: &'static str,
    /// The types that the format can carry.
    pub accepts: TypeSet,
    /// Whether an entry may stand for several indicators: networks that touch, names below another one. Then it is the whole set that
    /// says how many entries there are.
    pub merges: bool,
    /// The types whose values are written in another form than ours; see [`Exporter::rewrite`](crate::Exporter::rewrite).
    pub rewrites: TypeSet,
}

impl About {
    /// Describes an exporter that writes plain text (`txt`, UTF-8) and takes every type.
    #[must_use]
    pub const fn new(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            summary,
            content_type: "text/plain; charset=utf-8",
            extension: "txt",
            accepts: TypeSet::ALL,
            merges: false,
            rewrites: TypeSet::NONE,
        }
    }

    /// Sets the content type.
    #[must_use]
    pub const fn content_type(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    /// Sets the file extension, without the dot.
    #[must_use]
    pub const fn extension(mut self, extension: &'static str) -> Self {
        self.extension = extension;
        self
    }

    /// Sets the types that the format can carry.
    #[must_use]
    pub const fn accepts(mut self, accepts: TypeSet) -> Self {
        self.accepts = accepts;
        self
    }

    /// Says that an entry may stand for several indicators.
    #[must_use]
    pub const fn merging(mut self) -> Self {
        self.merges = true;
        self
    }

    /// Sets the types whose values are written in another form than ours.
    #[must_use]
    pub const fn rewrites(mut self, rewrites: TypeSet) -> Self {
        self.rewrites = rewrites;
        self
    }
}
