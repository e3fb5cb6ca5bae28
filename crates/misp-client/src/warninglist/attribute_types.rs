//! Which lists judge an attribute type.

use std::collections::HashMap;

use super::list::{Kind, List};
use super::list_sets::{ListMask, Slot};

/// The type that stands for all types.
const ALL: &str = "ALL";

/// The lists for one attribute type.
#[derive(Clone, Debug, Default)]
pub(super) struct TypeLists {
    pub(super) all: ListMask,
    pub(super) has_string: bool,
    pub(super) has_hostname: bool,
    pub(super) has_cidr: bool,
    /// The slots of the lists that are searched one by one.
    pub(super) substring: Box<[Slot]>,
    pub(super) regex: Box<[Slot]>,
}

/// The lists by attribute type.
#[derive(Clone, Debug, Default)]
pub(super) struct TypeTable {
    named: HashMap<Box<str>, TypeLists>,
    others: TypeLists,
}

impl TypeTable {
    pub(super) fn new<'l>(lists: impl Iterator<Item = (Slot, &'l List)> + Clone) -> Self {
        let of_all = |list: &List| list.attribute_types.iter().any(|name| name == ALL);
        let names = lists.clone().flat_map(|(_, list)| &list.attribute_types);
        let mut named = HashMap::new();
        for name in names {
            named.entry(Box::from(name.as_str())).or_insert_with(|| {
                let judges = |list: &List| of_all(list) || list.attribute_types.contains(name);
                TypeLists::new(lists.clone().filter(|(_, list)| judges(list)))
            });
        }
        let others = TypeLists::new(lists.filter(|(_, list)| of_all(list)));
        Self { named, others }
    }

    pub(super) fn get(&self, attribute_type: &str) -> &TypeLists {
        self.named.get(attribute_type).unwrap_or(&self.others)
    }
}

impl TypeLists {
    fn new<'l>(lists: impl Iterator<Item = (Slot, &'l List)>) -> Self {
        let lists: Vec<_> = lists.map(|(slot, list)| (slot, list.kind)).collect();
        let of = |kind: Kind| {
            lists
                .iter()
                .filter(move |(_, other)| *other == kind)
                .map(|(slot, _)| *slot)
        };
        Self {
            all: ListMask::of(lists.iter().map(|(slot, _)| *slot)),
            has_string: of(Kind::String).next().is_some(),
            has_hostname: of(Kind::Hostname).next().is_some(),
            has_cidr: of(Kind::Cidr).next().is_some(),
            substring: of(Kind::Substring).collect(),
            regex: of(Kind::Regex).collect(),
        }
    }
}
