//! Hashes, identifiers and wallets.

use feed_classification::{DropReason, IndicatorType as Kind};

use crate::{drops, extract, gives};

const MD5: &str = "0123456789abcdef0123456789abcdef";
const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";
const SHA256: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn hash_like_file_name_does_not_win_over_the_hash() {
    gives(Kind::FileMd5, "filename|md5", &format!("{SHA256}.bin|{MD5}"), MD5);
    gives(Kind::FileMd5, "filename|md5", &format!("{SHA256}|{MD5}"), MD5);
    gives(Kind::FileSha256, "filename|sha256", &format!("{MD5}|{SHA256}"), SHA256);
}

#[test]
fn file_name_with_a_bar_splits_at_the_last_one() {
    gives(Kind::FileSha1, "filename|sha1", &format!("we|rd name.exe|{SHA1}"), SHA1);
    gives(
        Kind::Filename,
        "filename|sha1",
        &format!("we|rd name.exe|{SHA1}"),
        "we|rd name.exe",
    );
}

#[test]
fn file_name_comes_out_of_its_composites() {
    gives(Kind::Filename, "filename|md5", &format!("evil.exe|{MD5}"), "evil.exe");
    gives(
        Kind::Filename,
        "filename|sha256",
        &format!("evil.exe|{SHA256}"),
        "evil.exe",
    );
    drops(Kind::Filename, "filename|md5", &format!("|{MD5}"), DropReason::Empty);
}

#[test]
fn a_malware_sample_gives_its_md5_and_its_name() {
    gives(Kind::FileMd5, "malware-sample", &format!("evil.exe|{MD5}"), MD5);
    gives(Kind::Filename, "malware-sample", &format!("evil.exe|{MD5}"), "evil.exe");
}

#[test]
fn a_file_name_comes_out_of_a_composite_of_every_hash() {
    let names = Kind::Filename.default_attribute_types();
    let composites: Vec<&&str> = names.iter().filter(|name| name.starts_with("filename|")).collect();
    assert_eq!(composites.len(), 19);
    for name in composites {
        gives(
            Kind::Filename,
            name,
            "evil.exe|3:AIO9AJraNvsgzsVqSwlbS:AIOZfs",
            "evil.exe",
        );
    }
    gives(Kind::Imphash, "filename|imphash", &format!("evil.exe|{MD5}"), MD5);
}

#[test]
fn longer_hash_is_not_cut() {
    drops(Kind::FileMd5, "md5", SHA1, DropReason::WrongLength);
    drops(Kind::FileSha1, "sha1", SHA256, DropReason::WrongLength);
    drops(
        Kind::FileSha256,
        "sha256",
        &format!("{SHA256}0"),
        DropReason::WrongLength,
    );
    drops(Kind::FileMd5, "md5", "abc", DropReason::WrongLength);
    drops(Kind::FileMd5, "md5", &format!("{MD5}.exe"), DropReason::NotHexadecimal);
    drops(Kind::FileMd5, "md5", "nothex", DropReason::NotHexadecimal);
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
    gives(Kind::X509FingerprintMd5, "x509-fingerprint-md5", &colons(MD5), MD5);
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
    gives(Kind::X509FingerprintSha1, "x509-fingerprint-sha1", SHA1, SHA1);
    drops(
        Kind::X509FingerprintMd5,
        "x509-fingerprint-md5",
        &format!("0123:{}", colons(MD5)),
        DropReason::NotHexadecimal,
    );
    drops(
        Kind::X509FingerprintMd5,
        "x509-fingerprint-md5",
        &colons(SHA1),
        DropReason::WrongLength,
    );
    drops(
        Kind::X509FingerprintMd5,
        "x509-fingerprint-md5",
        &format!("{}:", colons(MD5)),
        DropReason::NotHexadecimal,
    );
    drops(Kind::FileMd5, "md5", &colons(MD5), DropReason::NotHexadecimal);
}

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
    gives(Kind::Vulnerability, "vulnerability", "cve-2023-0001", "CVE-2023-0001");
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
            Err(DropReason::NotACve)
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
        DropReason::NotAWallet,
    );
    drops(
        Kind::CryptoCurrency,
        "btc",
        "bc1bw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        DropReason::NotAWallet,
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
    for dash in [
        "XdAUmwtig27HBG6WfYyHAzP8n6XC9jESEw",
        "7gnwGHt17heGpG9Crfeh4KGpYNFugPhJdh",
    ] {
        gives(Kind::CryptoCurrency, "dash", dash, dash);
    }
    for value in [
        "XdAUmwtig27HBG6WfYyHAzP8n6XC9jESE",
        "1NotAValidAddress",
        "2A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN0",
        "0x52908400098527886E0F7030069857D2E4169EE7",
    ] {
        drops(Kind::CryptoCurrency, "btc", value, DropReason::NotAWallet);
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
        "ts2d1516-_8daaf6152771_b186095e22b6".replace('-', "00").as_str(),
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
        drops(Kind::Ja4, "text", value, DropReason::NotJa4);
    }
}
