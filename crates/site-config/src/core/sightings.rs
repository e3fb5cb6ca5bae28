//! The keys `sightings.*`: where reports wait for MISP, and for how long.

use std::time::Duration;

use config_file::{Section, absent, default, reader, text_file, value};

use super::tls::NamedFile;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

config_file::keys! {
    /// The keys `sightings.*`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Sightings {
        ours "sightings.directory", "path", absent("`sightings` in the state directory that systemd gives, else none and so no `/v1/sightings`"),
            "directory of this daemon alone in which reports of sightings wait until MISP has them, relative to this file";
        ours "sightings.max_bytes", "size", default("32MiB"),
            "bound of what waits there; one token gets half of it"
            => max_bytes: u64 = reader::size(64 << 10, 1 << 30);
        ours "sightings.max_age", "duration", default("7d"),
            "reports that MISP did not take in this time are dropped"
            => max_age: Duration = reader::duration(Duration::ZERO, 90 * DAY);
        ours "sightings.duplicate_window", "duration", default("5m"),
            "the same value, kind and source from one token within this time counts once"
            => duplicate_window: Duration = reader::duration(Duration::ZERO, DAY);
    } with {
        /// The directory that reports wait in; the file says it relative to its own. Default: none, and then the state
        /// directory that systemd gives is used.
        pub directory: Option<NamedFile>,
    }
}

pub(super) fn read(section: &mut Section<'_>) -> Sightings {
    let mut inner = section.inner("sightings", "sightings.");
    let place = inner.place_of("directory");
    let directory = inner.value("directory", value::some_text).map(|path| NamedFile {
        path: text_file::beside(inner.report.file(), &path),
        place: (place.line, place.column),
    });
    let complete = Sightings::read_keys(&mut inner);
    inner.finish();
    complete(directory)
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
        let sightings = read("").unwrap();
        assert_eq!((sightings.directory, sightings.max_bytes), (None, 32 << 20));
        assert_eq!(
            (sightings.max_age, sightings.duplicate_window),
            (7 * DAY, Duration::from_secs(300))
        );
        assert_eq!(read("sightings: {}\n").unwrap().max_age, 7 * DAY);
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
