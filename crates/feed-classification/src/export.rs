//! Exporters: from indicators to the bytes that one kind of consumer reads.
//!
//! A format is one type that implements [`Exporter`]. Ours are files of this module, listed in [`Registry::builtin`];
//! another crate writes its own and adds it with [`Registry::with`].

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use crate::{Indicator, IndicatorType};

mod about;
mod address_file;
mod addresses;
mod adguard;
mod b64;
mod checkpoint;
mod cisco;
mod clamav;
mod coverage;
mod covered_list;
mod crowdsec;
mod csv;
mod defender;
mod dnsmasq;
mod elastic;
pub mod escape;
mod example;
mod f5;
mod fortinet;
mod generic;
mod graylog_dsv;
mod haproxy;
mod hosts;
mod ipset;
mod json;
mod jsonl;
mod juniper;
mod mikrotik;
mod misp_csv;
mod multiline;
mod mwg;
mod name_uuid;
mod nftables;
mod nginx;
mod notice;
mod numbered_rules;
mod openioc;
mod opnsense;
mod option;
mod options;
mod paloalto;
mod pfsense;
mod plain_list;
mod postfix;
mod proxysg;
mod qradar;
mod registry;
mod rewritten;
mod rivalry;
mod rpz;
mod rspamd;
mod rule_file;
mod rule_texts;
mod samples;
mod seen_url;
mod sent_url;
mod sids;
mod sigma;
mod snort;
mod splunk;
mod squid;
mod stix2;
mod suricata;
mod suricata_dataset;
mod suricata_iprep;
#[cfg(feature = "testkit")]
pub mod testkit;
mod text_form;
mod txt;
mod umbrella;
mod unbound;
mod wazuh;
mod web_request;
mod xml;
mod yaml;
mod yara;
mod zeek;

pub use about::About;
pub use example::Example;
pub use multiline::Multiline;
pub use option::{ExportOption, OptionKind, RESERVED_NAMES};
pub use options::{Options, WrongOption};
pub use registry::Registry;
pub use rivalry::Rivalry;
pub use text_form::TextForm;

use rewritten::Rewritten;

/// Turns the indicators of a feed into the bytes that one kind of consumer reads.
///
/// The caller of [`Exporter::export`] passes sorted and unique indicators. An exporter adds no clock, no locale and
/// nothing random, so the same indicators always give the same bytes.
///
/// ```
/// use std::io::{self, Write};
/// use feed_classification::export::{About, Exporter, FeedInfo, Registry};
/// use feed_classification::{Indicator, IndicatorSet, IndicatorType, TypeSet};
///
/// /// One address per line, for firewalls that fetch a plain list.
/// #[derive(Debug)]
/// struct PlainIps;
///
/// impl Exporter for PlainIps {
///     fn about(&self) -> &About {
///         static ABOUT: About = About::new("plain-ips", "One IP address per line.").accepts(TypeSet::ADDRESSES);
///         &ABOUT
///     }
///     fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
///         out.write_all(item.value.as_bytes())?;
///         out.write_all(b"\n")
///     }
/// }
///
/// let registry = Registry::builtin().with(PlainIps);
/// let set = IndicatorSet::of(IndicatorType::Ipv4, ["192.0.2.7", "192.0.2.1"]);
/// let plain = registry.by_name("plain-ips").unwrap();
/// let mut body = Vec::new();
/// plain.export(&FeedInfo::new(set.kind(), ""), &mut set.indicators(), &mut body)?;
/// assert_eq!(body, b"192.0.2.1\n192.0.2.7\n");
/// # Ok::<(), io::Error>(())
/// ```
///
/// A test of the exporter calls `export::testkit::check` (feature `testkit`). The folder `docs/custom-exporter` of the
/// repository is a crate with an exporter of its own, and `cratosd` serves it.
pub trait Exporter: fmt::Debug + Send + Sync {
    /// Returns the name in URLs, the content type, the file extension, the accepted types and a summary of one line.
    fn about(&self) -> &About;

    /// Returns this exporter as a caller configures it; `None` if it has no options.
    ///
    /// An exporter with [`About::options`] overrides it and returns one with the same `About` that applies the choice.
    /// Callers ask [`configured`].
    ///
    /// ```
    /// # use std::io::{self, Write};
    /// # use std::sync::Arc;
    /// # use feed_classification::export::{About, ExportOption, Exporter, Options, testkit};
    /// # use feed_classification::{Indicator, TypeSet};
    /// const OPTIONS: &[ExportOption] =
    ///     &[ExportOption::word("address", "Where names are sent.", &["0.0.0.0", "127.0.0.1"])];
    ///
    /// /// A hosts file.
    /// #[derive(Debug)]
    /// struct Hosts {
    ///     address: &'static str,
    /// }
    ///
    /// impl Exporter for Hosts {
    ///     fn about(&self) -> &About {
    ///         static ABOUT: About = About::new("hosts", "A hosts file.").accepts(TypeSet::NAMES).options(OPTIONS);
    ///         &ABOUT
    ///     }
    ///     fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
    ///         Some(Arc::new(Self { address: options.word("address") }))
    ///     }
    ///     fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
    ///         writeln!(out, "{} {}", self.address, item.value)
    ///     }
    /// }
    /// # fn main() {
    /// testkit::check(&Hosts { address: "0.0.0.0" });
    /// # }
    /// ```
    fn configured(&self, _options: &Options) -> Option<Arc<dyn Exporter>> {
        None
    }

    /// Writes one indicator, escaped, with its line end if every line of the format has one.
    ///
    /// # Errors
    /// Those of the writer.
    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()>;

    /// Writes one indicator of this feed. Formats whose entries hold the feed's title or the time of its last change
    /// override it, and call it from [`Exporter::entry`] with neither; the default is [`Exporter::entry`].
    ///
    /// # Errors
    /// Those of the writer.
    fn entry_of(&self, _feed: &FeedInfo<'_>, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.entry(item, out)
    }

    /// Returns why this indicator cannot be written without breaking the consumer's file; `None` writes it.
    ///
    /// Values of several lines do not arrive here unless [`About::multiline`] takes them. Callers ask
    /// [`Exporter::leaves_out`].
    fn refuses(&self, _item: &Indicator<'_>) -> Option<QuarantineReason> {
        None
    }

    /// Returns why this indicator is left out of the output, or `None` if it is written: a value of several lines that
    /// [`About::multiline`] does not take, or one that the format [refuses](Exporter::refuses).
    ///
    /// [`Exporter::export`] and [`Exporter::count`] call it before the separator and the entry, so a value that is left
    /// out leaves no byte behind. An exporter that overrides `export` calls it too; no exporter overrides `leaves_out`.
    fn leaves_out(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if !self.about().multiline.takes(item.kind) && escape::has_line_break(item.value) {
            return Some(QuarantineReason::LINE_BREAK);
        }
        self.refuses(item)
    }

    /// Returns what another indicator of the same feed does to this one: of two rules with one number only one can be
    /// in a file. `items` are all indicators of the feed, and this one is among them.
    ///
    /// It is for explanations; an exporter whose `export` leaves out or renames such texts overrides it.
    fn rivalry(&self, _item: &Indicator<'_>, _items: &mut dyn Iterator<Item = Indicator<'_>>) -> Option<Rivalry> {
        None
    }

    /// Returns the value in the form that the consumer takes, such as a URL without its scheme; for the types in
    /// [`About::rewrites`].
    ///
    /// Such a feed is sorted and made unique once more, by its rewritten values. [`Exporter::entry`] gets the rewritten
    /// values, and [`Exporter::refuses`] the original ones.
    fn rewrite<'v>(&self, item: &Indicator<'v>) -> Cow<'v, str> {
        Cow::Borrowed(item.value)
    }

    /// Writes the text before the first entry.
    ///
    /// # Errors
    /// Those of the writer.
    fn header(&self, _feed: &FeedInfo<'_>, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Returns the text between two entries.
    fn separator(&self) -> &'static str {
        ""
    }

    /// Writes the text after the last entry.
    ///
    /// # Errors
    /// Those of the writer.
    fn footer(&self, _feed: &FeedInfo<'_>, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Writes a feed without any entry: header and footer, unless the format has another form for it.
    ///
    /// # Errors
    /// Those of the writer.
    fn empty(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.header(feed, out)?;
        self.footer(feed, out)
    }

    /// Counts the indicators that [`Exporter::export`] would write and leave out, without writing them. An exporter
    /// overrides it if its `export` leaves out more than [`Exporter::leaves_out`] names.
    ///
    /// Clients ask far more often for the entity tag and the counts of a feed than for its bytes.
    fn count(&self, items: &mut dyn Iterator<Item = Indicator<'_>>) -> ExportCounts {
        let accepts = self.about().accepts;
        let mut counted = ExportCounts::default();
        for item in items.filter(|item| accepts.contains(item.kind)) {
            match self.leaves_out(&item) {
                Some(_) => counted.quarantined += 1,
                None => counted.written += 1,
            }
        }
        counted
    }

    /// Writes the whole feed and returns how many entries it has; only a format that must look ahead overrides it.
    ///
    /// Indicators of types that the exporter does not accept are skipped and not counted.
    ///
    /// # Errors
    /// The first error of the writer. The bytes until then are not a whole feed.
    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let about = self.about();
        let mut quarantined = 0;
        let accepted = items.filter(|item| about.accepts.contains(item.kind));
        let mut kept = accepted.filter(|item| {
            let is_refused = self.leaves_out(item).is_some();
            quarantined += u64::from(is_refused);
            !is_refused
        });
        let written = if about.rewrites.contains(feed.kind) {
            let mut written = 0;
            let rewritten = Rewritten::of(
                feed.kind,
                kept.inspect(|_| written += 1).map(|item| self.rewrite(&item)),
            );
            write_entries(self, feed, &mut rewritten.indicators(), out)?;
            written
        } else {
            write_entries(self, feed, &mut kept, out)?
        };
        Ok(ExportCounts { written, quarantined })
    }
}

/// Returns the exporter as a caller configures it.
///
/// ```
/// use feed_classification::export::{Options, configured};
/// use feed_classification::{Indicator, IndicatorType, Registry};
///
/// let registry = Registry::builtin();
/// let rpz = registry.by_name("rpz").unwrap();
/// let options = Options::of(rpz.about().options, &[("action", "nodata")])?;
/// let mut zone = Vec::new();
/// let item = Indicator::new(IndicatorType::Domain, "evil.example");
/// configured(rpz, &options).entry(&item, &mut zone).unwrap();
/// assert_eq!(zone, b"evil.example CNAME *.\n*.evil.example CNAME *.\n");
/// # Ok::<(), Vec<feed_classification::export::WrongOption>>(())
/// ```
#[must_use]
pub fn configured(exporter: &Arc<dyn Exporter>, options: &Options) -> Arc<dyn Exporter> {
    if options.is_default() {
        return Arc::clone(exporter);
    }
    exporter.configured(options).unwrap_or_else(|| Arc::clone(exporter))
}

/// Writes these indicators with everything around and between them, and returns their number.
fn write_entries<E: Exporter + ?Sized>(
    exporter: &E,
    feed: &FeedInfo<'_>,
    items: &mut dyn Iterator<Item = Indicator<'_>>,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let separator = exporter.separator().as_bytes();
    let mut written = 0;
    for item in items {
        if written == 0 {
            exporter.header(feed, out)?;
        } else {
            out.write_all(separator)?;
        }
        exporter.entry_of(feed, &item, out)?;
        written += 1;
    }
    if written == 0 {
        exporter.empty(feed, out)?;
    } else {
        exporter.footer(feed, out)?;
    }
    Ok(written)
}

/// The facts about a feed that an exporter may write; never the present time, so that bodies stay the same bytes.
///
/// ```
/// use feed_classification::{About, FeedInfo, IndicatorType};
///
/// static ABOUT: About = About::new("plain", "One value per line.");
/// let feed = FeedInfo::new(IndicatorType::Ipv4, "block-ipv4-1w");
/// // An exporter that does not declare that it writes the title does not get it.
/// assert_eq!(feed.limited_to(&ABOUT).name, "");
/// assert_eq!(feed.limited_to(&ABOUT.titled()).name, "block-ipv4-1w");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedInfo<'f> {
    /// The type of the feed's indicators.
    pub kind: IndicatorType,
    /// The title of the feed, for example `block-ipv4-1w`; only for exporters that declare that they write it
    /// ([`About::titled`]).
    pub name: &'f str,
    /// The time when the indicators last changed, for formats with a version that has to rise. While the values stay
    /// the same, so does the time. `None` if it is unknown, and for exporters that do not declare that they write it
    /// ([`About::dated`]).
    pub changed_at: Option<jiff::Timestamp>,
}

impl<'f> FeedInfo<'f> {
    /// Makes the information about a feed.
    #[must_use]
    pub const fn new(kind: IndicatorType, name: &'f str) -> Self {
        Self {
            kind,
            name,
            changed_at: None,
        }
    }

    /// Returns the facts for an exporter with this description. It does not get a fact that it does not declare to
    /// write, so no byte depends on a fact that the entity tag does not cover.
    #[must_use]
    pub const fn limited_to(mut self, about: &About) -> Self {
        if !about.titled {
            self.name = "";
        }
        if !about.dated {
            self.changed_at = None;
        }
        self
    }

    /// Sets the time when the indicators last changed.
    #[must_use]
    pub const fn changed_at(mut self, changed_at: jiff::Timestamp) -> Self {
        self.changed_at = Some(changed_at);
        self
    }
}

/// The counts of an export; returned by [`Exporter::export`].
///
/// ```
/// use feed_classification::{Exporter, FeedInfo, IndicatorSet, IndicatorType, Registry};
///
/// let registry = Registry::builtin();
/// let set = IndicatorSet::of(IndicatorType::Filename, ["#comment.exe", "evil.exe"]);
/// let mut body = Vec::new();
/// let generic = registry.by_name("generic").unwrap();
/// let exported = generic.export(&FeedInfo::new(set.kind(), ""), &mut set.indicators(), &mut body)?;
/// // A reader of plain lists would take the first name for a comment.
/// assert_eq!((exported.written, exported.quarantined), (1, 1));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportCounts {
    /// Indicators in the output. If an entry holds several ([`About::merges`]), each of them counts.
    pub written: u64,
    /// Indicators that were left out, since the format cannot express them.
    pub quarantined: u64,
}

/// The reason why an exporter leaves an indicator out.
///
/// ```
/// use feed_classification::{Exporter, Indicator, IndicatorType, Registry};
///
/// let registry = Registry::builtin();
/// let item = Indicator::new(IndicatorType::Filename, "#comment.exe");
/// let reason = registry.by_name("generic").unwrap().leaves_out(&item).unwrap();
/// assert_eq!(reason.reason(), "unrepresentable");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuarantineReason {
    reason: &'static str,
}

impl QuarantineReason {
    /// The value has a line break and the format is one of lines.
    pub const LINE_BREAK: Self = Self::because("line_break");

    /// The value has a character that the format has no way to write.
    pub const UNREPRESENTABLE: Self = Self::because("unrepresentable");

    /// Makes a reason. Metrics and logs show its name: lower case with underscores, and always the same for the same
    /// cause.
    #[must_use]
    pub const fn because(reason: &'static str) -> Self {
        Self { reason }
    }

    /// Returns the name of the reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for QuarantineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}
