//! Lists for a program in which one entry covers others: names below a listed one, networks inside another.

use std::io::{self, Write};
use std::sync::Arc;

use crate::export::coverage::Coverage;
use crate::export::{About, ExportCounts, Exporter, FeedInfo, Options, QuarantineReason, notice};
use crate::{Indicator, TypeSet};

/// Writes one indicator in the form that the options choose.
type Entry = fn(&Indicator<'_>, &Options, &mut dyn Write) -> io::Result<()>;

/// Returns why an indicator is left out; `None` if it is not.
type Refuses = fn(&Indicator<'_>) -> Option<QuarantineReason>;

/// Returns the text that stands for the value in its entry, or why there is none.
type Text = fn(&Indicator<'_>) -> Result<String, QuarantineReason>;

/// A file of one entry per name or network, behind a first line that says who wrote it.
///
/// A program has its own list: what an entry covers there, the form of an entry, and the values that it would misread.
#[derive(Debug, Clone)]
pub(crate) struct CoveredList {
    about: About,
    coverage: Coverage,
    entry: Entry,
    head: &'static str,
    refuses: Refuses,
    texts: TypeSet,
    text: Text,
    options: Options,
}

impl CoveredList {
    /// Makes a list with these entries. Its head is the [notice](notice::LINE), and it writes every name and network
    /// that the coverage takes.
    pub(super) const fn new(about: About, coverage: Coverage, entry: Entry) -> Self {
        Self {
            options: Options::defaults(about.options),
            about,
            coverage,
            entry,
            head: notice::LINE,
            refuses: |_| None,
            texts: TypeSet::NONE,
            text: |_| Err(QuarantineReason::UNREPRESENTABLE),
        }
    }

    /// Sets the text before the first entry, which is also all that an empty feed has.
    pub(super) const fn head(mut self, head: &'static str) -> Self {
        self.head = head;
        self
    }

    /// Sets which values are left out beside those that the coverage refuses.
    pub(super) const fn refusing(mut self, refuses: Refuses) -> Self {
        self.refuses = refuses;
        self
    }

    /// Sets the text that an entry has in the place of the value, for these types. No such entry covers another.
    pub(super) const fn texts(mut self, types: TypeSet, text: Text) -> Self {
        self.texts = types;
        self.text = text;
        self
    }

    /// Writes a feed of one of the types of [`CoveredList::texts`].
    ///
    /// The usual way would make each text twice, once to see whether it can be made, and reading a URL is most of the
    /// work.
    fn export_texts(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let mut exported = ExportCounts::default();
        self.header(feed, out)?;
        for item in items.filter(|item| item.kind == feed.kind) {
            match (self.text)(&item) {
                Err(_) => exported.quarantined += 1,
                Ok(text) => {
                    (self.entry)(&Indicator::new(item.kind, &text), &self.options, out)?;
                    exported.written += 1;
                }
            }
        }
        Ok(exported)
    }
}

impl Exporter for CoveredList {
    fn about(&self) -> &About {
        &self.about
    }

    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        let options = options.clone();
        Some(Arc::new(Self {
            options,
            ..self.clone()
        }))
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if self.texts.contains(item.kind) {
            return (self.text)(item).err();
        }
        (self.refuses)(item).or_else(|| self.coverage.refuses(item))
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.head.as_bytes())
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        if self.texts.contains(item.kind) {
            let text = (self.text)(item);
            return text.map_or(Ok(()), |text| {
                (self.entry)(&Indicator::new(item.kind, &text), &self.options, out)
            });
        }
        (self.entry)(item, &self.options, out)
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        if self.texts.contains(feed.kind) {
            return self.export_texts(feed, items, out);
        }
        self.coverage.export(self, feed, items, out)
    }
}
