//! Names, each with all names below it.

use std::collections::HashSet;

/// Names in lower case, each standing for itself and every name below it.
#[derive(Debug, Default)]
pub(super) struct NameSet {
    names: HashSet<Box<str>>,
    /// The names above them.
    above: HashSet<Box<str>>,
    /// Their last labels: most names of a feed end in another one.
    ends: HashSet<Box<str>>,
}

impl NameSet {
    /// Returns whether the set has the name, or a name above it.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.may_concern(name) && with_those_above(name).any(|name| self.names.contains(name))
    }

    /// Returns whether the name stands above one of the set.
    pub(super) fn is_above(&self, name: &str) -> bool {
        self.may_concern(name) && self.above.contains(name)
    }

    fn may_concern(&self, name: &str) -> bool {
        !self.ends.is_empty() && self.ends.contains(last_label(name))
    }
}

impl<'n> FromIterator<&'n str> for NameSet {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        let mut set = Self::default();
        for name in names {
            set.names.insert(name.into());
            set.above.extend(with_those_above(name).skip(1).map(Box::from));
            set.ends.insert(last_label(name).into());
        }
        set
    }
}

/// Returns the name, then each name above it.
fn with_those_above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, above)| above))
}

fn last_label(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::NameSet;

    #[test]
    fn a_name_stands_for_itself_and_all_below_and_has_names_above() {
        let set: NameSet = ["own.example", "a.b.test"].into_iter().collect();
        for name in ["own.example", "www.own.example", "x.a.b.test"] {
            assert!(set.holds(name) && !set.is_above(name), "{name}");
        }
        for name in ["b.test", "test", "example"] {
            assert!(set.is_above(name) && !set.holds(name), "{name}");
        }
        for name in ["notown.example", "example.own", "c.b.test", "", "own.example.net"] {
            assert!(!set.holds(name) && !set.is_above(name), "{name}");
        }
    }
}
