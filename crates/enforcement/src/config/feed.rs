//! The feeds that an agent follows.

use config_file::{Key, Node, Report, Scalar, Section, Value, Wrong, absent, value};
use feed_classification::{Age, FeedName, IndicatorType, Tlp};

use super::Names;
use crate::entry;

/// The keys of a feed.
pub(super) const KEYS: &[Key] = &[
    Key::ours(
        "name",
        "up to 64 lower-case letters, digits and hyphens",
        absent("required"),
        "name of the feed in this file, in state files, metrics and messages",
    ),
    Key::ours(
        "feed",
        "feed name",
        absent("required"),
        "feed of cratosd, for example `block`",
    ),
    Key::ours(
        "type",
        "indicator type",
        absent("required"),
        "type of its values, for example `domain`",
    ),
    Key::ours(
        "age",
        "age",
        absent("required"),
        "how far back the feed reaches, for example `1w`",
    ),
    Key::ours(
        "max_tlp",
        "clear, green, amber, amber+strict or red",
        absent("none"),
        "highest TLP level of values in the feed",
    ),
    Key::ours(
        "min_score",
        "0 to 100",
        absent("none"),
        "lowest score of values in the feed",
    ),
    Key::ours(
        "unscored",
        "exclude or include",
        absent("the choice of cratosd"),
        "whether values without a score are in the feed; with `min_score` only",
    ),
];

/// One feed that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feed {
    /// The name in this configuration.
    pub name: String,
    /// The type of its values.
    pub kind: IndicatorType,
    /// The path up to the age, and the limits as its query: `v1/feed/block/type/ip/age/1w?max_tlp=amber`.
    pub path: String,
}

/// The feeds of the file.
pub(super) struct Feeds {
    /// The feeds without a problem.
    pub(super) read: Vec<Feed>,
    /// The names of all feeds: a name that is written is known, even if its feed has a problem.
    names: Vec<String>,
    /// Whether a feed has no name that could be read, so that any name may be its own.
    has_nameless: bool,
}

impl Feeds {
    pub(super) fn read(nodes: Vec<Node>, report: &mut Report) -> Self {
        let mut feeds = Self {
            read: Vec::new(),
            names: Vec::new(),
            has_nameless: nodes.is_empty(),
        };
        let mut names = Names::default();
        for (index, node) in nodes.into_iter().enumerate() {
            feeds.note_name(&node);
            if let Some(mut section) = Section::item(&[KEYS], &format!("feeds[{index}]"), node, report) {
                feeds.read.extend(feed(&mut section, &mut names));
                section.finish();
            }
        }
        feeds
    }

    /// Returns the names of all feeds.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().map(String::as_str)
    }

    /// Returns whether a feed has this name, or may have it once its own problem is solved.
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.has_nameless || self.names().any(|known| known == name)
    }

    fn note_name(&mut self, node: &Node) {
        let Value::Map(entries) = &node.value else {
            self.has_nameless = true;
            return;
        };
        let name = entries.iter().find(|entry| entry.key.text.as_str() == "name");
        match name.map(|entry| &entry.node.value) {
            Some(Value::Scalar(name)) => self.names.push(name.text.to_string()),
            _ => self.has_nameless = true,
        }
    }
}

fn feed(section: &mut Section<'_>, names: &mut Names) -> Option<Feed> {
    let name = names.read(section);
    let feed = section.required("feed", "name a feed, for example `block`", |scalar| {
        entry::word::<FeedName>(scalar, "a feed", FeedName::NAMES)
    });
    let kind = section.required("type", "name an indicator type, for example `domain`", |scalar| {
        entry::word::<IndicatorType>(scalar, "an indicator type", IndicatorType::NAMES)
    });
    let age = section.required("age", "write an age, for example `1w`", |scalar| {
        entry::word::<Age>(scalar, "an age", Age::NAMES)
    });
    let limits = limits(section);
    let (name, feed, kind, age) = (name?, feed?, kind?, age?);
    let mut path = format!("v1/feed/{feed}/type/{kind}/age/{age}");
    if !limits.is_empty() {
        path.push('?');
        path.push_str(&limits);
    }
    Some(Feed { name, kind, path })
}

/// Returns the limits as the query of a URL, empty without any.
fn limits(section: &mut Section<'_>) -> String {
    let max_tlp = section.value("max_tlp", |scalar| {
        value::word(scalar, "a TLP level", &Tlp::ALL.map(Tlp::as_str), |word| {
            word.parse::<Tlp>().ok()
        })
    });
    let max_tlp = max_tlp.map(|level| format!("max_tlp={}", level.as_str().replace('+', "%2B")));
    // A score with a problem is one that the user meant, so `unscored` beside it is right.
    let has_score = section.has("min_score");
    let min_score = section.value("min_score", score);
    let min_score = min_score.map(|score| format!("min_score={score}"));
    let place = section.place_of("unscored");
    let unscored = section.value("unscored", |scalar| {
        let words = ["exclude", "include"];
        value::word(scalar, "one of the two words", &words, |text| {
            words.into_iter().find(|word| *word == text)
        })
    });
    if unscored.is_some() && !has_score {
        let wrong = Wrong::new(
            "the key means nothing without min_score",
            "add min_score, or remove the line",
        );
        section.wrong(place, "unscored", wrong);
    }
    let unscored = unscored.map(|word| format!("unscored={word}"));
    let limits: Vec<String> = [max_tlp, min_score, unscored].into_iter().flatten().collect();
    limits.join("&")
}

fn score(scalar: &Scalar) -> Result<u64, Wrong> {
    value::number(scalar, 0, 100).map_err(|_| {
        let what = format!("{} is not a score", value::shown(scalar));
        Wrong::new(what, "write a whole number from 0 to 100")
    })
}
