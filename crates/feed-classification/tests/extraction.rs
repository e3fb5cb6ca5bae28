//! What comes out of attribute values: one test per row of what the reference gets wrong or right, named after it.

use feed_classification::{
    Dropped, Extractor, IndicatorType as Kind, MAX_RULE_BYTES, MAX_VALUE_BYTES,
};

type Extracted = Result<Vec<String>, Dropped>;

fn extract_with(extractor: Extractor, attribute_type: &str, value: &str) -> Extracted {
    let mut found = Vec::new();
    extractor.extract(attribute_type, value, &mut |value| {
        found.push(value.to_owned())
    })?;
    Ok(found)
}

fn extract(kind: Kind, attribute_type: &str, value: &str) -> Extracted {
    extract_with(Extractor::new(kind), attribute_type, value)
}

#[track_caller]
fn gives(kind: Kind, attribute_type: &str, value: &str, expected: &str) {
    assert_eq!(
        extract(kind, attribute_type, value),
        Ok(vec![expected.to_owned()]),
        "{attribute_type} {value:?}"
    );
}

#[track_caller]
fn drops(kind: Kind, attribute_type: &str, value: &str, reason: Dropped) {
    assert_eq!(
        extract(kind, attribute_type, value),
        Err(reason),
        "{attribute_type} {value:?}"
    );
}

// ---- ipv4 ----

#[test]
fn single_ipv4_addresses_come_out_as_typed() {
    for value in ["192.0.2.1", "0.0.0.0", "255.255.255.255"] {
        gives(Kind::Ipv4, "ip-src", value, value);
    }
}

#[test]
fn every_network_is_dropped_from_single_addresses_whatever_its_length() {
    for value in ["192.0.2.0/24", "192.0.2.1/32", "0.0.0.0/0"] {
        drops(Kind::Ipv4, "ip-dst", value, Dropped::NotSingle);
    }
    for value in [
        "192.0.2.1/33",
        "192.0.2.1/",
        "192.0.2.1/a",
        "192.0.2.1/+8",
        "192.0.2.1/024",
        "192.0.2.1/255.255.255.0",
    ] {
        drops(Kind::Ipv4, "ip-dst", value, Dropped::NotAnAddress);
    }
}

#[test]
fn five_numbers_are_no_address() {
    drops(Kind::Ipv4, "ip-dst", "1.2.3.4.5", Dropped::NotAnAddress);
    drops(Kind::Ipv4, "ip-dst", "1.2.3", Dropped::NotAnAddress);
    drops(Kind::Ipv4, "ip-dst", "1.2.3.256", Dropped::NotAnAddress);
}

#[test]
fn mapped_ipv4_is_an_ipv6_address() {
    drops(Kind::Ipv4, "ip-dst", "::ffff:9.8.7.6", Dropped::OtherFamily);
    gives(Kind::Ipv6, "ip-dst", "::ffff:9.8.7.6", "::ffff:9.8.7.6");
    gives(Kind::Ipv6, "ip-dst", "::FFFF:0908:0706", "::ffff:9.8.7.6");
}

#[test]
fn address_range_is_dropped() {
    drops(
        Kind::Ipv4,
        "ip-dst",
        "192.0.2.1-192.0.2.9",
        Dropped::NotAnAddress,
    );
    drops(
        Kind::Ipv4,
        "ip-dst",
        "192.0.2.1 - 192.0.2.9",
        Dropped::NotAnAddress,
    );
}

#[test]
fn leading_zeros_are_refused() {
    drops(Kind::Ipv4, "ip-dst", "192.0.2.010", Dropped::NotAnAddress);
    drops(Kind::Ipv4, "ip-dst", "192.000.2.1", Dropped::NotAnAddress);
}

#[test]
fn address_like_name_does_not_win_over_the_address() {
    gives(
        Kind::Ipv4,
        "domain|ip",
        "10.20.30.40.nip.example|77.7.7.7",
        "77.7.7.7",
    );
    gives(
        Kind::Hostname,
        "domain|ip",
        "10.20.30.40.nip.example|77.7.7.7",
        "10.20.30.40.nip.example",
    );
}

#[test]
fn address_inside_text_is_not_searched_for() {
    for value in [
        "see 192.0.2.1",
        "192.0.2.1:80",
        "http://192.0.2.1/",
        "192.0.2.1.",
        "192[.]0[.]2[.]1",
        "３.２.１.０",
    ] {
        drops(Kind::Ipv4, "ip-dst", value, Dropped::NotAnAddress);
    }
}

#[test]
fn address_with_port_gives_the_address() {
    gives(Kind::Ipv4, "ip-dst|port", "192.0.2.1|443", "192.0.2.1");
    gives(Kind::Ipv4, "ip-src|port", "192.0.2.1|1", "192.0.2.1");
    gives(Kind::Ip, "ip-src|port", "192.0.2.1|65535", "192.0.2.1");
}

#[test]
fn bad_port_drops_the_attribute() {
    for port in [
        "0", "65536", "99999999", "", "-1", "+80", "http", "8 0", "٨٠",
    ] {
        drops(
            Kind::Ipv4,
            "ip-dst|port",
            &format!("192.0.2.1|{port}"),
            Dropped::BadPort,
        );
        drops(
            Kind::Hostname,
            "hostname|port",
            &format!("a.example|{port}"),
            Dropped::BadPort,
        );
    }
}

#[test]
fn composite_without_its_bar_is_dropped() {
    drops(
        Kind::Ipv4,
        "ip-dst|port",
        "192.0.2.1",
        Dropped::NotComposite,
    );
    drops(
        Kind::FileMd5,
        "filename|md5",
        "d41d8cd98f00b204e9800998ecf84270",
        Dropped::NotComposite,
    );
}

#[test]
fn part_that_a_composite_lacks_is_not_made_up() {
    drops(
        Kind::Domain,
        "ip-dst|port",
        "192.0.2.1|80",
        Dropped::NoSuchPart,
    );
    drops(
        Kind::Url,
        "domain|ip",
        "a.example|192.0.2.1",
        Dropped::NoSuchPart,
    );
}

#[test]
fn white_space_around_a_value_goes() {
    gives(Kind::Ipv4, "ip-dst", " \t192.0.2.1\r\n", "192.0.2.1");
    drops(Kind::Ipv4, "ip-dst", "  \n ", Dropped::Empty);
    drops(Kind::Ipv4, "ip-dst", "", Dropped::Empty);
    drops(Kind::Ipv4, "domain|ip", "a.example|", Dropped::Empty);
}

// ---- ipv4ext, ipv6ext ----

#[test]
fn network_is_written_out_with_network_and_broadcast_address() {
    let found = extract(Kind::Ipv4Ext, "ip-dst", "192.0.2.4/30").unwrap();
    assert_eq!(found, ["192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"]);
    gives(Kind::Ipv4Ext, "ip-dst", "192.0.2.4/32", "192.0.2.4");
    gives(Kind::Ipv4Ext, "ip-dst", "192.0.2.4", "192.0.2.4");
    assert_eq!(
        extract(Kind::Ipv4Ext, "ip-dst", "255.255.255.254/31").unwrap(),
        ["255.255.255.254", "255.255.255.255"]
    );
}

#[test]
fn cidr_with_host_bits_expands_its_network() {
    let found = extract(Kind::Ipv4Ext, "ip-dst", "10.0.0.1/24").unwrap();
    assert_eq!(found.len(), 256);
    assert_eq!(found.first().map(String::as_str), Some("10.0.0.0"));
    assert_eq!(found.last().map(String::as_str), Some("10.0.0.255"));
}

#[test]
fn network_over_the_limit_is_dropped_whole() {
    assert_eq!(
        extract(Kind::Ipv4Ext, "ip-dst", "10.9.0.0/16")
            .unwrap()
            .len(),
        65_536
    );
    for value in ["10.0.0.0/15", "10.0.0.0/8", "0.0.0.0/0"] {
        drops(Kind::Ipv4Ext, "ip-dst", value, Dropped::NetworkTooLarge);
    }
    for value in ["2001:db8::/111", "2001:db8::/64", "::/0"] {
        drops(Kind::Ipv6Ext, "ip-dst", value, Dropped::NetworkTooLarge);
    }
    let four = Extractor::new(Kind::Ipv4Ext).max_expand(4);
    assert_eq!(
        extract_with(four, "ip-dst", "192.0.2.0/30").unwrap().len(),
        4
    );
    assert_eq!(
        extract_with(four, "ip-dst", "192.0.2.0/29"),
        Err(Dropped::NetworkTooLarge)
    );
    let most = Extractor::new(Kind::Ipv6Ext).max_expand(u32::MAX);
    assert_eq!(
        extract_with(most, "ip-dst", "2001:db8::/96"),
        Err(Dropped::NetworkTooLarge)
    );
}

#[test]
fn ipv6_network_is_written_out() {
    let found = extract(Kind::Ipv6Ext, "ip-dst", "2001:DB8::1/127").unwrap();
    assert_eq!(found, ["2001:db8::", "2001:db8::1"]);
    drops(
        Kind::Ipv6Ext,
        "ip-dst",
        "192.0.2.0/30",
        Dropped::OtherFamily,
    );
}

// ---- ipv6 ----

#[test]
fn three_spellings_of_an_ipv6_address_are_one() {
    for value in [
        "2001:DB8::CAFE",
        "2001:0db8:0000:0000:0000:0000:0000:cafe",
        "2001:db8:0::0:cafe",
    ] {
        gives(Kind::Ipv6, "ip-dst", value, "2001:db8::cafe");
    }
    gives(
        Kind::Ipv6,
        "ip-dst",
        "2001:db8:0:1:1:1:1:1",
        "2001:db8:0:1:1:1:1:1",
    );
}

#[test]
fn ipv6_in_composites_comes_out() {
    gives(Kind::Ipv6, "ip-dst|port", "2001:db8::1|443", "2001:db8::1");
    gives(
        Kind::Ipv6,
        "domain|ip",
        "mixed.example.com|2001:DB8::5",
        "2001:db8::5",
    );
}

#[test]
fn zone_ids_are_refused() {
    for value in ["fe80::1%eth0", "fe80::1%1", "[2001:db8::1]"] {
        drops(Kind::Ipv6, "ip-dst", value, Dropped::NotAnAddress);
    }
    drops(Kind::Ipv6, "ip-dst", "2001:db8::/48", Dropped::NotSingle);
}

// ---- cidr4, cidr6, ip ----

#[test]
fn cidr4_keeps_host_bits_and_leaves_single_addresses() {
    gives(Kind::Cidr4, "ip-dst", "10.0.0.1/24", "10.0.0.1/24");
    gives(Kind::Cidr4, "ip-dst", "192.0.2.1/32", "192.0.2.1/32");
    drops(Kind::Cidr4, "ip-dst", "10.0.0.1", Dropped::SingleAddress);
    drops(Kind::Cidr4, "ip-dst", "2001:db8::/48", Dropped::OtherFamily);
    drops(
        Kind::Cidr4,
        "ip-dst",
        "10.0.0.0/8 10.0.0.0/9",
        Dropped::NotAnAddress,
    );
}

#[test]
fn cidr6_has_a_home() {
    gives(
        Kind::Cidr6,
        "ip-dst",
        "2001:0DB8:ABCD::/48",
        "2001:db8:abcd::/48",
    );
    gives(Kind::Cidr6, "ip-dst", "2001:db8::1/64", "2001:db8::1/64");
    drops(Kind::Cidr6, "ip-dst", "2001:db8::1", Dropped::SingleAddress);
    drops(
        Kind::Cidr6,
        "ip-dst",
        "2001:db8::/129",
        Dropped::NotAnAddress,
    );
}

#[test]
fn ip_takes_addresses_and_networks_of_both_families() {
    gives(Kind::Ip, "ip-dst", "192.0.2.1", "192.0.2.1");
    gives(Kind::Ip, "ip-dst", "192.0.2.0/24", "192.0.2.0/24");
    gives(Kind::Ip, "ip-dst", "2001:DB8::1", "2001:db8::1");
    gives(Kind::Ip, "ip-dst", "2001:DB8::/32", "2001:db8::/32");
}

#[test]
fn what_belongs_to_another_type_is_told_apart_from_bad_data() {
    assert!(
        extract(Kind::Ipv4, "ip-dst", "2001:db8::1")
            .unwrap_err()
            .belongs_elsewhere()
    );
    assert!(
        extract(Kind::Cidr4, "ip-dst", "192.0.2.1")
            .unwrap_err()
            .belongs_elsewhere()
    );
    assert!(
        !extract(Kind::Ipv4, "ip-dst", "nonsense")
            .unwrap_err()
            .belongs_elsewhere()
    );
}

// ---- domain, hostname ----

#[test]
fn underscore_label_is_not_cut() {
    gives(
        Kind::Domain,
        "domain",
        "foo_bar.evil.net",
        "foo_bar.evil.net",
    );
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
    gives(
        Kind::Domain,
        "domain",
        "_dmarc.example.org",
        "_dmarc.example.org",
    );
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
        drops(Kind::Domain, "domain", value, Dropped::BadLabel);
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
    gives(
        Kind::Domain,
        "domain",
        "bücher.example",
        "xn--bcher-kva.example",
    );
    gives(
        Kind::Hostname,
        "hostname",
        "MÜNCHEN.Bücher.example",
        "xn--mnchen-3ya.xn--bcher-kva.example",
    );
    gives(Kind::Domain, "domain", "faß.example", "xn--fa-hia.example");
    gives(
        Kind::Domain,
        "domain",
        "bad_ö.example",
        "xn--bad_-8qa.example",
    );
}

#[test]
fn look_alikes_that_fold_to_ascii_become_ascii() {
    gives(Kind::Domain, "domain", "\u{212a}ey.example", "key.example");
    gives(
        Kind::Domain,
        "domain",
        "\u{17f}ecure.example",
        "secure.example",
    );
}

#[test]
fn names_are_lower_case_without_trailing_dot() {
    gives(
        Kind::Domain,
        "domain",
        "UPPERCASE.Example.COM.",
        "uppercase.example.com",
    );
    gives(
        Kind::Domain,
        "domain",
        "ünder.example.",
        "xn--nder-zra.example",
    );
    drops(Kind::Domain, "domain", "example.com..", Dropped::BadLabel);
}

#[test]
fn length_limits_of_names_hold() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    gives(Kind::Domain, "domain", &longest, &longest);
    gives(Kind::Domain, "domain", &format!("{longest}."), &longest);
    drops(
        Kind::Domain,
        "domain",
        &format!("{longest}a"),
        Dropped::NameTooLong,
    );
    drops(
        Kind::Domain,
        "domain",
        &format!("a{label}.example"),
        Dropped::BadLabel,
    );
}

#[test]
fn names_that_are_none_are_dropped() {
    drops(Kind::Domain, "domain", "single", Dropped::SingleLabel);
    drops(Kind::Domain, "domain", "localhost.", Dropped::SingleLabel);
    drops(Kind::Domain, "domain", ".", Dropped::Empty);
    drops(Kind::Domain, "domain", "a..example", Dropped::BadLabel);
    drops(Kind::Domain, "domain", ".example.com", Dropped::BadLabel);
    drops(
        Kind::Domain,
        "domain",
        "*.wildcard.example.com",
        Dropped::Wildcard,
    );
    drops(
        Kind::Domain,
        "domain",
        "*.bücher.example",
        Dropped::Wildcard,
    );
    drops(Kind::Domain, "domain", "192.0.2.1", Dropped::NotAName);
    drops(Kind::Domain, "domain", "a.example.123", Dropped::NotAName);
    for value in [
        "a b.example",
        "a,b.example",
        "http://a.example",
        "a.example/x",
        "a.example:80",
        "defanged[.]example[.]com",
        "a\0.example",
    ] {
        drops(Kind::Domain, "domain", value, Dropped::BadLabel);
    }
    drops(
        Kind::Domain,
        "domain",
        "\u{2100}x.example",
        Dropped::BadLabel,
    ); // maps to a/c
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

// ---- url ----

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

// ---- hashes ----

const MD5: &str = "0123456789abcdef0123456789abcdef";
const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";
const SHA256: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn hash_like_file_name_does_not_win_over_the_hash() {
    gives(
        Kind::FileMd5,
        "filename|md5",
        &format!("{SHA256}.bin|{MD5}"),
        MD5,
    );
    gives(
        Kind::FileMd5,
        "filename|md5",
        &format!("{SHA256}|{MD5}"),
        MD5,
    );
    gives(
        Kind::FileSha256,
        "filename|sha256",
        &format!("{MD5}|{SHA256}"),
        SHA256,
    );
}

#[test]
fn file_name_with_a_bar_splits_at_the_last_one() {
    gives(
        Kind::FileSha1,
        "filename|sha1",
        &format!("we|rd name.exe|{SHA1}"),
        SHA1,
    );
    gives(
        Kind::Filename,
        "filename|sha1",
        &format!("we|rd name.exe|{SHA1}"),
        "we|rd name.exe",
    );
}

#[test]
fn longer_hash_is_not_cut() {
    drops(Kind::FileMd5, "md5", SHA1, Dropped::WrongLength);
    drops(Kind::FileSha1, "sha1", SHA256, Dropped::WrongLength);
    drops(
        Kind::FileSha256,
        "sha256",
        &format!("{SHA256}0"),
        Dropped::WrongLength,
    );
    drops(Kind::FileMd5, "md5", "abc", Dropped::WrongLength);
    drops(
        Kind::FileMd5,
        "md5",
        &format!("{MD5}.exe"),
        Dropped::NotHexadecimal,
    );
    drops(Kind::FileMd5, "md5", "nothex", Dropped::NotHexadecimal);
}

#[test]
fn hashes_are_lower_case() {
    gives(Kind::FileMd5, "md5", &MD5.to_uppercase(), MD5);
    gives(Kind::FileSha1, "sha1", &SHA1.to_uppercase(), SHA1);
    gives(
        Kind::FileSha256,
        "filename|sha256",
        &format!("UPPER Case.EXE|{}", SHA256.to_uppercase()),
        SHA256,
    );
    gives(
        Kind::Ja3,
        "ja3-fingerprint-md5",
        "E7D705A3286E19EA42F587B344EE6865",
        "e7d705a3286e19ea42f587b344ee6865",
    );
    for (kind, attribute_type) in [
        (Kind::HasshMd5, "hassh-md5"),
        (Kind::HasshServerMd5, "hasshserver-md5"),
        (Kind::Imphash, "imphash"),
    ] {
        gives(kind, attribute_type, &MD5.to_uppercase(), MD5);
    }
}

#[test]
fn colon_separated_fingerprint_comes_out_plain() {
    let colons = |hash: &str| {
        hash.as_bytes()
            .chunks(2)
            .map(|pair| str::from_utf8(pair).unwrap())
            .collect::<Vec<_>>()
            .join(":")
    };
    gives(
        Kind::X509FingerprintMd5,
        "x509-fingerprint-md5",
        &colons(MD5),
        MD5,
    );
    gives(
        Kind::X509FingerprintSha1,
        "x509-fingerprint-sha1",
        &colons(SHA1).to_uppercase(),
        SHA1,
    );
    gives(
        Kind::X509FingerprintSha256,
        "x509-fingerprint-sha256",
        &colons(SHA256),
        SHA256,
    );
    gives(
        Kind::X509FingerprintSha1,
        "x509-fingerprint-sha1",
        SHA1,
        SHA1,
    );
    drops(
        Kind::X509FingerprintMd5,
        "x509-fingerprint-md5",
        &format!("0123:{}", colons(MD5)),
        Dropped::NotHexadecimal,
    );
    drops(
        Kind::X509FingerprintMd5,
        "x509-fingerprint-md5",
        &colons(SHA1),
        Dropped::WrongLength,
    );
    drops(
        Kind::X509FingerprintMd5,
        "x509-fingerprint-md5",
        &format!("{}:", colons(MD5)),
        Dropped::NotHexadecimal,
    );
    drops(Kind::FileMd5, "md5", &colons(MD5), Dropped::NotHexadecimal);
}

// ---- texts and rules ----

#[test]
fn multi_line_yara_rule_comes_out_whole() {
    let rule = "import \"pe\"\nrule Two { condition: pe.is_pe }\n\nrule Three { condition: true }";
    gives(Kind::Yara, "yara", rule, rule);
    let windows = "rule One {\r\n\tstrings: $a = \"x\"\r\n\tcondition: $a\r\n}\r\n";
    gives(Kind::Yara, "yara", windows, windows);
}

#[test]
fn multi_line_sigma_rule_comes_out_whole() {
    let rule = "title: Example Rule 1\nlogsource:\n  product: windows\ndetection:\n  condition: selection\n";
    gives(Kind::Sigma, "sigma", rule, rule);
}

#[test]
fn snort_rule_comes_out_unchanged() {
    let rule = "alert tcp any any -> any any (msg:\"semi\\; colon\"; sid:9;)";
    gives(Kind::Snort, "snort", rule, rule);
    gives(
        Kind::Snort,
        "snort",
        " alert \\\n ip any ",
        " alert \\\n ip any ",
    );
}

#[test]
fn rule_with_other_control_characters_is_dropped() {
    for value in ["rule a\0", "rule \u{1b}[2J", "rule \u{85}"] {
        drops(Kind::Yara, "yara", value, Dropped::ControlCharacter);
    }
    drops(Kind::Yara, "yara", " \n ", Dropped::Empty);
    drops(
        Kind::Yara,
        "yara",
        &"x".repeat(MAX_RULE_BYTES + 1),
        Dropped::TooLong,
    );
    assert!(extract(Kind::Yara, "yara", &"x".repeat(MAX_RULE_BYTES)).is_ok());
}

const TEXTS: [(Kind, &str); 5] = [
    (Kind::Mutex, "mutex"),
    (Kind::EmailSubject, "email-subject"),
    (Kind::EmailAttachment, "email-attachment"),
    (Kind::Filename, "filename"),
    (Kind::UserAgent, "user-agent"),
];

#[test]
fn texts_come_out_whole() {
    for (kind, attribute_type) in TEXTS {
        for value in [
            "Global\\{A-B-C}",
            "=cmd|' /C calc'!A0",
            "rechnung \"final\", v2.pdf",
            "a\tb",
            "\u{1f600} ünï",
            "%PUBLIC%\\ev'il.exe",
            "- x: #y",
        ] {
            gives(kind, attribute_type, value, value);
        }
        gives(
            kind,
            attribute_type,
            "  leading and trailing  ",
            "leading and trailing",
        );
    }
}

#[test]
fn text_of_two_lines_is_dropped() {
    for (kind, attribute_type) in TEXTS {
        for inside in [
            "\n", "\r", "\r\n", "\0", "\u{7f}", "\u{85}", "\u{2028}", "\u{2029}", "\u{fffe}",
            "\u{ffff}", "\u{b}", "\u{1b}",
        ] {
            drops(
                kind,
                attribute_type,
                &format!("one{inside}two"),
                Dropped::ControlCharacter,
            );
        }
    }
}

#[test]
fn value_over_the_size_limit_is_dropped() {
    assert!(extract(Kind::Mutex, "mutex", &"x".repeat(MAX_VALUE_BYTES)).is_ok());
    for kind in Kind::ALL
        .iter()
        .filter(|kind| !matches!(kind, Kind::Snort | Kind::Yara | Kind::Sigma))
    {
        drops(
            *kind,
            "text",
            &"x".repeat(MAX_VALUE_BYTES + 1),
            Dropped::TooLong,
        );
    }
}

#[test]
fn file_name_comes_out_of_its_composites() {
    gives(
        Kind::Filename,
        "filename|md5",
        &format!("evil.exe|{MD5}"),
        "evil.exe",
    );
    gives(
        Kind::Filename,
        "filename|sha256",
        &format!("evil.exe|{SHA256}"),
        "evil.exe",
    );
    drops(
        Kind::Filename,
        "filename|md5",
        &format!("|{MD5}"),
        Dropped::Empty,
    );
}

// ---- e-mail ----

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
    gives(
        Kind::EmailAddress,
        "email-dst",
        "x@mail.xn--p1ai",
        "x@mail.xn--p1ai",
    );
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
    gives(
        Kind::EmailAddress,
        "email-dst",
        "ünï@example.com",
        "ünï@example.com",
    );
    gives(
        Kind::EmailAddress,
        "email-dst",
        "ÜNÏ@Bücher.example",
        "ünï@xn--bcher-kva.example",
    );
}

#[test]
fn email_address_with_a_bar_in_its_domain_is_dropped() {
    drops(
        Kind::EmailAddress,
        "email-dst",
        "x@evil.c|m",
        Dropped::BadLabel,
    );
}

#[test]
fn text_that_is_no_email_address_is_dropped() {
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
        drops(
            Kind::EmailAddress,
            "email-dst",
            value,
            Dropped::NotAnEmailAddress,
        );
    }
    drops(
        Kind::EmailAddress,
        "email-dst",
        "a@localhost",
        Dropped::SingleLabel,
    );
    drops(Kind::EmailAddress, "email-dst", "a@", Dropped::Empty);
    drops(
        Kind::EmailAddress,
        "email-dst",
        &format!("{}@example.com", "a".repeat(65)),
        Dropped::NotAnEmailAddress,
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

// ---- identifiers and wallets ----

#[test]
fn cve_with_eight_digits_is_kept() {
    gives(
        Kind::Vulnerability,
        "vulnerability",
        "CVE-2024-12345678",
        "CVE-2024-12345678",
    );
    gives(
        Kind::Vulnerability,
        "vulnerability",
        "CVE-2024-1234567890123456789",
        "CVE-2024-1234567890123456789",
    );
}

#[test]
fn cve_is_upper_case_and_ascii() {
    gives(
        Kind::Vulnerability,
        "vulnerability",
        "cve-2023-0001",
        "CVE-2023-0001",
    );
    for value in [
        "CVE-2023-001",
        "CVE-2023-00000000000000000001",
        "CVE-23-0001",
        "CVE-2023-٠٠٠١",
        "CVE-2023-0001 ",
        "CVE 2023-0001",
        "CVE-2023-0001-x",
    ] {
        let expected = if value.ends_with(' ') {
            Ok(vec!["CVE-2023-0001".to_owned()])
        } else {
            Err(Dropped::NotACve)
        };
        assert_eq!(
            extract(Kind::Vulnerability, "vulnerability", value),
            expected,
            "{value}"
        );
    }
}

#[test]
fn bech32_wallet_is_kept() {
    let wallet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    gives(Kind::CryptoCurrency, "btc", wallet, wallet);
    gives(Kind::CryptoCurrency, "btc", &wallet.to_uppercase(), wallet);
    gives(
        Kind::CryptoCurrency,
        "btc",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    );
    drops(
        Kind::CryptoCurrency,
        "btc",
        "bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        Dropped::NotAWallet,
    );
    drops(
        Kind::CryptoCurrency,
        "btc",
        "bc1bw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        Dropped::NotAWallet,
    );
}

#[test]
fn base58_wallets_keep_their_case() {
    let monero = "46h6ALg1RN9aSDzs4hEVHbSuq9PmX49pxnfrpAfT878AKCCTAEycMrYtFwH8wuQCk5ZK1ev4NERSNutSRTuQb6Cy3QowSrV";
    gives(Kind::CryptoCurrency, "xmr", monero, monero);
    gives(
        Kind::CryptoCurrency,
        "btc",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    );
    for value in [
        "1NotAValidAddress",
        "2A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN0",
        "0x52908400098527886E0F7030069857D2E4169EE7",
    ] {
        drops(Kind::CryptoCurrency, "btc", value, Dropped::NotAWallet);
    }
}

#[test]
fn ja4_fingerprint_comes_out_of_a_text_attribute_and_nothing_else_does() {
    gives(
        Kind::Ja4,
        "text",
        "t13d1516h2_8daaf6152771_b186095e22b6",
        "t13d1516h2_8daaf6152771_b186095e22b6",
    );
    gives(
        Kind::Ja4,
        "text",
        "q13i0310H3_8DAAF6152771_B186095E22B6",
        "q13i0310H3_8daaf6152771_b186095e22b6",
    );
    gives(
        Kind::Ja4,
        "text",
        "ts2d1516-_8daaf6152771_b186095e22b6"
            .replace('-', "00")
            .as_str(),
        "ts2d151600_8daaf6152771_b186095e22b6",
    );
    for value in [
        "JA4",
        "any text",
        "t130200_1301_234ea6891581",
        "t13d1516h2_8daaf6152771",
        "t13d1516h2_8daaf6152771_b186095e22b6_",
        "T13d1516h2_8daaf6152771_b186095e22b6",
        "t13d1516h_8daaf6152771_b186095e22b6",
        "t13d1516h2_8daaf615277g_b186095e22b6",
        "ge11nn05enus_9ed1ff1f7b03_cd8dafe26982_000000000000",
    ] {
        drops(Kind::Ja4, "text", value, Dropped::NotJa4);
    }
}
