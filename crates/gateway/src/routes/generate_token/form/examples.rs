//! Paths to try a new token with.

use feed_classification::{FeedName, IndicatorType, Registry};
use site_config::Site;
use token_crypto::{Allowed, Permission, Scope};

/// The most paths on the page: enough to see the pattern.
const MAX_PATHS: usize = 3;

/// The feeds and types that most devices use come first.
const FIRST_FEEDS: [FeedName; 5] = [
    FeedName::Block,
    FeedName::Alert,
    FeedName::Incident,
    FeedName::Hunt,
    FeedName::Any,
];
const FIRST_TYPES: [IndicatorType; 4] = [
    IndicatorType::Ipv4,
    IndicatorType::Domain,
    IndicatorType::Url,
    IndicatorType::FileSha256,
];
const FIRST_OUTPUT: &str = "txt";

/// Returns paths that this scope permits at this site: feeds, or for a token that reads no feeds the routes of its
/// purpose. The list is empty if the scope permits nothing that exists. Sightings are left out, since MISP would keep
/// the one that is tried.
pub(super) fn paths(scope: &Scope, site: &Site, registry: &Registry) -> Vec<String> {
    if scope.reads_feeds {
        return feeds(scope, site, registry);
    }
    let mut paths = Vec::new();
    if scope.permits(Permission::Lookup) {
        paths.push("/v1/lookup?value=192.0.2.1".to_owned());
    }
    if scope.permits(Permission::Stream) {
        // Streams have no output.
        let mut scope = scope.clone();
        scope.outputs = Allowed::All;
        let feeds = feeds(&scope, site, registry);
        let streams = feeds.first().and_then(|feed| feed.split_once("/output/"));
        paths.extend(streams.map(|(feed, _)| feed.replacen("/v1/feed/", "/v1/stream/feed/", 1)));
    }
    paths
}

fn feeds(scope: &Scope, site: &Site, registry: &Registry) -> Vec<String> {
    let exists = |feed: &FeedName| !feed.is_custom() || site.custom_feeds.contains_key(feed);
    let mut feeds = FIRST_FEEDS.iter().chain(FeedName::ALL).filter(|feed| exists(feed));
    let Some(feed) = feeds.find(|feed| scope.permits_feed(feed.as_str())) else {
        return Vec::new();
    };
    let mut paths = Vec::new();
    for kind in FIRST_TYPES.iter().chain(IndicatorType::ALL) {
        let Some(output) = output(scope, *kind, registry).filter(|_| scope.permits_type(kind.as_str())) else {
            continue;
        };
        let path = format!("/v1/feed/{feed}/type/{kind}/age/1w/output/{output}");
        if !paths.contains(&path) {
            paths.push(path);
        }
        if paths.len() == MAX_PATHS {
            break;
        }
    }
    paths
}

fn output(scope: &Scope, kind: IndicatorType, registry: &Registry) -> Option<&'static str> {
    let first = registry.by_name(FIRST_OUTPUT).into_iter();
    let mut abouts = first.chain(registry.iter()).map(|exporter| exporter.about());
    let fits = abouts.find(|about| about.accepts.contains(kind) && scope.permits_output(about.name));
    fits.map(|about| about.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let files = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = "0123456789ABCDEF".repeat(4);
        let paths = site_config::Paths {
            config: write(
                "config.yaml",
                &format!("encryption_key: \"{key}\"\nsalt: \"cratosLabSaltcratosLabSalt012345\"\n"),
            ),
            mappings: write("mappings.yaml", "types: {}\n"),
            sites: files.path().join("sites"),
        };
        let text = "tag: example\ncustom_feeds: { cust2: \"my:tag\" }\n";
        write("sites/misp.example.net.yaml", text);
        let loaded = site_config::load(&paths).unwrap();
        Site::clone(loaded.site("misp.example.net").unwrap())
    }

    #[test]
    fn the_usual_feeds_come_first_and_only_what_the_token_opens() {
        let shown = |scope: &Scope| paths(scope, &site(), &Registry::builtin());
        assert_eq!(
            shown(&Scope::new()),
            [
                "/v1/feed/block/type/ipv4/age/1w/output/txt",
                "/v1/feed/block/type/domain/age/1w/output/txt",
                "/v1/feed/block/type/url/age/1w/output/txt",
            ]
        );
        let narrow = Scope::new()
            .with_feeds(["42"])
            .with_types(["ja3", "ipv4"])
            .with_outputs(["json"]);
        assert_eq!(
            shown(&narrow),
            [
                "/v1/feed/42/type/ipv4/age/1w/output/json",
                "/v1/feed/42/type/ja3/age/1w/output/json"
            ]
        );
    }

    #[test]
    fn a_token_that_reads_no_feeds_is_tried_with_what_it_is_for() {
        let shown = |purpose| paths(&Scope::new().only([purpose]), &site(), &Registry::builtin());
        assert_eq!(shown(Permission::Lookup), ["/v1/lookup?value=192.0.2.1"]);
        assert_eq!(shown(Permission::Stream), ["/v1/stream/feed/block/type/ipv4/age/1w"]);
        assert!(shown(Permission::Sightings).is_empty());
    }

    #[test]
    fn feeds_that_the_site_does_not_have_are_not_shown() {
        let shown = |feed: &str| paths(&Scope::new().with_feeds([feed]), &site(), &Registry::builtin()).len();
        assert_eq!((shown("cust2"), shown("cust1")), (MAX_PATHS, 0));
    }
}
