//! The hash of each site's rules, computed once for each load of its file: a look-up is quick, and hashing all settings
//! is not.

use std::sync::{Arc, Mutex, PoisonError};

use site_config::{Mappings, Site};

use crate::{Upstream, question};

/// Sites in this cache; the oldest ones are dropped and computed again.
const SITES: usize = 256;

/// Caches [`question::lookup_rules`].
#[derive(Debug, Default)]
pub(super) struct RuleCache(Mutex<Vec<Known>>);

/// Holds the settings themselves, so that their place in memory is not used for other settings meanwhile.
#[derive(Debug)]
struct Known {
    site: Arc<Site>,
    mappings: Arc<Mappings>,
    rules: u64,
}

impl RuleCache {
    /// Returns the rules of the site as it is configured now.
    pub(super) fn of(&self, upstream: &Upstream) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |known: &&Known| {
            Arc::ptr_eq(&known.site, &upstream.site) && Arc::ptr_eq(&known.mappings, &upstream.mappings)
        };
        if let Some(known) = all.iter().find(is_it) {
            return known.rules;
        }
        let rules = question::lookup_rules(upstream);
        // After a reload the earlier settings are useless.
        all.retain(|known| known.site.name != upstream.site.name);
        if all.len() >= SITES {
            all.remove(0);
        }
        all.push(Known {
            site: Arc::clone(&upstream.site),
            mappings: Arc::clone(&upstream.mappings),
            rules,
        });
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;

    fn upstream(name: &str, yaml: &str) -> Upstream {
        let site = Site::from_yaml(name.parse().unwrap(), yaml).unwrap();
        let mappings = Arc::new(Mappings::default());
        Upstream::new(Arc::new(site), mappings, Protocol::Https, 443, "k".repeat(40).into())
    }

    #[test]
    fn a_reload_is_acted_on_and_only_the_newest_settings_are_kept() {
        let known = RuleCache::default();
        let before = upstream("misp.example.net", "tag: example");
        let after = upstream("misp.example.net", "tag: other");
        let other = upstream("misp.example.org", "tag: example");
        for upstream in [&before, &before, &after, &other, &after, &before] {
            assert_eq!(known.of(upstream), question::lookup_rules(upstream));
        }
        assert_ne!(known.of(&before), known.of(&after));
        assert_eq!(known.0.lock().unwrap().len(), 2);
    }

    #[test]
    fn so_many_sites_are_remembered_and_no_more() {
        let known = RuleCache::default();
        for number in 0..SITES + 10 {
            known.of(&upstream(&format!("misp{number}.example.net"), "tag: example"));
        }
        assert_eq!(known.0.lock().unwrap().len(), SITES);
    }
}
