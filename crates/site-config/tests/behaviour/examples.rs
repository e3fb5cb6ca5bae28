//! The example files and the reference's samples load, and the examples say everything there is.

use std::fs;
use std::sync::Arc;

use feed_classification::IndicatorType;
use insta::assert_snapshot;
use site_config::{ConfigFile, Key, Mappings, Origin, Site, reference};

use crate::{Files, KEY, SALT, data, repository};

/// A copy of three files with the placeholders replaced.
fn copied(config: &str, mappings: &str, site: &str) -> Files {
    let files = Files::good();
    let config = config
        .replace(
            "encryption_key: \"<GENERATE ME>\"",
            &format!("encryption_key: \"{KEY}\""),
        )
        .replace("salt: \"<GENERATE ME>\"", &format!("salt: \"{SALT}\""));
    files.write("config/config.yaml", config);
    files.write("config/mappings.yaml", mappings);
    files.write("sites/misp.example.net.yaml", site);
    // The permissions of the umask would be noted or not, depending on the machine.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(files.path("config/config.yaml"), mode).unwrap();
    }
    files
}

fn example(file: ConfigFile) -> String {
    let path = match file {
        ConfigFile::Core => "config.example/config.yaml",
        ConfigFile::Mappings => "config.example/mappings.yaml",
        ConfigFile::Site => "sites.example/misp.example.net.yaml",
    };
    fs::read_to_string(repository(path)).unwrap()
}

fn examples() -> Files {
    copied(
        &example(ConfigFile::Core),
        &example(ConfigFile::Mappings),
        &example(ConfigFile::Site),
    )
}

#[test]
fn the_examples_load_without_a_problem_or_a_note() {
    let loaded = examples().load();
    assert_eq!(loaded.problems().count(), 0);
    assert_eq!(loaded.notes, []);
}

#[test]
fn the_examples_are_not_usable_by_accident() {
    let files = Files::good();
    files.write("config/config.yaml", example(ConfigFile::Core));
    assert_snapshot!(files.lines(&files.problems()), @r#"
    config/config.yaml:10:17: encryption_key: is still the placeholder of the example: write the one that `cratosd keygen` prints
    config/config.yaml:17:7: salt: is still the placeholder of the example: write the one that `cratosd keygen` prints
    "#);
}

/// Whether the example has the key, perhaps in a comment, with a comment in the lines above it.
fn mentions(text: &str, key: &Key) -> bool {
    let inner = key.name.rsplit('.').next().unwrap_or_default();
    text.lines().any(|line| {
        let line = line.trim_start_matches(['#', ' ']);
        line.strip_prefix(inner).is_some_and(|rest| rest.starts_with(':'))
    })
}

#[test]
fn the_examples_mention_every_key() {
    let missing: Vec<&str> = reference()
        .filter(|key| !mentions(&example(key.file), key))
        .map(|key| key.name)
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn keys_in_comments_of_the_examples_are_right_too() {
    let uncommented = |file, names: &[&str]| {
        let mut text = example(file);
        for name in names {
            let commented = format!("\n# {name}:");
            assert!(text.contains(&commented), "{name}");
            text = text.replace(&commented, &format!("\n{name}:"));
        }
        for name in ["special_purpose", "wide_prefixes", "public_suffixes"] {
            text = text.replace(&format!("\n#   {name}:"), &format!("\n  {name}:"));
        }
        text.replace("\n#   allowed_ips:", "\n  allowed_ips:")
            .replace("\n#   per_minute:", "\n  per_minute:")
            .replace("\n#   per_second:", "\n  per_second:")
            .replace("\n#   burst:", "\n  burst:")
            .replace("\n#   at_once:", "\n  at_once:")
    };
    let core = [
        "token_minting",
        "token_limits",
        "failed_tokens_per_minute",
        "listen",
        "memory_bytes",
        "max_site_questions",
        "memcached_host",
        "memcached_port",
        "memcached_user",
        "memcached_pass",
    ];
    let site = [
        "max_search_time",
        "max_stale",
        "guard",
        "published_grace",
        "default_tlp",
        "decaying_model",
        "score_sightings",
        "page_size",
        "max_expand",
        "max_answer_bytes",
        "max_attributes",
        "mirror",
        "mirror_poll",
        "mirror_round",
        "mirror_max_attributes",
        "mirror_keys",
        "mirror_idle",
        "vanished_grace",
    ];
    let shown = copied(
        &uncommented(ConfigFile::Core, &core),
        &uncommented(ConfigFile::Mappings, &["output", "feeds", "ages"]),
        &uncommented(ConfigFile::Site, &site),
    );
    let (mut shown, silent) = (shown.load(), examples().load());
    // It has no default: the example names the model that MISP comes with.
    for site in shown.sites.values_mut() {
        let model = Arc::make_mut(site).decaying_model.take();
        assert_eq!(model.as_deref(), Some("NIDS Simple Decaying Model"));
        // The only difference is that the file says so.
        assert_eq!(std::mem::take(&mut Arc::make_mut(site).guard_named).len(), 3);
    }
    assert_eq!(shown.sites, silent.sites);
    assert!(silent.core.cache.is_none() && shown.core.cache.is_some());
    assert_eq!(shown.core.memory_bytes, silent.core.memory_bytes);
    let limits = |core: &site_config::Core| (core.token_minting_per_minute, core.failed_tokens_per_minute);
    assert_eq!((limits(&shown.core), limits(&silent.core)), ((10, 30), (10, 30)));
    assert_eq!(shown.core.token_limits, silent.core.token_limits);
    assert_eq!(shown.core.max_site_questions, silent.core.max_site_questions);
    assert_eq!(shown.core.token_minting_allowed_ips, silent.core.allways_allowed_ips);
}

#[test]
fn the_mappings_of_the_example_are_the_built_in_ones() {
    assert_eq!(*examples().load().mappings, Mappings::builtin());
}

#[test]
fn every_key_of_the_table_is_described_and_read() {
    for key in reference() {
        for text in [key.name, key.value, key.default, key.meaning] {
            assert!(!text.is_empty() && !text.contains('\n'), "{}", key.name);
        }
    }
    // A list of lists is wrong for every key, so a key that its reader does not know is the only one without a problem
    // or with "unknown key".
    for key in reference() {
        let (outer, inner) = key.name.split_once('.').unwrap_or((key.name, ""));
        let line = if inner.is_empty() {
            format!("{outer}: [[x]]\n")
        } else {
            format!("{outer}: {{{inner}: [[x]]}}\n")
        };
        let files = Files::good();
        match key.file {
            ConfigFile::Core => files.write("config/config.yaml", line),
            ConfigFile::Mappings => files.write("config/mappings.yaml", line),
            ConfigFile::Site => files.write("sites/misp.example.net.yaml", line),
        }
        let problems = files.problems();
        let notes = site_config::load(&files.paths()).map(|l| l.notes).unwrap_or_default();
        let about = problems
            .iter()
            .any(|p| p.key.starts_with(key.name) && p.what != "unknown key")
            || notes.iter().any(|n| n.key == key.name);
        assert!(about, "{} is not read: {}", key.name, files.lines(&problems));
    }
}

/// The default exists in the row only: a file that writes it out means the same as one without the key.
#[test]
fn a_key_that_is_absent_means_its_default_in_the_table() {
    // Places differ, of course.
    let place = regex::Regex::new(r"place: (\(\s*\d+,\s*\d+,?\s*\)|Place \{[^}]*\})").unwrap();
    let shown = |files: &Files| {
        let loaded = files.load();
        let mut core = loaded.core;
        // The address is the same, written or not; whether it is written matters to notes only.
        core.listen = Some(core.listen_address());
        let mut site = Site::clone(&loaded.sites["misp.example.net"]);
        // The guard is the same, written or not; whether it is written matters to the log only.
        site.guard_named.clear();
        let text = format!("{core:#?}\n{site:#?}");
        place.replace_all(&text, "place").into_owned()
    };
    let with = |file, line: &str| {
        let files = match file {
            ConfigFile::Core => Files::with_core(line),
            _ => Files::good(),
        };
        let line = if file == ConfigFile::Site { line } else { "" };
        files.write("sites/misp.example.net.yaml", format!("tag: example\n{line}"));
        files
    };
    let absent = shown(&with(ConfigFile::Site, ""));
    let mut compared = 0;
    for key in reference() {
        // Whether the proxies are listed matters to peers with a private address; `docs/reverse-proxy.md` says so.
        let Some(value) = key.default_value.filter(|_| key.name != "reverse_proxy_trusted") else {
            continue;
        };
        let line = match key.name.split_once('.') {
            // Without authorities of callers the key is a mistake.
            Some(("tls", _)) => continue,
            Some((outer, inner)) => format!("{outer}:\n  {inner}: {value}\n"),
            None => format!("{}: {value}\n", key.name),
        };
        assert_eq!(shown(&with(key.file, &line)), absent, "{}", key.name);
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
}

#[test]
fn all_keys_of_the_reference_are_in_the_table() {
    let theirs = |file| {
        reference()
            .filter(|key| key.file == file && key.origin == Origin::Reference)
            .count()
    };
    assert_eq!(theirs(ConfigFile::Core), 15);
    assert_eq!(theirs(ConfigFile::Mappings), 4);
    assert_eq!(theirs(ConfigFile::Site), 14);
}

#[test]
fn the_samples_of_the_reference_load_unchanged() {
    let read = |name: &str| fs::read_to_string(data("reference").join(name)).unwrap();
    let files = copied(
        &read("config/config.yaml"),
        &read("config/mappings.yaml"),
        &read("sites/misp.example.net.yaml"),
    );
    let loaded = files.load();
    assert_eq!(loaded.problems().count(), 0);
    assert_snapshot!(files.lines(&loaded.notes), @r#"
    config/mappings.yaml:3:3: output: has no effect; what it lists is built in
    config/mappings.yaml:10:3: feeds: has no effect; what it lists is built in
    config/mappings.yaml:15:3: ages: has no effect; what it lists is built in
    config/mappings.yaml:69:3: types.md5: is the older name of `file-md5` and read as that
    config/mappings.yaml:72:3: types.sha1: is the older name of `file-sha1` and read as that
    config/mappings.yaml:75:3: types.sha256: is the older name of `file-sha256` and read as that
    "#);
    assert_snapshot!(files.lines(&loaded.differences));
    assert_eq!(loaded.core.allways_allowed_ips.len(), 4);
    let site = loaded.site("misp.example.net").unwrap();
    assert_eq!((site.tag.as_str(), site.custom_feeds.len()), ("example", 5));
    assert!(site.denied_token_digests.is_empty());
    let hashes = loaded.mappings.attribute_types(IndicatorType::FileMd5);
    assert_eq!(hashes, ["md5", "filename|md5"]);
    let ours = loaded.mappings.attribute_types(IndicatorType::Ja4);
    assert_eq!(ours, IndicatorType::Ja4.default_attribute_types());
}

/// The blocks of a page that are parts of a configuration file: "```yaml" and its path stand before them.
fn named_blocks(page: &str) -> Vec<(&str, String)> {
    let blocks = page.split("```yaml ").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next()?.split_once('\n'));
    let named = blocks.filter(|(name, _)| name.ends_with(".yaml"));
    named
        .map(|(name, block)| {
            // A block below an item of a list is indented as a whole.
            let indent = block.len() - block.trim_start().len();
            let lines = block.lines().map(|line| line.get(indent..).unwrap_or_default());
            (name, lines.collect::<Vec<_>>().join("\n") + "\n")
        })
        .collect()
}

#[test]
fn files_that_the_documentation_shows_can_be_used() {
    let quoted = |text: &str| format!("\"{text}\"");
    let pages = fs::read_dir(repository("docs"))
        .unwrap()
        .map(|page| page.unwrap().path());
    let mut shown = 0;
    for page in pages.filter(|page| page.extension().is_some_and(|ending| ending == "md")) {
        let text = fs::read_to_string(&page).unwrap();
        for (name, block) in named_blocks(&text) {
            let files = Files::good();
            // A page shows a part of the file; the rest is needed to load it.
            let rest: &[(&str, &str)] = if name == "config/config.yaml" {
                &[("encryption_key", &quoted(KEY)), ("salt", &quoted(SALT))]
            } else {
                &[("tag", "example"), ("allowed_ips", "[192.0.2.0/24]")]
            };
            let missing = rest
                .iter()
                .filter(|(key, _)| !block.lines().any(|line| line.starts_with(key)));
            let rest: String = missing.map(|(key, value)| format!("{key}: {value}\n")).collect();
            files.write(name, block + &rest);
            // A secret that a page names by its file.
            files.write("config/cache_password", "a password");
            let loaded = site_config::load(&files.paths()).map_err(|problems| files.lines(&problems));
            let loaded = loaded.unwrap_or_else(|problems| panic!("{}: {problems}", page.display()));
            let problems: Vec<_> = loaded.problems().collect();
            assert!(problems.is_empty(), "{}: {}", page.display(), files.lines(&problems));
            shown += 1;
        }
    }
    assert!(shown > 5, "{shown}");
}
