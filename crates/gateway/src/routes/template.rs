//! Finding the route of a path by its template.
//!
//! The templates are cut at their slashes once, when the first request comes, and grouped by their number of parts. A
//! path is compared with its group only, from left to right and without backtracking: fixed parts must be equal byte
//! for byte, variable parts take any text.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::ROUTES;
use super::path_values::{Part, PathValues};
use super::route::Route;

/// The number of parts of the longest template.
pub(super) const LONGEST: usize = longest(ROUTES);

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns::of(ROUTES));

/// Returns the route of a path that is cut into decoded parts, with the values of its variable parts.
pub(crate) fn find<'a>(parts: &'a [Cow<'a, str>]) -> Option<(&'static Route, PathValues<'a>)> {
    let pattern = PATTERNS.find(parts)?;
    Some((pattern.route, PathValues::new(&pattern.parts, parts)))
}

#[derive(Debug)]
struct Pattern {
    route: &'static Route,
    parts: Vec<Part<'static>>,
}

impl Pattern {
    fn of(route: &'static Route) -> Self {
        let path = route.template.strip_prefix('/').unwrap_or(route.template);
        Self {
            route,
            parts: path.split('/').map(Part::of).collect(),
        }
    }

    fn matches(&self, path: &[Cow<'_, str>]) -> bool {
        let mut pairs = self.parts.iter().zip(path);
        pairs.all(|(part, text)| match part {
            Part::Fixed(fixed) => *fixed == text,
            Part::Variable(_) => true,
        })
    }
}

/// The patterns by their number of parts.
#[derive(Debug)]
struct Patterns([Vec<Pattern>; LONGEST + 1]);

impl Patterns {
    fn of(routes: &'static [Route]) -> Self {
        let mut groups = [const { Vec::new() }; LONGEST + 1];
        for pattern in routes.iter().map(Pattern::of) {
            if let Some(group) = groups.get_mut(pattern.parts.len()) {
                group.push(pattern);
            }
        }
        Self(groups)
    }

    fn find(&self, path: &[Cow<'_, str>]) -> Option<&Pattern> {
        let group = self.0.get(path.len())?;
        group.iter().find(|pattern| pattern.matches(path))
    }
}

const fn longest(routes: &[Route]) -> usize {
    let mut longest = 0;
    let mut route = 0;
    while route < routes.len() {
        let template = routes[route].template.as_bytes();
        let (mut parts, mut byte) = (0, 0);
        while byte < template.len() {
            if template[byte] == b'/' {
                parts += 1;
            }
            byte += 1;
        }
        if parts > longest {
            longest = parts;
        }
        route += 1;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::super::segments::Segments;
    use super::*;
    use proptest::prelude::*;

    fn template(path: &str) -> Option<&'static str> {
        let segments = Segments::split(path)?;
        find(segments.parts()).map(|(route, _)| route.template)
    }

    #[test]
    fn every_template_is_a_path_of_its_own_route() {
        for route in ROUTES {
            assert_eq!(template(route.template), Some(route.template));
            assert!(!route.methods.is_empty());
        }
    }

    /// Otherwise the order of the table would decide.
    #[test]
    fn no_path_fits_two_templates() {
        for group in &PATTERNS.0 {
            for (position, one) in group.iter().enumerate() {
                for other in group.iter().skip(position + 1) {
                    let mut pairs = one.parts.iter().zip(&other.parts);
                    let differ =
                        pairs.any(|pair| matches!(pair, (Part::Fixed(one), Part::Fixed(other)) if one != other));
                    assert!(differ, "{} and {}", one.route.template, other.route.template);
                }
            }
        }
    }

    #[test]
    fn other_spellings_are_no_routes() {
        for path in [
            "/V1/status",
            "//v1/status",
            "/v1",
            "/docs",
            "/v1/Status",
            "/v1//status",
            "/v1/feed/a/type/b/age/c/output",
            "/static",
            "/static/x/y",
        ] {
            assert_eq!(template(path), None, "{path}");
        }
    }

    #[test]
    fn variable_parts_arrive_decoded_under_their_names() {
        let segments = Segments::split("/v1/feed/%62lock/type/ipv4/age/1w/output/t%2Fx").unwrap();
        let (_, path) = find(segments.parts()).unwrap();
        let values = ["feed", "type", "age", "output", "vendor", "v1"].map(|name| path.get(name));
        assert_eq!(
            values,
            [Some("block"), Some("ipv4"), Some("1w"), Some("t/x"), None, None]
        );
    }

    proptest! {
        #[test]
        fn no_parts_make_it_panic(parts in prop::collection::vec("(v1|feed|type|age|output|t|.{0,3})", 0..14)) {
            let parts: Vec<Cow<'_, str>> = parts.into_iter().map(Cow::Owned).collect();
            if let Some((route, _)) = find(&parts) {
                prop_assert!(route.template.starts_with('/'));
            }
        }
    }
}
