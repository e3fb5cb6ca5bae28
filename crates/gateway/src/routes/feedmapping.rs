//! `GET /v1/feedmapping`: the MISP tag behind each feed name at the site of the token.

use feed_classification::{FeedName, TagScheme};

use super::route::{Handler, READ, Route};
use crate::auth::{Grant, Right};
use crate::openapi::{Operation, TEXT, text};
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/feedmapping",
    methods: READ,
    handler: Handler::Granted(Right::Feeds, |_, grant| Box::pin(async move { Ok(get(&grant)) })),
    words,
};

/// The order of Cratos FastAPI, which differs from that of [`FeedName::ALL`].
const FIRST: [FeedName; 4] = [FeedName::Incident, FeedName::Block, FeedName::Alert, FeedName::Hunt];

/// Lists the feeds of the site with their tags, the custom ones last. Scripts parse the lines of Cratos FastAPI, so
/// they are the same here.
fn get(grant: &Grant) -> Reply {
    let site = grant.site();
    let tags = TagScheme::new(&site.tag, site.custom_feeds.clone());
    let feeds = FIRST.into_iter().chain(site.custom_feeds.keys().copied());
    let mut text = String::new();
    for feed in feeds {
        if let Some(tag) = tags.classification_tag(feed) {
            text.push_str(&format!("Feed name: \"{feed}\" is mapped to MISP tag: {tag}\r\n"));
        }
    }
    Reply::text(text)
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("feedMapping", "site", "The MISP tag behind each feed name")
        .gives(TEXT, text(), "One line a feed.")
}
