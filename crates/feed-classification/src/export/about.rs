//! The description of an exporter.

use std::num::NonZeroU32;

use super::{ExportOption, Multiline};
use crate::TypeSet;

/// How clients of any kind fetch a feed.
pub(super) const ANY_CLIENT: &str = "Any HTTP client, with the token in a header, as the password of Basic, or in the \
     path: `curl -fsS -H \"token: $TOKEN\" -o list URL`.";

/// The description of an exporter; made in a constant and returned by reference.
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
    /// The format and its readers, in one line.
    pub summary: &'static str,
    /// The content type of the answer.
    pub content_type: &'static str,
    /// The file extension, without the dot.
    pub extension: &'static str,
    /// The types that the format can carry.
    pub accepts: TypeSet,
    /// How values of several lines are written, for example YARA rules; the default leaves them out.
    pub multiline: Multiline,
    /// Every value of an accepted type is written, whatever its text. The number of entries is known without a look at
    /// the values then, so an answer of a million begins sooner.
    pub writes_every_value: bool,
    /// Whether one entry may hold several indicators: networks that touch, names below another one. Then the number of
    /// entries depends on the whole set.
    pub merges: bool,
    /// The types whose values are written in another form than that of [`Indicator`](crate::Indicator); see
    /// [`Exporter::rewrite`](crate::Exporter::rewrite).
    pub rewrites: TypeSet,
    /// The name of the bytes. Exporters with the same name here write the same bytes for the same indicators and the
    /// same [`Options`](super::Options), so they share one body and one entity tag. The default is the exporter's own
    /// name.
    pub bytes: &'static str,
    /// The version of the bytes, a part of the entity tag. **Raise it with every change that makes other bytes of the
    /// same indicators**: otherwise clients with the old bytes get "not modified". The default is 1.
    pub version: u32,
    /// Whether the bytes hold the feed's name. [`FeedInfo::name`](super::FeedInfo::name) is empty for all other
    /// exporters.
    pub titled: bool,
    /// Whether the bytes hold the time of the last change. Other exporters do not get
    /// [`FeedInfo::changed_at`](super::FeedInfo::changed_at). The entity tag of such a body changes with that time.
    pub dated: bool,
    /// The greatest number of indicators that the consumer loads from one list. Of a longer feed the newest ones are
    /// written: see [`Newest`](crate::Newest). `None`, the default, means no limit.
    pub most: Option<NonZeroU32>,
    /// The programs and devices that read the format, by their names; empty for a format of none in particular.
    pub consumer: &'static str,
    /// What the consumer refuses or cuts off, and the size of a list that it takes, in a sentence or two with the
    /// version that does so; empty where nothing is known.
    pub limits: &'static str,
    /// How to make the consumer fetch the URL, and how it can send the token: Basic, a header, the query or the path;
    /// in a few sentences of Markdown. Empty for formats that any HTTP client fetches.
    pub pull: &'static str,
    /// The choices that a consumer has; the bytes of a caller that chooses none are those of the defaults.
    /// [`Exporter::configured`](super::Exporter::configured) applies them.
    pub options: &'static [ExportOption],
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
            multiline: Multiline::LeftOut,
            writes_every_value: false,
            merges: false,
            rewrites: TypeSet::NONE,
            bytes: name,
            version: 1,
            titled: false,
            dated: false,
            most: None,
            consumer: "",
            limits: "",
            pull: "",
            options: &[],
        }
    }

    /// Names the bytes, for exporters that write the same ones; see [`About::bytes`].
    #[must_use]
    pub const fn writes(mut self, bytes: &'static str) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets the version of the bytes; see [`About::version`].
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Declares that the name of the feed is written; see [`About::titled`].
    #[must_use]
    pub const fn titled(mut self) -> Self {
        self.titled = true;
        self
    }

    /// Declares that the time of the last change is written; see [`About::dated`].
    #[must_use]
    pub const fn dated(mut self) -> Self {
        self.dated = true;
        self
    }

    /// Sets the greatest number of indicators that the consumer loads; 0 means no limit. See [`About::most`].
    #[must_use]
    pub const fn most(mut self, indicators: u32) -> Self {
        self.most = NonZeroU32::new(indicators);
        self
    }

    /// Names the programs and devices that read the format; see [`About::consumer`].
    #[must_use]
    pub const fn consumer(mut self, consumer: &'static str) -> Self {
        self.consumer = consumer;
        self
    }

    /// Says what the consumer refuses; see [`About::limits`].
    #[must_use]
    pub const fn limits(mut self, limits: &'static str) -> Self {
        self.limits = limits;
        self
    }

    /// Says how to make the consumer fetch the URL; see [`About::pull`].
    #[must_use]
    pub const fn pull(mut self, pull: &'static str) -> Self {
        self.pull = pull;
        self
    }

    /// Declares the choices of a consumer; see [`About::options`].
    #[must_use]
    pub const fn options(mut self, options: &'static [ExportOption]) -> Self {
        self.options = options;
        self
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

    /// Sets how values of several lines are written; see [`About::multiline`].
    #[must_use]
    pub const fn multiline(mut self, multiline: Multiline) -> Self {
        self.multiline = multiline;
        self
    }

    /// Declares that the output leaves no value out; see [`About::writes_every_value`]. Values of several lines have to
    /// be [escaped](Multiline::Escaped).
    #[must_use]
    pub const fn writing_every_value(mut self) -> Self {
        self.writes_every_value = true;
        self
    }

    /// Declares that one entry may hold several indicators.
    #[must_use]
    pub const fn merging(mut self) -> Self {
        self.merges = true;
        self
    }

    /// Sets the types whose values are written in another form; see [`About::rewrites`].
    #[must_use]
    pub const fn rewrites(mut self, rewrites: TypeSet) -> Self {
        self.rewrites = rewrites;
        self
    }
}
