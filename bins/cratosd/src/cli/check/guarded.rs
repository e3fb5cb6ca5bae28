//! What the rules of the guard keep out of the feeds of a site today.

use std::sync::Arc;
use std::time::Duration;

use feed_classification::{Age, FalsePositives, FeedName, Guard, GuardRules, IndicatorSet, IndicatorType};
use feed_engine::{Errand, FeedScope, Filter, IndicatorSource as _, MispSource, Selection, Upstream};
use secrecy::SecretString;
use site_config::{Mappings, Site};

use crate::cli::misp::Endpoint;
use crate::exit::chain;

/// The types of feeds that the rules touch most; digests and mail addresses only have own values.
const KINDS: [IndicatorType; 4] = [
    IndicatorType::Ip,
    IndicatorType::Domain,
    IndicatorType::Hostname,
    IndicatorType::Url,
];

const AGE: Age = Age::Months1;

/// The time for one feed. A person waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Values of one rule that are named.
const NAMED: usize = 3;

/// Returns a line for each rule and type that keeps values out of the feed `block`, or the reason why a type could not
/// be looked at. Every value that the guard keeps out would be in that feed without the rule.
pub(super) async fn lines(
    site: &Site,
    mappings: &Arc<Mappings>,
    endpoint: Endpoint,
    key: &SecretString,
) -> Vec<Result<String, String>> {
    let mut unguarded = site.clone();
    unguarded.guard = Guard::new(GuardRules::NONE);
    let (mappings, key) = (Arc::clone(mappings), key.clone());
    let upstream = Upstream::new(Arc::new(unguarded), mappings, endpoint.proto, endpoint.port(), key);
    let source = MispSource::new();
    let mut lines = Vec::new();
    for kind in KINDS {
        match listed(&source, &upstream, kind).await {
            Ok(values) => lines.extend(kept_out(&site.guard, values).into_iter().map(Ok)),
            Err(error) => lines.push(Err(format!("the guard could not look at block/{kind}/{AGE}: {error}"))),
        }
    }
    lines
}

/// Returns the values of a feed without the guard.
async fn listed(source: &MispSource, upstream: &Upstream, kind: IndicatorType) -> Result<IndicatorSet, String> {
    let scope = FeedScope {
        selection: Selection::Feed(FeedName::Block),
        kind,
        age: AGE,
        filter: Filter::NONE,
    };
    let errand = Errand::default();
    match tokio::time::timeout(PATIENCE, source.gather(upstream, scope, &errand)).await {
        Ok(Ok(contents)) => Ok(contents.values),
        Ok(Err(error)) => Err(chain(&error)),
        Err(_) => Err(format!("MISP did not send it in {} s", PATIENCE.as_secs())),
    }
}

fn kept_out(guard: &Guard, values: IndicatorSet) -> Vec<String> {
    let (kind, most) = (values.kind(), usize::MAX);
    let Some(guarded) = guard.applied_to(values, &FalsePositives::default(), most) else {
        return Vec::new();
    };
    let by_rule = guarded.dropped.iter();
    let line = by_rule.map(|(rule, values)| {
        let named: Vec<String> = values
            .iter()
            .take(NAMED)
            .map(|value| value.escape_debug().to_string())
            .collect();
        let more = values.len() - named.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!(
            "the guard rule {rule} keeps {} out of block/{kind}/{AGE}, or cuts them: {}{more}",
            super::counted(values.len(), "value"),
            named.join(", ")
        )
    });
    line.collect()
}
