//! Where the encryption keys and the salt come from: the file itself, a file of their own, or systemd credentials.

use std::path::{Path, PathBuf};

use config_file::{Place, Section, Wrong, text_file, value};
use secrecy::{ExposeSecret, SecretString};

/// The secrets that seal and open tokens.
#[derive(Default)]
pub(crate) struct Secrets {
    pub(crate) encryption_keys: Vec<SecretString>,
    pub(crate) salt: SecretString,
}

/// One kind of secret: its keys in the file, and its length.
struct Kind {
    key: &'static str,
    file_key: &'static str,
    length: usize,
}

const ENCRYPTION_KEY: Kind = Kind {
    key: "encryption_key",
    file_key: "encryption_key_file",
    length: 64,
};
const SALT: Kind = Kind {
    key: "salt",
    file_key: "salt_file",
    length: 32,
};

/// Reads all secrets. If one is wrong or missing, that is in the section's report, and the result is nothing.
pub(crate) fn read(section: &mut Section<'_>, credentials: Option<&Path>) -> Option<Secrets> {
    let has_list = section.has("encryption_keys");
    let key = one(section, &ENCRYPTION_KEY, credentials, has_list);
    let place = section.place_of("encryption_keys");
    let before = section.report.problems.len();
    let older = section.list("encryption_keys", |scalar| {
        check(value::secret_text(scalar)?, &ENCRYPTION_KEY).map(Into::into)
    });
    let is_silent = section.report.problems.len() == before;
    if key.is_none() && is_silent && older.as_ref().is_some_and(Vec::is_empty) {
        let wrong = Wrong::new("is empty", "write the key that `cratosd keygen` prints");
        section.wrong(place, "encryption_keys", wrong);
    }
    let salt = one(section, &SALT, credentials, false);

    let mut encryption_keys = Vec::new();
    encryption_keys.extend(key);
    for (index, older) in older.unwrap_or_default().into_iter().enumerate() {
        let same = |known: &SecretString| known.expose_secret() == older.expose_secret();
        match encryption_keys.iter().position(same) {
            None => encryption_keys.push(older),
            Some(0) if index > 0 => {
                let wrong = Wrong::new(
                    "has the first key again, further down",
                    "list each key once, newest first, and write `encryption_key` only if it is the newest",
                );
                section.wrong(place, "encryption_keys", wrong);
            }
            Some(_) => {}
        }
    }
    let salt = salt?;
    (!encryption_keys.is_empty()).then_some(Secrets { encryption_keys, salt })
}

/// Reads one secret from wherever it is. `optional`: it may be absent, another key has it.
fn one(section: &mut Section<'_>, kind: &Kind, credentials: Option<&Path>, optional: bool) -> Option<SecretString> {
    let (inline, in_file) = (section.has(kind.key), section.has(kind.file_key));
    let place = section.place_of(if inline { kind.key } else { kind.file_key });
    if inline && in_file {
        let place = section.place_of(kind.file_key);
        let wrong = Wrong::new(format!("stands beside `{}`", kind.key), "keep one of the two");
        section.wrong(place, kind.file_key, wrong);
    }
    if inline && let Some(who) = text_file::readable_by_everybody(section.report.file()) {
        section.note(place, kind.key, who);
    }
    let written = section.secret(kind.key, |text| check(text, kind));
    let path = section.value(kind.file_key, value::some_text);
    if inline {
        return written;
    }
    if in_file {
        let path = text_file::beside(section.report.file(), &path?);
        return from_file(section, kind, (place, kind.file_key), &path);
    }
    let credential: Option<PathBuf> = credentials.map(|dir| dir.join(kind.key));
    match credential.filter(|path| path.exists()) {
        Some(path) => from_file(section, kind, (place, kind.key), &path),
        None if optional => None,
        None => {
            let wrong = Wrong::new(
                "is missing",
                format!("write the one that `cratosd keygen` prints, or `{}`", kind.file_key),
            );
            section.wrong(place, kind.key, wrong);
            None
        }
    }
}

/// Reads a secret from a file of its own; line breaks at its end do not count.
fn from_file(section: &mut Section<'_>, kind: &Kind, (place, key): (Place, &str), path: &Path) -> Option<SecretString> {
    let read = text_file::read_text(path)
        .map_err(|(_, wrong)| Wrong::new(format!("{}: {}", path.display(), wrong.what), wrong.instead))
        .and_then(|text| check(text.trim_end_matches(['\r', '\n']), kind));
    if let Some(who) = text_file::readable_by_everybody(path) {
        section.note(place, key, format!("{}: {who}", path.display()));
    }
    read.map_err(|wrong| section.wrong(place, key, wrong)).ok()
}

/// Judges a secret by its length only, and never shows it.
fn check(text: &str, kind: &Kind) -> Result<SecretString, Wrong> {
    let instead = "write the one that `cratosd keygen` prints";
    if text.starts_with('<') && text.ends_with('>') {
        return Err(Wrong::new("is still the placeholder of the example", instead));
    }
    let length = text.chars().count();
    if length != kind.length {
        let what = format!("has {length} characters, not {}", kind.length);
        return Err(Wrong::new(what, instead));
    }
    if text.chars().any(char::is_control) {
        return Err(Wrong::new("has control characters", instead));
    }
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;

    use crate::load::{Paths, load_with};

    #[test]
    fn secrets_that_the_file_lacks_come_from_systemd() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let (key, salt) = ("k".repeat(64), "s".repeat(32));
        fs::create_dir(path("sites")).unwrap();
        fs::create_dir(path("credentials")).unwrap();
        fs::write(path("config.yaml"), "debug: no\n").unwrap();
        fs::write(path("mappings.yaml"), "types: {}\n").unwrap();
        fs::write(path("credentials/encryption_key"), format!("{key}\n")).unwrap();
        fs::write(path("credentials/salt"), &salt).unwrap();
        let paths = Paths {
            config: path("config.yaml"),
            mappings: path("mappings.yaml"),
            sites: path("sites"),
        };
        let credentials = path("credentials");
        let core = load_with(&paths, Some(&credentials), None).unwrap().core;
        assert_eq!(core.encryption_keys[0].expose_secret(), key);
        assert_eq!(core.salt.expose_secret(), salt);

        let other = "o".repeat(64);
        fs::write(path("config.yaml"), format!("encryption_key: {other}\n")).unwrap();
        let core = load_with(&paths, Some(&credentials), None).unwrap().core;
        assert_eq!(core.encryption_keys.len(), 1, "the file wins");
        assert_eq!(core.encryption_keys[0].expose_secret(), other);

        let older = format!("encryption_keys: [{other}]\n");
        fs::write(path("config.yaml"), older).unwrap();
        let core = load_with(&paths, Some(&credentials), None).unwrap().core;
        let keys: Vec<&str> = core.encryption_keys.iter().map(|k| k.expose_secret()).collect();
        assert_eq!(keys, [&key, &other], "the credential is the newest one");

        fs::write(path("credentials/salt"), "short").unwrap();
        let problems = load_with(&paths, Some(&credentials), None).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].what.ends_with("has 5 characters, not 32"));
    }
}
