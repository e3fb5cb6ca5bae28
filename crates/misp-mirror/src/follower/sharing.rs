//! The part of this mirror among those of several processes: one asks MISP, the others follow it.
//!
//! The lease decides who leads. A mirror that held still for a while may believe that it leads when another one does;
//! so every entry of the log has the epoch of its leader, and a follower takes only those that go on from what it has.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use super::Follower;
use crate::error::FollowError;
use crate::log_position::Position;
use crate::options::Options;
use crate::peers::{Lead, PeerItem, Peers, Standing};
use crate::shared_log::{HEAD, HINT, Log, LogChange};
use crate::{Change, Clock};

/// The leader renews its lease, and a follower asks for news, this often.
pub(super) const PACE: Duration = Duration::from_secs(1);
/// When the place has not answered for so long, a follower asks MISP by itself.
const UNANSWERED: Duration = Duration::from_secs(5);
/// A follower whose leader confirmed nothing for two looks and this time asks MISP by itself.
const LATE: Duration = Duration::from_secs(10);
/// Older hints are not taken.
const HINT_LIFE: Duration = Duration::from_secs(60);
/// Giving the lease back takes no longer.
const RESIGNING: Duration = Duration::from_secs(1);

/// What a mirror knows of the others.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    pub(super) standing: Standing,
    /// Its own log, while it leads.
    pub(super) log: Option<Log>,
    /// The greatest position that was seen: an earlier head is an old one.
    pub(super) seen: Option<Position>,
    /// The time of the last head that was taken.
    pub(super) taken_as_of: Option<Timestamp>,
    unanswered_since: Option<Timestamp>,
    /// The time of the last hint of another mirror, in unix milliseconds.
    pub(super) hint_at: i64,
}

impl Sharing {
    /// Returns these changes for the log, if this mirror leads.
    pub(super) fn for_log(&self, changes: &[Change]) -> Vec<LogChange> {
        let leads = self.log.is_some();
        changes.iter().filter(|_| leads).filter_map(LogChange::of).collect()
    }

    /// Renews the lease of the leader until that is lost, which ends its log, or another mirror has a hint. A follower
    /// waits for ever.
    pub(super) async fn hold_lease(&mut self, options: &Options) {
        let (Some(peers), Some(_)) = (&options.peers, &self.log) else {
            return std::future::pending().await;
        };
        loop {
            options.clock.sleep(PACE).await;
            if peers.lead().await != Lead::Ours {
                self.log = None;
                return;
            }
            if self.is_hinted(&**peers, options.clock.now()).await {
                return;
            }
        }
    }

    async fn is_hinted(&mut self, peers: &dyn Peers, now: Timestamp) -> bool {
        let PeerItem::Found(bytes) = peers.get(HINT).await else {
            return false;
        };
        let at = <[u8; 8]>::try_from(bytes).map_or(0, i64::from_be_bytes);
        let life = i64::try_from(HINT_LIFE.as_millis()).unwrap_or(i64::MAX);
        let is_new = at > self.hint_at && at.abs_diff(now.as_millisecond()) <= life.unsigned_abs();
        self.hint_at = self.hint_at.max(if is_new { at } else { 0 });
        is_new
    }
}

impl Follower {
    /// Looks at MISP, for all or alone, or takes what the leader found. Returns the time until the next turn.
    pub(super) async fn take_turn(&mut self) -> Result<Duration, FollowError> {
        let Some(peers) = self.options.peers.clone() else {
            self.look().await?;
            return Ok(self.options.poll);
        };
        let standing = self.standing(&*peers).await;
        self.sharing.standing = standing;
        self.progress.standing(standing);
        if standing != Standing::Leading {
            self.sharing.log = None;
        }
        match standing {
            Standing::Leading => self.lead(&peers).await?,
            Standing::Following => return self.follow(&*peers).await,
            Standing::Alone => self.look_alone().await?,
        }
        Ok(self.options.poll)
    }

    /// Returns the pause after the first load: a mirror among others learns its part soon.
    pub(super) async fn first_pause(&self) -> Duration {
        match &self.options.peers {
            Some(peers) if peers.get(HEAD).await != PeerItem::Unknown => self.pace(),
            _ => self.options.poll,
        }
    }

    async fn standing(&mut self, peers: &dyn Peers) -> Standing {
        let now = self.now();
        let lead = peers.lead().await;
        if lead != Lead::Unknown {
            self.sharing.unanswered_since = None;
        }
        match lead {
            Lead::Ours => Standing::Leading,
            Lead::Theirs => Standing::Following,
            Lead::Unknown => {
                let since = *self.sharing.unanswered_since.get_or_insert(now);
                let is_short = now.duration_since(since).unsigned_abs() < UNANSWERED;
                if is_short && self.sharing.standing == Standing::Following {
                    Standing::Following
                } else {
                    Standing::Alone
                }
            }
        }
    }

    async fn follow(&mut self, peers: &dyn Peers) -> Result<Duration, FollowError> {
        // The log does not have a record that is damaged only here.
        self.backlog.extend(self.store.damaged());
        let has_work = self.has_work();
        if let Some(head) = self.head(peers).await {
            let goes_on = !has_work && self.catch_up(peers, &head).await?;
            if !goes_on && head.as_of().is_some_and(|as_of| !self.is_late(as_of)) {
                self.join(&head).await?;
                return Ok(self.pace());
            }
        }
        if has_work || self.as_of().is_none_or(|as_of| self.is_late(as_of)) {
            self.look_alone().await?;
            return Ok(self.options.poll);
        }
        self.read_again().await?;
        Ok(self.pace())
    }

    /// Looks at MISP without taking what a leader found.
    async fn look_alone(&mut self) -> Result<(), FollowError> {
        self.leave_log().await?;
        self.look().await
    }

    /// Forgets the position in the leader's log, since the records are going to differ from what the leader had there.
    pub(super) async fn leave_log(&mut self) -> Result<(), FollowError> {
        if self.memory.position.take().is_some() {
            self.save_memory().await?;
        }
        Ok(())
    }

    /// Passes a hint on to the leader.
    pub(super) async fn pass_hint(&self) {
        if let (Some(peers), Standing::Following) = (&self.options.peers, self.sharing.standing) {
            let now = self.now().as_millisecond().to_be_bytes();
            peers.put(HINT, now.to_vec(), HINT_LIFE).await;
        }
    }

    /// Gives the lease back at the end, so that another mirror takes it at once.
    pub(super) async fn resign(&self) {
        if let (Some(peers), Some(_)) = (&self.options.peers, &self.sharing.log) {
            let _ = timeout(RESIGNING, peers.resign()).await;
        }
    }

    fn is_late(&self, as_of: Timestamp) -> bool {
        let bound = self.options.poll.saturating_mul(2).saturating_add(LATE);
        self.now().duration_since(as_of).unsigned_abs() > bound
    }

    fn pace(&self) -> Duration {
        self.options.poll.min(PACE)
    }
}

/// Renews the lease while a look takes its time.
pub(super) async fn renew(peers: Arc<dyn Peers>, clock: Arc<dyn Clock>) -> std::convert::Infallible {
    loop {
        clock.sleep(PACE).await;
        peers.lead().await;
    }
}
