//! Maps of `rspamd`, fetched by a real rspamd, which then reads messages.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use feed_classification::IndicatorType as Kind;
use feed_classification::export::testkit::{body, chosen, writable};
use serde_json::Value;
use test_peers::{Peer, WebServer, free_port, handbook, program, until};

use crate::{NAMES, NETWORKS, NONE, SENDERS};

/// The rules of the page for operators.
const ALL: [&str; 8] = [
    "ADDRESS",
    "ATTACHMENT",
    "NAME",
    "NAME_BELOW",
    "PAGE",
    "SENDER",
    "SENDER_NAME",
    "SUBJECT",
];

/// A message and where it comes from.
#[derive(Clone, Copy)]
struct Mail<'m> {
    from: &'m str,
    address: &'m str,
    subject: &'m str,
    attachment: &'m str,
    text: &'m str,
}

const HARMLESS: Mail<'_> = Mail {
    from: "x@good.test",
    address: "8.8.8.8",
    subject: "hello",
    attachment: "notes",
    text: "nothing",
};

/// Returns the rules of the page for operators, each with a score, with the maps at this server.
fn rules(web: &WebServer) -> String {
    let ours = |kind: Kind| format!("http://127.0.0.1:{}/{kind}", web.port());
    let feed =
        |kind: Kind| format!("https://cratos.example.net/t/TOKEN/v1/feed/block/type/{kind}/age/1w/output/rspamd");
    let rules = handbook::block("docs/recipes/mail.md", "rspamd").replace("type = ", "score = 1.0; type = ");
    KINDS
        .iter()
        .fold(rules, |rules, (kind, _)| rules.replace(&feed(*kind), &ours(*kind)))
}

/// Starts rspamd with our maps, and a list of suffixes so short that it compiles at once.
fn start(program: &Path, folder: &Path, web: &WebServer) -> (Peer, u16) {
    fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
    fs::write(folder.join("suffixes"), "example\ntest\n").unwrap();
    let port = free_port();
    let here = folder.display();
    let rules = rules(web);
    assert!(!rules.contains("cratos.example.net"), "{rules}");
    let text = format!(
        "options {{ filters = \"\"; url_tld = \"{here}/suffixes\"; disable_hyperscan = true; hs_cache_dir = \"{here}\"; \
         tempdir = \"{here}\"; dbdir = \"{here}\"; rundir = \"{here}\"; pidfile = \"{here}/pid\"; map_watch_interval = 1s; \
         dns {{ nameserver = [\"127.0.0.1:9\"]; timeout = 0.1s; retransmits = 1; }} }}\n\
         logging {{ type = \"console\"; level = \"info\"; }}\nlua = \"/usr/share/rspamd/rules/rspamd.lua\";\n\
         worker \"normal\" {{ bind_socket = \"127.0.0.1:{port}\"; count = 1; }}\n\
         multimap {{ {rules} }}\nmodules {{ path = \"/usr/share/rspamd/plugins/multimap.lua\"; }}\n"
    );
    fs::write(folder.join("conf"), text).unwrap();
    let mut command = Command::new(program);
    command
        .args(["-f", "-i", "-u", "root", "-g", "root", "-c"])
        .arg(folder.join("conf"));
    let log = File::create(folder.join("log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    (Peer::listening(&mut command, port), port)
}

/// Returns the rules that a message matches, of ours.
fn matched(port: u16, mail: Mail<'_>) -> Vec<String> {
    let answer = checked(port, mail);
    let symbols = answer["symbols"].as_object().unwrap();
    let is_ours = |name: &&String| ALL.contains(&name.as_str());
    symbols.keys().filter(is_ours).cloned().collect()
}

/// Returns what rspamd says about a message.
fn checked(port: u16, mail: Mail<'_>) -> Value {
    let encoded = |text: &str| format!("=?UTF-8?B?{}?=", STANDARD.encode(text));
    let message = format!(
        "From: <{from}>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n\
         --b\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename=\"{attachment}\"\r\n\r\nx\r\n--b--\r\n",
        from = mail.from,
        subject = encoded(mail.subject),
        attachment = encoded(mail.attachment),
        text = mail.text,
    );
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    write!(
        stream,
        "POST /checkv2 HTTP/1.0\r\nIP: {}\r\nFrom: {}\r\nContent-Length: {}\r\n\r\n{message}",
        mail.address,
        mail.from,
        message.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(json).unwrap()
}

const KINDS: [(Kind, &[&str]); 6] = [
    (Kind::Domain, &NAMES),
    (Kind::Ip, &NETWORKS),
    (Kind::EmailAddress, &SENDERS),
    (
        Kind::Url,
        &[
            "http://evil.test/x?y=z",
            "http://evil.test/{a}|b",
            "https://b\u{fc}cher.test/\u{fc}",
            "evil.test:8080/",
        ],
    ),
    (
        Kind::EmailSubject,
        &["Your invoice #12 ($5) / now", "\u{dc}n\u{ef} \u{1f600}", "a\\", "x/y"],
    ),
    (Kind::EmailAttachment, &["invoice (1).exe"]),
];

fn values(kind: Kind, more: &[&str]) -> Vec<String> {
    let values = writable("rspamd", kind, more);
    values.into_iter().filter(|value| !value.ends_with("/0")).collect()
}

#[test]
fn maps_are_fetched_and_match_the_listed_values_and_no_others() {
    let Some(program) = program("rspamd") else { return };
    let (folder, web) = (tempfile::tempdir().unwrap(), WebServer::start());
    for (kind, more) in KINDS {
        web.set(&format!("/{kind}"), &body("rspamd", kind, &values(kind, more)));
    }
    let (_server, port) = start(&program, folder.path(), &web);
    let listed = Mail {
        from: "a@evil.example",
        address: "10.1.2.3",
        subject: "Your invoice #12 ($5) / now",
        attachment: "invoice (1).exe",
        text: "http://www.evil.example/ http://evil.test/x?y=z",
    };
    until("all maps are read", || matched(port, listed) == ALL);
    assert_eq!(matched(port, HARMLESS), Vec::<String>::new());
    for (mail, rule) in cases() {
        assert_eq!(
            matched(port, mail),
            rule,
            "{} {} {} {}",
            mail.from,
            mail.address,
            mail.subject,
            mail.text
        );
    }
    for subject in values(Kind::EmailSubject, KINDS[4].1) {
        let mail = Mail {
            subject: &subject,
            ..HARMLESS
        };
        // rspamd also looks for URLs in a subject.
        assert!(matched(port, mail).iter().any(|rule| rule == "SUBJECT"), "{subject}");
    }
    for from in values(Kind::EmailAddress, KINDS[2].1)
        .iter()
        .filter(|from| from.is_ascii())
    {
        let found = matched(port, Mail { from, ..HARMLESS });
        assert!(found.iter().any(|rule| rule == "SENDER"), "{from}: {found:?}");
    }
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(
        !log.contains("cannot parse") && !log.contains("invalid regexp") && !log.contains("bad regexp"),
        "{log}"
    );
}

/// Messages, and the rules that they match.
fn cases() -> Vec<(Mail<'static>, Vec<&'static str>)> {
    let text = |text| Mail { text, ..HARMLESS };
    let from = |from| Mail { from, ..HARMLESS };
    let address = |address| Mail { address, ..HARMLESS };
    let subject = |subject| Mail { subject, ..HARMLESS };
    vec![
        (text("http://www.evil.example/x"), vec!["NAME", "NAME_BELOW"]),
        (text("http://a.b.evil.example/x"), vec!["NAME_BELOW"]),
        (text("http://notevil.example/x"), vec![]),
        (text("HTTP://EVIL.test:80/x?y=z"), vec!["PAGE"]),
        (text("http://evil.test/x?y=zz"), vec![]),
        (text("http://evil.test/%7Ba%7d%7cb"), vec!["PAGE"]),
        (text("https://xn--bcher-kva.test/%C3%BC"), vec!["PAGE"]),
        (text("http://evil.test:8080"), vec!["PAGE"]),
        (from("x@www.evil.example"), vec!["SENDER_NAME"]),
        (from("x@notevil.example"), vec![]),
        // Without the check, `a#b@a.example` would be the key `a`.
        (from("a@good.test"), vec![]),
        (address("203.0.113.1"), vec!["ADDRESS"]),
        (address("2001:db8:ffff::1"), vec!["ADDRESS"]),
        (address("2001:db9::1"), vec![]),
        (subject("Your invoice #12 ($5) / now!"), vec![]),
        (subject("your invoice #12 ($5) / now"), vec![]),
    ]
}

#[test]
fn a_score_multiplies_that_of_the_rule() {
    let Some(program) = program("rspamd") else { return };
    let (folder, web) = (tempfile::tempdir().unwrap(), WebServer::start());
    for (kind, more) in KINDS {
        let (map, _) = chosen("rspamd", &[("score", "7")], kind, &values(kind, more));
        web.set(&format!("/{kind}"), &map);
    }
    let (_server, port) = start(&program, folder.path(), &web);
    let mails = [
        Mail {
            text: "http://evil.test/x?y=z",
            ..HARMLESS
        },
        Mail {
            from: "a@b.example",
            ..HARMLESS
        },
        Mail {
            from: "x@evil.example",
            ..HARMLESS
        },
        Mail {
            address: "10.1.2.3",
            ..HARMLESS
        },
        Mail {
            subject: KINDS[4].1[0],
            ..HARMLESS
        },
        Mail {
            attachment: KINDS[5].1[0],
            ..HARMLESS
        },
    ];
    until("all maps are read", || {
        mails.iter().all(|mail| !matched(port, *mail).is_empty())
    });
    for mail in mails {
        let answer = checked(port, mail);
        for rule in matched(port, mail) {
            assert_eq!(answer["symbols"][&rule]["score"], 7.0, "{rule}: {answer}");
        }
    }
}

#[test]
fn empty_maps_match_nothing_and_a_wide_ipv6_network_matches_no_ipv4_address() {
    let Some(program) = program("rspamd") else { return };
    let (folder, web) = (tempfile::tempdir().unwrap(), WebServer::start());
    for (kind, _) in KINDS {
        web.set(&format!("/{kind}"), &body("rspamd", kind, &NONE));
    }
    let wide = ["::/0".to_owned(), "2000::/3".to_owned()];
    web.set("/ip", &body("rspamd", Kind::Ip, &wide));
    let (_server, port) = start(&program, folder.path(), &web);
    until("the map of addresses is read", || {
        matched(
            port,
            Mail {
                address: "2001:db8::1",
                ..HARMLESS
            },
        ) == ["ADDRESS"]
    });
    let listed = Mail {
        from: "a@b.example",
        text: "http://evil.example/",
        ..HARMLESS
    };
    assert_eq!(matched(port, listed), Vec::<String>::new());
}
