//! One file per kind of mistake in `tests/data/broken-*`, and the exact line that each of them gives.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use site_config::{Paths, load};

use crate::{Files, core, data};

/// Loads each file of a directory in the place of `name` among good files; the lines show the file's own name.
fn each_as(directory: &str, name: &str) -> String {
    let mut paths: Vec<_> = fs::read_dir(data(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut lines = Vec::new();
    for path in paths {
        let files = Files::good();
        files.write(name, fs::read(&path).unwrap());
        let problems = files.problems();
        assert!(!problems.is_empty(), "{} is accepted", path.display());
        let own = path.file_name().unwrap().to_string_lossy().into_owned();
        lines.push(files.lines(&problems).replace(name, &own));
    }
    lines.join("\n")
}

#[test]
fn every_mistake_in_the_core_file_has_its_line() {
    assert_snapshot!(each_as("broken-core", "config/config.yaml"), @r#"
    bad-header-name.yaml:3:23: reverse_proxy_header: `X Forwarded For` is not a header name: write a name like X-Forwarded-For
    bad-listen.yaml:3:9: listen: `:8080` is not an address with a port: write it as 127.0.0.1:8080 or [::1]:8080
    bad-network.yaml:5:5: allways_allowed_ips[1]: `10.0.0.0/33` is neither an address nor a network: write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32
    bad-network.yaml:6:5: allways_allowed_ips[2]: `10.0.0` is neither an address nor a network: write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32
    bad-network.yaml:7:5: allways_allowed_ips[3]: has no value: write one, or remove the line
    bad-network.yaml:8:5: allways_allowed_ips[4]: is a list, not a single value: write one value per item
    bad-port.yaml:3:17: memcached_port: `112110` is out of range: write a number from 1 to 65535
    bad-proxy.yaml:4:25: reverse_proxy_trusted[0]: `proxy.example.net` is neither an address nor a network: write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32
    bad-size.yaml:3:15: memory_bytes: `256MB` is not a size: write a number of bytes, or as in 256MiB
    key-and-key-file.yaml:3:22: encryption_key_file: stands beside `encryption_key`: keep one of the two
    key-file-not-there.yaml:1:22: encryption_key_file: config/no-such-file: is not there: create it, or correct the path
    key-not-newest.yaml:3:18: encryption_keys: has the first key again, further down: list each key once, newest first, and write `encryption_key` only if it is the newest
    key-twice.yaml:4:1: debug: stands twice, first in line 3: keep one of the two
    keys-empty.yaml:1:18: encryption_keys: is empty: write the key that `cratosd keygen` prints
    keys-one-short.yaml:3:87: encryption_keys[1]: has 63 characters, not 64: write the one that `cratosd keygen` prints
    keys-with-list-inside.yaml:3:19: encryption_keys[0]: is a list, not a single value: write one value per item
    large-regex.yaml:3:30: reverse_proxy_real_ip_regex: the expression takes too much memory: repeat less in it
    list-as-text.yaml:3:22: allways_allowed_ips: is a single value, not a list: write each item in a line of its own after `- `, or all of them in `[...]`
    list-instead-of-map.yaml:1:1: is a list, not a map of keys: write one `key: value` per line
    long-regex.yaml:3:30: reverse_proxy_real_ip_regex: is longer than 512 bytes: write a shorter expression
    long-salt.yaml:2:7: salt: has 33 characters, not 32: write the one that `cratosd keygen` prints
    look-behind-regex.yaml:3:30: reverse_proxy_real_ip_regex: is no expression that can be used: look-around, including look-ahead and look-behind, is not supported: write it without what only Python has: look-around, back references, possessive repeats, \Z (use $)
    many-problems.yaml:1:1: encryption_key: is missing: write the one that `cratosd keygen` prints, or `encryption_key_file`
    many-problems.yaml:1:8: debug: `1` is neither yes nor no: write True or False, without quotes
    many-problems.yaml:2:16: reverse_proxy: `2` is neither yes nor no: write True, False or ignore, without quotes
    many-problems.yaml:3:7: salt: has 1 characters, not 32: write the one that `cratosd keygen` prints
    many-problems.yaml:4:17: memcached_port: `y` is not a whole number: write a number from 1 to 65535
    minting-bad-network.yaml:4:17: token_minting.allowed_ips[0]: `everybody` is neither an address nor a network: write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32
    minting-not-a-map.yaml:3:16: token_minting: is a list, not a map of keys: write one `key: value` per line
    minting-unknown-key.yaml:4:3: token_minting.allowed: unknown key: remove the line; the example file lists every key
    missing-keys.yaml:1:1: encryption_key: is missing: write the one that `cratosd keygen` prints, or `encryption_key_file`
    missing-keys.yaml:1:1: salt: is missing: write the one that `cratosd keygen` prints, or `salt_file`
    no-value.yaml:3:1: allways_allowed_ips: has no value: write one, or remove the line
    number-as-text.yaml:3:23: access_log_max_bytes: `10MB` is not a whole number: write a number from 1 to 1048576
    octal-number.yaml:3:23: access_log_rotations: `010` begins with 0, which may mean an octal number: write it without the leading 0
    open-regex.yaml:3:30: reverse_proxy_real_ip_regex: is no expression that can be used: unclosed group: write it without what only Python has: look-around, back references, possessive repeats, \Z (use $)
    placeholder.yaml:1:17: encryption_key: is still the placeholder of the example: write the one that `cratosd keygen` prints
    placeholder.yaml:2:7: salt: is still the placeholder of the example: write the one that `cratosd keygen` prints
    quoted-bool.yaml:3:16: reverse_proxy: the text `False` is neither yes nor no: write True, False or ignore, without quotes
    regex-without-group.yaml:4:28: reverse_proxy_regex_place: the expression has no group 2, only one: put the address in ( ) in `reverse_proxy_real_ip_regex` and count the opening ones, or write 0 for all that it finds
    secret-as-map.yaml:1:17: encryption_key: is a map, not a single value: write a single value (secret of 64 characters)
    secret-in-braces-without-space.yaml:1:1: encryption_key: is missing: write the one that `cratosd keygen` prints, or `encryption_key_file`
    secret-in-braces-without-space.yaml:1:1: salt: is missing: write the one that `cratosd keygen` prints, or `salt_file`
    secret-in-braces-without-space.yaml:1:2: (not a key name): unknown key: write `key: value`, with a space after the colon
    secret-in-braces-without-space.yaml:1:83: (not a key name): unknown key: write `key: value`, with a space after the colon
    secret-quote-open.yaml:2:1: a quoted value does not end: add the closing quote
    secret-without-space.yaml:2:5: this line is not `key: value`, or its indentation does not fit the lines above: write a space after the colon, indent as in the lines above, and put values that hold `: ` in quotes
    short-key.yaml:1:17: encryption_key: has 63 characters, not 64: write the one that `cratosd keygen` prints
    small-size.yaml:3:15: memory_bytes: `1000` is out of range: write a size from 1MiB to 1024GiB
    text-as-bool.yaml:3:17: memcached_user: `no` means yes or no in YAML, not text: put it in quotes
    text-as-list.yaml:3:17: memcached_host: is a list, not a single value: write a single value (host)
    text-instead-of-map.yaml:1:1: is a single value, not a map of keys: write one `key: value` per line
    tls-clients-of-nobody.yaml:6:24: tls.client_certificates: stands without `client_ca`: name the authorities whose certificates callers show, or remove the line
    tls-clients.yaml:4:16: tls.certificate: is empty: write a value, or remove the line
    tls-clients.yaml:6:24: tls.client_certificates: `sometimes` is neither `required` nor `optional`: write one of the two
    tls-half.yaml:4:3: tls.key: is missing: name a PEM file; `tls` needs `certificate` and `key`
    tls-half.yaml:5:3: tls.kye: unknown key: write `key`, or remove the line
    unknown-key-far-from-all.yaml:3:1: colour: unknown key: remove the line; the example file lists every key
    unknown-key.yaml:3:1: alway_allowed_ips: unknown key: write `allways_allowed_ips`, or remove the line
    wrong-type-bool.yaml:3:8: debug: `maybe` is neither yes nor no: write True or False, without quotes
    "#);
}

#[test]
fn every_mistake_in_the_mappings_has_its_line() {
    assert_snapshot!(each_as("broken-mappings", "config/mappings.yaml"), @r#"
    ages-not-a-map.yaml:1:7: ages: is a list, not a map: remove the key; it has no effect
    attribute-type-not-a-name.yaml:2:9: types.url[0]: is not the name of a MISP attribute type: write it as MISP does, such as `ip-dst|port`
    attribute-type-not-a-name.yaml:2:16: types.url[1]: is not the name of a MISP attribute type: write it as MISP does, such as `ip-dst|port`
    attribute-type-with-operator.yaml:2:12: types.domain[0]: is not the name of a MISP attribute type: write it as MISP does, such as `ip-dst|port`
    attribute-type-with-operator.yaml:2:23: types.domain[1]: is not the name of a MISP attribute type: write it as MISP does, such as `ip-dst|port`
    empty.yaml:1:1: the file is empty: write the keys of the example file
    output-not-a-list.yaml:1:9: output: is a single value, not a list: remove the key; it has no effect
    type-misspelt.yaml:2:3: types.domian: is not an indicator type: write `domain`
    type-not-a-list.yaml:2:11: types.domain: is a single value, not a list: write the MISP attribute types, or remove the key for the built-in ones
    type-twice-by-older-name.yaml:2:3: types.md5: is the older name of `file-md5`, which stands here too: keep one of the two
    type-with-empty-list.yaml:2:11: types.domain: is an empty list, which MISP would read as every type: write the MISP attribute types, or remove the key for the built-in ones
    types-not-a-map.yaml:1:8: types: is a list, not a map: write each indicator type with its list of MISP attribute types
    unknown-key.yaml:1:1: type: unknown key: write `types`, or remove the line
    "#);
}

#[test]
fn every_mistake_in_a_site_file_has_its_line_and_all_come_at_once() {
    let mut paths = Files::good().paths();
    let good = Files::good();
    paths.config = good.path("config/config.yaml");
    paths.mappings = good.path("config/mappings.yaml");
    paths.sites = data("broken-sites");
    let loaded = load(&paths).unwrap();
    assert!(loaded.sites.is_empty());
    let prefix = format!("{}/", paths.sites.display());
    let lines: Vec<String> = loaded
        .problems()
        .map(|problem| problem.to_string().replace(&prefix, ""))
        .collect();
    assert_snapshot!(lines.join("\n"), @r#"
    -not-a-host-name.yaml:1:1: the file name is neither a host name nor an address: name it after the MISP, such as misp.example.net.yaml
    alias-of-itself.yaml:2:8: an alias stands inside what it names: write the value out
    aliases-grow.yaml:6:26: the file grows beyond 100000 values here: write less, or no aliases (`*name`)
    bad-age.yaml:2:24: falsepositive_timeout: `8w` is not an age: write one of 1h 2h 6h 12h 1d 2d 3d 4d 5d 6d 1w 2w 3w 1m 2m 3m 4m 5m 6m 9m 1y 2y 4y 10y
    bad-duration.yaml:2:18: published_grace: `24 hours` is not a duration: write a number and its unit (s m h d w), as in 24h or 7d
    bad-network.yaml:2:15: allowed_ips[0]: `192.0.2.0/240` is neither an address nor a network: write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32
    ca-certificate-is-no-pem.yaml:2:17: ca_certificate: ../reference/config/mappings.yaml: holds no PEM certificate: name a file with `-----BEGIN CERTIFICATE-----` in it
    ca-certificate-not-there.yaml:2:17: ca_certificate: no-such.pem: is not there: create it, or correct the path
    comments-only.yaml:1:1: the file is empty: write the keys of the example file
    custom-feed-empty.yaml:3:10: custom_feeds.cust1: is empty: write a value, or remove the line
    custom-feed-empty.yaml:4:8: custom_feeds.cust2: has no value: write one, or remove the line
    custom-feed-unknown.yaml:3:3: custom_feeds.cust6: is not a custom feed: write cust1, cust2, cust3, cust4 or cust5
    custom-feed-unknown.yaml:4:3: custom_feeds.block: is not a custom feed: write cust1, cust2, cust3, cust4 or cust5
    custom-feed-with-operator.yaml:3:10: custom_feeds.cust1: has a `&`, which MISP reads as an operator: write the tag as it stands in MISP, or rename it there
    custom-feeds-as-list.yaml:2:15: custom_feeds: is a list, not a map: write one line per feed, as in `cust1: ":incident-classification=cust1"`
    decaying-model-empty.yaml:2:17: decaying_model: ` ` is not the name of a decaying model: write it as it stands in MISP, as in `NIDS Simple Decaying Model`
    duration-too-long.yaml:2:12: max_stale: `400d` is too long: write at most 365d
    duration-without-unit.yaml:2:12: max_stale: `7` is not a duration: write a number and its unit (s m h d w), as in 24h or 7d
    guard-as-word.yaml:2:8: guard: is a single value, not a map of keys: write one `key: value` per line
    guard-as-word.yaml:3:15: never_export: is a single value, not a list: write each item in a line of its own after `- `, or all of them in `[...]`
    key-twice.yaml:2:1: tag: stands twice, first in line 1: keep one of the two
    list-as-key.yaml:2:3: a list or a map stands as a key: write a name as the key
    list-instead-of-map.yaml:1:1: is a list, not a map of keys: write one `key: value` per line
    max-stale-below-soft-expiry.yaml:3:12: max_stale: is shorter than `memcached_all_timeout`: write at least 3600s
    missing-tag.yaml:1:1: tag: is missing: write the prefix of the site's MISP tags, such as `tag: example`
    nested-too-deep.yaml:2:36: lists and maps are nested too deeply: see the example files for the shape
    never-export.yaml:3:5: never_export[0]: `0.0.0.0/0` is wider than any allocated network, and all its addresses would leave all feeds: write your own networks, at most a /8 (IPv4) or /19 (IPv6) each
    never-export.yaml:4:5: never_export[1]: `co.uk` is a public suffix, and every name below it would leave all feeds: write your own domain below it
    never-export.yaml:5:5: never_export[2]: `*.own.example` has a `*`: write the name alone, as in own.example: names below it count too
    never-export.yaml:6:5: never_export[3]: `own example` is not an address, network, name, URL or hash: write it as 192.0.2.0/24, own.example, https://own.example/login or a hash in hex
    never-export.yaml:8:20: guard.special_purpose: `maybe` is neither yes nor no: write True or False, without quotes
    never-export.yaml:9:3: guard.wide_prefix: unknown key: write `wide_prefixes`, or remove the line
    no-space-after-colon.yaml:2:1: this line is not `key: value`, or its indentation does not fit the lines above: write a space after the colon, indent as in the lines above, and put values that hold `: ` in quotes
    no-yaml-at-all.yaml:1:1: a value begins with a character that YAML reserves: put the value in quotes
    no-yaml.yaml:1:6: a list or map in brackets does not end: add the closing bracket
    not-utf8.yaml:2:11: is not UTF-8 text from here on: save it as UTF-8
    number-out-of-range.yaml:2:21: mispTimeoutSeconds: `0` is out of range: write a number from 1 to 3600
    number-out-of-range.yaml:3:12: page_size: `2000000` is out of range: write a number from 1 to 1000000
    reserved-character.yaml:1:6: a value begins with a character that YAML reserves: put the value in quotes
    tab-indentation.yaml:3:1: a tab indents this line: indent with spaces; YAML allows no tabs there
    tag-empty.yaml:1:6: tag: is empty: write a value, or remove the line
    tag-is-a-yaml-bool.yaml:1:6: tag: `no` means yes or no in YAML, not text: put it in quotes
    tag-of-yaml.yaml:1:14: a value has a `!tag` of its own: write the value without it
    tag-with-line-break.yaml:1:6: tag: has a line break or another control character: write it in one line
    tag-with-not.yaml:1:6: tag: begins with `!`, which MISP reads as `not`: write the tag as it stands in MISP
    tag-with-operator.yaml:1:6: tag: has a `%`, which MISP reads as an operator: write the tag as it stands in MISP, or rename it there
    tlp-unknown.yaml:2:14: default_tlp: `orange` is not a TLP level: write one of clear green amber amber+strict red
    token-instead-of-digest.yaml:3:5: blacklisted_api_tokens[0]: is not a sha256 in hex: write the 64 hex digits that `cratosd token inspect` shows, never the token itself
    two-documents.yaml:2:1: a second document begins here: remove the line `---`; one file is one document
    unknown-alias.yaml:1:6: an alias names nothing above it: put a value that begins with `*` in quotes
    unknown-key.yaml:2:1: allowed_ip: unknown key: write `allowed_ips`, or remove the line
    wrong-type.yaml:1:6: tag: is a list, not a single value: write a single value (text)
    "#);
    let ending = loaded.notes.iter().any(|n| n.file.ends_with("ending.yml"));
    assert!(ending, "a .yml file is not noted");
}

#[test]
fn problems_of_all_files_are_reported_together() {
    let files = Files::good();
    files.write("config/config.yaml", core("debug: perhaps\n"));
    files.write("config/mappings.yaml", "typos: {}\n");
    files.write("sites/misp.example.net.yaml", "tag:\n");
    files.write("sites/other.example.net.yaml", "tag: x\nenabled: 3\n");
    assert_snapshot!(files.lines(&files.problems()), @r#"
    config/config.yaml:3:8: debug: `perhaps` is neither yes nor no: write True or False, without quotes
    config/mappings.yaml:1:1: typos: unknown key: write `types`, or remove the line
    sites/misp.example.net.yaml:1:1: tag: has no value: write one, or remove the line
    sites/other.example.net.yaml:2:10: enabled: `3` is neither yes nor no: write True or False, without quotes
    "#);
}

#[test]
fn a_file_that_is_not_there_is_a_problem() {
    let files = Files::good();
    fs::remove_file(files.path("config/config.yaml")).unwrap();
    fs::remove_file(files.path("config/mappings.yaml")).unwrap();
    fs::remove_dir_all(files.path("sites")).unwrap();
    assert_snapshot!(files.lines(&files.problems()), @r#"
    config/config.yaml:1:1: is not there: create it, or correct the path
    config/mappings.yaml:1:1: is not there: create it, or correct the path
    sites:1:1: is not there: create it, or correct the path
    "#);
}

#[test]
fn what_is_no_file_or_too_large_is_a_problem() {
    let files = Files::good();
    fs::create_dir(files.path("sites/directory.yaml")).unwrap();
    files.write("sites/large.yaml", vec![b' '; (1 << 20) + 1]);
    files.write("sites/MISP.example.net.yaml", "tag: x\n");
    assert_snapshot!(files.lines(&files.problems()), @r#"
    sites/directory.yaml:1:1: is not a file: put a file there
    sites/large.yaml:1:1: is larger than 1 MiB: look whether it is the right file
    sites/misp.example.net.yaml:1:1: another file is the site misp.example.net already: remove one of the two files
    "#);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_a_problem() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::good();
    let path = files.path("sites/misp.example.net.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        println!("this user may read everything, so this cannot be shown here");
        return;
    }
    assert_snapshot!(files.lines(&files.problems()), @"sites/misp.example.net.yaml:1:1: may not be read by this user: give the user that runs this program read permission");
}

#[test]
fn a_broken_site_leaves_the_others_alone() {
    let files = Files::good();
    files.write("sites/broken.example.net.yaml", "tag: ''\n");
    let loaded = files.load();
    assert_eq!(loaded.disabled.len(), 1);
    assert_eq!(loaded.disabled[0].name, "broken.example.net");
    assert!(loaded.site("broken.example.net").is_none());
    assert!(loaded.site("misp.example.net").is_some());
}

#[test]
fn a_control_character_in_a_file_name_does_not_break_the_line() {
    let paths = Paths {
        config: Path::new("a\nb").to_owned(),
        mappings: Path::new("a").to_owned(),
        sites: Path::new("a").to_owned(),
    };
    let problems = load(&paths).unwrap_err();
    assert_eq!(problems.len(), 3);
    assert!(problems.iter().all(|p| p.to_string().lines().count() == 1));
}

#[test]
fn a_file_of_thousands_of_mistakes_is_cut_short_and_says_so() {
    let files = Files::good();
    let keys: String = (0..20_000).map(|n| format!("key{n}: x\n")).collect();
    files.write("sites/misp.example.net.yaml", format!("tag: x\n{keys}"));
    let problems = files.problems();
    assert_eq!(problems.len(), 501);
    let last = files.lines(&problems[500..]);
    assert!(last.contains("more problems"), "{last}");
}
