//! The whole bytes of each format, and the values that are left out.

use feed_classification::IndicatorType as Kind;

use crate::export;

const ADDRESSES: [&str; 9] = [
    "10.0.0.0/24",
    "10.0.1.77/24",
    "10.0.0.9",
    "192.0.2.7",
    "192.0.2.8",
    "192.0.2.9",
    "2001:db8::/32",
    "2001:db8::1",
    "no address",
];

#[test]
fn juniper() {
    insta::assert_snapshot!("juniper-ip", export("juniper", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("juniper-empty", export("juniper", Kind::Ip, &[]));
}

#[test]
fn f5() {
    insta::assert_snapshot!("f5-ip", export("f5", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("f5-empty", export("f5", Kind::Ip, &[]));
}

#[test]
fn opnsense_and_pfsense() {
    insta::assert_snapshot!("opnsense-ip", export("opnsense", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("opnsense-empty", export("opnsense", Kind::Ip, &[]));
    insta::assert_snapshot!("pfsense-ip", export("pfsense", Kind::Ip, &ADDRESSES));
}

#[test]
fn mikrotik() {
    insta::assert_snapshot!("mikrotik-ip", export("mikrotik", Kind::Ip, &ADDRESSES));
    insta::assert_snapshot!("mikrotik-all-of-v6", export("mikrotik", Kind::Cidr6, &["::/0"]));
    insta::assert_snapshot!("mikrotik-empty", export("mikrotik", Kind::Ipv4, &[]));
}
