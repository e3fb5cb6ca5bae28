//! A request that was checked, for a caller that asks the same again and again.

use std::num::NonZeroU32;
use std::sync::Arc;

use cache::Moment;
use feed_classification::Exporter;

use super::FeedEngine;
use super::seen_set::SeenSet;
use crate::bodies::{Form, LastForm, is_beyond, length_limit};
use crate::feed_key::FeedKey;
use crate::{FeedError, FeedHead, FeedRequest, FeedValues, LengthLimit, Origin, Upstream, question};

/// A checked request for the feed of an upstream. [`FeedEngine::head_of`] answers it as often as the caller likes, and
/// each time with the values of that moment; its exporter, the hash of the site's rules and the entity tag of the last
/// answer need not be found again.
///
/// It holds the rules of its upstream: make another one when the configuration changes. It keeps no values in memory.
#[derive(Debug)]
pub struct PreparedFeed {
    pub(super) upstream: Upstream,
    pub(super) request: FeedRequest,
    pub(super) exporter: Arc<dyn Exporter>,
    pub(super) key: FeedKey,
    /// The greatest number of indicators in the body, of the output or of the caller.
    pub(super) limit: Option<NonZeroU32>,
    form: LastForm,
    seen: SeenSet,
}

impl PreparedFeed {
    /// Returns the upstream.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Returns the request.
    #[must_use]
    pub fn request(&self) -> &FeedRequest {
        &self.request
    }
}

impl FeedEngine {
    /// Checks a request, without asking for its values.
    ///
    /// # Errors
    /// [`FeedError`] for an output that does not exist or does not carry the type, for networks that cannot be merged,
    /// and for a feed or a limit that the site does not define.
    pub fn prepare(&self, upstream: &Upstream, request: &FeedRequest) -> Result<PreparedFeed, FeedError> {
        let exporter = self.exporter(request)?;
        question::check(upstream, request.scope)?;
        Ok(PreparedFeed {
            upstream: upstream.clone(),
            limit: length_limit(&*exporter, request),
            exporter,
            key: FeedKey::of(upstream, request.scope),
            request: request.clone(),
            form: LastForm::default(),
            seen: SeenSet::default(),
        })
    }

    /// Returns the feed of a request without its bytes, by the rules of [`feed`](Self::feed): for example for a `HEAD`
    /// request. [`FeedHead::render`] makes the bytes.
    ///
    /// # Errors
    /// [`FeedError`], whose [`fault`](FeedError::fault) says whose fault it is.
    pub async fn head(&self, upstream: &Upstream, request: &FeedRequest) -> Result<FeedHead, FeedError> {
        self.head_of(&self.prepare(upstream, request)?).await
    }

    /// Returns the feed of a prepared request without its bytes, as [`head`](Self::head) does.
    ///
    /// # Errors
    /// [`FeedError`], whose [`fault`](FeedError::fault) says whose fault it is.
    pub async fn head_of(&self, prepared: &PreparedFeed) -> Result<FeedHead, FeedError> {
        let values = self.values_for(prepared).await?;
        Ok(self.headed(prepared, values, self.now()))
    }

    /// Returns the feed of a prepared request without its bytes, if it is fresh in memory. The request is not noted:
    /// [`asked_again`](Self::asked_again) does that.
    #[must_use]
    pub fn head_at_once(&self, prepared: &PreparedFeed) -> Option<FeedHead> {
        let PreparedFeed {
            upstream,
            request,
            key,
            limit,
            ..
        } = prepared;
        let now = self.now();
        let sure = self.sure_set(key, &prepared.seen, now)?;
        let age = now.since(sure.fetched_at);
        if !Self::is_fresh(upstream, age, request.max_age) {
            return None;
        }
        let may_have_times = !sure.times_wanted;
        let values = FeedValues {
            age,
            fresh_for: upstream.site.soft_expiry.saturating_sub(age),
            origin: Origin::Hit,
            held_back: None,
            refresh_failing: sure.has_failed,
            set: sure.set,
        };
        let has_no_times = values.set.times().is_none();
        let asks_for_times = has_no_times && may_have_times && limit.is_some_and(|limit| is_beyond(limit, &values.set));
        (!asks_for_times).then(|| self.headed(prepared, values, now))
    }

    /// Notes one more answer to a prepared request, with this head, so that its feed is refreshed ahead of the next
    /// one.
    pub fn asked_again(&self, prepared: &PreparedFeed, head: &FeedHead) {
        if prepared.limit.is_some() {
            self.inner.timed.note(&prepared.key);
        }
        self.note_poll_at(head.now, &prepared.upstream, &prepared.key);
    }

    fn headed(&self, prepared: &PreparedFeed, values: FeedValues, now: Moment) -> FeedHead {
        let PreparedFeed {
            upstream,
            request,
            exporter,
            key,
            ..
        } = prepared;
        let form = prepared.form.of(&values.set, || {
            Form::new(key.clone(), Arc::clone(&values.set), Arc::clone(exporter), request)
        });
        let encoding = self.inner.bodies.encoding(&form, request.encoding);
        FeedHead {
            encoding,
            wanted: request.encoding,
            content_type: exporter.about().content_type,
            etag: form.etag(encoding),
            changed_at: form.changed_at(),
            age: values.age,
            fresh_for: values.fresh_for,
            origin: values.origin,
            refresh_failing: values.refresh_failing,
            held_back: values.held_back,
            limit: form.key().limit.map(|most| LengthLimit {
                most,
                keeps_newest: form.keeps_newest(),
            }),
            form,
            bodies: self.inner.bodies.clone(),
            patience: upstream.site.timeout,
            now,
        }
    }
}
