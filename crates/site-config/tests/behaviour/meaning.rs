//! The meaning of the keys: defaults, YAML 1.1 words, units, networks.

use std::time::Duration;

use feed_classification::{Age, FeedName, GuardRule, GuardRules, IndicatorType, Tlp};
use insta::assert_snapshot;
use site_config::{AccessLogFormat, ClientCertificates, Site};

use crate::{Files, KEY, SALT};

fn read(keys: &str) -> Site {
    let loaded = Files::with_site(keys).load();
    let site = loaded.sites.values().next().expect("the site is good");
    Site::clone(site)
}

#[test]
fn a_site_with_a_tag_alone_has_the_documented_defaults() {
    let site = read("");
    assert!(site.enabled && site.verify_certificate && !site.debug);
    assert_eq!(site.timeout, Duration::from_secs(100));
    assert_eq!(site.soft_expiry, Duration::from_secs(300));
    assert_eq!(site.max_stale, Duration::from_secs(7 * 86_400));
    assert_eq!(site.published_grace, Duration::from_secs(86_400));
    assert_eq!(site.falsepositive_timeout, Age::Weeks1);
    assert_eq!(site.default_tlp, Tlp::Red);
    assert_eq!((site.decaying_model, site.score_sightings), (None, false));
    assert_eq!((site.page_size.get(), site.max_expand), (10_000, 65_536));
    assert_eq!((site.max_answer_bytes, site.max_attributes), (256 << 20, 5_000_000));
    assert!(site.custom_feeds.is_empty() && site.ignore_to_ids.is_empty());
    assert_eq!(site.ca_certificate, None);
    assert!(site.mirror);
    let seconds = [
        site.mirror_poll,
        site.mirror_round,
        site.mirror_idle,
        site.vanished_grace,
    ];
    assert_eq!(seconds.map(|time| time.as_secs()), [15, 86_400, 30 * 86_400, 0]);
    assert_eq!((site.mirror_max_attributes, site.mirror_keys.get()), (5_000_000, 4));
}

#[test]
fn a_mirror_has_bounds_that_a_site_file_cannot_leave() {
    let site = read("mirror: no\nmirror_poll: 1s\nmirror_round: 1h\nmirror_keys: 64\nvanished_grace: 24h\n");
    assert!(!site.mirror);
    assert_eq!((site.mirror_poll.as_secs(), site.mirror_keys.get()), (1, 64));
    for line in [
        "mirror_poll: 0s",
        "mirror_poll: 61m",
        "mirror_round: 59m",
        "mirror_keys: 0",
        "mirror_keys: 65",
        "mirror_idle: 59m",
        "mirror_max_attributes: 0",
        "vanished_grace: 366d",
    ] {
        let problems = Site::from_yaml("misp.example.net".parse().unwrap(), &format!("tag: example\n{line}"));
        assert!(problems.is_err(), "{line}");
    }
}

#[test]
fn a_core_file_with_secrets_alone_has_the_documented_defaults() {
    let core = Files::good().load().core;
    assert!(!core.debug && core.accept_legacy_tokens && core.allways_allowed_ips.is_empty());
    assert_eq!((core.memory_bytes, core.max_site_questions.get()), (160 << 20, 4));
    assert_eq!(core.listen, None);
    assert!(core.cache.is_none());
    assert!(!core.reverse_proxy.enabled);
    assert_eq!(core.reverse_proxy.header, "X-Forwarded-For");
    assert_eq!(core.reverse_proxy.real_ip_regex.as_str(), "^(.*)$");
    assert_eq!(
        (core.reverse_proxy.regex_place, core.reverse_proxy.proxy_protocol),
        (1, false)
    );
    assert_eq!((core.access_log.max_bytes, core.access_log.rotations), (10 << 20, 5));
    let minting: Vec<String> = core.token_minting_allowed_ips.iter().map(ToString::to_string).collect();
    assert_eq!(minting, ["127.0.0.0/8", "::1/128"]);
}

#[test]
fn proxies_are_believed_where_the_file_says_or_else_on_this_machine() {
    let networks = |networks: &[ipnet::IpNet]| networks.iter().map(ToString::to_string).collect::<Vec<_>>();
    let files = Files::with_core("reverse_proxy: yes\n");
    let loaded = files.load();
    let proxy = &loaded.core.reverse_proxy;
    for (peer, is_trusted) in [
        ("127.0.0.1", true),
        ("::1", true),
        ("10.1.2.3", false),
        ("172.31.0.1", false),
        ("192.168.7.7", false),
        ("fd00::1", false),
        ("192.0.2.7", false),
        ("2001:db8::1", false),
    ] {
        assert_eq!(proxy.trusts(peer.parse().unwrap()), is_trusted, "{peer}");
    }
    assert!(!proxy.lists_trusted);
    let note = files.lines(
        &loaded
            .notes
            .iter()
            .filter(|note| note.key == "reverse_proxy")
            .collect::<Vec<_>>(),
    );
    assert_snapshot!(note, @r#"config/config.yaml:3:16: reverse_proxy: believes proxies on this machine only, since none is listed; list each proxy that connects from another address, also from a private one, as in `reverse_proxy_trusted: ["127.0.0.1", "::1", "10.0.0.2"]`"#);

    let core = Files::with_core("proxy_protocol: yes\nreverse_proxy_trusted: [192.0.2.1, '2001:db8::/64']\n")
        .load()
        .core;
    assert_eq!(networks(&core.reverse_proxy.trusted), ["192.0.2.1/32", "2001:db8::/64"]);
    assert!(core.reverse_proxy.lists_trusted);
    assert!(core.reverse_proxy.proxy_protocol && !core.reverse_proxy.trusts("127.0.0.1".parse().unwrap()));

    let files = Files::with_core(
        "reverse_proxy: yes\nreverse_proxy_trusted: []\nreverse_proxy_header: Forwarded\nreverse_proxy_real_ip_regex: 'for=(.*)'\n",
    );
    let notes = files.load().notes;
    assert_snapshot!(files.lines(&notes.iter().filter(|note| note.key.starts_with("reverse_proxy")).collect::<Vec<_>>()), @r"
    config/config.yaml:3:16: reverse_proxy: believes nobody, since `reverse_proxy_trusted` is empty
    config/config.yaml:6:30: reverse_proxy_real_ip_regex: is not used: the header Forwarded is read as RFC 7239 says
    ");
}

#[test]
fn files_for_tls_are_named_and_not_read() {
    assert_eq!(Files::good().load().core.tls, None);
    let files = Files::with_core("tls:\n  certificate: own.pem\n  key: /run/own.key\n");
    let tls = files.load().core.tls.unwrap();
    assert_eq!(tls.certificate.path, files.path("config/own.pem"));
    assert_eq!(tls.certificate.place, (4, 16));
    assert_eq!(tls.key.path.to_str(), Some("/run/own.key"));
    assert_eq!(
        (tls.client_ca, tls.client_certificates),
        (None, ClientCertificates::Required)
    );
    let clients = "tls: {certificate: a, key: b, client_ca: c, client_certificates: optional}\n";
    let tls = Files::with_core(clients).load().core.tls.unwrap();
    assert!(tls.client_ca.is_some());
    assert_eq!(tls.client_certificates, ClientCertificates::Optional);
}

#[test]
fn the_access_log_is_rotated_at_megabytes() {
    let core = Files::with_core("access_log_max_bytes: 3\n").load().core;
    assert_eq!(core.access_log.max_bytes, 3 << 20);
}

#[test]
fn there_is_an_access_log_where_a_file_is_named_and_it_looks_as_that_of_the_reference() {
    let log = |keys: &str| Files::with_core(keys).load().core.access_log;
    assert_eq!(log("").path, None);
    assert_eq!(log("access_log: \"\"\n").path, None);
    let named = log("access_log: a.log\n");
    assert_eq!(named.path.unwrap().to_str(), Some("a.log"));
    assert_eq!(named.format, AccessLogFormat::Reference);
    assert_eq!(log("log_format: json\n").format, AccessLogFormat::Json);
}

#[test]
fn booleans_mean_what_they_mean_to_pyyaml() {
    for yes in ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"] {
        assert!(read(&format!("debug: {yes}\n")).debug, "{yes}");
    }
    for no in ["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"] {
        assert!(!read(&format!("mispVerifyCert: {no}\n")).verify_certificate, "{no}");
    }
    for neither in ["y", "n", "tRUE", "1", "\"True\"", "'no'", "!!str yes"] {
        let files = Files::with_site(&format!("debug: {neither}\n"));
        assert_eq!(files.problems().len(), 1, "{neither}");
    }
}

#[test]
fn numbers_may_be_quoted_and_have_underscores() {
    assert_eq!(read("page_size: 5_000\n").page_size.get(), 5000);
    assert_eq!(read("mispTimeoutSeconds: \"20\"\n").timeout.as_secs(), 20);
    let core = Files::with_core("memcached_host: cache\nmemcached_port: \"11_212\"\n")
        .load()
        .core;
    assert_eq!(core.cache.unwrap().port, 11212);
}

#[test]
fn durations_and_sizes_have_units() {
    assert_eq!(read("published_grace: 0s\n").published_grace, Duration::ZERO);
    assert_eq!(read("published_grace: 90m\n").published_grace.as_secs(), 5400);
    assert_eq!(read("max_stale: 2w\n").max_stale.as_secs(), 14 * 86_400);
    assert_eq!(read("max_answer_bytes: 1_048_576\n").max_answer_bytes, 1 << 20);
    assert_eq!(read("max_answer_bytes: 1GiB\n").max_answer_bytes, 1 << 30);
}

#[test]
fn a_tlp_level_is_written_as_in_tags() {
    for (written, level) in [
        ("green", Tlp::Green),
        ("amber+strict", Tlp::AmberStrict),
        ("\"RED\"", Tlp::Red),
        ("white", Tlp::Clear),
    ] {
        assert_eq!(read(&format!("default_tlp: {written}\n")).default_tlp, level);
    }
}

#[test]
fn a_decaying_model_is_named_as_in_misp() {
    let site = read("decaying_model: NIDS Simple Decaying Model\n");
    assert_eq!(site.decaying_model.as_deref(), Some("NIDS Simple Decaying Model"));
}

#[test]
fn a_long_soft_expiry_moves_the_default_of_the_hard_one() {
    let site = read("memcached_all_timeout: 1000000\n");
    assert_eq!(site.max_stale, Duration::from_secs(1_000_000));
}

#[test]
fn host_bits_are_masked_with_a_note_and_netmasks_are_read() {
    let files = Files::with_core(
        "allways_allowed_ips: [192.0.2.9/24, 198.51.100.7, 203.0.113.0/255.255.255.0, '2001:db8::1/32', 0.0.0.0/0]\n",
    );
    let loaded = files.load();
    let networks: Vec<String> = loaded
        .core
        .allways_allowed_ips
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        networks,
        [
            "192.0.2.0/24",
            "198.51.100.7/32",
            "203.0.113.0/24",
            "2001:db8::/32",
            "0.0.0.0/0"
        ]
    );
    let notes: Vec<_> = loaded
        .notes
        .iter()
        .filter(|n| n.key != "encryption_key" && n.key != "salt")
        .collect();
    assert_snapshot!(files.lines(&notes), @r#"
    config/config.yaml:3:23: allways_allowed_ips[0]: 192.0.2.9/24 is read as the whole network 192.0.2.0/24; write 192.0.2.9/32 if one address is meant
    config/config.yaml:3:78: allways_allowed_ips[3]: 2001:db8::1/32 is read as the whole network 2001:db8::/32; write 2001:db8::1/128 if one address is meant
    config/config.yaml:3:96: allways_allowed_ips[4]: 0.0.0.0/0 lets everybody in
    "#);
}

#[test]
fn minting_is_open_to_the_listed_networks_only() {
    let keys = "allways_allowed_ips: [192.0.2.0/24]\ntoken_minting: {allowed_ips: []}\n";
    assert!(Files::with_core(keys).load().core.token_minting_allowed_ips.is_empty());
}

#[test]
fn a_switched_off_site_is_known_but_not_found() {
    let files = Files::with_site("enabled: false\n");
    let loaded = files.load();
    assert!(loaded.site("misp.example.net").is_none());
    assert!(!loaded.sites["misp.example.net"].enabled);
    assert!(loaded.notes.iter().any(|n| n.key == "enabled"));
}

#[test]
fn a_site_is_found_by_any_spelling_of_its_name() {
    let files = Files::good();
    files.write("sites/2001:db8::10.yaml", crate::site(""));
    let loaded = files.load();
    assert!(loaded.site("MISP.example.net").is_some());
    assert!(loaded.site("[2001:DB8:0::10]").is_some());
    assert!(loaded.site("../misp.example.net").is_none());
}

#[test]
fn only_visible_yaml_files_are_sites() {
    let files = Files::good();
    for name in [
        ".hidden.yaml",
        "a.example.yml",
        "b.example.yaml_example",
        "c.example.yaml~",
        "README",
    ] {
        files.write(&format!("sites/{name}"), "no site\n");
    }
    let loaded = files.load();
    assert_eq!(loaded.sites.len(), 1);
    assert_eq!(loaded.problems().count(), 0);
    assert!(loaded.notes.iter().any(|n| n.file.ends_with("a.example.yml")));
}

#[test]
fn custom_feeds_and_denied_tokens_are_typed() {
    let digest = "AB".repeat(32);
    let site = read(&format!(
        "custom_feeds: {{cust3: ':x'}}\nblacklisted_api_tokens: [empty, {digest}]\nignore_to_ids: [yara, yara]\n"
    ));
    assert_eq!(site.custom_feeds[&FeedName::Cust3], ":x");
    assert!(site.denied_token_digests.contains(&digest.to_lowercase()));
    assert_eq!((site.denied_token_digests.len(), site.ignore_to_ids.len()), (1, 1));
}

#[test]
fn a_mapping_replaces_only_the_types_that_it_lists() {
    let files = Files::good();
    files.write("config/mappings.yaml", "types: {domain: [domain, hostname, domain]}\n");
    let mappings = files.load().mappings;
    assert_eq!(mappings.attribute_types(IndicatorType::Domain), ["domain", "hostname"]);
    for kind in IndicatorType::ALL.iter().filter(|k| **k != IndicatorType::Domain) {
        assert_eq!(mappings.attribute_types(*kind), kind.default_attribute_types());
    }
}

#[test]
fn anchors_and_merges_are_read_as_pyyaml_reads_them() {
    let files = Files::good();
    files.write(
        "config/mappings.yaml",
        "types:\n  ipv4: &a [ip-src, ip-dst]\n  ipv6: *a\n",
    );
    files.write(
        "sites/misp.example.net.yaml",
        "tag: example\ncustom_feeds:\n  <<: {cust1: ':a', cust2: ':b'}\n  cust2: ':c'\n",
    );
    let loaded = files.load();
    assert_eq!(
        loaded.mappings.attribute_types(IndicatorType::Ipv6),
        ["ip-src", "ip-dst"]
    );
    let feeds = &loaded.sites["misp.example.net"].custom_feeds;
    assert_eq!(
        (feeds[&FeedName::Cust1].as_str(), feeds[&FeedName::Cust2].as_str()),
        (":a", ":c")
    );
}

#[test]
fn a_byte_order_mark_and_crlf_are_no_problem() {
    let files = Files::good();
    let text = format!("\u{feff}encryption_key: {KEY}\r\nsalt: {SALT}\r\ndebug: yes\r\n");
    files.write("config/config.yaml", text);
    assert!(files.load().core.debug);
}

/// A user that moves over from Cratos FastAPI with a proxy on the same machine gets a note before the first request.
#[test]
fn a_proxy_on_this_machine_is_mentioned_while_reverse_proxy_is_off() {
    let told = |core: &str| {
        let loaded = Files::with_core(core).load();
        let about = |notes: &[site_config::Note]| notes.iter().any(|note| note.key == "reverse_proxy");
        (about(&loaded.differences), about(&loaded.notes))
    };
    assert_eq!(told(""), (false, false));
    for networks in ["127.0.0.1", "127.0.0.0/8", "::1", "::/0"] {
        let core = format!("allways_allowed_ips: ['{networks}']\n");
        assert_eq!(told(&core), (true, false), "{networks}");
        for key in [
            "reverse_proxy: ignore\n",
            "proxy_protocol: True\nreverse_proxy_trusted: [192.0.2.1]\n",
        ] {
            assert_eq!(told(&format!("{core}{key}")), (false, false), "{networks} {key}");
        }
        let believed = "reverse_proxy: True\nreverse_proxy_trusted: [127.0.0.1]\n";
        assert_eq!(told(&format!("{core}{believed}")), (false, false), "{networks}");
    }
    assert_eq!(told("listen: '127.0.0.1:8080'\n"), (false, true));
    for (listen, trusted, is_told) in [
        ("127.0.0.1:8080", "192.0.2.1", true),
        ("[::1]:8080", "127.0.0.1", true),
        ("127.0.0.1:8080", "127.0.0.1", false),
        ("192.0.2.7:8080", "192.0.2.1", false),
    ] {
        let core = format!("listen: '{listen}'\nreverse_proxy: True\nreverse_proxy_trusted: ['{trusted}']\n");
        assert_eq!(told(&core), (false, is_told), "{listen} {trusted}");
    }
    assert_eq!(
        told("listen: '192.0.2.1:8080'\nallways_allowed_ips: [10.0.0.0/8]\n"),
        (false, false)
    );
}

/// Earlier versions believed proxies in private networks without a list.
#[test]
fn a_proxy_elsewhere_that_no_list_names_is_mentioned_with_the_line_to_write() {
    let told = |core: &str| {
        let notes = Files::with_core(core).load().notes;
        notes
            .into_iter()
            .find(|note| note.what.contains("none is listed"))
            .map(|note| note.key)
    };
    for key in ["reverse_proxy", "proxy_protocol"] {
        assert_eq!(told(&format!("{key}: True\n")).as_deref(), Some(key));
        for other in [
            "listen: '127.0.0.1:8080'\n",
            "reverse_proxy_trusted: [\"127.0.0.1\", \"::1\", \"10.0.0.2\"]\n",
        ] {
            assert_eq!(told(&format!("{key}: True\n{other}")), None, "{key} {other}");
        }
    }
    assert_eq!(told("reverse_proxy: False\n"), None);
}

#[test]
fn ports_and_public_names_are_read_in_normal_form() {
    let site = |keys: &str| read(keys).misp_ports;
    assert_eq!(
        (site(""), site("misp_ports: [8443, '443']\n")),
        (vec![443], vec![8443, 443])
    );
    assert_eq!(site("misp_ports: []\n"), [0; 0]);
    let core = Files::with_core("public_names: [Cratos.Example.net, feeds]\n")
        .load()
        .core;
    assert_eq!(core.public_names, ["cratos.example.net", "feeds"]);
    for wrong in [
        "https://cratos.example.net",
        "cratos.example.net:8443",
        "192.0.2.7",
        "*.example.net",
        "''",
    ] {
        let files = Files::with_core(&format!("public_names: ['{}']\n", wrong.trim_matches('\'')));
        assert_eq!(files.problems().len(), 1, "{wrong}");
    }
}

#[test]
fn limits_on_failures_and_minting_are_keys() {
    let core = Files::with_core("failed_tokens_per_minute: 5\ntoken_minting: { per_minute: 3 }\n")
        .load()
        .core;
    assert_eq!((core.failed_tokens_per_minute, core.token_minting_per_minute), (5, 3));
    let default = Files::with_core("token_minting: { allowed_ips: [192.0.2.1] }\n")
        .load()
        .core;
    assert_eq!(
        (default.failed_tokens_per_minute, default.token_minting_per_minute),
        (30, 10)
    );
}

#[test]
fn the_guard_is_on_and_each_rule_can_be_switched_off() {
    let site = read("");
    assert_eq!(*site.guard.rules(), GuardRules::default());
    assert!(site.guard_named.is_empty());
    let site = read("guard: {wide_prefixes: no, public_suffixes: yes}\n");
    let rules = site.guard.rules();
    assert!(rules.special_purpose && !rules.wide_prefixes && rules.public_suffixes);
    assert!(
        site.guard_named
            .into_iter()
            .eq([GuardRule::WidePrefixes, GuardRule::PublicSuffixes])
    );
}

#[test]
fn own_values_are_read_in_normal_form() {
    let site = read("never_export: [192.0.2.7/24, Own.Example., 'HTTPS://own.example', corp]\n");
    let own: Vec<String> = site
        .guard
        .rules()
        .never_export
        .values()
        .map(ToString::to_string)
        .collect();
    assert_eq!(own, ["192.0.2.0/24", "corp", "own.example", "https://own.example/"]);
}
