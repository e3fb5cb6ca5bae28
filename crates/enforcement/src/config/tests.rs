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
    let shown = |problems: Vec<Problem>| {
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
        ("max_tlp: orange", "max_tlp: is no TLP level: write one of clear, green"),
        (
            "min_score: 101",
            "min_score: is no score: write a whole number from 0 to 100",
        ),
        (
            "min_score: 60, unscored: pass",
            "unscored: is neither: write exclude or include",
        ),
        ("unscored: include", "unscored: says nothing without min_score"),
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
    // serde lists the keys that it knows when it meets one that it does not.
    let nested = |section: &str| GOOD.replace("    file:", &format!("    {section}: {{nonsense: 1}}\n    file:"));
    let mut asked = vec![
        format!("nonsense: 1\n{GOOD}"),
        GOOD.replace("{name: names,", "{nonsense: 1,"),
        nested("limits"),
        nested("nonsense"),
    ];
    asked.extend(
        raw::KINDS
            .iter()
            .map(|kind| GOOD.replace("file: {path", &format!("{kind}: {{nonsense: 1, path"))),
    );
    for text in asked {
        let problems = read(&text).unwrap_err();
        let (_, keys) = problems[0]
            .split_once("expected one of ")
            .unwrap_or_else(|| panic!("{problems:?}"));
        let keys: Vec<&str> = keys.split(", ").collect();
        assert!(!keys.is_empty(), "{problems:?}");
        for key in keys {
            assert!(
                example.contains(&format!("{key}:")),
                "the example does not mention {key}"
            );
        }
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
