//! A new set that lost too much of a feed: the old set stays until the loss is explained, confirmed or accepted.
//!
//! [`crate::held_back`] has the rule. Callers get the old set as stale, streams get nothing, look-ups find the values of
//! the old set, and other replicas get the old set again.

use std::sync::Arc;

use cache::Moment;

use super::Inner;
use super::current::RefreshRequest;
use super::held_values::going_for_lookups;
use super::refresh::Attempt;
use crate::feed_contents::behind;
use crate::feed_key::FeedKey;
use crate::feed_set::HeldSet;
use crate::held_back::{Answered, Doubt, Verdict};
use crate::{FeedContents, FeedError, FeedSet, LookupIndex, Upstream, blocking_work, loss, shared_sets};

/// What becomes of a new set.
pub(super) enum Judged {
    Keep(FeedContents),
    HoldBack(Box<Hold>),
}

/// The set that stays in the place of a smaller one.
pub(super) struct Hold {
    before: HeldSet,
    doubt: Doubt,
    /// The values that would go, for look-ups.
    going: Option<LookupIndex>,
}

/// The set that a new one would replace.
struct Before {
    held: HeldSet,
    /// It was gathered by other rules of the site.
    has_other_rules: bool,
}

impl Inner {
    /// Returns whether `gathered` is to be served, or which set stays in its place.
    pub(super) async fn judged(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        gathered: FeedContents,
        asked_at: Moment,
        attempt: &mut Attempt,
    ) -> Result<Judged, FeedError> {
        let before = self.before(upstream, key, &gathered, attempt).await?;
        attempt.is_judged = gathered.is_sure || before.is_some();
        let Some(Before { held, has_other_rules }) = before else {
            return Ok(Judged::Keep(gathered));
        };
        // The source knows why values are gone, but not whether a changed site file names a wrong tag.
        let is_known = (gathered.is_sure && !has_other_rules) || attempt.shared.is_some_and(|label| label.is_judged);
        let now = self.clock.now();
        let is_dead = now.since(held.fetched_at) >= upstream.site.max_stale;
        if is_known || is_dead || !loss::is_too_large(held.set.values().len(), gathered.values.len()) {
            return Ok(Judged::Keep(gathered));
        }
        let (soft_expiry, selection) = (upstream.site.soft_expiry, key.scope.selection);
        let as_of = gathered.as_of.or(attempt.shared.map(|label| label.made_at));
        let answered = Answered { asked_at, as_of };
        let judging = blocking_work::run("comparing the feed", move || {
            let (served, smaller) = (held.set.values(), &gathered.values);
            let arising = || Doubt::arising(now, served, smaller, soft_expiry);
            let verdict = match &held.doubt {
                Some(doubt) => doubt.judge(answered, now, served, smaller),
                None if has_other_rules => Verdict::HeldBack(arising().after_other_rules()),
                None => Verdict::HeldBack(arising()),
            };
            let going = match &verdict {
                Verdict::HeldBack(_) => going_for_lookups(selection, served, smaller),
                Verdict::Believed(_) => None,
            };
            (verdict, held, gathered, going)
        });
        let (verdict, before, gathered, going) = judging.await?;
        match verdict {
            Verdict::Believed(reason) => {
                let (from, to) = (before.set.values().len(), gathered.values.len());
                let site = upstream.site.name.as_str();
                tracing::warn!(site, feed = %key.scope, from, to, reason, "the smaller feed that was held back is served from now on");
                Ok(Judged::Keep(gathered))
            }
            Verdict::HeldBack(doubt) => Ok(Judged::HoldBack(Box::new(Hold { before, doubt, going }))),
        }
    }

    /// Returns the set that `gathered` would replace: from memory, from before the rules changed, or the one that
    /// replicas shared last.
    async fn before(
        &self,
        upstream: &Upstream,
        key: &FeedKey,
        gathered: &FeedContents,
        attempt: &Attempt,
    ) -> Result<Option<Before>, FeedError> {
        let same = |held| Before {
            held,
            has_other_rules: false,
        };
        if let Some(held) = self.sets.get(key) {
            return Ok(Some(same(held)));
        }
        if gathered.values.is_empty()
            && let Some(held) = self.under_other_rules(upstream, key).await?
        {
            return Ok(Some(Before {
                held,
                has_other_rules: true,
            }));
        }
        let (Some(_), Some(cache)) = (attempt.label_before(), self.shared_cache()) else {
            return Ok(None);
        };
        let last = shared_sets::last(&cache, key).await;
        Ok(last.map(|(label, contents)| {
            let age = shared_sets::age(label.made_at, jiff::Timestamp::now());
            let set = FeedSet::shared(None, contents, (label.changed_at, label.ordered_at));
            same(HeldSet {
                made_at: label.made_at,
                is_shared: true,
                is_second_hand: true,
                ..HeldSet::new(set, self.clock.now().before(age))
            })
        }))
    }

    /// Keeps a set in the place of a smaller one, and has MISP asked again.
    pub(super) async fn hold_back(
        self: Arc<Self>,
        upstream: Upstream,
        key: FeedKey,
        hold: Hold,
        mut attempt: Attempt,
    ) -> Arc<FeedSet> {
        let Hold { before, doubt, going } = hold;
        if before.doubt.is_none() {
            self.counted.count_held(upstream.site.name.as_str());
        }
        log(&upstream, &key, &doubt);
        let (set, made_at, pause) = (Arc::clone(&before.set), before.made_at, doubt.pause());
        let times_wanted = before.times_wanted;
        self.change_set(key.clone(), |held| {
            let forgotten = held.as_ref().and_then(|held| held.forgotten);
            // An operator may have accepted it while MISP was asked.
            let known = held.as_ref().and_then(|held| held.doubt.as_ref());
            let is_accepted = known.is_some_and(|known| known.is_accepted && doubt.agrees_with(known));
            Some(HeldSet {
                // This attempt answers an earlier `clear_cache`.
                forgotten: forgotten.filter(|_| forgotten != attempt.forgotten_before),
                failed_at: None,
                late_at: None,
                doubt: Some(doubt.accepted(is_accepted)),
                ..held.unwrap_or(before)
            })
        });
        self.keep_for_lookups(&key, going);
        // A replica that starts meanwhile holds its answer against the old set.
        attempt.confirmed.at = Some(made_at);
        attempt.times_wanted = times_wanted;
        self.share(&upstream, key.clone(), attempt, &set).await;
        self.ask_again(upstream, key, pause);
        set
    }

    fn ask_again(self: Arc<Self>, upstream: Upstream, key: FeedKey, pause: std::time::Duration) {
        let (engine, sleep) = (Arc::downgrade(&self), self.clock.sleep(pause));
        tokio::spawn(async move {
            sleep.await;
            let Some(engine) = engine.upgrade() else { return };
            let Some(held) = engine.sets.get(&key) else { return };
            let doubt = held.doubt.as_ref();
            let Some(doubt) = doubt.filter(|doubt| doubt.may_count(engine.clock.now())) else {
                return;
            };
            let flights = engine.refreshes.clone();
            let errand = engine.errands.of(&key, engine.urgency_without_callers(&key));
            let asking = RefreshRequest {
                limit: upstream.site.soft_expiry,
                // A copy has to look at MISP for it.
                errand: errand.confirmed_from(Some(doubt.told_at)),
            };
            let work = engine.refresh_since(upstream, key.clone(), Some(held.fetch), asking);
            flights.start(key, move || work);
        });
    }

    /// Returns the newest set of the same feed from before a site file or the mappings changed, without the values that
    /// the guard keeps out now.
    ///
    /// Not for feeds with limits: the change may have been made to keep values from the callers with these limits.
    async fn under_other_rules(&self, upstream: &Upstream, key: &FeedKey) -> Result<Option<HeldSet>, FeedError> {
        if !key.scope.filter.is_none() {
            return Ok(None);
        }
        let entries = self.sets.entries().into_iter();
        let same_feed = entries.filter(|(other, held)| {
            other.scope == key.scope && other.upstream == key.upstream && !held.set.values().is_empty()
        });
        let Some(youngest) = same_feed.map(|(_, held)| held).max_by_key(|held| held.fetched_at) else {
            return Ok(None);
        };
        let guard = upstream.site.guard.clone();
        let guarding = blocking_work::run("guarding the feed", move || {
            let old = youngest.set.values();
            let timed = (old.clone(), youngest.set.times().cloned());
            let guarded = behind(&guard, timed, &Default::default())?;
            if guarded.values == *old {
                return Ok::<_, FeedError>(youngest);
            }
            let contents = FeedContents {
                times: guarded.times,
                ..FeedContents::new(guarded.values, youngest.set.dropped().clone())
            };
            let set = FeedSet::renew(Some(&youngest.set), contents, jiff::Timestamp::now());
            Ok(HeldSet { set, ..youngest })
        });
        let remaining = Some(guarding.await??).filter(|held| !held.set.values().is_empty());
        Ok(remaining.map(|held| HeldSet {
            forgotten: None,
            doubt: None,
            ..held
        }))
    }
}

fn log(upstream: &Upstream, key: &FeedKey, doubt: &Doubt) {
    let (site, shown, scope) = (upstream.site.name.as_str(), &doubt.shown, key.scope);
    let (seconds, would_go) = (doubt.pause().as_secs(), &shown.examples);
    if doubt.is_of_rules {
        tracing::warn!(
            site,
            feed = %scope,
            from = shown.from,
            ?would_go,
            "by the changed configuration this feed has no values: the old values are served, and MISP is asked again in {seconds} s; check `tag`, `guard` and `never_export` in the site file, and the mappings"
        );
        return;
    }
    tracing::warn!(
        site,
        feed = %scope,
        since = %shown.since,
        from = shown.from,
        to = shown.to,
        agreed = shown.agreed,
        needed = shown.needed,
        ?would_go,
        "MISP gives far fewer values for this feed and it is not known why: the old values are served, and MISP is asked again in {seconds} s. If the loss is right, `cratosd feed accept '{scope}'` serves it at once"
    );
}
