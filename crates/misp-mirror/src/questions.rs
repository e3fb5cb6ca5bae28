//! The questions that a mirror asks MISP, each with a turn.

mod list_hits;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use misp_client::{
    AttributeRow, AttributeSearch, Client, Error, ErrorKind, EventIndex, EventIndexAnswer, EventMetadata, EventSearch,
    KnownTag, PageEnd, Place, Progress, Sighting, WarninglistEntries, warninglist::WarninglistDigest,
};
use tokio::time::Instant;

pub(crate) use self::list_hits::ListRow;
use crate::held::TagUse;
use crate::options::Options;
use crate::row_maker::{RowMaker, unique};
use crate::turns::Turns;
use crate::{EventFacts, MirrorRow};

/// Events of one question by number: MISP looks 300 up in 0.2 s.
pub(crate) const MAX_IDS: usize = 300;
/// The longest title that is kept, in bytes.
const MAX_INFO: usize = 512;
/// Any text that is no ETag: MISP then sends its own.
const NO_ETAG: &str = "\"\"";

/// Asks MISP.
#[derive(Debug)]
pub(crate) struct Questions {
    client: Client,
    turns: Arc<dyn Turns>,
    rows: AttributeSearch,
}

/// Events without their attributes.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) events: Vec<EventFacts>,
    /// MISP's clock when it answered, in unix seconds.
    pub(crate) answered_at: Option<i64>,
    /// MISP's clock when it began to look, or earlier.
    pub(crate) began_at: Option<i64>,
}

/// The rows of some events.
#[derive(Debug)]
pub(crate) struct Rows {
    /// By event, in ascending order of their numbers.
    pub(crate) by_event: HashMap<u64, Vec<MirrorRow>>,
    /// MISP answered in several pages, each from what it had then.
    pub(crate) has_pages: bool,
    /// Rows moved from one page to another meanwhile, so that some may be missing.
    pub(crate) moved: bool,
}

impl Questions {
    /// # Errors
    /// For attribute types that MISP cannot be asked for.
    pub(crate) fn new(client: Client, options: &Options) -> Result<Self, Error> {
        // The tags of the event come with its metadata; with each row they would cost MISP half as much again.
        let rows = AttributeSearch::new(&options.attribute_types)?
            .include_event_tags(false)
            .include_sightings(options.sightings)
            .page_size(options.page_size);
        let turns = Arc::clone(&options.turns);
        Ok(Self { client, turns, rows })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the events that changed at this second of MISP's clock or later.
    pub(crate) async fn changed_since(&self, second: i64) -> Result<Listing, Error> {
        self.listing(&metadata().timestamp_from(second)).await
    }

    /// Returns the events that were last published at this second of MISP's clock or later.
    pub(crate) async fn published_since(&self, second: i64) -> Result<Listing, Error> {
        self.listing(&metadata().publish_timestamp_from(second)).await
    }

    /// Returns all events.
    pub(crate) async fn all_events(&self) -> Result<Listing, Error> {
        self.listing(&metadata()).await
    }

    /// Returns these events, as far as MISP shows them.
    pub(crate) async fn events(&self, ids: impl IntoIterator<Item = u64>) -> Result<Listing, Error> {
        let ids: Vec<u64> = ids.into_iter().collect();
        let mut all = Listing {
            events: Vec::new(),
            answered_at: None,
            began_at: None,
        };
        for ids in ids.chunks(MAX_IDS) {
            let some = self.listing(&metadata().event_ids(ids.iter().copied())).await?;
            all.events.extend(some.events);
            if all.began_at.is_none() {
                (all.answered_at, all.began_at) = (some.answered_at, some.began_at);
            }
        }
        Ok(all)
    }

    async fn listing(&self, question: &EventSearch) -> Result<Listing, Error> {
        let _turn = self.turns.turn().await;
        let asked = Instant::now();
        let list = self.client.event_metadata_list(question).await?;
        Ok(Listing {
            events: list.events.into_iter().map(facts).collect(),
            answered_at: list.answered_at,
            began_at: list.answered_at.map(|at| before(at, asked.elapsed())),
        })
    }

    /// Returns the rows of these events.
    pub(crate) async fn rows(&self, ids: impl IntoIterator<Item = u64>) -> Result<Rows, Error> {
        let mut by_event: HashMap<u64, Vec<MirrorRow>> = HashMap::new();
        let mut maker = RowMaker::default();
        let search = self.rows.clone().event_ids(ids);
        let take = |row: AttributeRow<'_>| by_event.entry(row.event_id).or_default().push(maker.make(row));
        let progress = self.search(search.clone(), take).await?;
        if progress.unusable > 0 {
            tracing::warn!(
                unusable = progress.unusable,
                "MISP sent attributes without id, type or value; they are not mirrored"
            );
        }
        for rows in by_event.values_mut() {
            rows.sort_by_key(|row| row.id);
        }
        Ok(Rows {
            by_event,
            has_pages: progress.pages > 1,
            moved: self.moved(&search, &progress.page_ends).await?,
        })
    }

    /// Returns whether a page ends elsewhere now than when it was read. A row that goes moves those behind it, and one
    /// of them to a page that was read. A page of one row costs MISP about a tenth of a full one.
    async fn moved(&self, search: &AttributeSearch, ends: &[PageEnd]) -> Result<bool, Error> {
        for end in ends.iter().rev().skip(1) {
            let _turn = self.turns.turn().await;
            let moved = match self.client.place(search, end.place).await? {
                Place::Row(id) => end.last_row != Some(id),
                Place::Hidden => false,
                Place::Empty => true,
            };
            if moved {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns, for each of these events, the attributes that have this tag themselves.
    pub(crate) async fn tag_uses(
        &self,
        tag: &str,
        events: impl IntoIterator<Item = u64>,
    ) -> Result<HashMap<u64, TagUse>, Error> {
        let mut found: HashMap<u64, TagUse> = HashMap::new();
        let search = self
            .rows
            .clone()
            .include_sightings(false)
            .event_ids(events)
            .with_tag(tag)?;
        self.search(search, |row| {
            if row.tags.iter().any(|own| own.name == tag && !own.inherited) {
                found.entry(row.event_id).or_default().add(row.id);
            }
        })
        .await?;
        Ok(found)
    }

    /// Shows each row of a search to `take`, and returns how the search went.
    async fn search(
        &self,
        search: AttributeSearch,
        mut take: impl FnMut(AttributeRow<'_>) + Send,
    ) -> Result<Progress, Error> {
        let _turn = self.turns.turn().await;
        let mut pages = self.client.search(search);
        while pages.next_rows(&mut take).await?.is_some() {}
        Ok(pages.progress().clone())
    }

    /// Returns the minimal index, unless it is the one with this ETag.
    pub(crate) async fn index(&self, etag: Option<&str>) -> Result<EventIndexAnswer, Error> {
        let _turn = self.turns.turn().await;
        let question = EventIndex::new().if_changed_since(etag.unwrap_or(NO_ETAG));
        self.client.event_index(&question).await
    }

    /// Returns the minimal index of the events with this tag, unless it is the one with this ETag.
    pub(crate) async fn index_with_tag(&self, tag: &str, etag: Option<&str>) -> Result<EventIndexAnswer, Error> {
        let question = EventIndex::new().with_tag(tag)?;
        let _turn = self.turns.turn().await;
        self.client
            .event_index(&question.if_changed_since(etag.unwrap_or(NO_ETAG)))
            .await
    }

    /// Returns the number of events in the minimal index, or of the published ones in it, as MISP counts them; none
    /// when the answer lacks the number.
    pub(crate) async fn count(&self, published: bool) -> Result<Option<u64>, Error> {
        let question = EventIndex::new().page(1, 1);
        let question = if published { question.published(true) } else { question };
        let _turn = self.turns.turn().await;
        Ok(match self.client.event_index(&question).await? {
            EventIndexAnswer::Events(list) => list.total,
            EventIndexAnswer::NotModified => None,
        })
    }

    /// Returns the tags whose name has this text in it, with their use.
    pub(crate) async fn tags_with(&self, text: &str) -> Result<Vec<KnownTag>, Error> {
        let _turn = self.turns.turn().await;
        self.client.known_tags_with(text).await
    }

    /// Returns all tags, with their use.
    pub(crate) async fn all_tags(&self) -> Result<Vec<KnownTag>, Error> {
        let _turn = self.turns.turn().await;
        self.client.tags().await
    }

    /// Returns how many live attributes that the key sees have the tag with this number; none if MISP does not say, or
    /// the tag is gone.
    pub(crate) async fn tag_seen(&self, id: u64) -> Result<Option<i64>, Error> {
        let _turn = self.turns.turn().await;
        match self.client.known_tag(id).await {
            Ok(tag) => Ok(tag.attribute_count.and_then(|count| i64::try_from(count).ok())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotPermitted) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the sightings of these seconds of MISP's clock.
    pub(crate) async fn sightings_between(&self, from: i64, to: i64) -> Result<Vec<Sighting>, Error> {
        let _turn = self.turns.turn().await;
        self.client.sightings_between(from, to).await
    }

    /// Returns a digest of the enabled warninglists.
    pub(crate) async fn warninglist_digest(&self) -> Result<WarninglistDigest, Error> {
        let _turn = self.turns.turn().await;
        self.client.warninglist_digest().await
    }

    /// Returns the enabled warninglists with their entries, a question for each.
    pub(crate) async fn warninglists(&self) -> Result<Vec<WarninglistEntries>, Error> {
        let _turn = self.turns.turn().await;
        self.client.enabled_warninglists().await
    }

    /// Returns the user, organisation and role of the key, as one text to compare.
    pub(crate) async fn rights(&self) -> Result<String, Error> {
        let _turn = self.turns.turn().await;
        let me = self.client.me().await?;
        Ok(format!(
            "user {} organisation {} role {} admin {}",
            me.user_id, me.organisation.id, me.role.name, me.role.is_site_admin
        ))
    }
}

fn metadata() -> EventSearch {
    EventSearch::new().exclude_galaxies(true).include_all_tags(true)
}

/// Returns the time so long before, and a second earlier for rounding.
fn before(second: i64, took: Duration) -> i64 {
    let took = i64::try_from(took.as_secs()).unwrap_or(i64::MAX);
    second.saturating_sub(took).saturating_sub(1)
}

fn facts(event: EventMetadata) -> EventFacts {
    let mut info = event.info;
    let end = (0..=MAX_INFO.min(info.len()))
        .rev()
        .find(|end| info.is_char_boundary(*end));
    info.truncate(end.unwrap_or(0));
    EventFacts {
        id: event.id,
        uuid: event.uuid,
        info,
        orgc_uuid: event.orgc_uuid,
        timestamp: event.timestamp,
        published: event.published,
        publish_timestamp: event.publish_timestamp,
        tags: unique(event.tags),
        attribute_count: event.attribute_count,
        protected: event.protected,
    }
}
