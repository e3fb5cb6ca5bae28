//! The answer to a look-up.

use feed_classification::{FeedName, IndicatorType, Tlp};
use feed_engine::{Match, MatchedEvent, Relation, Upstream};
use schemars::JsonSchema;
use serde::Serialize;
use token_crypto::Scope;

use crate::openapi::{OneOf, OneOfOrEmpty};

/// The answers to a question about many values.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LookupResults")]
pub(super) struct Answers<'a> {
    /// One answer for each value, in the order of the question.
    pub(super) results: &'a [Answer],
}

/// The answer about one value. The fields beside `matches` are those of the closest match, for adapters that can read
/// one path only.
///
/// No field is ever null: texts are empty, for example after a miss.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LookupResult")]
pub(super) struct Answer {
    /// Whether the value is listed.
    found: bool,
    /// The value as the caller wrote it.
    value: String,
    /// The value that was looked up: a defanged one is restored, for example `evil.example` for `evil[.]example`.
    looked_up: String,
    /// The type of the listed value.
    #[serde(rename = "type")]
    #[schemars(with = "OneOfOrEmpty<IndicatorType>")]
    kind: &'static str,
    /// What the listed value is to the one that was looked up: the same, its host, a network that contains it, or a
    /// domain above it.
    #[schemars(with = "OneOfOrEmpty<Relation>")]
    relation: &'static str,
    /// The listed value.
    listed: String,
    /// The feed that lists it.
    #[schemars(with = "OneOfOrEmpty<FeedName>")]
    feed: &'static str,
    /// The number of matches, including those that `matches` has no room for; it counts up to 1000 for each feed.
    count: usize,
    #[serde(flatten)]
    context: Option<Context>,
    /// The first 50 matches, the closest one first.
    #[schemars(length(max = super::MAX_MATCHES))]
    matches: Vec<ListedMatch>,
    #[serde(skip)]
    address: Option<String>,
}

/// One listed value.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LookupMatch")]
struct ListedMatch {
    /// The listed value.
    value: String,
    /// Its type.
    #[serde(rename = "type")]
    #[schemars(with = "OneOf<IndicatorType>")]
    kind: &'static str,
    /// Its relation to the value that was looked up, for example `parent` for a domain above it.
    #[schemars(with = "OneOf<Relation>")]
    relation: &'static str,
    /// The feed that lists it.
    #[schemars(with = "OneOf<FeedName>")]
    feed: &'static str,
    #[serde(flatten)]
    context: Option<Context>,
}

/// The event behind a match, for tokens with the permission `context`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
struct Context {
    /// The number of the event in MISP; empty if the source of the value knows no events.
    event_id: String,
    /// The UUID of the event.
    event_uuid: String,
    /// The title of the event.
    event_info: String,
    /// The page of the event in MISP; empty without a number.
    event_url: String,
    /// The TLP level of the event; empty if it has none.
    #[schemars(with = "OneOfOrEmpty<Tlp>")]
    tlp: &'static str,
    /// The threat actors of the event, with commas between them.
    threat_actor: String,
}

impl Answer {
    /// Returns that nothing is known of a value. `context` is the address of MISP for tokens that may know where values
    /// come from.
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
        let context = self
            .address
            .as_deref()
            .map(|address| Context::of(&found.event, address));
        let listed = ListedMatch {
            kind: found.kind.as_str(),
            relation: found.relation.as_str(),
            feed: feed.as_str(),
            value: found.value,
            context,
        };
        if !self.found {
            self.found = true;
            (self.kind, self.relation, self.feed) = (listed.kind, listed.relation, listed.feed);
            self.listed.clone_from(&listed.value);
            self.context.clone_from(&listed.context);
        }
        self.matches.push(listed);
    }
}

impl Context {
    fn of(event: &MatchedEvent, address: &str) -> Self {
        // A source that knows no events, for example a warninglist, has the number 0 for all values.
        let (event_id, event_url) = match event.id {
            0 => (String::new(), String::new()),
            id => (id.to_string(), format!("{address}/events/view/{id}")),
        };
        Self {
            event_id,
            event_uuid: event.uuid.map(|uuid| uuid.to_string()).unwrap_or_default(),
            event_info: event.info.clone(),
            event_url,
            tlp: event.tlp.map(Tlp::as_str).unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn context(id: u64) -> Context {
        Context::of(&MatchedEvent::new(id, "a campaign"), "https://misp.example.net:443")
    }

    #[test]
    fn an_event_has_its_number_and_its_page() {
        let context = context(77);
        assert_eq!(
            (context.event_id.as_str(), context.event_url.as_str()),
            ("77", "https://misp.example.net:443/events/view/77")
        );
    }

    #[test]
    fn a_match_of_a_source_without_events_has_neither_a_number_nor_a_page() {
        let context = context(0);
        assert_eq!((context.event_id.as_str(), context.event_url.as_str()), ("", ""));
        assert_eq!(context.event_info, "a campaign");
    }
}
