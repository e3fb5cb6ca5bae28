//! What is said about one value.

use feed_classification::{FeedName, IndicatorType};
use feed_engine::{Match, Upstream};
use serde::Serialize;
use token_crypto::Scope;

/// Answers to a question about many values, in the order of the question.
#[derive(Serialize)]
pub(super) struct Answers<'a> {
    pub(super) results: &'a [Answer],
}

/// The scalars are those of the first, closest match, so that an adapter that can read one path gets something useful.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    found: bool,
    /// As it was asked.
    value: String,
    /// What was looked up: the same, or what a defanged value was before.
    looked_up: String,
    #[serde(rename = "type")]
    kind: &'static str,
    relation: &'static str,
    /// As it is listed.
    listed: String,
    feed: &'static str,
    /// All matches, those that are not told too.
    count: usize,
    #[serde(flatten)]
    context: Option<Context>,
    matches: Vec<Told>,
    #[serde(skip)]
    address: Option<String>,
}

#[derive(Debug, Serialize)]
struct Told {
    value: String,
    #[serde(rename = "type")]
    kind: &'static str,
    relation: &'static str,
    feed: &'static str,
    #[serde(flatten)]
    context: Option<Context>,
}

/// What the permission `context` adds. Texts only, empty where MISP says nothing.
#[derive(Clone, Debug, Default, Serialize)]
struct Context {
    event_id: String,
    event_uuid: String,
    event_info: String,
    event_url: String,
    tlp: &'static str,
    threat_actor: String,
}

impl Answer {
    /// Returns that nothing is known of a value. `context` is the address of MISP for tokens that may know where values come from.
    pub(super) fn miss(value: &str, looked_up: &str, context: Option<&Upstream>) -> Self {
        Self {
            found: false,
            value: value.to_owned(),
            looked_up: looked_up.to_owned(),
            kind: "",
            relation: "",
            listed: String::new(),
            feed: "",
            count: 0,
            context: context.map(|_| Context::default()),
            matches: Vec::new(),
            address: context.map(Upstream::address),
        }
    }

    /// Adds what a feed has of it; beyond `limit` it is only counted.
    pub(super) fn add(&mut self, feed: FeedName, found: Match, limit: usize) {
        self.count += 1;
        if self.matches.len() >= limit {
            return;
        }
        let context = self.address.as_deref().map(|address| Context::of(&found, address));
        let told = Told {
            kind: found.kind.as_str(),
            relation: found.relation.as_str(),
            feed: feed.as_str(),
            value: found.value,
            context,
        };
        if !self.found {
            self.found = true;
            (self.kind, self.relation, self.feed) = (told.kind, told.relation, told.feed);
            self.listed.clone_from(&told.value);
            self.context.clone_from(&told.context);
        }
        self.matches.push(told);
    }
}

impl Context {
    fn of(found: &Match, address: &str) -> Self {
        let event = &found.event;
        Self {
            event_id: event.id.to_string(),
            event_uuid: event.uuid.map(|uuid| uuid.to_string()).unwrap_or_default(),
            event_info: event.info.clone(),
            event_url: format!("{address}/events/view/{}", event.id),
            tlp: event.tlp.map(feed_classification::Tlp::as_str).unwrap_or_default(),
            threat_actor: event.threat_actors.join(", "),
        }
    }
}

/// Returns whether a token that is limited to some types covers a listed value of this one.
///
/// Some types of feeds are views of the same values: `ip` and `ipv4ext` hold addresses that are listed as `ipv4`.
pub(in crate::routes) fn permits_type(scope: &Scope, kind: IndicatorType) -> bool {
    use IndicatorType as Kind;
    let views: &[Kind] = match kind {
        Kind::Ipv4 | Kind::Cidr4 => &[Kind::Ipv4Ext, Kind::Ip],
        Kind::Ipv6 | Kind::Cidr6 => &[Kind::Ipv6Ext, Kind::Ip],
        _ => &[],
    };
    scope.permits_type(kind.as_str()) || views.iter().any(|view| scope.permits_type(view.as_str()))
}
