//! New tokens of old ones: those of Cratos FastAPI, and our own after a change of scope, of day or of the encryption
//! key.

use misp_sim::Fault;

use crate::support::{ENCRYPTION_KEY, Installation, Ran, SALT, run_with};
use crate::tokens;

/// Those that the tokens below were sealed with by Cratos FastAPI.
const CORE: &str = "encryption_key: \"0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\"\nsalt: \"cratosLabSaltcratosLabSalt012345\"\n";
/// `https;443;misp.example.net;…;2099-12-31`
const LEGACY: &str = "gAAAAABrAjbaGVl0Pm6CU4Gsntp2Q60ePl1eU2Q9UI_pGrugoBn78weGlW-GSjSqINOP02x5yI5DZxRxJF93i8l0cdzJOUjWCKZgz3tR04psAPPBjagzeeAEJkKN22Z0J3iNImuhRYyJ_9GERSZgRZCpbhg1dAjSmWSBwP7dNGke3zm88dlb08k=";
/// The MISP key in it.
const LEGACY_KEY: &str = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcD";
/// `http;80;misp.example.net;…;2099-12-31`
const LEGACY_HTTP: &str = "gAAAAABrAjbaRtb1_19cxwfddhgsKXE7ix45Vbiv7n0NZVEO7ufFIJTx1VspAs8Y0Mbc5nOSQZ-AETmK2YNWZ3FMzG8kDffYvyawjhQ9MW-S43-pqq0yro1vXqjoKz6LJFOwW-Tz0KgCepqo74v2Am2hl-C698tKkjOel5W1n1hBXRtBeYg5MmA=";
/// `http;880;127.0.0.1;…;2020-01-01`
const EXPIRED: &str = "gAAAAABrAjbcVYSDDP0mGvEYlkp1kCdg_WbOZnP6MZmsH33rC8IKlfZE_zDIy8-gTia49BK-Se9uF3wOLEoPSM8BkZ-rSc-riuFOBABDVctUKX8fuV3vZsct7_5nwhUus-4n4X7H2jt4IIenJg-zLAkDojZ_9uP7v5rW7BoxroFPyX2y3IgKUlc=";
const SITE: &str = "tag: example\nallowed_ips: [10.0.0.0/8]\n";
const MISP_KEY: &str = "0123456789abcdefghijABCDEFGHIJ0123456789";

/// An installation that opens the tokens of Cratos FastAPI.
fn moved() -> Installation {
    let installation = Installation::new()
        .with_site("misp.example.net", SITE)
        .with_site("127.0.0.1", SITE);
    installation.write("config/config.yaml", CORE);
    installation
}

/// An installation with tokens of its own.
fn ours() -> Installation {
    Installation::new().with_site("misp.example.net", SITE)
}

fn convert(installation: &Installation, tokens: &str, more: &[&str]) -> Ran {
    let args = [&["token", "convert"], more].concat();
    let ran = run_with(installation.command(&args), tokens);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(LEGACY_KEY) && !text.contains(MISP_KEY), "{text}");
    }
    ran
}

fn mint(installation: &Installation, more: &[&str]) -> String {
    let args = [
        &["token", "mint", "--site", "misp.example.net", "--expires", "2099-12-31"],
        more,
    ]
    .concat();
    let ran = run_with(installation.command(&args), MISP_KEY);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout
}

/// Returns what the token says behind a name, as `inspect` shows it.
fn said(installation: &Installation, token: &str, name: &str) -> String {
    let ran = run_with(installation.command(&["token", "inspect"]), token);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut lines = ran.stdout.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().to_owned()
}

/// Replaces what differs from run to run in the snapshots of a test, for as long as what it returns lives.
fn filtered() -> impl Drop {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"(?m)^(id +)[0-9a-f]{16}", "${1}<id>");
    settings.add_filter(r"(?m)^(sha256 +)[0-9a-f]{64}", "${1}<sha256>");
    settings.add_filter(r"(was|old sha256 ) ([0-9a-f]{8})[0-9a-f]+", "${1} ${2}…");
    settings.bind_to_scope()
}

#[test]
fn a_legacy_token_becomes_a_scoped_one_and_what_changed_is_told() {
    let _filters = filtered();
    let installation = moved();
    let ran = convert(
        &installation,
        LEGACY,
        &[
            "--feed",
            "block",
            "--type",
            "ipv4,domain",
            "--allow-ip",
            "10.1.0.0/16",
            "--label",
            "fw1",
        ],
    );
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 1), "{}", ran.stderr);
    insta::assert_snapshot!(ran.stderr);
    assert_eq!(said(&installation, &ran.stdout, "format"), "v1");
    assert_eq!(said(&installation, &ran.stdout, "here"), "works");
    // Without a word about the scope it may what it might.
    let ran = convert(&installation, LEGACY, &[]);
    assert_eq!(said(&installation, &ran.stdout, "permissions"), "clear_cache");
    assert_eq!(said(&installation, &ran.stdout, "feeds"), "all");
}

#[test]
fn many_tokens_come_back_in_their_order_with_their_labels() {
    let installation = moved();
    let spelled = LEGACY_HTTP.replace('-', "+");
    let tokens = format!("# firewalls\n{LEGACY} fw1\n\n  {spelled}\tthe second one \r\n{LEGACY_HTTP}\n");
    let file = installation.path().join("old");
    std::fs::write(&file, &tokens).unwrap();
    for ran in [
        convert(&installation, &tokens, &["--feed", "block"]),
        convert(
            &installation,
            "",
            &["--feed", "block", "--token-file", file.to_str().unwrap()],
        ),
    ] {
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(lines.len(), 3);
        let (first, label) = lines[0].split_once('\t').unwrap();
        assert_eq!((said(&installation, first, "label").as_str(), label), ("fw1", "fw1"));
        let (second, label) = lines[1].split_once('\t').unwrap();
        assert_eq!(
            (said(&installation, second, "label").as_str(), label),
            ("the second one", "the second one")
        );
        assert_eq!(said(&installation, second, "site"), "misp.example.net (http, port 80)");
        assert_eq!(said(&installation, lines[2], "label"), "none");
        assert_eq!(ran.stderr.matches("old sha256").count(), 3);
    }
}

#[test]
fn if_one_cannot_be_converted_all_that_is_wrong_is_told_and_nothing_printed() {
    let installation = moved();
    let tokens = format!("{LEGACY} fw1\nAAAA fw2\n{EXPIRED}\n");
    let ran = convert(&installation, &tokens, &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(ran.stderr);
    let nothing = convert(&installation, "\n# none\n", &[]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(64), ""));
}

#[test]
fn a_token_lives_longer_only_when_that_is_said() {
    let installation = moved();
    let ran = convert(&installation, EXPIRED, &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(ran.stderr, @"error: the token has expired on 2020-01-01: say with --prolong and --expires if it shall work again");
    let ran = convert(&installation, EXPIRED, &["--expires", "2099-01-01"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    let ran = convert(&installation, EXPIRED, &["--expires", "2099-01-01", "--prolong"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(said(&installation, &ran.stdout, "expires").starts_with("2099-01-01,"));

    let ran = convert(&installation, LEGACY, &["--expires", "2100-01-01"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""));
    insta::assert_snapshot!(ran.stderr, @"error: the token ends on 2099-12-31, before 2100-01-01: say with --prolong if the new one shall work longer");
    let ran = convert(&installation, LEGACY, &["--expires", "2098-01-01"]);
    assert!(said(&installation, &ran.stdout, "expires").starts_with("2098-01-01,"));
    let past = convert(&installation, LEGACY, &["--expires", "2020-01-01", "--prolong"]);
    assert_eq!(past.code, Some(64));
    assert_eq!(
        convert(&installation, EXPIRED, &["--prolong"]).code,
        Some(64),
        "until when?"
    );
}

#[test]
fn what_is_revoked_or_of_an_unknown_site_is_not_made_new() {
    let installation = moved();
    let digest = said(&installation, LEGACY, "sha256");
    let digest = digest.split(' ').next().unwrap();
    let revoked = format!("{SITE}blacklisted_api_tokens: [\"{digest}\"]\n");
    installation.write("sites/misp.example.net.yaml", &revoked);
    for token in [LEGACY.to_owned(), LEGACY.replace('-', "+")] {
        let ran = convert(&installation, &token, &["--feed", "block"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        assert_eq!(
            ran.stderr,
            "error: the token stands in blacklisted_api_tokens: what is revoked is not made new\n"
        );
    }
    installation.write("sites/misp.example.net.yaml", "tag: example\nenabled: False\n");
    let ran = convert(&installation, LEGACY, &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""));
    assert!(ran.stderr.contains("is switched off"), "{}", ran.stderr);
}

#[test]
fn a_token_of_ours_keeps_what_no_option_speaks_of() {
    let installation = ours();
    let old = mint(
        &installation,
        &[
            "--feed",
            "block",
            "--type",
            "ipv4",
            "--max-tlp",
            "green",
            "--permission",
            "lookup",
            "--label",
            "fw1",
        ],
    );
    let ran = convert(&installation, &old, &["--type", "domain", "--output", "txt"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for (name, value) in [
        ("feeds", "block"),
        ("types", "domain"),
        ("outputs", "txt"),
        ("tlp", "green and more open"),
        ("permissions", "lookup"),
        ("label", "fw1"),
    ] {
        assert_eq!(said(&installation, &ran.stdout, name), value);
    }
    assert_ne!(said(&installation, &ran.stdout, "id"), said(&installation, &old, "id"));
    let undefined = convert(&installation, &old, &["--feed", "cust1"]);
    assert_eq!(undefined.code, Some(64));
}

#[test]
fn after_a_rotation_tokens_are_sealed_with_the_new_key() {
    let installation = ours();
    let old = mint(&installation, &["--feed", "block"]);
    let new_key = "9".repeat(64);
    let core = |keys: &str| format!("encryption_keys: [{keys}]\nsalt: \"{SALT}\"\n");
    installation.write(
        "config/config.yaml",
        &core(&format!("\"{new_key}\", \"{ENCRYPTION_KEY}\"")),
    );
    let ran = convert(&installation, &old, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    installation.write("config/config.yaml", &core(&format!("\"{new_key}\"")));
    assert_eq!(said(&installation, &ran.stdout, "feeds"), "block");
    let gone = run_with(installation.command(&["token", "inspect"]), &old);
    assert_eq!(gone.code, Some(1));
}

#[test]
fn online_asks_misp_about_each_key_once_and_prints_nothing_if_it_is_refused() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let old = tokens::minted(installation.path(), &sim, &[]);
    let two = format!("{old}\n{old}\n");
    let ran = convert(&installation, &two, &["--online"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 2), "{}", ran.stderr);
    assert_eq!(sim.requests().len(), 1);
    sim.set_fault(Fault::Status(403));
    let ran = convert(&installation, &two, &["--online"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(69), ""));
    assert!(
        ran.stderr
            .starts_with("line 1: 127.0.0.1: the key may not do this in MISP"),
        "{}",
        ran.stderr
    );
}
