//! Tokens made by Cratos FastAPI: every vector in `tests/data/legacy-tokens.json`.
#![cfg(feature = "legacy-tokens")]
#![expect(clippy::expect_used, reason = "what helps a test may stop it")]

use std::sync::LazyLock;

use secrecy::ExposeSecret;
use serde_json::Value;
use token_crypto::{Claims, KeyRing, OpenError, Permission, Scope, TokenFormat, token_sha256};

/// 2026-11-22, the day the vectors were made.
const NOW: i64 = 1_795_305_600;

static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("data/legacy-tokens.json")).unwrap_or_default());
/// Derived once, since 600 000 rounds slow a test down.
static RING: LazyLock<Option<KeyRing>> = LazyLock::new(|| {
    let salt = text(&VECTORS, "salt").into();
    KeyRing::builder(&salt)
        .key(text(&VECTORS, "encryption_key").into())
        .build()
        .ok()
});

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn ring() -> &'static KeyRing {
    RING.as_ref().expect("the ring of the vectors")
}

fn vectors(list: &str) -> &'static [Value] {
    VECTORS[list].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn token(list: &str, name: &str) -> &'static str {
    let vector = vectors(list).iter().find(|vector| text(vector, "name") == name);
    text(vector.expect("a vector of that name"), "token")
}

/// Returns the plaintext of the claims, with the protocol in lower case.
fn plaintext(claims: &Claims) -> String {
    let Claims {
        protocol,
        port,
        site,
        auth_key,
        expires,
        ..
    } = claims;
    format!("{protocol};{port};{site};{};{expires}", auth_key.expose_secret())
}

#[test]
fn every_good_token_opens_to_its_plaintext() {
    assert_eq!(vectors("tokens").len(), 12);
    for vector in vectors("tokens")
        .iter()
        .filter(|vector| text(vector, "name") != "expire_impossible")
    {
        let opened = ring().open(text(vector, "token")).unwrap();
        let expected = text(vector, "plaintext").replace("HTTPS;", "https;");
        assert_eq!(plaintext(&opened.claims), expected, "{}", text(vector, "name"));
        assert_eq!(opened.format, TokenFormat::Legacy);
        assert_eq!(opened.claims.scope, Scope::unrestricted());
        assert!(opened.claims.scope.permits(Permission::ClearCache));
    }
}

#[test]
fn the_fingerprint_is_the_entry_of_the_blacklist() {
    for vector in vectors("tokens") {
        assert_eq!(token_sha256(text(vector, "token")), text(vector, "sha256"));
        if let Ok(opened) = ring().open(text(vector, "token")) {
            assert_eq!(opened.fingerprint(), text(vector, "sha256"));
            assert!(opened.fingerprint().starts_with(&opened.claims.id.to_string()));
        }
    }
}

#[test]
fn a_token_that_has_ended_opens_and_says_so() {
    for (name, ended) in [("expired_2020", true), ("expire_1999", true), ("https_443", false)] {
        let opened = ring().open(token("tokens", name)).unwrap();
        assert_eq!(opened.claims.expires.has_ended(NOW), ended, "{name}");
    }
}

#[test]
fn an_impossible_date_has_its_own_error() {
    let refused = ring().open(token("tokens", "expire_impossible")).unwrap_err();
    assert_eq!(refused, OpenError::ImpossibleDate);
}

#[test]
fn every_bad_token_is_refused_by_name() {
    let expected = [
        ("sealed_bad_port", OpenError::BadContents),
        ("sealed_four_parts", OpenError::BadContents),
        ("sealed_not_utf8", OpenError::BadContents),
        ("other_key", OpenError::SealBroken),
        ("bit_flipped", OpenError::SealBroken),
        ("cut_short", OpenError::SealBroken),
        ("bad_padding", OpenError::NotBase64),
        ("no_padding", OpenError::NotBase64),
    ];
    assert_eq!(vectors("bad_tokens").len(), expected.len());
    for (name, error) in expected {
        assert_eq!(ring().open(token("bad_tokens", name)).unwrap_err(), error, "{name}");
    }
}

/// A revoked token must not come back in another spelling.
#[test]
fn other_spellings_open_with_the_same_fingerprint() {
    let token = token("tokens", "https_443");
    let fingerprint = token_sha256(token);
    for spelling in [
        token.replace('-', "+"),
        token.replace('_', "/"),
        token.replace('=', "%3D"),
        token.replace('=', "%3d"),
    ] {
        assert_eq!(ring().open(&spelling).unwrap().fingerprint(), fingerprint, "{spelling}");
    }
}

/// Python's decoder, which Cratos FastAPI used, skips characters that are not base64 and stops at the padding. So badly
/// copied tokens worked.
#[test]
fn characters_that_cratos_fastapi_skipped_do_not_matter() {
    let token = token("tokens", "https_443");
    assert!(token.ends_with('='), "the spellings below need a padded token");
    let fingerprint = token_sha256(token);
    let middle = token.len() / 2;
    let (left, right) = token.split_at(middle);
    for spelling in [
        format!("\"{token}\""),
        format!("'{token}'"),
        format!("{token}/"),
        format!("{token}="),
        format!("{token}=="),
        format!("{token}\0"),
        format!("{token}%00"),
        format!("{left}!{right}"),
        format!("{left} \r\n{right}"),
        format!("{token}x"),
        format!("<{token}>"),
    ] {
        let opened = ring().open(&spelling).unwrap();
        assert_eq!(
            (opened.fingerprint(), opened.token().expose_secret()),
            (fingerprint.as_str(), token),
            "{spelling}"
        );
    }
    for spelling in [
        format!("x{token}"),
        format!("{left}x{right}"),
        format!("{left}\u{e9}{right}"),
        token.trim_end_matches('=').to_owned(),
    ] {
        assert!(ring().open(&spelling).is_err(), "{spelling}");
    }
}

/// Programs that make tokens of version 1 write one spelling, so any other one is a mistake to report.
#[test]
fn tokens_of_version_1_have_one_spelling() {
    let claims = ring().open(token("tokens", "https_443")).unwrap().claims;
    let token = ring().seal(&claims).unwrap().expose().to_owned();
    assert!(ring().open(&token).is_ok());
    let (left, right) = token.split_at(token.len() / 2);
    for spelling in [
        format!("\"{token}\""),
        format!("{token}/"),
        format!("{token}="),
        format!("{token}=="),
        format!("{left}!{right}"),
    ] {
        assert!(ring().open(&spelling).is_err(), "{spelling}");
    }
}

#[test]
fn a_changed_character_anywhere_is_refused() {
    let token = token("tokens", "https_443");
    for (position, old) in token.bytes().enumerate() {
        let new = if old == b'A' { 'B' } else { 'A' };
        let mut changed = token.to_owned();
        changed.replace_range(position..=position, &new.to_string());
        assert!(ring().open(&changed).is_err(), "{position}");
    }
}

#[test]
fn a_ring_that_takes_no_legacy_tokens_says_so() {
    let salt = text(&VECTORS, "salt").into();
    let key = text(&VECTORS, "encryption_key").into();
    let strict = KeyRing::builder(&salt).key(key).legacy(false).build().unwrap();
    assert_eq!(
        strict.open(token("tokens", "https_443")).unwrap_err(),
        OpenError::LegacyRefused
    );
}

#[test]
fn an_older_key_of_the_ring_opens_its_legacy_tokens() {
    let salt = text(&VECTORS, "salt").into();
    let older = text(&VECTORS, "encryption_key").into();
    let ring = KeyRing::builder(&salt)
        .key("a newer key, 32 characters long.".into())
        .key(older)
        .build()
        .unwrap();
    assert!(ring.open(token("tokens", "https_443")).is_ok());
}

#[test]
fn new_tokens_open_before_the_legacy_key_is_derived_and_legacy_ones_after() {
    let (salt, key) = (text(&VECTORS, "salt").into(), text(&VECTORS, "encryption_key"));
    let (ring, derivation) = KeyRing::builder(&salt)
        .key(key.into())
        .build_in_two(None)
        .expect("a ring");
    let legacy = text(&vectors("tokens")[0], "token");
    assert_eq!(ring.open(legacy).err(), Some(OpenError::LegacyKeyPending));
    assert!(ring.awaits_legacy_key(legacy));
    let claims = self::ring().open(legacy).expect("a good token").claims;
    let new = ring.seal(&claims).expect("a new token");
    assert!(ring.open(new.expose()).is_ok() && !ring.awaits_legacy_key(new.expose()));
    assert!(!ring.awaits_legacy_key("no token"));
    derivation.derive();
    assert!(ring.open(legacy).is_ok() && !ring.awaits_legacy_key(legacy));
}

#[test]
fn the_keys_of_the_ring_before_count_until_the_new_ones_are_derived() {
    let (salt, key) = (text(&VECTORS, "salt").into(), text(&VECTORS, "encryption_key"));
    let legacy = text(&vectors("tokens")[0], "token");
    let builder = || KeyRing::builder(&salt).key("another key of 16 or more".into());
    let (rotated, derivation) = builder().key(key.into()).build_in_two(Some(ring())).expect("a ring");
    assert!(rotated.open(legacy).is_ok(), "nobody waits for a rotation");
    derivation.derive();
    assert!(rotated.open(legacy).is_ok());
    let (without, derivation) = builder().build_in_two(Some(&rotated)).expect("a ring");
    assert!(
        without.open(legacy).is_ok() && !without.is_settled(),
        "it opens now, and will not"
    );
    derivation.derive();
    assert!(without.is_settled());
    assert_eq!(without.open(legacy).err(), Some(OpenError::SealBroken));
}

/// A reload with `accept_legacy_tokens: False` counts at once, also for tokens in a spelling that only the lenient
/// decoder takes.
#[test]
fn a_ring_without_legacy_tokens_takes_no_key_of_the_ring_before() {
    let (salt, key) = (text(&VECTORS, "salt").into(), text(&VECTORS, "encryption_key"));
    let builder = KeyRing::builder(&salt).key(key.into()).legacy(false);
    let (closed, _derivation) = builder.build_in_two(Some(ring())).expect("a ring");
    assert!(closed.is_settled());
    let legacy = text(&vectors("tokens")[0], "token");
    for spelling in [legacy.to_owned(), format!("\"{legacy}\"")] {
        assert!(ring().open(&spelling).is_ok(), "{spelling}");
        assert!(closed.open(&spelling).is_err(), "{spelling}");
    }
}

/// The keys may arrive while a token is being opened. It must open or be pending then, and never count as broken: 403
/// would make a firewall stop enforcing its list.
#[test]
fn a_legacy_token_is_never_broken_at_the_moment_when_its_key_arrives() {
    let (salt, key) = (text(&VECTORS, "salt").into(), text(&VECTORS, "encryption_key"));
    let (ring, derivation) = KeyRing::builder(&salt)
        .key(key.into())
        .build_in_two(None)
        .expect("a ring");
    let legacy = text(&vectors("tokens")[0], "token");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    match ring.open(legacy) {
                        Ok(_) => break,
                        Err(error) => assert_eq!(error, OpenError::LegacyKeyPending),
                    }
                }
            });
        }
        derivation.derive();
    });
}
