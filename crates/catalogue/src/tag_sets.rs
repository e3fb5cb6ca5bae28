//! Sets of tags, each once.

use std::collections::HashMap;
use std::sync::Arc;

use misp_client::Tag;

use crate::CatalogueError;
use crate::error::number;

/// The bit of a tag in a set that says that the tag is on the event.
const INHERITED: u32 = 1 << 31;

/// The bit of a tag in a set that says that the tag counts for limits on TLP levels alone.
const LIMIT: u32 = 1 << 30;

/// The bits of a tag in a set that are not part of its number.
const BITS: u32 = INHERITED | LIMIT;

/// Tag sets before the first look for unused ones.
const FIRST_SWEEP: usize = 1_024;

/// A tag of an attribute or of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowTag<'t> {
    /// The name, case-sensitive, such as `tlp:green`.
    pub name: &'t str,
    /// Whether the tag is on the event and not on the attribute itself.
    pub inherited: bool,
    /// Whether the tag is local: other MISPs never get it.
    pub local: bool,
    /// The worth of the tag, where its taxonomy has one.
    pub numerical_value: Option<i64>,
}

impl RowTag<'_> {
    /// Returns the tag as decaying models read it.
    pub(crate) fn to_tag(self) -> Tag {
        let mut tag = if self.inherited {
            Tag::inherited(self.name)
        } else {
            Tag::own(self.name)
        };
        (tag.local, tag.numerical_value) = (self.local, self.numerical_value);
        tag
    }
}

/// The tags and the sets of them, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagSets {
    tags: Vec<Arc<TagFacts>>,
    /// The tags of all sets, one after the other.
    members: Vec<u32>,
    /// Where each set ends in `members`.
    ends: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TagFacts {
    name: Box<str>,
    local: bool,
    numerical_value: Option<i64>,
}

impl TagSets {
    /// Returns the number of sets.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the names of all tags, by number.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|tag| &*tag.name)
    }

    /// Returns for each tag, by number, whether it has this name.
    pub(crate) fn named(&self, name: &str) -> Vec<bool> {
        self.names().map(|known| known == name).collect()
    }

    /// Returns the sets by number, each as its tags.
    pub(crate) fn sets(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.ends.len()).map(|set| self.members(set))
    }

    /// Returns the tags of a set, those of the attribute itself first.
    pub(crate) fn tags(&self, set: u32) -> impl Iterator<Item = RowTag<'_>> + Clone {
        let members = self.members(set as usize).iter().filter(|member| !is_limit(**member));
        members.filter_map(|member| self.tag(*member))
    }

    /// Returns the tags of a set, and those that count for limits on TLP levels alone.
    pub(crate) fn tags_and_limits(&self, set: u32) -> impl Iterator<Item = RowTag<'_>> + Clone {
        self.members(set as usize).iter().filter_map(|member| self.tag(*member))
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        let names: usize = self.tags.iter().map(|tag| tag.name.len()).sum();
        let a_tag = size_of::<TagFacts>() + size_of::<Arc<TagFacts>>() + 2 * size_of::<usize>();
        names + self.tags.len() * a_tag + (self.members.capacity() + self.ends.capacity()) * size_of::<u32>()
    }

    fn tag(&self, member: u32) -> Option<RowTag<'_>> {
        let (place, inherited) = place_of(member);
        self.tags.get(place).map(|tag| RowTag {
            name: &tag.name,
            inherited,
            local: tag.local,
            numerical_value: tag.numerical_value,
        })
    }

    fn members(&self, set: usize) -> &[u32] {
        let start = set
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0);
        let end = self.ends.get(set).copied().unwrap_or(start);
        self.members.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// Returns the number of a tag in a set, and whether it is on the event.
pub(crate) fn place_of(member: u32) -> (usize, bool) {
    ((member & !BITS) as usize, member & INHERITED != 0)
}

/// Returns whether a tag in a set counts for limits on TLP levels alone.
pub(crate) fn is_limit(member: u32) -> bool {
    member & LIMIT != 0
}

/// Gives numbers to tags and to sets of them.
#[derive(Debug, Default)]
pub(crate) struct TagSetNumbers {
    sets: Arc<TagSets>,
    tag_numbers: HashMap<Arc<TagFacts>, u32>,
    set_numbers: HashMap<Box<[u32]>, u32>,
    /// Sets that were left by the last sweep.
    swept: usize,
    /// The set that is being put together.
    members: Vec<u32>,
}

impl TagSetNumbers {
    /// Returns the number of the set of an attribute's own tags and its event's.
    pub(crate) fn of(&mut self, own: &[Tag], event: &[Tag]) -> Result<u32, CatalogueError> {
        self.with_limits(own, event, &[])
    }

    /// Returns the number of such a set with further tags that count for limits on TLP levels alone; each comes with
    /// whether it is on the event.
    pub(crate) fn with_limits(
        &mut self,
        own: &[Tag],
        event: &[Tag],
        limits: &[(&Tag, bool)],
    ) -> Result<u32, CatalogueError> {
        let mut members = std::mem::take(&mut self.members);
        members.clear();
        for tag in own {
            members.push(self.tag(tag)?);
        }
        for tag in event {
            members.push(self.tag(tag)? | INHERITED);
        }
        for (tag, is_inherited) in limits {
            let member = self.tag(tag)? | if *is_inherited { INHERITED } else { 0 };
            if !members.contains(&member) {
                members.push(member | LIMIT);
            }
        }
        let number = self.set(&members);
        self.members = members;
        number
    }

    pub(crate) fn sets(&self) -> &Arc<TagSets> {
        &self.sets
    }

    /// Returns whether so many sets were added that a look for unused ones is worth its time.
    pub(crate) fn needs_sweep(&self) -> bool {
        self.sets.len() >= 2 * self.swept.max(FIRST_SWEEP)
    }

    /// Forgets the sets and tags that no row uses. Returns the new number of each old set, in ascending order; nothing
    /// if most are in use.
    pub(crate) fn sweep(&mut self, is_used: &[bool]) -> Result<Option<Vec<u32>>, CatalogueError> {
        let used = is_used.iter().filter(|used| **used).count();
        self.swept = self.sets.len();
        if used > self.sets.len() / 2 {
            return Ok(None);
        }
        let old = std::mem::take(&mut self.sets);
        (self.tag_numbers, self.set_numbers) = (HashMap::new(), HashMap::new());
        let mut moved = Vec::with_capacity(old.len());
        for (members, is_used) in old.sets().zip(is_used) {
            if !is_used {
                moved.push(u32::MAX);
                continue;
            }
            let mut renumbered = Vec::with_capacity(members.len());
            for member in members {
                let (place, _) = place_of(*member);
                if let Some(tag) = old.tags.get(place) {
                    renumbered.push(self.known_tag(Arc::clone(tag))? | member & BITS);
                }
            }
            moved.push(self.set(&renumbered)?);
        }
        self.swept = self.sets.len();
        Ok(Some(moved))
    }

    /// Returns the memory for finding numbers, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let members: usize = self.set_numbers.keys().map(|set| size_of_val::<[u32]>(set)).sum();
        let an_entry = size_of::<(Box<[u32]>, u32)>() + 1;
        members + (self.set_numbers.capacity() + self.tag_numbers.capacity()) * an_entry
    }

    fn tag(&mut self, tag: &Tag) -> Result<u32, CatalogueError> {
        let facts = TagFacts {
            name: tag.name.as_str().into(),
            local: tag.local,
            numerical_value: tag.numerical_value,
        };
        if let Some(number) = self.tag_numbers.get(&facts) {
            return Ok(*number);
        }
        self.known_tag(Arc::new(facts))
    }

    fn known_tag(&mut self, facts: Arc<TagFacts>) -> Result<u32, CatalogueError> {
        if let Some(number) = self.tag_numbers.get(&facts) {
            return Ok(*number);
        }
        let count = number(self.sets.tags.len(), "tags")?;
        if count & BITS != 0 {
            return Err(CatalogueError::TooLarge { what: "tags" });
        }
        Arc::make_mut(&mut self.sets).tags.push(Arc::clone(&facts));
        self.tag_numbers.insert(facts, count);
        Ok(count)
    }

    fn set(&mut self, members: &[u32]) -> Result<u32, CatalogueError> {
        if let Some(number) = self.set_numbers.get(members) {
            return Ok(*number);
        }
        let count = number(self.sets.len(), "tag sets")?;
        let end = number(self.sets.members.len() + members.len(), "tags in tag sets")?;
        let sets = Arc::make_mut(&mut self.sets);
        sets.members.extend_from_slice(members);
        sets.ends.push(end);
        self.set_numbers.insert(members.into(), count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(numbers: &TagSetNumbers, set: u32) -> Vec<(String, bool)> {
        let tags = numbers.sets().tags(set);
        tags.map(|tag| (tag.name.to_owned(), tag.inherited)).collect()
    }

    #[test]
    fn equal_sets_have_one_number_and_the_place_of_a_tag_counts() {
        let mut numbers = TagSetNumbers::default();
        let (green, block) = ([Tag::own("tlp:green")], [Tag::own("block")]);
        let first = numbers.of(&green, &block).unwrap();
        assert_eq!(numbers.of(&green, &block).unwrap(), first);
        assert_ne!(numbers.of(&block, &green).unwrap(), first);
        assert_ne!(numbers.of(&[Tag::own("tlp:green").worth(3)], &block).unwrap(), first);
        assert_eq!(
            names(&numbers, first),
            [("tlp:green".to_owned(), false), ("block".to_owned(), true)]
        );
        assert_eq!(names(&numbers, 77), []);
    }

    #[test]
    fn a_sweep_forgets_unused_sets_and_tags_and_keeps_the_order_of_the_others() {
        let mut numbers = TagSetNumbers::default();
        for place in 0..10 {
            numbers.of(&[Tag::own(format!("tag-{place}"))], &[]).unwrap();
        }
        let mut is_used = [false; 10];
        (is_used[3], is_used[8]) = (true, true);
        let moved = numbers.sweep(&is_used).unwrap().unwrap();
        assert_eq!((moved[3], moved[8]), (0, 1));
        assert_eq!(names(&numbers, 1), [("tag-8".to_owned(), false)]);
        assert_eq!((numbers.sets().len(), numbers.sets().names().count()), (2, 2));
        assert_eq!(numbers.of(&[Tag::own("tag-8")], &[]).unwrap(), 1);
        assert_eq!(numbers.sweep(&[true, true]).unwrap(), None);
    }
}
