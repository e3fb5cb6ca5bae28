//! Where secrets come from, and that they never come out in a text.

use std::fs;

use secrecy::ExposeSecret;
use site_config::{ConfigStore, load};

use crate::{Files, KEY, SALT, core, data};

const OLDER: &str = "older-key-older-key-older-key-older-key-older-key-older-key-xxxx";

fn keys(files: &Files) -> Vec<String> {
    let core = files.load().core;
    core.encryption_keys
        .iter()
        .map(|key| key.expose_secret().to_owned())
        .collect()
}

#[test]
fn the_key_of_the_file_comes_before_the_older_ones() {
    let files = Files::with_core(&format!("encryption_keys: [\"{OLDER}\"]\n"));
    assert_eq!(keys(&files), [KEY, OLDER]);
    let files = Files::with_core(&format!("encryption_keys: [\"{KEY}\", \"{OLDER}\"]\n"));
    assert_eq!(keys(&files), [KEY, OLDER]);
}

#[test]
fn a_list_of_keys_alone_will_do() {
    let files = Files::good();
    files.write(
        "config/config.yaml",
        format!("encryption_keys:\n- {OLDER}\n- {KEY}\nsalt: {SALT}\n"),
    );
    assert_eq!(keys(&files), [OLDER, KEY]);
}

#[test]
fn secrets_are_read_from_files_beside_the_core_file() {
    let files = Files::good();
    files.write("config/config.yaml", "encryption_key_file: key\nsalt_file: ../salt\n");
    files.write("config/key", format!("{KEY}\n"));
    files.write("salt", format!("{SALT}\r\n"));
    assert_eq!(keys(&files), [KEY]);
    assert_eq!(files.load().core.salt.expose_secret(), SALT);
}

#[cfg(unix)]
#[test]
fn a_secret_that_everybody_may_read_is_noted() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::good();
    let path = files.path("config/config.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(files.load().notes.iter().any(|n| n.key == "encryption_key"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(files.load().notes, []);
}

#[test]
fn no_secret_is_in_any_text_about_good_files() {
    let password = "sample-memcached-password";
    let files = Files::with_core(&format!(
        "encryption_keys: [\"{KEY}\", \"{OLDER}\"]\nmemcached_pass: {password}\n"
    ));
    let store = ConfigStore::open(files.paths()).unwrap();
    let text = format!(
        "{store:?} {:?} {:#?} {:?}",
        store.current(),
        files.load(),
        store.reload()
    );
    for secret in [KEY, SALT, OLDER, password] {
        assert!(!text.contains(secret));
    }
}

/// Every broken file with every prefix cut off or byte changed still says nothing of what it holds.
#[test]
fn no_secret_is_in_any_text_about_broken_files() {
    let secret_parts = ["0123456789", "abcdef01", "ffffffff", "eeeeeeee", "gAAAAAB"];
    let reveals = |files: &Files| {
        let text = match load(&files.paths()) {
            Ok(loaded) => format!("{loaded:?}"),
            Err(problems) => format!("{problems:?} {}", files.lines(&problems)),
        };
        secret_parts.iter().any(|part| text.contains(part)).then_some(text)
    };
    for entry in fs::read_dir(data("broken-core")).unwrap() {
        let path = entry.unwrap().path();
        let files = Files::good();
        files.write("config/config.yaml", fs::read(&path).unwrap());
        assert_eq!(reveals(&files), None, "{}", path.display());
    }
    let good = core("allways_allowed_ips: [10.0.0.0/8]\n");
    let files = Files::good();
    for cut in 0..good.len() {
        files.write("config/config.yaml", &good.as_bytes()[cut..]);
        assert_eq!(reveals(&files), None, "cut at {cut}");
        for byte in [b':', b'"', b'\n', b'{', b'*', 0xff] {
            let mut changed = good.clone().into_bytes();
            changed[cut] = byte;
            files.write("config/config.yaml", changed);
            assert_eq!(reveals(&files), None, "{byte} at {cut}");
        }
    }
}
