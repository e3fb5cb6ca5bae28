//! Names of the DNS and e-mail addresses.

use feed_classification::{DropReason, IndicatorType as Kind};

use crate::{drops, extract, gives};

#[test]
fn underscore_label_is_not_cut() {
    gives(Kind::Domain, "domain", "foo_bar.evil.net", "foo_bar.evil.net");
    gives(
        Kind::Hostname,
        "hostname",
        "Host_With_Underscore.example.com",
        "host_with_underscore.example.com",
    );
    gives(
        Kind::Hostname,
        "domain|ip",
        "bad_one.example|192.0.2.1",
        "bad_one.example",
    );
}

#[test]
fn service_label_is_not_cut() {
    gives(Kind::Domain, "domain", "_dmarc.example.org", "_dmarc.example.org");
}

#[test]
fn double_hyphen_is_not_cut() {
    gives(Kind::Domain, "domain", "a--b.example", "a--b.example");
    gives(Kind::Domain, "domain", "ab--cd.example", "ab--cd.example");
}

#[test]
fn label_with_a_hyphen_at_an_end_is_dropped_not_cut() {
    for value in [
        "-lead.example",
        "trail-.example",
        "-bad-.example.com",
        "a.-b.example",
        "evil.example-",
    ] {
        drops(Kind::Domain, "domain", value, DropReason::BadLabel);
    }
}

#[test]
fn punycode_top_level_domain_is_not_cut() {
    gives(Kind::Domain, "domain", "x.xn--p1ai", "x.xn--p1ai");
    gives(Kind::Domain, "domain", "x.рф", "x.xn--p1ai");
}

#[test]
fn non_ascii_name_becomes_punycode_not_another_name() {
    gives(Kind::Domain, "domain", "example.cóm", "example.xn--cm-5ja");
    gives(Kind::Domain, "domain", "bücher.example", "xn--bcher-kva.example");
    gives(
        Kind::Hostname,
        "hostname",
        "MÜNCHEN.Bücher.example",
        "xn--mnchen-3ya.xn--bcher-kva.example",
    );
    gives(Kind::Domain, "domain", "faß.example", "xn--fa-hia.example");
    gives(Kind::Domain, "domain", "bad_ö.example", "xn--bad_-8qa.example");
}

#[test]
fn look_alikes_that_fold_to_ascii_become_ascii() {
    gives(Kind::Domain, "domain", "\u{212a}ey.example", "key.example");
    gives(Kind::Domain, "domain", "\u{17f}ecure.example", "secure.example");
}

#[test]
fn names_are_lower_case_without_trailing_dot() {
    gives(
        Kind::Domain,
        "domain",
        "UPPERCASE.Example.COM.",
        "uppercase.example.com",
    );
    gives(Kind::Domain, "domain", "ünder.example.", "xn--nder-zra.example");
    drops(Kind::Domain, "domain", "example.com..", DropReason::BadLabel);
}

#[test]
fn length_limits_of_names_hold() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    gives(Kind::Domain, "domain", &longest, &longest);
    gives(Kind::Domain, "domain", &format!("{longest}."), &longest);
    drops(Kind::Domain, "domain", &format!("{longest}a"), DropReason::NameTooLong);
    drops(Kind::Domain, "domain", &"ü".repeat(1000), DropReason::NameTooLong);
    drops(
        Kind::Domain,
        "domain",
        &format!("a{label}.example"),
        DropReason::BadLabel,
    );
}

#[test]
fn names_that_are_none_are_dropped() {
    drops(Kind::Domain, "domain", "single", DropReason::SingleLabel);
    drops(Kind::Domain, "domain", "localhost.", DropReason::SingleLabel);
    drops(Kind::Domain, "domain", ".", DropReason::Empty);
    drops(Kind::Domain, "domain", "a..example", DropReason::BadLabel);
    drops(Kind::Domain, "domain", ".example.com", DropReason::BadLabel);
    drops(Kind::Domain, "domain", "*.wildcard.example.com", DropReason::Wildcard);
    drops(Kind::Domain, "domain", "*.bücher.example", DropReason::Wildcard);
    drops(Kind::Domain, "domain", "192.0.2.1", DropReason::NotAName);
    drops(Kind::Domain, "domain", "a.example.123", DropReason::NotAName);
    for value in [
        "a b.example",
        "a,b.example",
        "http://a.example",
        "a.example/x",
        "a.example:80",
        "defanged[.]example[.]com",
        "a\0.example",
    ] {
        drops(Kind::Domain, "domain", value, DropReason::BadLabel);
    }
    drops(Kind::Domain, "domain", "\u{2100}x.example", DropReason::BadLabel); // maps to a/c
}

#[test]
fn hostname_comes_out_of_its_composites() {
    gives(
        Kind::Hostname,
        "hostname|port",
        "Host.Example.com|8443",
        "host.example.com",
    );
    gives(
        Kind::Hostname,
        "domain|ip",
        "Mixed.Example.com|2001:db8::5",
        "mixed.example.com",
    );
}

#[test]
fn email_address_under_a_long_top_level_domain_is_kept() {
    gives(
        Kind::EmailAddress,
        "email-src",
        "x@evil.technology",
        "x@evil.technology",
    );
}

#[test]
fn email_address_does_not_become_another_domain() {
    gives(
        Kind::EmailAddress,
        "email-dst",
        "x@mail.evil.technology",
        "x@mail.evil.technology",
    );
    gives(Kind::EmailAddress, "email-dst", "x@mail.xn--p1ai", "x@mail.xn--p1ai");
}

#[test]
fn email_address_of_type_email_counts() {
    gives(
        Kind::EmailAddress,
        "email",
        "User+Tag@Example.COM",
        "user+tag@example.com",
    );
}

#[test]
fn email_address_with_international_parts_is_kept() {
    gives(Kind::EmailAddress, "email-dst", "ünï@example.com", "ünï@example.com");
    gives(
        Kind::EmailAddress,
        "email-dst",
        "ÜNÏ@Bücher.example",
        "ünï@xn--bcher-kva.example",
    );
}

#[test]
fn email_address_with_a_bar_in_its_domain_is_dropped() {
    drops(Kind::EmailAddress, "email-dst", "x@evil.c|m", DropReason::BadLabel);
}

#[test]
fn text_that_is_not_an_email_address_is_dropped() {
    for value in [
        "example.com",
        "@example.com",
        "a@b@example.com",
        "a b@example.com",
        "\"a\"@example.com",
        "Name <a@example.com>",
        "a,b@example.com",
        "a;b@example.com",
        "a\u{200b}b@example.com",
        "a\u{202e}b@example.com",
        "a\u{a0}b@example.com",
        "a\0@example.com",
    ] {
        drops(Kind::EmailAddress, "email-dst", value, DropReason::NotAnEmailAddress);
    }
    drops(Kind::EmailAddress, "email-dst", "a@localhost", DropReason::SingleLabel);
    drops(Kind::EmailAddress, "email-dst", "a@", DropReason::Empty);
    drops(
        Kind::EmailAddress,
        "email-dst",
        &format!("{}@example.com", "a".repeat(65)),
        DropReason::NotAnEmailAddress,
    );
    assert!(
        extract(
            Kind::EmailAddress,
            "email-dst",
            &format!("{}@example.com", "a".repeat(64))
        )
        .is_ok()
    );
}
