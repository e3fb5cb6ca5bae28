//! URLs.

use feed_classification::{Dropped, IndicatorType as Kind};

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
        drops(Kind::Url, "url", value, Dropped::ControlCharacter);
    }
}

#[test]
fn bare_word_is_no_url() {
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
        drops(Kind::Url, "url", value, Dropped::NotAUrl);
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
        drops(Kind::Url, "url", value, Dropped::NoHost);
    }
    for value in [
        "http://two words/",
        "http://[2001:db8::zz]/",
        "http://[2001:db8::1]x/",
        "1http://word/",
        "-://x",
    ] {
        drops(Kind::Url, "url", value, Dropped::NotAUrl);
    }
}

#[test]
fn a_uri_counts_with_its_scheme_only() {
    let whole = "http://evil.example/gate.php?id=1";
    gives(Kind::Url, "uri", whole, whole);
    for path in ["/gate.php", "gate.php", "update.zip?id=1", "evil.example/gate.php"] {
        drops(Kind::Url, "uri", path, Dropped::NotAUrl);
    }
    gives(Kind::Url, "url", "evil.example/gate.php", "evil.example/gate.php");
}
