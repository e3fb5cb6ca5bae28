use super::*;

const GOOD: &str = "\
server: https://cratos.example.net
token_file: /etc/cratos-agent/token
feeds:
  - {name: names, feed: block, type: domain, age: 1w}
targets:
  - name: squid
    feeds: [names]
    file: {path: /etc/squid/names.txt, format: txt, mode: \"0640\", reload: [systemctl, reload, squid]}
";

fn read(text: &str) -> Result<Config, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.yaml");
    std::fs::write(&path, text).unwrap();
    let folder = format!("{}/", dir.path().display());
    let shown = |problems: Problems| {
        problems
            .iter()
            .map(|problem| problem.to_string().replace(&folder, ""))
            .collect()
    };
    Config::read(&path, &Registry::builtin()).map_err(shown)
}

#[test]
fn a_short_file_is_enough() {
    let config = read(GOOD).unwrap();
    assert_eq!(config.feeds[0].path, "v1/feed/block/type/domain/age/1w");
    assert_eq!((config.poll_interval.as_secs(), config.max_age.as_secs()), (60, 4200));
    assert_eq!(config.targets[0].target.resources(), ["/etc/squid/names.txt"]);
    assert_eq!(config.targets[0].limits, Limits::default());
}

#[test]
fn limits_of_a_feed_are_the_query_of_its_url() {
    let path = |limits: &str| {
        let config = read(&GOOD.replace("age: 1w}", &format!("age: 1w, {limits}}}"))).unwrap();
        config.feeds[0].path.replace("v1/feed/block/type/domain/age/1w", "")
    };
    assert_eq!(path("max_tlp: amber+strict"), "?max_tlp=amber%2Bstrict");
    assert_eq!(path("min_score: 60"), "?min_score=60");
    assert_eq!(
        path("unscored: include, min_score: 0, max_tlp: green"),
        "?max_tlp=green&min_score=0&unscored=include"
    );
    for (limits, told) in [
        (
            "max_tlp: orange",
            "max_tlp: `orange` is not a TLP level: write one of clear, green",
        ),
        (
            "min_score: 101",
            "min_score: `101` is not a score: write a whole number from 0 to 100",
        ),
        (
            "min_score: 60, unscored: pass",
            "unscored: `pass` is not one of the two words: write one of exclude, include",
        ),
        ("unscored: include", "unscored: the key means nothing without min_score"),
    ] {
        let problems = read(&GOOD.replace("age: 1w}", &format!("age: 1w, {limits}}}"))).unwrap_err();
        assert!(problems[0].contains(told), "{problems:?}");
    }
}

#[test]
fn the_example_is_read_and_mentions_every_key() {
    let example = include_str!("../../../../config.example/agent.yaml");
    let config = read(example).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert!(config.targets.len() > 1);
    for (heading, keys) in reference() {
        assert!(!keys.is_empty(), "{heading}");
        for key in keys {
            assert!(
                example.contains(&format!("{}:", key.name)),
                "the example does not mention {} of {heading}",
                key.name
            );
        }
    }
}

/// The lines of those keys of a table that have a default, with an indentation.
fn defaults(keys: &[Key], indentation: &str) -> String {
    let line = |key: &Key| Some(format!("{indentation}{}: {}\n", key.name, key.default_value()?));
    keys.iter().filter_map(line).collect()
}

#[test]
fn a_key_that_is_absent_means_its_default_in_the_table() {
    let limits = format!("    limits:\n{}    file:", defaults(Limits::KEYS, "      "));
    let text = GOOD.replace("    file:", &limits) + &defaults(Config::KEYS, "");
    assert_eq!(
        format!("{:?}", read(&text).unwrap()),
        format!("{:?}", read(GOOD).unwrap())
    );
    for kind in KINDS {
        let inner = match kind.row.name {
            "file" => continue, // None of its keys has a default.
            "dns-rpz" => "      path: /etc/bind/rpz\n      zone: rpz.cratos\n",
            "suricata" => "      directory: /var/lib/cratos-agent/suricata\n",
            _ => "",
        };
        let addresses = GOOD.replace("type: domain", "type: ip");
        let (before, _) = addresses.rsplit_once("    file:").unwrap();
        let target = |keys: &str| match format!("{inner}{keys}") {
            keys if keys.is_empty() => format!("{before}    {}: {{}}\n", kind.row.name),
            keys => format!("{before}    {}:\n{keys}", kind.row.name),
        };
        let (written, absent) = (target(&defaults(&kind.tables.concat(), "      ")), target(""));
        let shown = |text: &str| format!("{:?}", read(text).unwrap_or_else(|problems| panic!("{problems:?}")));
        assert_eq!(shown(&written), shown(&absent), "{}", kind.row.name);
    }
}

#[test]
fn every_problem_is_told_with_its_place() {
    let text = GOOD
        .replace("https://", "http://")
        .replace("1w}", "8w}")
        .replace("type: domain", "type: domains")
        .replace("feeds: [names]", "feeds: [nmaes]")
        + "poll_interval: soon\nstate_dir: state\nadmin_networks: [10.0.0.0/33]\n";
    insta::assert_snapshot!(read(&text).unwrap_err().join("\n"));
}

#[test]
fn unknown_and_missing_keys_are_told() {
    let problems = [
        read(&format!("{GOOD}tokn_file: x\n")).unwrap_err(),
        read(&GOOD.replace("token_file: /etc/cratos-agent/token\n", "")).unwrap_err(),
        read(&GOOD.replace("    file: {", "    feil: {")).unwrap_err(),
        read(&GOOD.replace("format: txt", "format: text")).unwrap_err(),
        read(&GOOD.replace("reload: [systemctl, reload, squid]", "reload: []")).unwrap_err(),
        read(&GOOD.replace("\"0640\"", "\"0999\"")).unwrap_err(),
        read("").unwrap_err(),
        read("server: [").unwrap_err(),
    ];
    insta::assert_snapshot!(problems.concat().join("\n"));
}

#[test]
fn two_targets_do_not_share_a_file_nor_a_name() {
    let twice = GOOD.split("targets:\n").nth(1).unwrap();
    insta::assert_snapshot!(read(&format!("{GOOD}{twice}")).unwrap_err().join("\n"));
}

#[test]
fn a_token_in_the_url_is_refused() {
    for server in [
        "https://cratos:secret@cratos.example.net",
        "https://cratos.example.net/?token=secret",
    ] {
        let problems = read(&GOOD.replace("https://cratos.example.net", server)).unwrap_err();
        assert!(problems[0].starts_with("agent.yaml:1:9: server: "), "{problems:?}");
        assert!(!problems.concat().contains("secret"), "{problems:?}");
    }
    read(&GOOD.replace("https://cratos.example.net", "http://127.0.0.1:8080")).unwrap();
    read(&(GOOD.replace("https:", "http:") + "insecure_http: true\n")).unwrap();
}

/// The places and keys of all problems, and nothing of their words.
fn places(text: &str) -> Vec<String> {
    let problems = read(text).unwrap_err();
    let place = |problem: &String| problem.splitn(5, ':').skip(1).take(3).collect::<Vec<_>>().join(":");
    problems.iter().map(place).collect()
}

#[test]
fn one_mistake_is_one_problem() {
    for (right, wrong, place) in [
        ("server:", "servr:", "1:1: servr"),
        ("token_file:", "tokenfile:", "2:1: tokenfile"),
        ("feeds:\n", "feed:\n", "3:1: feed"),
        ("targets:\n", "target:\n", "5:1: target"),
        ("name: names,", "nmae: names,", "4:6: feeds[0].nmae"),
        ("type: domain", "type: domains", "4:38: feeds[0].type"),
        ("type: domain", "tpye: domain", "4:32: feeds[0].tpye"),
        ("age: 1w", "age: [1w]", "4:51: feeds[0].age"),
        ("age: 1w", "max_tlp: green", "4:5: feeds[0].age"),
        ("- name: squid", "- nam: squid", "6:5: targets[0].nam"),
        ("feeds: [names]", "feeds: [nmaes]", "7:13: targets[0].feeds[0]"),
        ("feeds: [names]", "feed: [names]", "7:5: targets[0].feed"),
        ("file: {", "fiel: {", "8:5: targets[0].fiel"),
        ("path: /etc", "pth: /etc", "8:12: targets[0].file.pth"),
        ("format: txt", "format: text", "8:48: targets[0].file.format"),
        ("format: txt, ", "", "8:11: targets[0].file.format"),
        ("path: /etc/squid/names.txt, ", "", "8:11: targets[0].file.path"),
        (
            "age: 1w}",
            "age: 1w, min_score: lots, unscored: include}",
            "4:66: feeds[0].min_score",
        ),
    ] {
        assert!(GOOD.contains(right), "{right}");
        let text = GOOD.replacen(right, wrong, 1);
        assert_eq!(places(&text), [place], "{wrong}: {:?}", read(&text));
    }
}

#[test]
fn all_mistakes_are_said_at_once_with_the_value_and_the_closest_name() {
    let text = GOOD
        .replace("type: domain", "type: domains")
        .replace("feeds: [names]", "feeds: [nmaes]")
        .replace("format: txt", "fromat: txt")
        .replace("\"0640\"", "\"0999\"")
        + "poll_intervall: 5m\nmax_body_bytes: lots\nlimits: {}\nmay_block: [com]\nfollow: streams\n";
    let problems = read(&text).unwrap_err().join("\n");
    for said in [
        "4:38: feeds[0].type: `domains` is not an indicator type: did you mean `domain`?",
        "7:13: targets[0].feeds[0]: there is no feed `nmaes`: did you mean `names`?",
        "8:40: targets[0].file.fromat: unknown key: write `format`, or remove the line",
        "8:59: targets[0].file.mode: `0999` is not the mode of a file",
        "9:1: poll_intervall: unknown key: write `poll_interval`, or remove the line",
        "10:17: max_body_bytes: `lots` is not a whole number",
        "11:1: limits: unknown key: remove the line; the example file lists every key",
        "12:13: may_block[0]: `com` is not an address or network",
        "13:9: follow: `streams` is not a way to follow feeds: did you mean `stream`?",
    ] {
        assert!(problems.contains(said), "{said} is not in\n{problems}");
    }
    assert_eq!(problems.lines().count(), 9, "{problems}");
}

#[test]
fn a_target_has_one_kind_and_no_second_one() {
    let (without, _) = GOOD.split_once("    file:").unwrap();
    let with_two = format!("{GOOD}    suricata: {{directory: /var/lib/suricata/cratos}}\n");
    for text in [without, &with_two] {
        assert_eq!(places(text), ["6:11: targets[0]"], "{:?}", read(text));
    }
}

#[test]
fn a_missing_key_of_a_section_does_not_hide_wrong_values_of_it() {
    let file = GOOD.lines().last().unwrap().trim();
    for (section, expected) in [
        (
            "file: {format: txt, mode: \"0999\"}",
            ["8:11: targets[0].file.path", "8:31: targets[0].file.mode"],
        ),
        (
            "file: {path: names.txt}",
            ["8:11: targets[0].file.format", "8:18: targets[0].file.path"],
        ),
        (
            "dns-rpz: {zone: \"a b\"}",
            ["8:14: targets[0].dns-rpz.path", "8:21: targets[0].dns-rpz.zone"],
        ),
        (
            "dns-rpz: {path: db.rpz}",
            ["8:14: targets[0].dns-rpz.zone", "8:21: targets[0].dns-rpz.path"],
        ),
        (
            "suricata: {socket: x}",
            [
                "8:15: targets[0].suricata.directory",
                "8:24: targets[0].suricata.socket",
            ],
        ),
    ] {
        assert_eq!(places(&GOOD.replace(file, section)), expected, "{section}");
    }
}

#[test]
fn limits_of_addresses_and_permitted_prefixes_are_read() {
    let limits = "limits: {max_addresses: 5, max_change_addresses: 6, free_change_addresses: 7}";
    let text = GOOD.replace("    file:", &format!("    {limits}\n    file:")) + "may_block: [10.0.0.0/8, 192.0.2.9]\n";
    let config = read(&text).unwrap();
    let limits = config.targets[0].limits;
    let read = (
        limits.max_addresses,
        limits.max_change_addresses,
        limits.free_change_addresses,
    );
    assert_eq!(read, (5, 6, 7));
    let may_block: Vec<String> = config.may_block.iter().map(ToString::to_string).collect();
    assert_eq!(may_block, ["10.0.0.0/8", "192.0.2.9/32"]);
}

#[test]
fn each_kind_of_target_is_named_as_its_key() {
    let targets = "targets:
  - {name: a, feeds: [addresses], nftables: {table: ours}}
  - {name: b, feeds: [addresses], ipset: {}}
  - {name: c, feeds: [names], file: {path: /srv/names.txt, format: txt}}
  - {name: d, feeds: [names], suricata: {directory: /srv/suricata}}
  - {name: e, feeds: [names], dns-rpz: {path: /srv/zone, zone: rpz.example, check: [\"true\"], reload: [\"true\"]}}
";
    let feeds = "  - {name: addresses, feed: block, type: ip, age: 1w}\n";
    let (head, _) = GOOD.split_once("targets:").unwrap();
    let config = read(&format!("{head}{feeds}{targets}")).unwrap();
    let kinds: Vec<&str> = config.targets.iter().map(|one| one.target.kind()).collect();
    assert_eq!(kinds, ["nftables", "ipset", "file", "suricata", "dns-rpz"]);
    let resources = config.targets.iter().flat_map(|one| one.target.resources());
    let expected = [
        "the table inet ours",
        "the set cratos4",
        "the set cratos6",
        "/srv/names.txt",
        "/srv/suricata",
        "/run/suricata-command.socket",
        "/srv/zone",
    ];
    assert_eq!(resources.collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_has_the_mode_that_the_operator_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.txt");
    let config = read(&GOOD.replace("/etc/squid/names.txt", path.to_str().unwrap())).unwrap();
    let target = &config.targets[0].target;
    // The reload is of a program that is not here.
    target
        .restore(&target.render(&crate::Values::default()).unwrap())
        .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);
}
