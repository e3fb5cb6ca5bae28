//! A device that follows a feed by its stream, and comes back with the last id when the stream ends.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::events::{Event, Events};
use super::shared::Shared;

const STREAM: &str = "/v1/stream/feed/block/type/domain/age/1y";

/// Before a listener comes back, and while a last change may still be on its way.
const PAUSE: Duration = Duration::from_millis(300);

/// The longest time after the last edit until a listener has it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The values that a listener has been told of.
#[derive(Default)]
struct Told {
    values: BTreeSet<String>,
    /// A snapshot replaces the values only when its last part is there.
    parts: BTreeSet<String>,
    id: String,
}

/// Follows until the phase is over, and then until the values are those of the feed.
pub(super) fn follow(shared: &Shared<'_>) {
    let mut told = Told::default();
    let mut over_since = None;
    loop {
        if let Err(error) = follow_once(shared, &mut told, &mut over_since) {
            shared.tally.lost("stream", &error);
        }
        let Some(since) = over_since else {
            std::thread::sleep(PAUSE);
            continue;
        };
        let current = shared.assert_current("stream", &told.values);
        let is_late = Instant::elapsed(&since) > PATIENCE;
        match current {
            Ok(()) => return,
            Err(error) if is_late => return shared.tally.lost("stream", &error),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Reads one stream to its end, or until the phase is over and nothing came for a moment.
fn follow_once(shared: &Shared<'_>, told: &mut Told, over_since: &mut Option<Instant>) -> anyhow::Result<()> {
    let site = shared.site;
    let mut events = Events::open(&site.address, STREAM, &site.token(), &told.id)?;
    shared.tally.answered("stream", events.status);
    if events.status != 200 {
        if shared.is_over() {
            over_since.get_or_insert_with(Instant::now);
        }
        return Ok(());
    }
    let mut quiet_since = Instant::now();
    while let Some(event) = events.next()? {
        if let Some(event) = event {
            shared.tally.answered("event", 200);
            told.apply(&event)?;
            quiet_since = Instant::now();
        } else if shared.is_over() && quiet_since.elapsed() > PAUSE {
            over_since.get_or_insert_with(Instant::now);
            return Ok(());
        }
    }
    Ok(())
}

impl Told {
    fn apply(&mut self, event: &Event) -> anyhow::Result<()> {
        let values = event.data["values"].as_array().into_iter().flatten();
        let values = values.filter_map(|value| value.as_str().map(str::to_owned));
        match event.kind.as_str() {
            "snapshot" => self.parts.extend(values),
            "added" => self.values.extend(values),
            "removed" => {
                for value in values {
                    self.values.remove(&value);
                }
            }
            _ => {}
        }
        let is_last_part = event.data["part"] == event.data["parts"];
        if event.kind == "snapshot" && is_last_part {
            self.values = std::mem::take(&mut self.parts);
        }
        if let Some(id) = &event.id {
            id.clone_into(&mut self.id);
        }
        Ok(())
    }
}
