//! URLs.

use feed_classification::{DropReason, IndicatorType as Kind};

use crate::{drops, gives};

#[test]
fn urls_leave_as_they_came() {
    for value in [
        "http://bücher.example/päth?q=ü&x=\"quoted\"",
        "https://example.com/it's/a,list;of|things?x=<script>alert(1)</script>",
        "HTTP://USER:pass@EXAMPLE.com:8080/Path/../x%20y#frag",
        "http://[2001:db8::1]:8080/x",
        "http://192.0.2.12/",
        "ftp://files.example.com/x.bin",
        "https://bad_host.example",
        "http://localhost/x",
    ] {
        gives(Kind::Url, "url", value, value);
    }
}

#[test]
fn url_with_a_space_in_its_path_is_kept() {
    gives(
        Kind::Url,
        "url",
        "https://example.com/with space/and more",
        "https://example.com/with space/and more",
    );
}

#[test]
fn url_of_two_lines_is_dropped() {
    for value in [
        "https://example.com/a\nb",
        "https://example.com/a\rb",
        "https://example.com/a\tb",
        "https://example.com/a\u{2028}b",
    ] {
        drops(Kind::Url, "url", value, DropReason::ControlCharacter);
    }
}

#[test]
fn bare_word_is_not_a_url() {
    for value in [
        "word",
        "two words",
        "/path/only",
        "mailto:a@example.com",
        "1.2.3",
        "a:b:c",
        "?x=1",
        "example.com:0/x",
        "2001:db8::1/x",
    ] {
        drops(Kind::Url, "url", value, DropReason::NotAUrl);
    }
}

#[test]
fn url_without_scheme_needs_a_domain_or_an_address() {
    for value in [
        "example.com/no-scheme",
        "example.com",
        "example.com:8080/x",
        "example.com?x=1",
        "192.0.2.1/x",
        "192.0.2.1:80",
        "[2001:db8::1]:80/x",
        "c.example/?u=http://d.example/",
        "bücher.example/x",
    ] {
        gives(Kind::Url, "url", value, value);
    }
}

#[test]
fn url_without_host_is_dropped() {
    for value in [
        "http://",
        "http:///path",
        "http://:80/",
        "http://user@/",
        "file:///etc/passwd",
        "http://?x",
    ] {
        drops(Kind::Url, "url", value, DropReason::NoHost);
    }
    for value in [
        "http://two words/",
        "http://[2001:db8::zz]/",
        "http://[2001:db8::1]x/",
        "1http://word/",
        "-://x",
    ] {
        drops(Kind::Url, "url", value, DropReason::NotAUrl);
    }
}

#[test]
fn a_uri_counts_with_its_scheme_only() {
    let whole = "http://evil.example/gate.php?id=1";
    gives(Kind::Url, "uri", whole, whole);
    for path in ["/gate.php", "gate.php", "update.zip?id=1", "evil.example/gate.php"] {
        drops(Kind::Url, "uri", path, DropReason::NotAUrl);
    }
    gives(Kind::Url, "url", "evil.example/gate.php", "evil.example/gate.php");
}

#[test]
fn a_defanged_url_is_dropped() {
    for value in [
        "http://half[.]example/x",
        "http://half(.)example/x",
        "half[.]example/x",
        "hxxp://evil.example/x",
        "hXXps://evil.example/x",
        "fxp://evil.example/x",
    ] {
        drops(Kind::Url, "url", value, DropReason::Defanged);
    }
}

#[test]
fn the_host_of_a_url_is_a_name_or_an_address() {
    for value in [
        "http://-/x",
        "http://-a.example/",
        "http://a..example/",
        "http://a,b.example/",
        "http://192.0.2.256/",
        "http://2001:db8::1/x",
        "http://192.0.2.010/",
        "http://3221225985/",
        "http://0x7f.1/",
        "http://0xC0000201/",
        "http://ex%61mple.com/",
        "http://a.example\\@b.example/",
        "http://a.example\\x",
    ] {
        drops(Kind::Url, "url", value, DropReason::BadHost);
    }
    drops(Kind::Url, "url", "http://*.evil.example/", DropReason::Wildcard);
    for value in [
        "http://a@b@c.example/",
        "http://a.example./x",
        "http://a.example:/x",
        "http://xn--bcher-kva.example/",
        "http://fileserver/share",
        "http://_dmarc.example/",
    ] {
        gives(Kind::Url, "url", value, value);
    }
}

#[test]
fn a_port_of_a_url_is_1_to_65535() {
    for port in ["0", "65536", "99999", "http", "-1", "8 0"] {
        drops(
            Kind::Url,
            "url",
            &format!("http://a.example:{port}/x"),
            DropReason::BadPort,
        );
    }
    gives(Kind::Url, "url", "http://a.example:65535/x", "http://a.example:65535/x");
}

#[test]
fn a_url_with_an_invisible_character_inside_is_dropped() {
    for char in ["\u{200b}", "\u{feff}", "\u{ad}", "\u{202e}"] {
        for value in [
            format!("http://a{char}.example/x"),
            format!("http://a.example/x{char}y"),
        ] {
            drops(Kind::Url, "url", &value, DropReason::InvisibleCharacter);
        }
        gives(
            Kind::Url,
            "url",
            &format!("{char}http://a.example/x{char} "),
            "http://a.example/x",
        );
    }
}
