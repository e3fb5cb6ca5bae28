//! The file in which the withdrawn events of one MISP are kept: numbers of events and times, nothing else.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Events of one MISP that are remembered; beyond that those go first whose publication is longest ago.
pub(super) const MAX_EVENTS: usize = 50_000;

/// The first entry of the file.
const FORMAT: &str = "cratos: withdrawn events, 1";

/// No file of ours is larger: two numbers of at most 20 digits an event.
const MAX_BYTES: u64 = MAX_EVENTS as u64 * 48;

/// Returns the file's name, which stands for the address of a MISP and does not show it.
pub(super) fn name(address: &str) -> String {
    let digest = Sha256::digest(address.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("withdrawn-{hex}.json")
}

/// Returns the events of the file; none if the file does not exist.
pub(super) fn read(path: &Path) -> io::Result<BTreeMap<u64, i64>> {
    let file = match state_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is larger than any list of ours",
        ));
    }
    let (format, events): (String, Vec<(u64, i64)>) = serde_json::from_slice(&text)?;
    if format != FORMAT {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is a file of something else",
        ));
    }
    Ok(events.into_iter().take(MAX_EVENTS).collect())
}

/// Returns whether reading failed because of the file's content, so that another try would fail too.
pub(super) fn is_torn(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Writes the whole file, or leaves the old one.
pub(super) fn write(path: &Path, withdrawn: &BTreeMap<u64, i64>) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    state_file::make_folder(directory)?;
    let events: Vec<(&u64, &i64)> = withdrawn.iter().collect();
    state_file::replace(path, &serde_json::to_vec(&(FORMAT, events))?, Some(0o600))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_written_file_is_read_again_and_holds_numbers_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/withdrawn.json");
        let withdrawn = BTreeMap::from([(7, 1_795_896_626), (u64::MAX, i64::MAX)]);
        write(&path, &withdrawn).unwrap();
        assert_eq!(read(&path).unwrap(), withdrawn);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            format!(r#"["{FORMAT}",[[7,1795896626],[18446744073709551615,9223372036854775807]]]"#)
        );
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }

    #[test]
    fn no_file_is_an_empty_list_and_a_torn_or_foreign_one_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("withdrawn.json");
        assert!(read(&path).unwrap().is_empty());
        for text in [
            "",
            "[\"cratos: withdrawn events, 1\",[[7,17",
            "[\"something else\",[[7,1]]]",
            "{\"a\":1}",
            "\u{0}\u{0}\u{0}",
        ] {
            fs::write(&path, text).unwrap();
            assert!(is_torn(&read(&path).unwrap_err()), "{text}");
        }
        fs::write(&path, vec![b' '; usize::try_from(MAX_BYTES).unwrap() + 1]).unwrap();
        assert!(is_torn(&read(&path).unwrap_err()));
        assert!(!is_torn(&read(directory.path()).unwrap_err()), "a directory");
    }

    #[test]
    fn a_full_list_fits_into_the_bound() {
        let longest = format!("[{},{}],", u64::MAX, i64::MAX).len() as u64;
        assert!(longest * MAX_EVENTS as u64 + 100 < MAX_BYTES);
    }
}
