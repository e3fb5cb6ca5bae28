//! Rows for records out of the rows of MISP's answer.

use std::collections::HashSet;
use std::sync::Arc;

use misp_client::{AttributeRow, Tag};

use crate::MirrorRow;

/// With more tags a set of names is faster than a look at each pair.
const FEW: usize = 8;

/// Makes the rows of one answer, which share their attribute types and equal lists of tags.
#[derive(Debug, Default)]
pub(crate) struct RowMaker {
    /// The attribute types, in order: MISP has less than 200.
    kinds: Vec<Arc<str>>,
}

impl RowMaker {
    pub(crate) fn make(&mut self, row: AttributeRow<'_>) -> MirrorRow {
        MirrorRow {
            id: row.id,
            kind: self.kind(&row.kind),
            value: row.value.into_owned(),
            to_ids: row.to_ids,
            timestamp: row.timestamp,
            last_seen: row.last_seen,
            last_sighting: row.last_sighting,
            tags: own(row.tags),
            warninglists: Vec::new(),
        }
    }

    fn kind(&mut self, name: &str) -> Arc<str> {
        match self.kinds.binary_search_by(|known| (**known).cmp(name)) {
            Ok(place) => self.kinds.get(place).map_or_else(|| name.into(), Arc::clone),
            Err(place) => {
                let kind: Arc<str> = name.into();
                self.kinds.insert(place, Arc::clone(&kind));
                kind
            }
        }
    }
}

/// Returns the tags of the attribute itself, each once.
fn own(tags: Arc<[Tag]>) -> Arc<[Tag]> {
    let is_new = |place: usize, tag: &Tag| tags.iter().take(place).all(|other| other.name != tag.name);
    let mut places = tags.iter().enumerate();
    if tags.len() <= FEW && places.all(|(place, tag)| !tag.inherited && is_new(place, tag)) {
        return tags;
    }
    unique(tags.iter().filter(|tag| !tag.inherited).cloned().collect()).into()
}

/// Returns each tag once, in MISP's order.
pub(crate) fn unique(mut tags: Vec<Tag>) -> Vec<Tag> {
    let mut names = HashSet::new();
    tags.retain(|tag| names.insert(tag.name.clone()));
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_tags_are_shared_and_each_is_there_once() {
        let plain: Arc<[Tag]> = [Tag::own("a"), Tag::own("b")].into();
        assert!(Arc::ptr_eq(&own(Arc::clone(&plain)), &plain));
        let mixed = [Tag::own("a"), Tag::inherited("b"), Tag::own("a"), Tag::own("c")];
        assert_eq!(*own(mixed.into()), [Tag::own("a"), Tag::own("c")]);
        let many: Arc<[Tag]> = (0..20).map(|number| Tag::own((number % 15).to_string())).collect();
        assert_eq!(own(many).len(), 15);
    }
}
