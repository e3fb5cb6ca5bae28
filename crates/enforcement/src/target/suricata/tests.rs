use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use feed_classification::{IndicatorSet, Registry};

use super::*;

/// A Suricata stand-in that gives fixed answers and records the commands.
fn listening(path: &Path, answer: &'static str) -> Arc<Mutex<Vec<String>>> {
    let listener = UnixListener::bind(path).unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 0 {
                let is_hello = line.starts_with(r#"{"version""#);
                seen.lock().unwrap().push(std::mem::take(&mut line).trim().to_owned());
                let said = if is_hello { r#"{"return": "OK"}"# } else { answer };
                stream.write_all(said.as_bytes()).unwrap();
            }
        }
    });
    asked
}

fn target(dir: &Path, reputation: bool) -> SuricataTarget {
    let exporter = |name: &str| Registry::builtin().by_name(name).cloned().unwrap();
    SuricataTarget {
        directory: dir.to_owned(),
        rules: exporter("suricata"),
        lists: exporter("suricata-dataset"),
        names: Names::Datasets,
        reputation: reputation.then(|| exporter("suricata-iprep")),
        test: None,
        reload: Reload::Socket(dir.join("socket")),
    }
}

fn values() -> Values {
    [
        IndicatorSet::of(IndicatorType::Domain, ["evil.example", "worse.example"]),
        IndicatorSet::of(IndicatorType::Ip, ["192.0.2.7", "2001:db8::/32"]),
        IndicatorSet::of(IndicatorType::FileMd5, ["d41d8cd98f00b204e9800998ecf8427e"]),
        IndicatorSet::of(IndicatorType::UserAgent, ["evil\"; sid:1; content:\"|00| $(id)"]),
    ]
    .into_iter()
    .collect()
}

#[test]
fn all_indicators_cost_one_reload_and_none_when_nothing_changed() {
    let dir = tempfile::tempdir().unwrap();
    let asked = listening(&dir.path().join("socket"), r#"{"return": "OK", "message": "done"}"#);
    let target = target(dir.path(), false);
    let rendered = target.render(&values()).unwrap();
    target.apply(&rendered).unwrap();
    assert!(target.is_in_force(&rendered).unwrap());
    let asked = asked.lock().unwrap().clone();
    let questions = [
        r#"{"version":"0.2"}"#,
        r#"{"command":"version"}"#,
        r#"{"version":"0.2"}"#,
        r#"{"command":"reload-rules"}"#,
    ];
    assert_eq!(asked, questions);
}

#[test]
fn files_are_restored_before_suricata_runs() {
    let dir = tempfile::tempdir().unwrap();
    let target = target(dir.path(), true);
    let rendered = target.render(&values()).unwrap();
    target.restore(&rendered).unwrap();
    assert!(target.is_in_force(&rendered).unwrap());
}

#[test]
fn addresses_are_no_content_and_rule_numbers_last() {
    let dir = tempfile::tempdir().unwrap();
    let rules = |target: &SuricataTarget| {
        let rendered = target.render(&values()).unwrap();
        String::from_utf8(rendered.part(RULES).to_vec()).unwrap()
    };
    let text = rules(&target(dir.path(), false));
    let of_address: Vec<&str> = text.lines().filter(|line| line.contains("192.0.2.7")).collect();
    assert!(
        !of_address.is_empty() && of_address.iter().all(|line| !line.contains("content:")),
        "{text}"
    );
    assert!(
        text.contains("2001:db8::/32") && text.contains("filemd5:cratos-file-md5.lst;"),
        "{text}"
    );
    assert_eq!(
        text,
        rules(&target(dir.path(), false)),
        "the same numbers after a restart"
    );
    assert!(!text.contains("sid:1;"), "a value cannot leave its option: {text}");
    let with_list = target(dir.path(), true).render(&values()).unwrap();
    assert!(!String::from_utf8_lossy(with_list.part(RULES)).contains("192.0.2.7"));
    assert_eq!(with_list.part(REPUTATION), b"192.0.2.7/32,1,127\n2001:db8::/32,1,127\n");
}

#[test]
fn names_are_in_a_list_unless_the_configuration_wants_rules() {
    let dir = tempfile::tempdir().unwrap();
    let mut target = target(dir.path(), false);
    let text = |rendered: &Rendered, part: &str| String::from_utf8(rendered.part(part).to_vec()).unwrap();
    let lists = target.render(&values()).unwrap();
    // `echo -n evil.example | base64`
    assert_eq!(
        text(&lists, "cratos-domain.lst"),
        "ZXZpbC5leGFtcGxl\nd29yc2UuZXhhbXBsZQ==\n"
    );
    assert!(!text(&lists, RULES).contains("evil.example"));
    assert!(text(&lists, RULES).contains(",load cratos-domain.lst,"));
    assert_eq!(text(&lists, "cratos-hostname.lst"), "");
    assert!(!text(&lists, RULES).contains("cratos-hostname.lst"));
    target.names = Names::Rules;
    let rules = target.render(&values()).unwrap();
    assert_eq!(text(&rules, "cratos-domain.lst"), "", "a list of before does not stay");
    assert!(text(&rules, RULES).contains("content:\".evil.example\"") && !text(&rules, RULES).contains("pcrexform"));
    assert_eq!((rules.entries, rules.left_out), (lists.entries, lists.left_out));
}

#[test]
fn an_independent_parser_reads_every_rule() {
    const READ: &str =
        "import sys, suricataparser\nfor line in open(sys.argv[1]):\n    print(suricataparser.parse_rule(line).sid)";
    let Some(python) = test_peers::python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let rendered = target(dir.path(), false).render(&values()).unwrap();
    let file = dir.path().join(RULES);
    fs::write(&file, rendered.part(RULES)).unwrap();
    let read = std::process::Command::new(python)
        .args(["-c", READ])
        .arg(&file)
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let sids = String::from_utf8(read.stdout).unwrap();
    let different: std::collections::BTreeSet<&str> = sids.lines().collect();
    let rules = rendered.part(RULES).iter().filter(|byte| **byte == b'\n').count();
    assert_eq!((sids.lines().count(), different.len()), (rules, rules), "{sids}");
    assert!(rules > PROTOCOLS.len());
}

#[test]
fn rules_that_are_refused_leave_the_old_ones() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(RULES), "old").unwrap();
    listening(&dir.path().join("socket"), r#"{"return": "OK"}"#);
    let mut target = target(dir.path(), false);
    // As a test of the whole configuration does, it accepts the old rules and refuses the new ones.
    let words = ["grep", "-q", "old", &dir.path().join(RULES).display().to_string()].map(str::to_owned);
    target.test = Some(words.to_vec());
    let refused = target.apply(&target.render(&values()).unwrap());
    assert!(matches!(refused, Err(TargetError::Reload(_))), "{refused:?}");
    assert_eq!(fs::read_to_string(dir.path().join(RULES)).unwrap(), "old");
    assert!(!dir.path().join("cratos-file-md5.lst").exists());
}

#[test]
fn a_suricata_that_refuses_or_is_not_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    assert!(socket::reload_rules(&path, TIMEOUT).is_err());
    listening(&path, r#"{"return": "NOK", "message": "reload in progress"}"#);
    assert_eq!(
        socket::reload_rules(&path, TIMEOUT).unwrap_err().to_string(),
        "suricata refuses"
    );
}

/// It would skip the rules, and answer that all is well.
#[test]
fn a_suricata_that_is_too_old_for_lists_keeps_its_rules() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(RULES), "old").unwrap();
    listening(
        &dir.path().join("socket"),
        r#"{"return": "OK", "message": "6.0.10 RELEASE"}"#,
    );
    let mut target = target(dir.path(), false);
    let refused = target.apply(&target.render(&values()).unwrap());
    assert!(matches!(refused, Err(TargetError::Reload(_))), "{refused:?}");
    assert_eq!(fs::read_to_string(dir.path().join(RULES)).unwrap(), "old");
    target.names = Names::Rules;
    target.apply(&target.render(&values()).unwrap()).unwrap();
}

#[test]
fn one_suricata_takes_lists_of_names_from_one_target() {
    let dir = tempfile::tempdir().unwrap();
    let mut target = target(dir.path(), false);
    let socket = dir.path().join("socket").display().to_string();
    assert!(target.resources().contains(&socket));
    target.names = Names::Rules;
    assert!(!target.resources().contains(&socket));
}
