use std::sync::{Arc, Mutex};

use feed_classification::{IndicatorSet, IndicatorType};

use super::*;

/// A list of a consumer, as the last change left it.
#[derive(Clone, Debug, Default)]
struct List(Arc<Mutex<Option<Rendered>>>);

impl List {
    fn shown(&self) -> String {
        let rendered = self.0.lock().unwrap();
        let parts = rendered.iter().flat_map(|rendered| &rendered.parts);
        parts.map(|part| String::from_utf8_lossy(&part.bytes)).collect()
    }
}

impl Target for List {
    fn kind(&self) -> &'static str {
        "list"
    }

    fn resources(&self) -> Vec<String> {
        Vec::new()
    }

    fn render(&self, values: &Values) -> Result<Rendered, TargetError> {
        let lines: Vec<&str> = values.sets().flatten().collect();
        let mut rendered = Rendered::default();
        rendered.push("list", lines.join(" ").into_bytes());
        Ok(rendered)
    }

    fn apply(&self, rendered: &Rendered) -> Result<(), TargetError> {
        *self.0.lock().unwrap() = Some(rendered.clone());
        Ok(())
    }

    fn is_in_force(&self, rendered: &Rendered) -> Result<bool, TargetError> {
        Ok(self.0.lock().unwrap().as_ref() == Some(rendered))
    }
}

/// The host that a running agent and an operator's `apply` share.
struct Host {
    dir: tempfile::TempDir,
    state: StateDir,
    list: List,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            state: StateDir::open(dir.path()).unwrap(),
            dir,
            list: List::default(),
        }
    }

    /// The target as a program has it that starts now.
    fn station(&self) -> Station {
        let assignment = Assignment::new("names", vec![0], Box::new(self.list.clone())).unwrap();
        Station::new(assignment, &self.state)
    }

    fn run(&self, station: &mut Station, values: &[&str], order: Order) -> Outcome {
        let values: Values = [IndicatorSet::of(IndicatorType::Domain, values.iter().copied())]
            .into_iter()
            .collect();
        let feed = FeedView {
            name: "names",
            values: Some(&values),
            progress: &FeedProgress::default(),
        };
        let guard = Guard {
            reach: &Reach::new([]),
            never: &NeverBlock::new([]),
        };
        station.run(&self.state, &[feed], guard, order)
    }
}

#[test]
fn a_running_agent_keeps_what_an_operator_has_accepted_between_two_rounds() {
    let host = Host::new();
    let mut agent = host.station();
    let first = host.run(&mut agent, &["a.example"], Order::default());
    assert!(matches!(first, Outcome::Changed(_)), "{first:?}");
    let held = host.run(&mut agent, &[], Order::default());
    assert!(matches!(held, Outcome::Held(..)), "{held:?}");
    assert_eq!(host.list.shown(), "a.example");

    let accepted = host.run(&mut host.station(), &[], Order::default().accept_change(true));
    assert!(matches!(accepted, Outcome::Changed(_)), "{accepted:?}");
    let next = host.run(&mut agent, &[], Order::default());
    assert!(matches!(next, Outcome::Unchanged), "{next:?}");
    assert_eq!(host.list.shown(), "");
}

#[test]
fn a_list_that_is_in_force_is_not_written_again() {
    let host = Host::new();
    let mut agent = host.station();
    host.run(&mut agent, &["a.example"], Order::default());
    let kept = || std::fs::metadata(host.dir.path().join("targets/names.values")).unwrap();
    let before = std::os::unix::fs::MetadataExt::ino(&kept());
    for order in [Order::default(), Order::default().dry_run(true)] {
        let again = host.run(&mut agent, &["a.example"], order);
        assert!(matches!(again, Outcome::Unchanged), "{again:?}");
    }
    assert_eq!(std::os::unix::fs::MetadataExt::ino(&kept()), before);
}
