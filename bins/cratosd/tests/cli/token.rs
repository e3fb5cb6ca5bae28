//! Making tokens, and looking into them.

use crate::support::{Installation, Ran, key_file, run, run_with};

const KEY: &str = "0123456789abcdefghijABCDEFGHIJ0123456789";
const SITE: &str = "tag: example\nallowed_ips: [10.0.0.0/8]\ncustom_feeds:\n  cust2: \":x\"\n";

fn installation() -> Installation {
    Installation::new()
        .with_site("misp.example.net", SITE)
        .with_site("off.example.net", "tag: example\nenabled: False\n")
        .with_site("bad.example.net", "tag: example\nenabld: True\n")
}

/// Mints with the key on standard input.
fn mint(installation: &Installation, more: &[&str]) -> Ran {
    let mut args = vec!["token", "mint"];
    if !more.contains(&"--site") {
        args.extend(["--site", "misp.example.net"]);
    }
    if !more.contains(&"--expires") {
        args.extend(["--expires", "2099-12-31"]);
    }
    args.extend(more);
    run_with(installation.command(&args), &format!("{KEY}\n"))
}

fn inspect(installation: &Installation, token: &str) -> Ran {
    run_with(installation.command(&["token", "inspect"]), token)
}

/// Replaces what differs from run to run in the snapshots of a test, for as long as what it returns lives.
fn filtered() -> impl Drop {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"(?m)^(id +)[0-9a-f]{16}$", "${1}<id>");
    settings.add_filter(r"[0-9a-f]{64}", "<sha256>");
    settings.add_filter(r"\d{4}-\d\d-\d\d or later", "<tomorrow> or later");
    settings.bind_to_scope()
}

#[test]
fn a_token_goes_to_standard_output_and_what_it_allows_to_standard_error() {
    let _filters = filtered();
    let installation = installation();
    let minted = mint(
        &installation,
        &[
            "--feed",
            "block,alert",
            "--type",
            "ipv4",
            "--type",
            "domain",
            "--output",
            "txt",
            "--max-tlp",
            "amber+strict",
            "--allow-ip",
            "10.1.0.0/16",
            "--permission",
            "lookup",
            "--label",
            "fw1",
        ],
    );
    assert_eq!(minted.code, Some(0), "{}", minted.stderr);
    assert_eq!(minted.stdout.lines().count(), 1);
    assert!(
        minted
            .stdout
            .trim_end()
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    );
    insta::assert_snapshot!(minted.stderr, @r#"
    site         misp.example.net (https, port 443)
    expires      2099-12-31, 00:00 UTC; on that day it does not work any more
    feeds        alert, block
    types        domain, ipv4
    outputs      txt
    tlp          amber+strict and more open
    addresses    10.1.0.0/16, as far as the site allows them
    permissions  lookup
    label        fw1
    id           <id>
    format       v1
    sha256       <sha256> (revokes it, in blacklisted_api_tokens)
    untagged     an indicator without a TLP tag counts as red at this site (default_tlp), so it is left out
    "#);
    let inspected = inspect(&installation, &minted.stdout);
    assert_eq!((inspected.code, inspected.stderr.as_str()), (Some(0), ""));
    assert_eq!(inspected.stdout, format!("{}here         works\n", minted.stderr));
    for text in [&minted.stdout, &minted.stderr, &inspected.stdout] {
        assert!(!text.contains(KEY));
    }
}

#[test]
fn a_token_without_a_scope_allows_everything() {
    let _filters = filtered();
    let installation = installation();
    let minted = mint(&installation, &["--proto", "http", "--port", "8081"]);
    insta::assert_snapshot!(minted.stderr, @r#"
    site         misp.example.net (http, port 8081)
    expires      2099-12-31, 00:00 UTC; on that day it does not work any more
    feeds        all
    types        all
    outputs      all
    tlp          all
    addresses    all that the site allows
    permissions  clear_cache
    label        none
    id           <id>
    format       v1
    sha256       <sha256> (revokes it, in blacklisted_api_tokens)
    "#);
}

#[test]
fn the_key_comes_from_a_file_the_environment_or_standard_input() {
    let installation = installation();
    let file = key_file(installation.path(), KEY);
    let args = ["token", "mint", "--site", "misp.example.net", "--expires", "2099-12-31"];
    let mut from_file = args.to_vec();
    from_file.extend(["--auth-key-file", file.to_str().unwrap()]);
    assert_eq!(installation.run(&from_file).code, Some(0));
    let mut from_environment = installation.command(&args);
    from_environment.env("CRATOS_AUTH_KEY", KEY);
    assert_eq!(run_with(from_environment, "").code, Some(0));
    let nothing = installation.run(&args);
    assert_eq!(nothing.code, Some(64));
    insta::assert_snapshot!(nothing.stderr, @"error: no MISP key: standard input is empty");
    let wrong = run_with(installation.command(&args), "two words\n");
    assert_eq!(wrong.code, Some(64));
    assert!(!wrong.stderr.contains("two words"), "{}", wrong.stderr);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let _filters = filtered();
    let installation = installation();
    for more in [
        &["--site", "unknown.example.net"][..],
        &["--site", "off.example.net"],
        &["--site", "bad.example.net"],
        &["--expires", "2020-01-01"],
        &["--expires", "2099-02-30"],
        &["--feed", "blok"],
        &["--type", "ipv5"],
        &["--output", "pdf"],
        &["--permission", "everything"],
        &["--allow-ip", "10.0.0.1/8"],
        &["--feed", "cust1,cust2"],
        &["--label", ""],
    ] {
        let ran = mint(&installation, more);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""), "{more:?}");
    }
    let said = |more: &[&str]| mint(&installation, more).stderr;
    insta::assert_snapshot!(said(&["--site", "unknown.example.net"]), @"error: site unknown.example.net has no file in the sites directory; known are misp.example.net");
    insta::assert_snapshot!(said(&["--site", "off.example.net"]), @"error: site off.example.net is switched off: its file says `enabled: False`");
    insta::assert_snapshot!(said(&["--site", "bad.example.net"]), @"sites/bad.example.net.yaml:2:1: enabld: unknown key: write `enabled`, or remove the line");
    insta::assert_snapshot!(said(&["--expires", "2020-01-01"]), @"error: a token that expires on 2020-01-01 would not work any more: write <tomorrow> or later with --expires");
    insta::assert_snapshot!(said(&["--feed", "blok"]), @r#"
    error: invalid value 'blok' for '--feed <FEED>'
      [possible values: incident, alert, block, hunt, cust1, cust2, cust3, cust4, cust5, any, 42]

      tip: a similar value exists: 'block'

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(said(&["--feed", "cust1,cust2"]), @"error: cust1: not defined at misp.example.net, whose file defines cust2 under `custom_feeds`");
    insta::assert_snapshot!(said(&["--allow-ip", "10.0.0.1/8"]), @r#"
    error: invalid value '10.0.0.1/8' for '--allow-ip <CIDR>': has host bits: write 10.0.0.0/8

    For more information, try '--help'.
    "#);
}

#[test]
fn a_token_that_does_not_open_is_told_so() {
    let installation = installation();
    for token in ["AAAA", "", "not base64!", &"A".repeat(5_000)] {
        let ran = inspect(&installation, token);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{token}");
        assert!(
            ran.stderr
                .starts_with("error: the token does not open with the secrets of this configuration: "),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1);
    }
}

#[test]
fn whether_a_token_works_here_is_told() {
    let installation = installation();
    let token = mint(&installation, &[]).stdout;
    let here = |installation: &Installation| inspect(installation, &token).stdout.lines().last().unwrap().to_owned();
    assert_eq!(here(&installation), "here         works");
    let sha256 = inspect(&installation, &token)
        .stdout
        .lines()
        .find_map(|line| {
            line.strip_prefix("sha256")?
                .split_whitespace()
                .next()
                .map(str::to_owned)
        })
        .unwrap();
    installation.write(
        "sites/misp.example.net.yaml",
        &format!("{SITE}blacklisted_api_tokens: [\"{sha256}\"]\n"),
    );
    assert_eq!(
        here(&installation),
        "here         refused: it stands in blacklisted_api_tokens"
    );
    installation.write("sites/misp.example.net.yaml", "tag: example\nenabled: False\n");
    assert_eq!(here(&installation), "here         refused: its site is switched off");
    std::fs::remove_file(installation.path().join("sites/misp.example.net.yaml")).unwrap();
    assert_eq!(
        here(&installation),
        "here         refused: its site has no usable file in the sites directory"
    );
}

/// Made by Cratos FastAPI with the key and salt below.
const LEGACY: &str = "gAAAAABrAjbaGVl0Pm6CU4Gsntp2Q60ePl1eU2Q9UI_pGrugoBn78weGlW-GSjSqINOP02x5yI5DZxRxJF93i8l0cdzJOUjWCKZgz3tR04psAPPBjagzeeAEJkKN22Z0J3iNImuhRYyJ_9GERSZgRZCpbhg1dAjSmWSBwP7dNGke3zm88dlb08k=";

#[test]
fn a_legacy_token_can_be_inspected_unless_it_is_not_accepted() {
    let installation = installation();
    let core = "encryption_key: \"0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\"\nsalt: \"cratosLabSaltcratosLabSalt012345\"\n";
    installation.write("config/config.yaml", core);
    let ran = inspect(&installation, LEGACY);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(ran.stdout, @r#"
    site         misp.example.net (https, port 443)
    expires      2099-12-31, 00:00 UTC; on that day it does not work any more
    feeds        all
    types        all
    outputs      all
    tlp          all
    addresses    all that the site allows
    permissions  clear_cache
    label        none
    id           e78b1b3c721a4f94
    format       legacy
    sha256       e78b1b3c721a4f942cc3c70868c761bea817f8ad80876b8c5465a5b970485372 (revokes it, in blacklisted_api_tokens)
    here         works
    "#);
    assert!(!ran.stdout.contains("aBcDeFgH"));
    installation.write("config/config.yaml", &format!("{core}accept_legacy_tokens: False\n"));
    let ran = inspect(&installation, LEGACY);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("tokens of the legacy format are not accepted"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_level_that_is_none_makes_no_token() {
    let installation = installation();
    let minted = mint(&installation, &["--max-tlp", "orange"]);
    assert_eq!((minted.code, minted.stdout.as_str()), (Some(64), ""));
    for level in ["clear", "green", "amber", "amber+strict", "red"] {
        assert!(minted.stderr.contains(level), "{}", minted.stderr);
    }
}

#[test]
fn what_a_limit_makes_of_indicators_without_a_tag_is_told_of_the_site_as_it_is_now() {
    let installation = installation();
    let minted = mint(&installation, &["--max-tlp", "amber"]);
    assert!(minted.stderr.contains("so it is left out"), "{}", minted.stderr);
    installation.write(
        "sites/misp.example.net.yaml",
        "tag: example\ndefault_tlp: green\nallowed_ips: [127.0.0.1]\n",
    );
    let inspected = inspect(&installation, &minted.stdout);
    assert!(
        inspected
            .stdout
            .contains("counts as green at this site (default_tlp), so it is included"),
        "{}",
        inspected.stdout
    );
}

#[test]
fn a_token_for_one_purpose_says_that_it_reads_no_feeds() {
    let installation = installation();
    let minted = mint(&installation, &["--only", "lookup", "--permission", "context"]);
    assert_eq!(minted.code, Some(0), "{}", minted.stderr);
    assert!(minted.stdout.trim().len() < 190);
    assert!(
        minted.stderr.contains("permissions  only lookup, context; no feeds\n"),
        "{}",
        minted.stderr
    );
    let wrong = mint(&installation, &["--only", "context"]);
    assert_eq!(wrong.code, Some(64));
    assert!(
        wrong.stderr.contains("lookup, sightings, stream, operate"),
        "{}",
        wrong.stderr
    );
    let operate = mint(&installation, &["--only", "operate"]);
    assert_eq!(operate.code, Some(0), "{}", operate.stderr);
    assert!(
        operate.stderr.contains("only operate; no feeds\n"),
        "{}",
        operate.stderr
    );
}

/// Mints for a site on this machine, with these further options and this key.
fn minted(installation: &Installation, more: &[&str], key: &str) -> Ran {
    let args = [&["token", "mint", "--site", "127.0.0.1", "--proto", "http"], more].concat();
    run_with(installation.command(&args), key)
}

#[test]
fn mint_takes_a_time_from_today_on_for_the_expiry() {
    let installation = Installation::new().with_site("127.0.0.1", "tag: example\nallowed_ips: [127.0.0.1]\n");
    let key = "k".repeat(40);
    let ran = minted(&installation, &["--expires", "90d"], &key);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    // The day may have changed meanwhile.
    let days = [90, 89].map(|days| today.checked_add(jiff::Span::new().days(days)).unwrap().to_string());
    assert!(
        days.iter()
            .any(|day| ran.stderr.contains(&format!("expires      {day}, "))),
        "{}",
        ran.stderr
    );
    for (wrong, code) in [("0d", 64), ("12h", 64), ("soon", 64)] {
        let ran = minted(&installation, &["--expires", wrong], &key);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{wrong}");
    }
}

#[test]
fn mint_warns_of_what_would_make_the_token_useless() {
    let installation = Installation::new().with_site("127.0.0.1", "tag: example\nallowed_ips: [198.51.100.0/25]\n");
    let good = minted(
        &installation,
        &["--expires", "1y", "--allow-ip", "198.51.100.7,127.0.0.1"],
        &"k".repeat(40),
    );
    assert!(!good.stderr.contains("warning"), "{}", good.stderr);
    let more = ["--expires", "1y", "--allow-ip", "203.0.113.0/24,198.51.100.0/24"];
    let ran = minted(&installation, &more, "only-a-part-of-a-key");
    assert_eq!(ran.code, Some(0));
    let warnings: Vec<_> = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    insta::assert_snapshot!(warnings.join("\n"), @r"
    warning: --allow-ip 203.0.113.0/24: is not allowed, and the token does not work from there: put it under `allowed_ips` in the file of 127.0.0.1 if its devices shall use the token
    warning: --allow-ip 198.51.100.0/24: is allowed in part only, and the token works for that part: put it under `allowed_ips` in the file of 127.0.0.1 if its devices shall use the token
    warning: the MISP key has 20 characters, and those that MISP makes have 40: check that it is complete
    ");
}

#[test]
fn mint_online_makes_a_token_only_of_a_key_that_misp_takes() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", "tag: example\nallowed_ips: [127.0.0.1]\n");
    let port = sim.addr().port().to_string();
    let more = ["--expires", "90d", "--online", "--port", &port];
    let ran = minted(&installation, &more, misp_sim::Sim::READER_KEY);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.starts_with("127.0.0.1: MISP 2.") && ran.stderr.contains(", and it takes the key\n"),
        "{}",
        ran.stderr
    );
    let ran = minted(&installation, &more, &"x".repeat(40));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(69), ""));
    assert!(
        ran.stderr
            .starts_with("error: no token was made: 127.0.0.1: MISP refused the key"),
        "{}",
        ran.stderr
    );
}

#[test]
fn help_of_mint_explains_every_permission() {
    let ran = run(std::path::Path::new("."), &["token", "mint", "--help"]);
    assert_eq!(ran.code, Some(0));
    for permission in token_crypto::Permission::OFFERED {
        let (name, summary) = (permission.as_str(), permission.summary().trim_end_matches('.'));
        let explained = ran
            .stdout
            .lines()
            .any(|line| line.contains(&format!("- {name}:")) && line.contains(summary));
        assert!(explained, "{name}\n{}", ran.stdout);
    }
}
