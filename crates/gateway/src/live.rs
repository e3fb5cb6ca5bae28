//! Links to the ZeroMQ feed of each MISP, so that a feed is fresh seconds after a publication.
//!
//! A message is a hint: it makes the engine ask MISP earlier than the feed's age would. Messages are never served. So a
//! link that is down, forged or flooded makes a feed later or MISP busier, but never wrong. The load is bounded: one
//! round of questions at a time, and between two rounds MISP rests four times as long as it worked, up to a minute.
//! Feeds with streams have separate rounds with a shorter rest, so that a round over dozens of other feeds does not
//! keep a stream waiting.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use feed_engine::{ChangeHint, FeedEngine};
use misp_client::{LiveAddress, Message, Notice, Subscription};
use site_config::SiteName;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::configuration::Configuration;
use service_kit::chain;

/// An edit in MISP sends several messages. MISP is asked this long after the last one, and at most [`LONGEST_BURST`]
/// after the first.
const BURST: Duration = Duration::from_millis(200);
const LONGEST_BURST: Duration = Duration::from_millis(600);

/// MISP announces a publication before it has stored it, so it is asked once more after this time.
const SECOND_LOOK: Duration = Duration::from_secs(3);

/// MISP rests this many times as long as it worked for the last round.
const REST: u32 = 4;

/// The longest rest after a round over feeds that a stream follows, and after one over all others.
const LONGEST_REST_OF_FOLLOWED: Duration = Duration::from_secs(3);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The states of all links, by site.
#[derive(Debug, Default)]
pub(crate) struct Links(Mutex<HashMap<SiteName, Arc<LinkState>>>);

/// The state of the link to one site.
#[derive(Debug, Default)]
pub(crate) struct LinkState {
    is_up: AtomicBool,
    messages: AtomicU64,
    rounds: AtomicU64,
}

impl LinkState {
    /// Returns whether the link is up.
    pub(crate) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Returns the number of messages.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Returns how often messages made the engine ask MISP.
    pub(crate) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }
}

impl Links {
    /// Returns each link with its site.
    pub(crate) fn all(&self) -> Vec<(SiteName, Arc<LinkState>)> {
        let links = self.lock();
        links
            .iter()
            .map(|(site, state)| (site.clone(), Arc::clone(state)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SiteName, Arc<LinkState>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What MISP is to be asked for.
#[derive(Clone, Debug)]
struct Hint {
    touched: ChangeHint,
    /// A message announced it. Otherwise the link came up: that tells of messages missed before, which MISP has stored.
    is_announced: bool,
}

impl Hint {
    fn and(self, other: Self) -> Self {
        Self {
            touched: self.touched.and(other.touched),
            is_announced: self.is_announced || other.is_announced,
        }
    }
}

/// The hints since MISP was last asked.
#[derive(Default)]
struct Hints {
    pending: Mutex<Option<Hint>>,
    came: Notify,
}

impl Hints {
    fn add(&self, hint: Hint) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        *pending = Some(match pending.take() {
            Some(before) => before.and(hint),
            None => hint,
        });
        self.came.notify_one();
    }

    fn is_pending(&self) -> bool {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn take(&self) -> Option<Hint> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for a hint and the end of its burst, and takes it. A wait that is dropped takes nothing.
    async fn next(&self) -> Hint {
        loop {
            while !self.is_pending() {
                self.came.notified().await;
            }
            let ends = Instant::now() + LONGEST_BURST;
            while Instant::now() < ends && timeout(BURST, self.came.notified()).await.is_ok() {}
            if let Some(hint) = self.take() {
                return hint;
            }
        }
    }
}

/// Feeds that are refreshed together.
#[derive(Clone, Copy, Debug)]
enum Feeds {
    /// Feeds with streams.
    Followed,
    /// Feeds without streams, and the indexes of look-ups.
    Others,
}

impl Feeds {
    async fn refresh(self, engine: &FeedEngine, site: &SiteName, touched: &ChangeHint) -> usize {
        match self {
            Self::Followed => engine.refresh_followed(site, touched).await,
            Self::Others => engine.refresh_unfollowed(site, touched).await,
        }
    }

    /// Returns how long MISP rests after a round that took so long.
    fn rest(self, worked: Duration) -> Duration {
        let longest = match self {
            Self::Followed => LONGEST_REST_OF_FOLLOWED,
            Self::Others => LONGEST_REST,
        };
        worked.saturating_mul(REST).min(longest)
    }
}

/// Keeps a link to every site whose file names a publisher, until it is dropped.
#[derive(Debug)]
pub(crate) struct LinkKeeper(JoinHandle<()>);

impl LinkKeeper {
    /// Opens the links. When the configuration changes, links come and go with it.
    pub(crate) fn begin(configuration: &Arc<Configuration>, engine: &FeedEngine, links: &Arc<Links>) -> Self {
        let (configuration, engine, links) = (Arc::clone(configuration), engine.clone(), Arc::clone(links));
        Self(tokio::spawn(keep_links(configuration, engine, links)))
    }
}

impl Drop for LinkKeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One site's tasks, ended when it is dropped.
struct Link {
    address: LiveAddress,
    listening: JoinHandle<()>,
    asking: [JoinHandle<()>; 2],
}

impl Drop for Link {
    fn drop(&mut self) {
        self.listening.abort();
        self.asking.iter().for_each(JoinHandle::abort);
    }
}

async fn keep_links(configuration: Arc<Configuration>, engine: FeedEngine, states: Arc<Links>) {
    let mut links: HashMap<SiteName, Link> = HashMap::new();
    let mut changes = configuration.changes();
    loop {
        changes.borrow_and_update();
        let loaded = Arc::clone(&configuration.snapshot().loaded);
        let wanted = |name: &SiteName| {
            let site = loaded.sites.get(name).filter(|site| site.enabled)?;
            site.zmq_url.as_ref()?.parse::<LiveAddress>().ok()
        };
        links.retain(|site, link| {
            let stays = wanted(site).as_ref() == Some(&link.address);
            if !stays {
                states.lock().remove(site);
            }
            stays
        });
        for site in loaded.sites.keys() {
            if let Some(address) = wanted(site).filter(|_| !links.contains_key(site)) {
                links.insert(site.clone(), begin_link(&engine, &states, site.clone(), address));
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn begin_link(engine: &FeedEngine, states: &Links, site: SiteName, address: LiveAddress) -> Link {
    let state = Arc::new(LinkState::default());
    states.lock().insert(site.clone(), Arc::clone(&state));
    let hints: [Arc<Hints>; 2] = Default::default();
    let [followed, others] = hints.clone();
    let subscription = Subscription::new(address.clone());
    Link {
        address,
        listening: tokio::spawn(listen(subscription, site.clone(), Arc::clone(&state), hints)),
        asking: [
            tokio::spawn(ask(
                engine.clone(),
                site.clone(),
                Arc::clone(&state),
                followed,
                Feeds::Followed,
            )),
            tokio::spawn(ask(engine.clone(), site, state, others, Feeds::Others)),
        ],
    }
}

/// Turns messages into hints. It never waits for MISP's answers, since ZeroMQ drops messages that are not taken.
async fn listen(mut subscription: Subscription, site: SiteName, state: Arc<LinkState>, hints: [Arc<Hints>; 2]) {
    let site = site.as_str();
    loop {
        let hint = match subscription.next().await {
            Notice::Connected => {
                state.is_up.store(true, Ordering::Relaxed);
                tracing::info!(site, "following MISP's ZeroMQ feed");
                Some(Hint {
                    touched: ChangeHint::Everything,
                    is_announced: false,
                })
            }
            Notice::Lost(error) => {
                state.is_up.store(false, Ordering::Relaxed);
                tracing::warn!(
                    site,
                    error = chain(&error),
                    "MISP's ZeroMQ feed is lost; feeds are refreshed by their age until it is back"
                );
                None
            }
            Notice::Message(message) => {
                state.messages.fetch_add(1, Ordering::Relaxed);
                touched_by(&message).map(|touched| Hint {
                    touched,
                    is_announced: true,
                })
            }
            Notice::Unreadable(error) => {
                tracing::debug!(site, error = chain(&error), "a message was skipped");
                None
            }
            _ => None,
        };
        if let Some(hint) = hint {
            hints.iter().for_each(|hints| hints.add(hint.clone()));
        }
    }
}

/// Returns the changes of feeds that a message announces.
fn touched_by(message: &Message) -> Option<ChangeHint> {
    Some(match message {
        Message::Attribute { attribute, .. } => ChangeHint::AttributeTypes([attribute.kind.clone()].into()),
        Message::Published(event) if !event.attribute_types.is_empty() => {
            ChangeHint::AttributeTypes(event.attribute_types.clone())
        }
        // A new event has no attributes yet, and a message about a tag does not name the attributes of its events.
        Message::Event { .. } | Message::Published(_) | Message::Tag(_) | Message::Warninglist { .. } => {
            ChangeHint::Everything
        }
        _ => return None,
    })
}

/// Makes the engine ask MISP for hints, one round after the other, and for announced changes once more some seconds
/// later.
async fn ask(engine: FeedEngine, site: SiteName, state: Arc<LinkState>, hints: Arc<Hints>, feeds: Feeds) {
    loop {
        let mut hint = hints.next().await;
        round(&engine, &site, &state, feeds, &hint.touched).await;
        // A change that is announced before the second look has its own first look now.
        let second_look = Instant::now() + SECOND_LOOK;
        while hint.is_announced
            && let Ok(more) = timeout_at(second_look, hints.next()).await
        {
            round(&engine, &site, &state, feeds, &more.touched).await;
            hint = hint.and(more);
        }
        if hint.is_announced {
            round(&engine, &site, &state, feeds, &hint.touched).await;
        }
    }
}

async fn round(engine: &FeedEngine, site: &SiteName, state: &LinkState, feeds: Feeds, touched: &ChangeHint) {
    let began = Instant::now();
    let refreshed = feeds.refresh(engine, site, touched).await;
    if refreshed == 0 {
        return;
    }
    state.rounds.fetch_add(1, Ordering::Relaxed);
    tracing::debug!(
        site = site.as_str(),
        feeds = refreshed,
        "feeds were refreshed since MISP said that something changed"
    );
    sleep(feeds.rest(began.elapsed())).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(frame: &str) -> Option<ChangeHint> {
        touched_by(&Message::parse(frame.as_bytes()).unwrap())
    }

    #[test]
    fn a_long_round_makes_no_stream_deaf() {
        let rest = |feeds: Feeds, worked| feeds.rest(Duration::from_secs(worked)).as_secs();
        assert_eq!((rest(Feeds::Followed, 0), rest(Feeds::Followed, 100)), (0, 3));
        assert_eq!((rest(Feeds::Others, 5), rest(Feeds::Others, 100)), (20, 60));
    }

    #[test]
    fn a_message_touches_what_it_is_about() {
        let types = |names: &[&str]| {
            Some(ChangeHint::AttributeTypes(
                names.iter().map(|&name| name.to_owned()).collect(),
            ))
        };
        let attribute =
            r#"misp_json_attribute {"Attribute":{"id":"1","type":"domain","value":"a.example"},"action":"add"}"#;
        assert_eq!(touched(attribute), types(&["domain"]));
        let published =
            r#"misp_json {"Event":{"id":"1","Attribute":[{"type":"md5"}],"Object":[{"Attribute":[{"type":"url"}]}]}}"#;
        assert_eq!(touched(published), types(&["md5", "url"]));
        assert_eq!(
            touched(r#"misp_json_event {"Event":{"id":"1"},"action":"edit"}"#),
            Some(ChangeHint::Everything)
        );
        assert_eq!(
            touched(r#"misp_json_tag {"Tag":{"name":"x"}}"#),
            Some(ChangeHint::Everything)
        );
        for quiet in [
            r#"misp_json_self {"uptime":1}"#,
            "misp_json_audit {}",
            "misp_json_user {}",
            "misp_json_sighting {}",
        ] {
            assert_eq!(touched(quiet), None, "{quiet}");
        }
    }
}
