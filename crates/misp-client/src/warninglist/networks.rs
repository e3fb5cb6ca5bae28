//! Lists of kind `cidr`: which networks contain an address.
//!
//! The networks of one family are sorted and each knows the smallest one around it, so a look-up is one binary search
//! and a few steps outwards, whatever the number of lists.

use super::list_sets::{ListMask, ListSets, Slot};
use super::network::{Asked, Family, Network};

/// Networks with their lists, before they are sorted.
#[derive(Debug, Default)]
pub(super) struct NetworkPile {
    v4: Vec<(Network, Slot)>,
    v6: Vec<(Network, Slot)>,
}

impl NetworkPile {
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.v4.len(), self.v6.len())
    }

    /// Forgets what was added since the mark.
    pub(super) fn return_to(&mut self, (v4, v6): (usize, usize)) {
        self.v4.truncate(v4);
        self.v6.truncate(v6);
    }

    /// Adds an entry; one that nothing can match is skipped.
    pub(super) fn push(&mut self, entry: &str, slot: Slot) {
        match Network::of_entry(entry) {
            Some((Family::V4, network)) => self.v4.push((network, slot)),
            Some((Family::V6, network)) => self.v6.push((network, slot)),
            None => {}
        }
    }

    pub(super) fn into_index(self, sets: &mut ListSets) -> Networks {
        Networks {
            v4: Forest::new(Family::V4, self.v4, sets),
            v6: Forest::new(Family::V6, self.v6, sets),
        }
    }
}

/// The entries of all lists of this kind.
#[derive(Debug)]
pub(super) struct Networks {
    v4: Forest,
    v6: Forest,
}

impl Networks {
    /// Returns whether one of these lists has a network with the value in it.
    pub(super) fn any(&self, value: &str, lists: &ListMask, sets: &ListSets) -> bool {
        let Some(asked) = Asked::of_value(value) else {
            return false;
        };
        if !asked.is_address() {
            let mut found = false;
            self.each_largest(&asked, lists, sets, |_, _| found = true);
            return found;
        }
        let mut around = self.forest(asked.family).around(asked.address);
        around.any(|node| sets.meets(node.set, lists))
    }

    /// Calls `found` for each of these lists that has the value, with the largest network that it has around it.
    pub(super) fn each_largest(
        &self,
        asked: &Asked<'_>,
        lists: &ListMask,
        sets: &ListSets,
        mut found: impl FnMut(Slot, Network),
    ) {
        let mut largest: Vec<(Slot, Network)> = Vec::new();
        for node in self.forest(asked.family).around(asked.address) {
            for slot in sets.among(node.set, lists) {
                match largest.iter_mut().find(|(known, _)| *known == slot) {
                    Some((_, network)) => *network = node.network,
                    None => largest.push((slot, node.network)),
                }
            }
        }
        for (slot, network) in largest {
            if asked.fits_into(network.length) {
                found(slot, network);
            }
        }
    }

    fn forest(&self, family: Family) -> &Forest {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

/// The networks of one family.
#[derive(Debug)]
struct Forest {
    family: Family,
    starts: Vec<u128>,
    lengths: Vec<u8>,
    /// The place of the smallest network around this one; its own place if there is none.
    parents: Vec<u32>,
    sets: Vec<u32>,
}

/// One network of a forest.
struct Node {
    network: Network,
    set: u32,
}

impl Forest {
    fn new(family: Family, mut networks: Vec<(Network, Slot)>, sets: &mut ListSets) -> Self {
        networks.sort_unstable();
        networks.dedup();
        let mut forest = Self {
            family,
            starts: Vec::new(),
            lengths: Vec::new(),
            parents: Vec::new(),
            sets: Vec::new(),
        };
        let mut around: Vec<(Network, u32)> = Vec::new();
        let mut slots = Vec::new();
        for same in networks.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((network, _)) = same.first() else { continue };
            while around
                .pop_if(|(outer, _)| !outer.contains(family, network.start))
                .is_some()
            {}
            // Bounded by the number of entries.
            let place = u32::try_from(forest.starts.len()).unwrap_or(u32::MAX);
            slots.clear();
            slots.extend(same.iter().map(|(_, slot)| *slot));
            forest.starts.push(network.start);
            forest.lengths.push(network.length);
            forest.parents.push(around.last().map_or(place, |(_, outer)| *outer));
            forest.sets.push(sets.number(&slots));
            around.push((*network, place));
        }
        forest
    }

    /// Returns the networks around an address, smallest first.
    fn around(&self, address: u128) -> impl Iterator<Item = Node> {
        let before = self.starts.partition_point(|start| *start <= address);
        let mut place = before.checked_sub(1);
        std::iter::from_fn(move || {
            let at = place?;
            let parent = usize::try_from(*self.parents.get(at)?).ok()?;
            place = (parent != at).then_some(parent);
            let network = Network {
                start: *self.starts.get(at)?,
                length: *self.lengths.get(at)?,
            };
            let set = *self.sets.get(at)?;
            Some(Node { network, set })
        })
        .filter(move |node| node.network.contains(self.family, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(entries: &[(&str, Slot)], value: &str) -> Vec<(Slot, String)> {
        let (mut pile, mut sets) = (NetworkPile::default(), ListSets::default());
        for (entry, slot) in entries {
            pile.push(entry, *slot);
        }
        let networks = pile.into_index(&mut sets);
        let lists = ListMask::of(entries.iter().map(|(_, slot)| *slot));
        let mut found = Vec::new();
        if let Some(asked) = Asked::of_value(value) {
            networks.each_largest(&asked, &lists, &sets, |slot, network| {
                found.push((slot, network.text(asked.family)));
            });
        }
        assert_eq!(networks.any(value, &lists, &sets), !found.is_empty(), "{value}");
        found.sort();
        found
    }

    #[test]
    fn each_list_answers_with_its_largest_network() {
        let entries = [
            ("10.0.0.0/8", 0),
            ("10.1.0.0/16", 0),
            ("10.1.0.0/16", 1),
            ("10.1.2.3", 2),
            ("10.2.0.0/16", 3),
        ];
        let hit = |slot, text: &str| (slot, text.to_owned());
        assert_eq!(
            found(&entries, "10.1.2.3"),
            [hit(0, "10.0.0.0/8"), hit(1, "10.1.0.0/16"), hit(2, "10.1.2.3/32")]
        );
        assert_eq!(found(&entries, "10.3.0.1"), [hit(0, "10.0.0.0/8")]);
        assert_eq!(
            found(&entries, "10.1.0.0/16"),
            [hit(0, "10.0.0.0/8"), hit(1, "10.1.0.0/16")]
        );
        assert!(found(&entries, "10.0.0.0/7").is_empty());
        assert!(found(&entries, "11.0.0.1").is_empty());
        assert!(found(&entries, "example.org").is_empty());
    }

    #[test]
    fn families_do_not_mix() {
        let entries = [("::/0", 0), ("10.0.0.0/8", 1)];
        assert_eq!(found(&entries, "2001:DB8::1"), [(0, "::/0".to_owned())]);
        assert_eq!(found(&entries, "10.0.0.1"), [(1, "10.0.0.0/8".to_owned())]);
        assert_eq!(found(&entries, "::ffff:10.0.0.1"), [(0, "::/0".to_owned())]);
    }
}
