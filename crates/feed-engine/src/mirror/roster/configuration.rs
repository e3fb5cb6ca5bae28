//! The copies that a configuration begins and ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use site_config::{Loaded, SiteName};

use super::Roster;
use super::places::Places;
use crate::Upstream;
use crate::mirror::folder::{Folder, Name};
use crate::mirror::keys::MirrorKeys;
use crate::mirror::registration::Registration;
use crate::shared_sets::age;

impl Roster {
    /// Takes over a configuration: begins the copies that lie on disk, ends those of sites that are gone, and hands
    /// changed rules to the others. It blocks.
    pub(in crate::mirror) fn configure(self: &Arc<Self>, loaded: &Loaded, keys: Option<MirrorKeys>) {
        let directory = self.lock().directory.clone();
        let folder = directory.zip(keys).map(|(path, keys)| Folder::new(path, keys));
        let found = folder.as_ref().map(Folder::registrations).unwrap_or_default();
        let mut by_site: BTreeMap<String, Vec<(Name, Registration)>> = BTreeMap::new();
        for (name, entry) in found {
            match entry {
                Ok(entry) => by_site.entry(entry.site.clone()).or_default().push((name, entry)),
                Err(error) => self.way_log.warn_of_file(&error),
            }
        }
        let mut places = self.lock();
        places.take_rules(folder.clone(), loaded);
        for (site, mut entries) in by_site {
            entries.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.used_at));
            for (name, entry) in entries {
                let stays = self.begin_from_disk(&mut places, loaded, &site, &entry);
                if let (false, Some(folder)) = (stays, &folder) {
                    folder.remove(&name);
                }
            }
        }
    }

    /// Begins the copy of a registration, and returns whether its files stay.
    fn begin_from_disk(
        self: &Arc<Self>,
        places: &mut Places,
        loaded: &Loaded,
        name: &str,
        entry: &Registration,
    ) -> bool {
        let Some(site) = name.parse().ok().and_then(|name: SiteName| loaded.sites.get(&name)) else {
            // The file of the site cannot be used just now, or it is gone.
            return loaded.disabled.iter().any(|disabled| disabled.name == name);
        };
        let used_at = Timestamp::from_second(entry.used_at).unwrap_or(Timestamp::UNIX_EPOCH);
        let upstream = Upstream::new(
            Arc::clone(site),
            Arc::clone(&loaded.mappings),
            entry.protocol,
            entry.port,
            entry.auth_key.clone(),
        );
        if places.contains(&upstream.id()) {
            return true;
        }
        let is_idle = age(used_at, Timestamp::now()) >= site.mirror_idle;
        if site.mirror && !is_idle && !site.enabled {
            return true;
        }
        let is_wanted = site.mirror && !is_idle && places.count(site) < site.mirror_keys.get();
        if is_wanted {
            self.add(places, upstream, used_at);
        }
        is_wanted
    }
}
