//! Lists of kind `hostname`: a name matches with everything below it, a URL by its host.

use super::list_sets::{ListSets, Slot};
use super::texts::{Mark, TextIndex, TextPile};

/// The entries, before they are sorted.
#[derive(Debug, Default)]
pub(super) struct HostPile(TextPile);

impl HostPile {
    pub(super) fn mark(&self) -> Mark {
        self.0.mark()
    }

    pub(super) fn return_to(&mut self, mark: Mark) {
        self.0.return_to(mark);
    }

    /// Adds an entry; returns false if the pile is full.
    #[must_use]
    pub(super) fn push(&mut self, entry: &str, slot: Slot) -> bool {
        let name = entry.trim_matches('.').bytes().rev();
        self.0.push(name.map(|byte| byte.to_ascii_lowercase()), slot)
    }

    pub(super) fn into_index(self, sets: &mut ListSets) -> Hosts {
        Hosts(self.0.into_index(sets))
    }
}

/// The entries of all lists of this kind.
#[derive(Debug)]
pub(super) struct Hosts(TextIndex);

impl Hosts {
    /// Calls `stop` with each entry that is the host of the value or a parent of it, shortest first, until it returns
    /// true; returns whether it did.
    pub(super) fn each<'v>(&self, value: &'v str, mut stop: impl FnMut(u32, &'v str) -> bool) -> bool {
        let mut host = host_of(value).trim_end_matches('.');
        // MISP joins the labels from the end and begins again while the name is empty in PHP's sense: "" and "0".
        loop {
            let (before, last) = host
                .rsplit_once('.')
                .map_or((None, host), |(before, last)| (Some(before), last));
            if !matches!(last, "" | "0") {
                return self.0.each_parent(host, stop);
            }
            if self.0.get(last.as_bytes()).is_some_and(|set| stop(set, last)) {
                return true;
            }
            match before {
                Some(before) => host = before,
                None => return false,
            }
        }
    }
}

fn host_of(value: &str) -> &str {
    let place = if value.contains("//") { 2 } else { 0 };
    value.split('/').nth(place).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(entries: &[&str], value: &str) -> Vec<String> {
        let (mut pile, mut sets) = (HostPile::default(), ListSets::default());
        for entry in entries {
            assert!(pile.push(entry, 0));
        }
        let mut found = Vec::new();
        pile.into_index(&mut sets).each(value, |_, name| {
            found.push(name.to_owned());
            false
        });
        found
    }

    #[test]
    fn name_and_its_parents_match_from_the_shortest() {
        let entries = [".Example.ORG.", "www.example.org", "ample.org", "net"];
        assert_eq!(
            found(&entries, "a.www.example.org."),
            ["example.org", "www.example.org"]
        );
        assert!(found(&entries, "example.com").is_empty());
        assert_eq!(found(&entries, "example.net"), ["net"]);
        assert!(
            found(&entries, "WWW.example.ORG").is_empty(),
            "MISP does not fold the value"
        );
    }

    #[test]
    fn url_matches_by_its_host() {
        let entries = ["example.org"];
        for value in [
            "https://www.example.org/a?b",
            "//example.org",
            "example.org/path",
            "ftp://user@www.example.org/",
        ] {
            assert_eq!(found(&entries, value), ["example.org"], "{value}");
        }
        for value in [
            "https://example.org:8080/",
            "https://example.org?a",
            "https://user@example.org/",
            "a//b/example.org",
            "example.org/a//b",
        ] {
            assert!(found(&entries, value).is_empty(), "{value}");
        }
    }

    #[test]
    fn last_label_that_php_takes_for_empty_is_forgotten() {
        assert_eq!(found(&["0", "1.2.3", "1.2.3.0"], "http://1.2.3.0/"), ["0", "1.2.3"]);
        assert_eq!(found(&["", "0"], "http:///0"), [""]);
        assert_eq!(found(&["0.0"], "0.0"), Vec::<String>::new());
    }
}
