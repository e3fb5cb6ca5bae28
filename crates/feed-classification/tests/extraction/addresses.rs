//! Addresses and networks.

use feed_classification::{DropReason, Extractor, IndicatorType as Kind};

use crate::{drops, extract, extract_with, gives};

#[test]
fn single_ipv4_addresses_come_out_as_typed() {
    for value in ["192.0.2.1", "0.0.0.0", "255.255.255.255"] {
        gives(Kind::Ipv4, "ip-src", value, value);
    }
}

#[test]
fn a_network_of_more_than_one_address_is_dropped_from_single_addresses() {
    for value in ["192.0.2.0/24", "192.0.2.0/31", "0.0.0.0/0"] {
        drops(Kind::Ipv4, "ip-dst", value, DropReason::NotSingle);
    }
    for value in [
        "192.0.2.1/33",
        "192.0.2.1/",
        "192.0.2.1/a",
        "192.0.2.1/+8",
        "192.0.2.1/024",
        "192.0.2.1/255.255.255.0",
    ] {
        drops(Kind::Ipv4, "ip-dst", value, DropReason::NotAnAddress);
    }
}

#[test]
fn five_numbers_are_no_address() {
    drops(Kind::Ipv4, "ip-dst", "1.2.3.4.5", DropReason::NotAnAddress);
    drops(Kind::Ipv4, "ip-dst", "1.2.3", DropReason::NotAnAddress);
    drops(Kind::Ipv4, "ip-dst", "1.2.3.256", DropReason::NotAnAddress);
}

#[test]
fn mapped_ipv4_is_an_ipv4_address() {
    drops(Kind::Ipv6, "ip-dst", "::ffff:203.0.113.9", DropReason::OtherFamily);
    for kind in [Kind::Ipv4, Kind::Ipv4Ext, Kind::Ip] {
        gives(kind, "ip-dst", "::ffff:203.0.113.9", "203.0.113.9");
        gives(kind, "ip-dst", "::FFFF:cb00:7109/128", "203.0.113.9");
    }
    for kind in [Kind::Cidr4, Kind::Ip] {
        gives(kind, "ip-dst", "::ffff:203.0.113.0/120", "203.0.113.0/24");
    }
    drops(Kind::Cidr6, "ip-dst", "::ffff:203.0.113.0/120", DropReason::OtherFamily);
    assert_eq!(
        extract(Kind::Ipv4Ext, "ip-dst", "::ffff:203.0.113.9/127").unwrap(),
        ["203.0.113.8", "203.0.113.9"]
    );
}

#[test]
fn the_block_of_mapped_addresses_is_not_all_of_ipv4() {
    gives(Kind::Ip, "ip-dst", "::ffff:0:0/96", "::ffff:0.0.0.0/96");
    drops(Kind::Cidr4, "ip-dst", "::ffff:0:0/96", DropReason::OtherFamily);
}

#[test]
fn a_network_of_one_address_is_an_address_for_every_type() {
    for kind in [Kind::Ipv4, Kind::Ipv4Ext, Kind::Ip] {
        gives(kind, "ip-dst", "192.0.2.5/32", "192.0.2.5");
    }
    for kind in [Kind::Ipv6, Kind::Ipv6Ext, Kind::Ip] {
        gives(kind, "ip-dst", "2001:db8::5/128", "2001:db8::5");
    }
    drops(Kind::Cidr4, "ip-dst", "192.0.2.5/32", DropReason::SingleAddress);
    drops(Kind::Cidr6, "ip-dst", "2001:db8::5/128", DropReason::SingleAddress);
}

#[test]
fn address_range_is_dropped() {
    drops(Kind::Ipv4, "ip-dst", "192.0.2.1-192.0.2.9", DropReason::NotAnAddress);
    drops(Kind::Ipv4, "ip-dst", "192.0.2.1 - 192.0.2.9", DropReason::NotAnAddress);
}

#[test]
fn leading_zeros_are_refused() {
    drops(Kind::Ipv4, "ip-dst", "192.0.2.010", DropReason::NotAnAddress);
    drops(Kind::Ipv4, "ip-dst", "192.000.2.1", DropReason::NotAnAddress);
}

#[test]
fn address_like_name_does_not_win_over_the_address() {
    gives(Kind::Ipv4, "domain|ip", "10.20.30.40.nip.example|77.7.7.7", "77.7.7.7");
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
        drops(Kind::Ipv4, "ip-dst", value, DropReason::NotAnAddress);
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
    for port in ["0", "65536", "99999999", "", "-1", "+80", "http", "8 0", "٨٠"] {
        drops(
            Kind::Ipv4,
            "ip-dst|port",
            &format!("192.0.2.1|{port}"),
            DropReason::BadPort,
        );
        drops(
            Kind::Hostname,
            "hostname|port",
            &format!("a.example|{port}"),
            DropReason::BadPort,
        );
    }
}

/// MISP 2.5.1 stores `192.0.2.11:8080` as `192.0.2.11|8080` (recordings, normalisation.json); values that older ones
/// stored have the colon.
#[test]
fn a_colon_before_the_port_divides_where_nothing_else_can_be_meant() {
    gives(Kind::Ipv4, "ip-dst|port", "11.22.33.45:8080", "11.22.33.45");
    gives(Kind::Ip, "ip-src|port", "11.22.33.45:8080", "11.22.33.45");
    gives(Kind::Hostname, "hostname|port", "H.example.com:443", "h.example.com");
    gives(Kind::Ipv6, "ip-dst|port", "[2001:db8::1]:443", "2001:db8::1");
    gives(Kind::Ipv6, "ip-dst|port", "[2001:DB8::1]|443", "2001:db8::1");
    drops(Kind::Ipv6, "ip-dst|port", "2001:db8::1:443", DropReason::NotComposite);
    drops(
        Kind::Ipv6,
        "ip-dst|port",
        "2001:db8:0:0:0:0:0:1:443",
        DropReason::NotComposite,
    );
    drops(Kind::Ipv4, "ip-dst|port", "11.22.33.45:99999", DropReason::BadPort);
    drops(Kind::Ipv4, "ip-dst|port", "11.22.33.45:http", DropReason::BadPort);
    // No port belongs to these types, so a colon is a part of the value.
    drops(Kind::Ipv4, "ip-dst", "11.22.33.45:8080", DropReason::NotAnAddress);
    drops(Kind::Hostname, "hostname", "h.example.com:443", DropReason::BadLabel);
    drops(
        Kind::Ipv4,
        "domain|ip",
        "a.example:11.22.33.45",
        DropReason::NotComposite,
    );
}

#[test]
fn composite_without_its_bar_is_dropped() {
    drops(Kind::Ipv4, "ip-dst|port", "192.0.2.1", DropReason::NotComposite);
    drops(
        Kind::FileMd5,
        "filename|md5",
        "d41d8cd98f00b204e9800998ecf84270",
        DropReason::NotComposite,
    );
}

#[test]
fn part_that_a_composite_lacks_is_not_made_up() {
    drops(Kind::Domain, "ip-dst|port", "192.0.2.1|80", DropReason::NoSuchPart);
    drops(Kind::Url, "domain|ip", "a.example|192.0.2.1", DropReason::NoSuchPart);
}

#[test]
fn white_space_around_a_value_is_cut_off() {
    gives(Kind::Ipv4, "ip-dst", " \t192.0.2.1\r\n", "192.0.2.1");
    drops(Kind::Ipv4, "ip-dst", "  \n ", DropReason::Empty);
    drops(Kind::Ipv4, "ip-dst", "", DropReason::Empty);
    drops(Kind::Ipv4, "domain|ip", "a.example|", DropReason::Empty);
}

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
    assert_eq!(extract(Kind::Ipv4Ext, "ip-dst", "10.9.0.0/16").unwrap().len(), 65_536);
    for value in ["10.0.0.0/15", "10.0.0.0/8", "0.0.0.0/0"] {
        drops(Kind::Ipv4Ext, "ip-dst", value, DropReason::NetworkTooLarge);
    }
    for value in ["2001:db8::/111", "2001:db8::/64", "::/0"] {
        drops(Kind::Ipv6Ext, "ip-dst", value, DropReason::NetworkTooLarge);
    }
    let four = Extractor::new(Kind::Ipv4Ext).max_expand(4);
    assert_eq!(extract_with(four, "ip-dst", "192.0.2.0/30").unwrap().len(), 4);
    assert_eq!(
        extract_with(four, "ip-dst", "192.0.2.0/29"),
        Err(DropReason::NetworkTooLarge)
    );
    let most = Extractor::new(Kind::Ipv6Ext).max_expand(u32::MAX);
    assert_eq!(
        extract_with(most, "ip-dst", "2001:db8::/96"),
        Err(DropReason::NetworkTooLarge)
    );
}

#[test]
fn ipv6_network_is_written_out() {
    let found = extract(Kind::Ipv6Ext, "ip-dst", "2001:DB8::1/127").unwrap();
    assert_eq!(found, ["2001:db8::", "2001:db8::1"]);
    drops(Kind::Ipv6Ext, "ip-dst", "192.0.2.0/30", DropReason::OtherFamily);
}

#[test]
fn three_spellings_of_an_ipv6_address_are_one() {
    for value in [
        "2001:DB8::CAFE",
        "2001:0db8:0000:0000:0000:0000:0000:cafe",
        "2001:db8:0::0:cafe",
    ] {
        gives(Kind::Ipv6, "ip-dst", value, "2001:db8::cafe");
    }
    gives(Kind::Ipv6, "ip-dst", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
}

#[test]
fn ipv6_in_composites_comes_out() {
    gives(Kind::Ipv6, "ip-dst|port", "2001:db8::1|443", "2001:db8::1");
    gives(Kind::Ipv6, "domain|ip", "mixed.example.com|2001:DB8::5", "2001:db8::5");
}

#[test]
fn zone_ids_are_refused() {
    for value in ["fe80::1%eth0", "fe80::1%1", "[2001:db8::1]"] {
        drops(Kind::Ipv6, "ip-dst", value, DropReason::NotAnAddress);
    }
    drops(Kind::Ipv6, "ip-dst", "2001:db8::/48", DropReason::NotSingle);
}

#[test]
fn cidr4_clears_host_bits_and_leaves_single_addresses() {
    for value in ["198.51.100.77/24", "198.51.100.78/24", "198.51.100.0/24"] {
        gives(Kind::Cidr4, "ip-dst", value, "198.51.100.0/24");
        gives(Kind::Ip, "ip-dst", value, "198.51.100.0/24");
    }
    drops(Kind::Cidr4, "ip-dst", "10.0.0.1", DropReason::SingleAddress);
    drops(Kind::Cidr4, "ip-dst", "2001:db8::/48", DropReason::OtherFamily);
    drops(Kind::Cidr4, "ip-dst", "10.0.0.0/8 10.0.0.0/9", DropReason::NotAnAddress);
}

#[test]
fn cidr6_has_a_home() {
    gives(Kind::Cidr6, "ip-dst", "2001:0DB8:ABCD::/48", "2001:db8:abcd::/48");
    gives(Kind::Cidr6, "ip-dst", "2001:db8::1/64", "2001:db8::/64");
    drops(Kind::Cidr6, "ip-dst", "2001:db8::1", DropReason::SingleAddress);
    drops(Kind::Cidr6, "ip-dst", "2001:db8::/129", DropReason::NotAnAddress);
}

#[test]
fn ip_takes_addresses_and_networks_of_both_families() {
    gives(Kind::Ip, "ip-dst", "192.0.2.1", "192.0.2.1");
    gives(Kind::Ip, "ip-dst", "192.0.2.0/24", "192.0.2.0/24");
    gives(Kind::Ip, "ip-dst", "2001:DB8::1", "2001:db8::1");
    gives(Kind::Ip, "ip-dst", "2001:DB8::/32", "2001:db8::/32");
}

#[test]
fn values_of_another_type_do_not_count_as_bad_data() {
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
