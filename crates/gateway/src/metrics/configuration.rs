//! The configuration in force: its sites, and the problems of its files.

use prometheus_client::registry::Registry;
use site_config::ConfigStore;

use super::gauges;
use crate::feed_tags::MissingTags;

pub(crate) fn register(store: &ConfigStore, missing_tags: &MissingTags, registry: &mut Registry) {
    let loaded = store.current();
    let refused = store.refused();
    let enabled = loaded.sites.values().filter(|site| site.enabled).count();
    let states = [
        ("served", enabled),
        ("switched_off", loaded.sites.len() - enabled),
        ("kept", loaded.kept.len()),
        ("disabled", loaded.disabled.len()),
    ];
    gauges(
        registry,
        "sites",
        "Sites by state; kept ones are served as before their file went bad, disabled ones have a bad file and are not served",
        states.map(|(state, sites)| (vec![("state", state.to_owned())], sites as f64)),
    );
    let problems = refused
        .as_ref()
        .map_or_else(|| loaded.problems().count(), |problems| problems.len());
    gauges(
        registry,
        "config_problems",
        "Problems of the configuration files, which `cratosd check` names",
        [(Vec::new(), problems as f64)],
    );
    gauges(
        registry,
        "config_refused",
        "Whether the files are so bad that older ones stay in force as a whole",
        [(Vec::new(), f64::from(u8::from(refused.is_some())))],
    );
    let missing = missing_tags.all(&loaded).into_iter().map(|(site, feed, ..)| {
        let labels = vec![("site", site.to_string()), ("feed", feed.as_str().to_owned())];
        (labels, 1.0)
    });
    gauges(
        registry,
        "feed_tag_missing",
        "Feeds that were asked for and are empty since MISP does not have their tag",
        missing,
    );
}
