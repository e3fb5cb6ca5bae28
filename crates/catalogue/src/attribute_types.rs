//! The attribute types that rows have, by number.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{CatalogueError, Classes};

/// Attribute types that no indicator type takes and that are remembered. The others are looked up in the mappings each
/// time.
const MOST_UNTAKEN: usize = 1_000;

/// The names by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttributeTypes {
    names: Vec<Arc<str>>,
}

impl AttributeTypes {
    pub(crate) fn name(&self, number: u16) -> &str {
        self.names.get(usize::from(number)).map_or("", |name| name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        self.names.iter().map(|name| size_of::<Arc<str>>() + name.len()).sum()
    }
}

/// Gives numbers to attribute types.
#[derive(Debug)]
pub(crate) struct AttributeTypeNumbers {
    classes: Classes,
    types: Arc<AttributeTypes>,
    known: HashMap<Arc<str>, Option<Taken>>,
    untaken: usize,
}

/// An attribute type with the families that take it, a bit for each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) number: u16,
    pub(crate) families: u64,
}

impl AttributeTypeNumbers {
    pub(crate) fn new(classes: Classes) -> Self {
        Self {
            classes,
            types: Arc::default(),
            known: HashMap::new(),
            untaken: 0,
        }
    }

    /// Returns the number of an attribute type; nothing if no indicator type takes it.
    pub(crate) fn of(&mut self, name: &str) -> Result<Option<Taken>, CatalogueError> {
        if let Some(known) = self.known.get(name) {
            return Ok(*known);
        }
        let families = self.classes.families_of(name);
        if families == 0 {
            if self.untaken < MOST_UNTAKEN {
                self.untaken += 1;
                self.known.insert(name.into(), None);
            }
            return Ok(None);
        }
        let number = u16::try_from(self.types.names.len()).map_err(|_| CatalogueError::TooLarge {
            what: "attribute types",
        })?;
        let name: Arc<str> = name.into();
        Arc::make_mut(&mut self.types).names.push(Arc::clone(&name));
        let taken = Some(Taken { number, families });
        self.known.insert(name, taken);
        Ok(taken)
    }

    pub(crate) fn types(&self) -> &Arc<AttributeTypes> {
        &self.types
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_type_keeps_its_number_and_one_that_nobody_takes_has_none() {
        let mut numbers = AttributeTypeNumbers::new(Classes::defaults());
        assert!(numbers.of("comment").unwrap().is_none());
        let first = numbers.of("domain|ip").unwrap().unwrap();
        assert_eq!((first.number, first.families.count_ones()), (0, 2));
        assert_eq!(numbers.of("url").unwrap().unwrap().number, 1);
        assert_eq!(numbers.of("domain|ip").unwrap().unwrap().number, 0);
        assert_eq!(numbers.types().name(1), "url");
    }

    #[test]
    fn more_attribute_types_than_numbers_are_an_error() {
        let mut numbers = AttributeTypeNumbers::new(Classes::defaults());
        let names = (0..=u16::MAX).map(|number| format!("type-{number}").as_str().into());
        Arc::make_mut(&mut numbers.types).names = names.collect();
        assert_eq!(
            numbers.of("url").unwrap_err(),
            CatalogueError::TooLarge {
                what: "attribute types"
            }
        );
    }
}
