//! The mirror that asks MISP for all: it puts what changed into the log.

use std::sync::Arc;

use super::Follower;
use super::sharing::renew;
use crate::error::FollowError;
use crate::log_position::Epoch;
use crate::memory::Memory;
use crate::peers::{Lead, Peers};
use crate::shared_log::{self, Entry, EntryChange, HEAD, Head, LIFE, Log, LogChange, MAX_ENTRY_BYTES};
use crate::stored_lists;

impl Follower {
    /// Looks at MISP and shows the others what it found.
    pub(super) async fn lead(&mut self, peers: &Arc<dyn Peers>) -> Result<(), FollowError> {
        if self.sharing.log.is_none() {
            self.begin_to_lead(&**peers).await?;
        }
        let lists = self.marks.matcher().map(|matcher| matcher.digest());
        let renewing = renew(Arc::clone(peers), Arc::clone(&self.options.clock));
        tokio::select! {
            outcome = self.look() => outcome?,
            never = renewing => match never {},
        }
        if self.marks.matcher().map(|matcher| matcher.digest()) != lists {
            self.log_warninglists().await;
        }
        self.put_head(&**peers).await;
        Ok(())
    }

    /// Takes what the leader before has left, and begins a log. Everything that leaves no trace is checked at once:
    /// the log does not say when the leader before did that.
    async fn begin_to_lead(&mut self, peers: &dyn Peers) -> Result<(), FollowError> {
        if let Some(head) = self.head(peers).await {
            self.catch_up(peers, &head).await?;
        }
        let base = self.memory.position;
        let known = base.iter().chain(&self.sharing.seen).map(|position| position.epoch);
        let epoch = Epoch::after(known, self.now());
        self.leave_log().await?;
        self.traces.begin_anew();
        self.take_up_unread();
        self.sharing.hint_at = self.now().as_millisecond();
        self.sharing.log = Some(Log::begin(epoch, base));
        Ok(())
    }

    /// Puts these changes into the log.
    pub(super) async fn log_changes(&mut self, changes: Vec<LogChange>) {
        if changes.is_empty() {
            return;
        }
        // Writing a large record takes a while.
        let grouping = tokio::task::spawn_blocking(move || shared_log::grouped(&changes));
        match grouping.await {
            Ok(Some(groups)) => {
                for group in groups {
                    self.log_entry(group, None).await;
                }
            }
            _ => self.leave_gap(),
        }
    }

    async fn log_warninglists(&mut self) {
        let reading = self.with_store(|store| Ok(store.meta(stored_lists::NAME)?));
        match reading.await {
            Ok(Some(bytes)) => self.log_entry(Vec::new(), Some(bytes)).await,
            _ => self.leave_gap(),
        }
    }

    async fn log_entry(&mut self, changes: Vec<EntryChange>, warninglists: Option<Vec<u8>>) {
        let (Some(peers), Some(log)) = (&self.options.peers, &mut self.sharing.log) else {
            return;
        };
        let position = log.next();
        let entry = Entry {
            position,
            changes,
            warninglists,
        };
        let bytes = entry.bytes().filter(|bytes| bytes.len() <= MAX_ENTRY_BYTES);
        let Some(bytes) = bytes else {
            log.gap();
            return;
        };
        let len = bytes.len();
        if !peers.put(&position.name(), bytes, LIFE).await {
            log.gap();
            return;
        }
        for name in log.put(len) {
            peers.remove(&name).await;
        }
    }

    /// Notes that some changes are not in the log: the others ask MISP for them.
    fn leave_gap(&mut self) {
        if let Some(log) = &mut self.sharing.log {
            log.next();
            log.gap();
        }
    }

    /// Shows the others where the log ends. A mirror that held still for a while may find that another one leads
    /// meanwhile; its own log ends then.
    async fn put_head(&mut self, peers: &dyn Peers) {
        let (Some(log), Some(as_of)) = (&self.sharing.log, self.looked_at) else {
            return;
        };
        let position = log.position;
        let head = Head {
            position,
            first: log.first(),
            base: log.base,
            as_of_ms: as_of.as_millisecond(),
            memory: Memory {
                position: None,
                ..self.memory.clone()
            },
        };
        let is_ours = peers.lead().await == Lead::Ours;
        let newest = self.head(peers).await.map(|head| head.position);
        if !is_ours || newest > Some(position) {
            self.sharing.log = None;
            return;
        }
        self.sharing.seen = Some(position);
        peers.put(HEAD, head.bytes(), LIFE).await;
    }
}
