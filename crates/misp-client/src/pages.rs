//! A search that runs: its rows in batches or one by one, each of them compared with the question.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::batch::Batch;
use crate::batches::Batches;
use crate::page_reader::PageReader;
use crate::progress::{Place, Progress};
use crate::{Attribute, AttributeRow, AttributeSearch, Client, Error};

/// A running search, made by [`Client::search`]: read it with [`next_batch`](Self::next_batch), or as a [`Stream`] of
/// attributes.
///
/// Every row is compared with the question. A row that does not answer it ends the search with
/// [`ErrorKind::Unfiltered`](crate::ErrorKind::Unfiltered): a proxy lost the filter, for example, and MISP sent every
/// attribute that it has. [`unchecked`](Self::unchecked) turns that off.
///
/// [`progress`](Self::progress) stays available while the stream is read, so that a program can report
/// [`unusable`](Progress::unusable) rows:
///
/// ```no_run
/// # use misp_client::{AttributeSearch, Client};
/// use futures_util::TryStreamExt;
///
/// # async fn run(client: Client) -> Result<(), misp_client::Error> {
/// let mut pages = client.search(AttributeSearch::new(["ip-dst"])?.to_ids(true));
/// while let Some(attribute) = pages.try_next().await? {
///     println!("{}", attribute.value);
/// }
/// eprintln!("{} rows could not be read", pages.progress().unusable);
/// # Ok(())
/// # }
/// ```
pub struct AttributePages {
    search: Arc<AttributeSearch>,
    batches: Batches<PageReader>,
    /// The progress before the batch that is under way.
    progress: Progress,
    /// Rows that the stream has not given out yet, and their page.
    rows: VecDeque<Attribute>,
    page: u32,
    /// The stream gave out an error.
    failed: bool,
}

impl AttributePages {
    pub(crate) fn new(client: Client, search: AttributeSearch) -> Self {
        let search = Arc::new(search);
        Self {
            batches: Batches::new(PageReader::new(client, Arc::clone(&search))),
            search,
            progress: Progress::default(),
            rows: VecDeque::new(),
            page: 0,
            failed: false,
        }
    }

    /// Gives out rows that do not answer the question too; call it before the first row is read.
    ///
    /// For programs that judge rows themselves with [`AttributeSearch::answers`], for example to drop a few of them.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        if let Some(reader) = self.batches.reader_mut() {
            reader.set_unchecked();
        }
        self
    }

    /// Returns the question.
    #[must_use]
    pub fn search(&self) -> &AttributeSearch {
        &self.search
    }

    /// Returns how far the search has come: pages, rows, duplicates, unusable rows.
    ///
    /// Between two polls of the stream this is the state before the batch that is under way.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        self.batches.reader().map_or(&self.progress, PageReader::progress)
    }

    /// Returns the next rows, and requests the next page when the last one is used up; `None` after a clean end of the
    /// last page.
    ///
    /// Rows that an earlier page had are left out.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind); [`Unfiltered`](crate::ErrorKind::Unfiltered) for a row that does not answer
    /// the question. After an error the rows so far are not an answer, and every further call fails. The same holds
    /// when a caller drops the future of this call before it ends.
    pub async fn next_batch(&mut self) -> Result<Option<Batch>, Error> {
        if self.rows.is_empty() {
            return self.batches.next().await;
        }
        Ok(Some(Batch {
            page: self.page,
            attributes: std::mem::take(&mut self.rows).into(),
        }))
    }
}

impl AttributePages {
    /// Shows the next rows to `take` without building attributes, and returns their page, counted from 1; `None` after
    /// a clean end of the last page. `extra` is not read.
    ///
    /// ```no_run
    /// # async fn run(client: misp_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut pages = client.search(misp_client::AttributeSearch::new(["domain"])?);
    /// let mut bytes = 0;
    /// while pages.next_rows(|row| bytes += row.value.len()).await?.is_some() {}
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`next_batch`](Self::next_batch). After an error the rows so far are not an answer.
    pub async fn next_rows(&mut self, mut take: impl FnMut(AttributeRow<'_>) + Send) -> Result<Option<u32>, Error> {
        if !self.rows.is_empty() {
            std::mem::take(&mut self.rows)
                .into_iter()
                .for_each(|row| take(row.into()));
            return Ok(Some(self.page));
        }
        match self.batches.reader_mut() {
            Some(reader) => reader.read_rows(&mut take).await,
            // The stream was polled, and its batch is under way.
            None => {
                let batch = self.batches.next().await?;
                let page = batch.as_ref().map(|batch| batch.page);
                let rows = batch.into_iter().flat_map(|batch| batch.attributes);
                rows.for_each(|row| take(row.into()));
                Ok(page)
            }
        }
    }
}

/// Gives the rows one by one and ends after the first error.
impl Stream for AttributePages {
    type Item = Result<Attribute, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self {
            batches,
            progress,
            rows,
            page,
            failed,
            ..
        } = self.get_mut();
        if let (true, Some(reader)) = (rows.is_empty(), batches.reader()) {
            progress.clone_from(reader.progress());
        }
        batches.poll_item(context, failed, |batch| {
            if let Some(batch) = batch {
                *page = batch.page;
                *rows = batch.attributes.into();
            }
            rows.pop_front()
        })
    }
}

impl fmt::Debug for AttributePages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttributePages")
            .field("search", &self.search)
            .field("progress", self.progress())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Starts a search. Nothing is sent before the first batch is requested.
    #[must_use]
    pub fn search(&self, search: AttributeSearch) -> AttributePages {
        AttributePages::new(self.clone(), search)
    }

    /// Returns the row at one place of a search's answer now; places count from 1, in MISP's order, hidden rows
    /// included.
    ///
    /// A caller that has read several pages can see whether rows moved meanwhile: then the row at the end of a page is
    /// another one.
    ///
    /// # Errors
    /// As for a page of the search.
    pub async fn place(&self, search: &AttributeSearch, place: u32) -> Result<Place, Error> {
        let search = Arc::new(search.clone().page_size(NonZeroU32::MIN));
        // The caller compares places, and a row that it tolerates in its pages must not fail the comparison.
        let mut reader = PageReader::new(self.clone(), search);
        reader.set_unchecked();
        reader.read_place(place).await
    }
}
