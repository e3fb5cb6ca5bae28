//! Bars on a terminal for the mirrors that read MISP for the first time.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use feed_engine::{MirrorPhase, MirrorSource, MirrorState};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::telemetry;

/// Between two pictures.
const PACE: Duration = Duration::from_millis(250);

const TEMPLATE: &str = "first load of {prefix} [{bar:30}] {pos} of {len} events, {eta} left";

/// How long the end waits for a terminal that takes the last picture. It may be stopped.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bars, on a thread of their own, so that a terminal that hangs keeps nothing waiting. Dropping this removes them.
#[derive(Debug)]
pub(super) struct LoadBars {
    end: Option<Sender<()>>,
    ended: Receiver<()>,
}

impl LoadBars {
    /// Shows a bar for each mirror while it reads MISP for the first time. Returns `None` unless the log is text on a
    /// terminal.
    pub(super) fn begin(mirrors: &Arc<MirrorSource>) -> Option<Self> {
        let screen = telemetry::bars()?;
        let (end, told) = channel();
        let (ending, ended) = channel();
        let mirrors = Arc::downgrade(mirrors);
        let drawing = move || {
            draw(screen, &mirrors, &told);
            // The other side may have lost its patience.
            let _ = ending.send(());
        };
        // The bars are optional: the log has the same progress.
        thread::Builder::new().name("bars".to_owned()).spawn(drawing).ok()?;
        Some(Self { end: Some(end), ended })
    }
}

impl Drop for LoadBars {
    fn drop(&mut self) {
        self.end.take();
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

fn draw(screen: &MultiProgress, mirrors: &Weak<MirrorSource>, told: &Receiver<()>) {
    let mut bars = Bars::on(screen.clone());
    while told.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
        let Some(mirrors) = mirrors.upgrade() else { break };
        bars.show(mirrors.states().iter().filter_map(loading));
    }
    bars.show([]);
}

/// A mirror that reads MISP for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Load {
    name: String,
    done: u64,
    total: u64,
}

fn loading(state: &MirrorState) -> Option<Load> {
    match state.way.mirror()?.phase {
        MirrorPhase::Loading { done, total } => Some(Load {
            name: format!("{}, MISP key {}", state.site, state.key),
            done,
            total,
        }),
        _ => None,
    }
}

/// The bars that stand on the screen, by name.
struct Bars {
    screen: MultiProgress,
    known: HashMap<String, ProgressBar>,
}

impl Bars {
    fn on(screen: MultiProgress) -> Self {
        Self {
            screen,
            known: HashMap::new(),
        }
    }

    /// Shows these loads, and removes the bars of others.
    fn show(&mut self, loads: impl IntoIterator<Item = Load>) {
        let mut ended = std::mem::take(&mut self.known);
        for load in loads {
            let bar = ended
                .remove(&load.name)
                .unwrap_or_else(|| self.screen.add(bar_of(&load)));
            bar.set_length(load.total);
            bar.set_position(load.done);
            self.known.insert(load.name, bar);
        }
        for bar in ended.into_values() {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
    }
}

fn bar_of(load: &Load) -> ProgressBar {
    let bar = ProgressBar::new(load.total).with_prefix(load.name.clone());
    match ProgressStyle::with_template(TEMPLATE) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::*;

    fn load(name: &str, done: u64) -> Load {
        Load {
            name: name.to_owned(),
            done,
            total: 100,
        }
    }

    #[test]
    fn each_first_load_has_a_bar_until_it_ends() {
        let mut bars = Bars::on(MultiProgress::with_draw_target(ProgressDrawTarget::hidden()));
        bars.show([load("one", 0), load("two", 5)]);
        let first = bars.known["one"].clone();
        bars.show([load("one", 40)]);
        assert_eq!((first.position(), first.length()), (40, Some(100)));
        assert_eq!(bars.known.keys().collect::<Vec<_>>(), ["one"]);
        assert!(!first.is_finished());
        bars.show([]);
        assert!(first.is_finished() && bars.known.is_empty());
    }

    #[test]
    fn template_of_a_bar_is_sound() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
