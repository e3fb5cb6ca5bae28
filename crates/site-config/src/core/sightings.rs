//! The keys `sightings.*`: where reports wait for MISP, and for how long.

use std::time::Duration;

use super::tls::NamedFile;
use crate::files;
use crate::keys::CORE;
use crate::section::Section;
use crate::value;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The keys `sightings.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sightings {
    /// The directory that reports wait in; the file says it relative to its own. Default: none, and then the state directory that systemd
    /// gives is used.
    pub directory: Option<NamedFile>,
    /// Bound of what waits, in bytes. Default: 32 MiB.
    pub max_bytes: u64,
    /// Reports that waited longer are dropped. Default: 7 days.
    pub max_age: Duration,
    /// The same report within this time counts once. Default: 5 minutes.
    pub duplicate_window: Duration,
}

impl Default for Sightings {
    fn default() -> Self {
        Self {
            directory: None,
            max_bytes: 32 << 20,
            max_age: 7 * DAY,
            duplicate_window: Duration::from_secs(5 * 60),
        }
    }
}

pub(super) fn read(section: &mut Section<'_>) -> Sightings {
    let defaults = Sightings::default();
    let Some(node) = section.take("sightings") else {
        return defaults;
    };
    let Some(mut inner) = Section::new(CORE, "sightings.", node, section.report) else {
        return defaults;
    };
    let place = inner.place_of("directory");
    let directory = inner.value("directory", value::some_text).map(|path| NamedFile {
        path: files::beside(inner.report.file(), &path),
        place: (place.line, place.column),
    });
    let max_bytes = inner.value("max_bytes", |s| value::size(s, 64 << 10, 1 << 30));
    let max_age = inner.value("max_age", |s| value::duration(s, 90 * DAY));
    let duplicate_window = inner.value("duplicate_window", |s| value::duration(s, DAY));
    inner.finish();
    Sightings {
        directory,
        max_bytes: max_bytes.unwrap_or(defaults.max_bytes),
        max_age: max_age.unwrap_or(defaults.max_age),
        duplicate_window: duplicate_window.unwrap_or(defaults.duplicate_window),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Core;

    fn read(lines: &str) -> Result<Sightings, String> {
        let core = format!(
            "encryption_key: \"{0}{0}\"\nsalt: \"{0}\"\n{lines}",
            "0123456789ABCDEF0123456789ABCDEF"
        );
        Core::from_yaml(&core)
            .map(|core| core.sightings)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn without_the_keys_the_defaults_hold() {
        assert_eq!(read("").unwrap(), Sightings::default());
    }

    #[test]
    fn all_keys_are_read() {
        let lines = "sightings:\n  directory: kept\n  max_bytes: 1MiB\n  max_age: 2d\n  duplicate_window: 90s\n";
        let sightings = read(lines).unwrap();
        let directory = sightings.directory.unwrap();
        assert_eq!((directory.path.as_path(), directory.place.0), (Path::new("kept"), 4));
        assert_eq!((sightings.max_bytes, sightings.max_age), (1 << 20, 2 * DAY));
        assert_eq!(sightings.duplicate_window, Duration::from_secs(90));
    }

    #[test]
    fn wrong_values_are_told_with_what_to_write() {
        let told =
            read("sightings:\n  max_bytes: 3\n  max_age: long\n  duplicate_window: 3w\n  file: x\n").unwrap_err();
        for key in ["max_bytes", "max_age", "duplicate_window", "file"] {
            assert!(told.contains(&format!("sightings.{key}:")), "{key}: {told}");
        }
    }
}
