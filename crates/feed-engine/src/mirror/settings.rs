//! What a copy is made with. A reload that changes one of these makes the copy anew, from the same file.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use feed_classification::{FeedName, IndicatorType, TagScheme};
use site_config::Mappings;

use crate::Upstream;

/// Memory and disk for one attribute: its record is about 150 bytes on disk, and the store has free pages beside it.
const BYTES_AN_ATTRIBUTE: u64 = 512;

/// A store is never limited to less.
const LEAST_STORE_BYTES: u64 = 64 * 1024 * 1024;

/// The part of a site's rules that a copy depends on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Settings {
    /// What the rows mean.
    pub(super) mappings: Arc<Mappings>,
    pub(super) attribute_types: BTreeSet<String>,
    /// Tags whose local use leaves no trace in an event, and on which feeds depend.
    pub(super) tags: BTreeSet<String>,
    pub(super) poll: Duration,
    pub(super) trace_interval: Duration,
    pub(super) round: Duration,
    pub(super) vanished_grace: Duration,
    pub(super) max_attributes: u64,
    pub(super) page_size: NonZeroU32,
    /// Whether scores need sightings.
    pub(super) sightings: bool,
    client: ClientSettings,
}

/// The settings of the client that asks MISP.
#[derive(Clone, Debug, Eq, PartialEq)]
struct ClientSettings {
    verify_certificate: bool,
    ca_certificate: Option<PathBuf>,
    timeout: Duration,
    max_answer_bytes: u64,
}

impl Settings {
    pub(super) fn of(upstream: &Upstream) -> Self {
        let site = &upstream.site;
        let mappings = Arc::clone(&upstream.mappings);
        let types = IndicatorType::ALL
            .iter()
            .flat_map(|kind| mappings.attribute_types(*kind));
        Self {
            attribute_types: types.cloned().collect(),
            tags: tags(upstream),
            // Otherwise the copy would be older than the site's feeds may be.
            poll: site.mirror_poll.min(site.soft_expiry),
            trace_interval: site.soft_expiry,
            round: site.mirror_round,
            vanished_grace: site.vanished_grace,
            max_attributes: site.mirror_max_attributes,
            page_size: site.page_size,
            sightings: needs_sightings(upstream),
            client: ClientSettings {
                verify_certificate: site.verify_certificate,
                ca_certificate: site.ca_certificate.clone(),
                timeout: site.timeout,
                max_answer_bytes: site.max_answer_bytes,
            },
            mappings,
        }
    }

    /// Returns whether rows that were read with these settings answer questions of this upstream.
    pub(super) fn serve(&self, upstream: &Upstream) -> bool {
        let same = Arc::ptr_eq(&self.mappings, &upstream.mappings) || self.mappings == upstream.mappings;
        same && (self.sightings || !needs_sightings(upstream))
    }

    /// Returns the bound of the store in bytes.
    pub(super) fn max_store_bytes(&self) -> u64 {
        let bytes = self.max_attributes.saturating_mul(BYTES_AN_ATTRIBUTE);
        bytes.max(LEAST_STORE_BYTES)
    }
}

fn needs_sightings(upstream: &Upstream) -> bool {
    upstream.site.decaying_model.is_some() && upstream.site.score_sightings
}

/// Returns the tags of feeds, and the one for false positives. Those of TLP have many spellings, so the mirror watches
/// every tag of their namespace.
fn tags(upstream: &Upstream) -> BTreeSet<String> {
    let scheme = TagScheme::new(&upstream.site.tag, upstream.site.custom_feeds.clone());
    let feeds = FeedName::ALL.iter().filter_map(|feed| scheme.classification_tag(*feed));
    feeds.chain([scheme.false_positive_tag()]).collect()
}

#[cfg(test)]
mod tests {
    use misp_client::Protocol;
    use site_config::Site;

    use super::*;

    fn upstream(yaml: &str) -> Upstream {
        let site = Site::from_yaml("misp.example.net".parse().unwrap(), &format!("tag: example\n{yaml}")).unwrap();
        let key = "k".repeat(40).into();
        Upstream::new(Arc::new(site), Arc::default(), Protocol::Https, 443, key)
    }

    #[test]
    fn a_copy_holds_every_attribute_type_that_a_feed_can_be_made_of() {
        let settings = Settings::of(&upstream(""));
        for name in ["ip-dst", "domain|ip", "sha256", "yara"] {
            assert!(settings.attribute_types.contains(name), "{name}");
        }
        for tag in [
            "example:incident-classification=block",
            "example:incident-classification=false-positive",
        ] {
            assert!(settings.tags.contains(tag), "{tag}");
        }
    }

    #[test]
    fn the_store_of_a_small_site_has_room_for_the_longest_values() {
        // MISP keeps values of up to 65 535 bytes, for example YARA rules.
        let settings = Settings::of(&upstream("mirror_max_attributes: 1000"));
        assert!(settings.max_store_bytes() > 1_000 * 65_535);
        let settings = Settings::of(&upstream("mirror_max_attributes: 1000000"));
        assert_eq!(settings.max_store_bytes(), 512_000_000);
    }

    #[test]
    fn a_copy_serves_rules_that_need_no_other_rows() {
        let settings = Settings::of(&upstream(""));
        assert!(settings.serve(&upstream("published_grace: 1h\nmirror_poll: 1s")));
        assert!(!settings.serve(&upstream("decaying_model: a\nscore_sightings: yes")));
        let other = Mappings::from_yaml("types: {domain: [hostname]}").unwrap();
        let base = upstream("");
        let other = base.with_rules(Arc::clone(&base.site), Arc::new(other));
        assert!(!settings.serve(&other));
        assert_ne!(settings, Settings::of(&upstream("mirror_poll: 1s")));
    }
}
