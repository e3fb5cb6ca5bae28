//! Whether MISP has the tags that a site's feeds are made of. A slip in `tag` of a site file makes every feed empty,
//! and MISP sees no fault in it: a question for a tag that does not exist is answered with nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use feed_classification::{FeedName, TagScheme};
use feed_engine::{MispSource, Selection, Upstream};
use misp_client::{Client, Error};
use site_config::{Loaded, Site, SiteName};

use service_kit::chain;

/// How long nothing is asked again about the tag of a feed that stays empty, and so the pause between two lines of the
/// log about it.
const PAUSE: Duration = Duration::from_secs(600);

/// As many names are suggested.
const SUGGESTIONS: usize = 3;

/// What every tag has in it but those of custom feeds.
const CLASSIFICATION: &str = "incident-classification";

/// Returns the feeds of a site that a tag makes, with these tags.
#[must_use]
pub fn feed_tags(site: &Site) -> Vec<(FeedName, String)> {
    let scheme = TagScheme::new(&site.tag, site.custom_feeds.clone());
    let tagged = FeedName::ALL
        .iter()
        .map(|feed| (*feed, scheme.classification_tag(*feed)));
    tagged.filter_map(|(feed, tag)| Some((feed, tag?))).collect()
}

/// What MISP says about some tags.
#[derive(Debug, Default)]
pub struct KnownTags {
    names: BTreeSet<String>,
    /// Tags that MISP cannot be asked about.
    unasked: BTreeSet<String>,
}

impl KnownTags {
    /// Asks MISP which of these tags it has, with as few questions as possible.
    ///
    /// # Errors
    /// Whatever a question to MISP fails with.
    pub async fn ask(client: &Client, tags: impl IntoIterator<Item = &String>) -> Result<Self, Error> {
        let mut known = Self::default();
        let mut texts = BTreeSet::new();
        for tag in tags {
            match text_in(tag) {
                Some(text) => texts.insert(text),
                None => known.unasked.insert(tag.clone()),
            };
        }
        for text in texts {
            known.names.extend(client.tags_with(text).await?);
        }
        Ok(known)
    }

    /// Returns whether MISP does not have this tag.
    #[must_use]
    pub fn lacks(&self, tag: &str) -> bool {
        !self.names.contains(tag) && !self.unasked.contains(tag)
    }

    /// Returns the names that are closest to this tag, the closest first, and none that have little in common with it.
    #[must_use]
    pub fn closest(&self, tag: &str) -> Vec<String> {
        let mut near: Vec<(usize, &String)> = self
            .names
            .iter()
            .map(|name| (strsim::damerau_levenshtein(tag, name), name))
            .filter(|(distance, _)| *distance * 3 <= tag.chars().count())
            .collect();
        near.sort();
        near.into_iter()
            .take(SUGGESTIONS)
            .map(|(_, name)| name.clone())
            .collect()
    }
}

/// Returns the part of a tag by which MISP can be asked for it: the classification, or the longest run of letters and
/// digits.
fn text_in(tag: &str) -> Option<&str> {
    if tag.contains(CLASSIFICATION) {
        return Some(CLASSIFICATION);
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let runs = tag.split(|c| !is_plain(c)).filter(|run| (3..=64).contains(&run.len()));
    runs.max_by_key(|run| run.len())
}

/// Says which tags are meant, for people.
#[must_use]
pub fn suggestion(closest: &[String]) -> String {
    if closest.is_empty() {
        return "it has none with a similar name".to_owned();
    }
    let names: Vec<_> = closest.iter().map(|name| format!("`{name}`")).collect();
    format!("the closest that it has: {}", names.join(", "))
}

/// The feeds that are empty since MISP does not have their tag, as far as they were asked for.
#[derive(Debug, Default)]
pub(crate) struct MissingTags(Mutex<BTreeMap<(SiteName, FeedName), Look>>);

#[derive(Debug)]
struct Look {
    tag: String,
    at: Instant,
    /// The closest names, if the tag is missing.
    missing: Option<Vec<String>>,
}

impl MissingTags {
    /// Notes that a feed was answered. Where it is empty, MISP is asked about its tag, aside and seldom.
    pub(crate) fn answered(
        self: &Arc<Self>,
        misp: &Arc<MispSource>,
        upstream: &Upstream,
        selection: Selection,
        is_empty: bool,
    ) {
        let Selection::Feed(feed) = selection else { return };
        let mut looks = self.lock();
        if !is_empty && looks.is_empty() {
            return;
        }
        let site = upstream.site();
        let key = (site.name.clone(), feed);
        if !is_empty {
            // It stays known: the same feed may be empty in another type, and that must not ask MISP again at every
            // turn.
            if let Some(look) = looks.get_mut(&key) {
                look.missing = None;
            }
            return;
        }
        let Some((_, tag)) = feed_tags(site).into_iter().find(|(tagged, _)| *tagged == feed) else {
            return;
        };
        let before = looks.remove(&key).filter(|look| look.tag == tag);
        let is_due = before.as_ref().is_none_or(|look| look.at.elapsed() >= PAUSE);
        let look = Look {
            tag: tag.clone(),
            at: before
                .as_ref()
                .filter(|_| !is_due)
                .map_or_else(Instant::now, |look| look.at),
            missing: before.and_then(|look| look.missing),
        };
        looks.insert(key, look);
        drop(looks);
        if is_due {
            let (missing, misp) = (Arc::clone(self), Arc::clone(misp));
            tokio::spawn(look_for(missing, misp, upstream.clone(), feed, tag));
        }
    }

    /// Returns the feeds whose tag is missing, of sites that are served and still make the feed with that tag: site,
    /// feed, tag, closest.
    pub(crate) fn all(&self, loaded: &Loaded) -> Vec<(SiteName, FeedName, String, Vec<String>)> {
        let looks = self.lock();
        let missing = looks.iter().filter_map(|((name, feed), look)| {
            let site = loaded.sites.get(name).filter(|site| site.enabled)?;
            let is_current = feed_tags(site)
                .iter()
                .any(|(tagged, tag)| tagged == feed && *tag == look.tag);
            let closest = look.missing.as_ref().filter(|_| is_current)?;
            Some((name.clone(), *feed, look.tag.clone(), closest.clone()))
        });
        missing.collect()
    }

    fn found(&self, site: &SiteName, feed: FeedName, tag: &str, missing: Option<Vec<String>>) {
        // The feed may have been filled, or its tag changed, meanwhile.
        if let Some(look) = self
            .lock()
            .get_mut(&(site.clone(), feed))
            .filter(|look| look.tag == tag)
        {
            look.missing = missing;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(SiteName, FeedName), Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look_for(missing: Arc<MissingTags>, misp: Arc<MispSource>, upstream: Upstream, feed: FeedName, tag: String) {
    let site = &upstream.site().name;
    let known = match misp.client(&upstream) {
        Ok(client) => KnownTags::ask(&client, [&tag]).await.map_err(|error| chain(&error)),
        Err(error) => Err(chain(&error)),
    };
    let known = match known {
        Ok(known) => known,
        // The requests for its feeds report the fault, so this is a line for debugging only.
        Err(error) => {
            tracing::debug!(site = site.as_str(), tag, error, "MISP could not be asked about a tag");
            return;
        }
    };
    let closest = known.lacks(&tag).then(|| known.closest(&tag));
    if let Some(closest) = &closest {
        tracing::warn!(
            site = site.as_str(),
            feed = feed.as_str(),
            tag,
            "the feed is empty, and MISP does not have its tag; {}; is `tag` in the site file right?",
            suggestion(closest)
        );
    }
    missing.found(site, feed, &tag, closest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_asked_for_by_what_misp_takes_in_a_path() {
        assert_eq!(text_in("example:incident-classification=block"), Some(CLASSIFICATION));
        assert_eq!(text_in("example:permanent-block"), Some("permanent-block"));
        assert_eq!(text_in("a:b=c"), None);
    }

    #[test]
    fn the_closest_names_come_first_and_unlike_ones_not_at_all() {
        let names = [
            "example:incident-classification=block",
            "example:incident-classification=hunt",
            "tlp:red",
        ];
        let known = KnownTags {
            names: names.map(str::to_owned).into(),
            unasked: BTreeSet::new(),
        };
        assert!(!known.lacks(names[0]) && known.lacks("exmaple:incident-classification=block"));
        assert_eq!(known.closest("exmaple:incident-classification=block"), names[..2]);
        assert!(known.closest("something else").is_empty());
    }
}
