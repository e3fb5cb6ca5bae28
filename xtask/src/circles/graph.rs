//! Which module uses which, and where that goes in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Module;

/// The modules of one crate by their place; without the root.
pub(super) struct Graph<'m> {
    edges: BTreeMap<&'m [String], BTreeSet<&'m [String]>>,
}

impl<'m> Graph<'m> {
    pub(super) fn of(modules: &'m [Module]) -> Self {
        let places: BTreeSet<&[String]> = modules.iter().map(|module| &*module.place).collect();
        let root = modules.iter().filter(|module| module.place.is_empty());
        let exported: Vec<(&String, &[String])> = root.flat_map(|root| exports(root, &places)).collect();
        let mut edges: BTreeMap<&[String], BTreeSet<&[String]>> = BTreeMap::new();
        for module in modules.iter().filter(|module| !module.place.is_empty()) {
            let uses = module
                .uses
                .iter()
                .filter_map(|path| target(module, path, &places, &exported));
            let children = places.iter().copied().filter(|place| is_child(place, &module.place));
            let all = uses.chain(children).filter(|place| *place != &*module.place);
            edges.insert(&module.place, all.collect());
        }
        Self { edges }
    }

    /// Returns each circle that is more than a parent with its children, as a line for people.
    pub(super) fn circles(&self) -> Vec<String> {
        let knots = self.knots();
        knots
            .iter()
            .filter(|knot| !is_family(knot))
            .map(|knot| self.shown(knot))
            .collect()
    }

    /// Returns the largest groups of modules that all reach each other.
    fn knots(&self) -> Vec<BTreeSet<&'m [String]>> {
        let reached: BTreeMap<_, _> = self.edges.keys().map(|from| (*from, self.reached(from))).collect();
        let mut knots: Vec<BTreeSet<&'m [String]>> = Vec::new();
        for (from, there) in &reached {
            if knots.iter().any(|knot| knot.contains(from)) || !there.contains(from) {
                continue;
            }
            let back = |to: &&&'m [String]| reached.get(**to).is_some_and(|theirs| theirs.contains(from));
            knots.push(there.iter().filter(back).copied().collect());
        }
        knots
    }

    fn reached(&self, from: &'m [String]) -> BTreeSet<&'m [String]> {
        let (mut found, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(here) = next.pop() {
            for to in self.edges.get(here).into_iter().flatten() {
                if found.insert(*to) {
                    next.push(to);
                }
            }
        }
        found
    }

    /// Returns the shortest way round through a member of the knot that is not below the others.
    fn shown(&self, knot: &BTreeSet<&'m [String]>) -> String {
        let ways = knot.iter().filter_map(|start| self.way_round(start, knot));
        let unrelated = |way: &Vec<&[String]>| !is_family(&way.iter().copied().collect());
        let shortest = ways.filter(unrelated).min_by_key(Vec::len);
        let names = |places: Vec<&[String]>| places.iter().map(|place| place.join("::")).collect::<Vec<_>>();
        match shortest {
            Some(way) => format!("{} ({} modules in the knot)", names(way).join(" → "), knot.len()),
            None => names(knot.iter().copied().collect()).join(" ↔ "),
        }
    }

    fn way_round(&self, start: &'m [String], knot: &BTreeSet<&'m [String]>) -> Option<Vec<&'m [String]>> {
        let mut ways = std::collections::VecDeque::from([vec![start]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            let here = *way.last()?;
            for to in self.edges.get(here)?.iter().filter(|to| knot.contains(**to)) {
                let longer: Vec<_> = way.iter().copied().chain([*to]).collect();
                if *to == start {
                    // A step down and back up is a parent with its child.
                    if !is_family(&longer.iter().copied().collect()) {
                        return Some(longer);
                    }
                } else if seen.insert(*to) {
                    ways.push_back(longer);
                }
            }
        }
        None
    }
}

/// Returns whether one member is the ancestor of all others and everything between them is a member too.
fn is_family(knot: &BTreeSet<&[String]>) -> bool {
    let without_parent = knot.iter().filter(|place| {
        let parent = place.split_last().map(|(_, parent)| parent);
        !parent.is_some_and(|parent| knot.contains(parent))
    });
    without_parent.count() == 1
}

fn is_child(place: &[String], of: &[String]) -> bool {
    place.split_last().is_some_and(|(_, parent)| parent == of)
}

/// Returns which names the root re-exports, and from where.
fn exports<'m>(root: &'m Module, places: &BTreeSet<&'m [String]>) -> Vec<(&'m String, &'m [String])> {
    let exported = |path: &'m Vec<String>| {
        let inside = path
            .strip_prefix(&["crate".to_owned()][..])
            .or_else(|| path.strip_prefix(&["self".to_owned()][..]));
        Some((path.last()?, longest(inside.unwrap_or(path), places)?))
    };
    root.uses.iter().filter_map(exported).collect()
}

/// Returns the module of this crate that a path leads to.
fn target<'m>(
    module: &'m Module,
    path: &[String],
    places: &BTreeSet<&'m [String]>,
    exported: &[(&String, &'m [String])],
) -> Option<&'m [String]> {
    let mut base = module.place.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = path.get(1..)?;
        }
        "self" => rest = path.get(1..)?,
        "super" => {
            while let Some((_, tail)) = rest.split_first().filter(|(first, _)| *first == "super") {
                base.pop();
                rest = tail;
            }
        }
        // A path of a child that is declared here, or of another crate.
        first => {
            if !module.children.iter().any(|child| child == first) {
                return None;
            }
        }
    }
    if base.is_empty()
        && let Some((_, place)) = exported.iter().find(|(name, _)| rest.first() == Some(*name))
    {
        return Some(place);
    }
    base.extend(rest.iter().cloned());
    longest(&base, places)
}

/// Returns the longest beginning of a path that is a module.
fn longest<'m>(path: &[String], places: &BTreeSet<&'m [String]>) -> Option<&'m [String]> {
    let beginnings = (1..=path.len()).rev().filter_map(|length| path.get(..length));
    beginnings
        .into_iter()
        .find_map(|beginning| places.get(beginning).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let place = |name: &str| {
            name.split("::")
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let modules: Vec<Module> = files
            .iter()
            .map(|(name, text)| Module::read(place(name), text))
            .collect();
        Graph::of(&modules).circles()
    }

    #[test]
    fn a_parent_and_its_children_may_use_each_other() {
        let files = [
            ("", "mod a;"),
            ("a", "mod b; mod c; use b::B;"),
            ("a::b", "use super::A; use super::c::C;"),
            ("a::c", "use crate::a::b::B;"),
        ];
        assert_eq!(circles(&files), [""; 0]);
    }

    #[test]
    fn two_rooms_that_use_each_other_are_reported() {
        let files = [
            ("", "mod a; mod b;"),
            ("a", "use crate::b::B;"),
            ("b", "use crate::a::A;"),
        ];
        assert_eq!(circles(&files), ["a → b → a (2 modules in the knot)"]);
    }

    #[test]
    fn a_circle_through_a_child_or_a_re_export_is_reported() {
        let through_a_child = [
            ("", "mod a; mod b;"),
            ("a", "mod c;"),
            ("a::c", "use crate::b::B;"),
            ("b", "use crate::a::A;"),
        ];
        assert_eq!(circles(&through_a_child), ["a → a::c → b → a (3 modules in the knot)"]);
        let through_the_root = [
            ("", "mod a; mod b; pub use a::App;"),
            ("a", "use crate::b::B;"),
            ("b", "use crate::App;"),
        ];
        assert_eq!(circles(&through_the_root).len(), 1);
    }

    #[test]
    fn one_way_is_fine() {
        let files = [
            ("", "mod a; mod b;"),
            ("a", "use crate::b::B; use std::fmt;"),
            ("b", "use serde::a::A;"),
        ];
        assert_eq!(circles(&files), [""; 0]);
    }
}
