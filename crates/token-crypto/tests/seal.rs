//! Tokens of version 1: the sealed claims come out, and nothing else opens.

#![expect(clippy::expect_used, reason = "what helps a test may stop it")]

use std::{net::IpAddr, sync::LazyLock};

use ipnet::IpNet;
use proptest::{collection, option, prelude::*};
use secrecy::ExposeSecret;
use token_crypto::{
    Allowed, Claims, ExpiryDay, KeyError, KeyRing, MAX_TOKEN_LEN, OpenError, Permission, Permissions, Protocol,
    RandomError, RandomSource, Scope, SealError, Tlp, TokenFormat, TokenId, generate_key_from, generate_salt_from,
};

const KEY: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
const OTHER_KEY: &str = "FEDCBA9876543210FEDCBA9876543210FEDCBA9876543210FEDCBA9876543210";
const SALT: &str = "an invented salt, !#? and the so";
const MISP_KEY: &str = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcD";

static RING: LazyLock<KeyRing> = LazyLock::new(|| ring(SALT, &[KEY]));

fn ring(salt: &str, keys: &[&str]) -> KeyRing {
    let builder = KeyRing::builder(&salt.into()).legacy(false);
    let builder = keys.iter().fold(builder, |builder, key| builder.key((*key).into()));
    builder.build().expect("keys that are fine")
}

fn ordinary() -> Claims {
    let day = ExpiryDay::parse("2027-12-31").expect("a day");
    let networks: [IpNet; 1] = [IpNet::new(IpAddr::from([10, 20, 30, 0]), 24).expect("a network")];
    let scope = Scope::new()
        .with_feeds(["block"])
        .with_types(["ipv4"])
        .with_outputs(["txt"])
        .with_networks(networks);
    Claims::new("misp.example.net", Protocol::Https, 443, MISP_KEY.into(), day)
        .with_scope(scope)
        .with_label("fw1")
}

#[test]
fn an_ordinary_token_stays_under_190_characters() {
    let token = RING.seal(&ordinary()).unwrap();
    assert!(token.expose().len() < 190, "{}", token.expose().len());
    let of_url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    assert!(
        token.expose().bytes().all(of_url),
        "nothing in it needs escaping in a URL"
    );
}

#[test]
fn a_sealed_token_opens() {
    let token = RING.seal(&ordinary()).unwrap();
    let opened = RING.open(token.expose()).unwrap();
    assert_eq!(opened.format, TokenFormat::V1);
    assert_eq!(opened.claims, ordinary().with_id(token.id()));
    assert_eq!(opened.claims.auth_key.expose_secret(), MISP_KEY);
    assert_eq!(opened.fingerprint(), token.fingerprint());
}

/// A token of an earlier release, opened by a program in another language too (HKDF, XChaCha20-Poly1305). It must open
/// for as long as version 1 is accepted.
#[test]
fn a_token_of_the_first_release_still_opens() {
    const TOKEN: &str = "AZqDQFmzn0EJbflOTuNtnfClfJJhlCtspgyktNqwbWPGDqgZEnMEr6yj-vSVxzx4DxVg9Qic-nx7XUlPVHa49KwXME75lQWqHzDs2vtZUaXf2EN7TxreiwG-PvQR0siYwFAQg7KZ9WTquPzZCL8BWyorjA16hexIXw";
    let opened = RING.open(TOKEN).unwrap();
    assert_eq!(opened.claims, ordinary().with_id(TokenId::from_bytes(*b"chosen!!")));
}

#[test]
fn two_tokens_for_the_same_claims_differ_and_have_ids_of_their_own() {
    let (one, other) = (RING.seal(&ordinary()).unwrap(), RING.seal(&ordinary()).unwrap());
    assert_ne!(one.expose(), other.expose());
    assert_ne!(one.id(), other.id());
    let chosen = TokenId::from_bytes(*b"chosen!!");
    assert_eq!(RING.seal(&ordinary().with_id(chosen)).unwrap().id(), chosen);
}

#[test]
fn an_older_key_still_opens_what_it_sealed_and_the_first_one_seals() {
    let rotated = ring(SALT, &[OTHER_KEY, KEY]);
    assert!(rotated.open(RING.seal(&ordinary()).unwrap().expose()).is_ok());
    let fresh = rotated.seal(&ordinary()).unwrap();
    assert_eq!(RING.open(fresh.expose()).unwrap_err(), OpenError::UnknownKey);
    assert!(ring(SALT, &[OTHER_KEY]).open(fresh.expose()).is_ok());
}

#[test]
fn another_key_or_another_salt_is_an_unknown_key() {
    let token = RING.seal(&ordinary()).unwrap();
    for other in [ring(SALT, &[OTHER_KEY]), ring("another salt", &[KEY])] {
        assert_eq!(other.open(token.expose()).unwrap_err(), OpenError::UnknownKey);
    }
}

#[test]
fn a_changed_character_anywhere_is_refused() {
    let token = RING.seal(&ordinary()).unwrap().expose().to_owned();
    for (position, old) in token.bytes().enumerate() {
        let mut changed = token.clone();
        changed.replace_range(position..=position, if old == b'A' { "B" } else { "A" });
        let error = RING.open(&changed).unwrap_err();
        let last = position == token.len() - 1;
        assert!(
            error.is_broken_seal() || (last && error == OpenError::NotBase64),
            "{position}: {error}"
        );
    }
}

#[test]
fn a_token_cut_anywhere_is_refused() {
    let token = RING.seal(&ordinary()).unwrap().expose().to_owned();
    for len in 0..token.len() {
        assert!(RING.open(token.get(..len).unwrap()).is_err(), "{len}");
    }
}

#[test]
fn wrong_texts_have_their_names() {
    let token = RING.seal(&ordinary()).unwrap();
    let padded = format!("{}=", token.expose());
    // A token around nothing has 45 bytes.
    let (too_short, long_enough) = (format!("AQ{:A<57}", ""), format!("AQ{:A<58}", ""));
    for (text, error) in [
        ("", OpenError::Malformed),
        ("AAAA", OpenError::Malformed),
        ("AQ", OpenError::Malformed),
        (&too_short, OpenError::Malformed),
        (&long_enough, OpenError::UnknownKey),
        ("!!!!", OpenError::NotBase64),
        ("tökén", OpenError::NotBase64),
        ("gAAA", OpenError::LegacyRefused),
        (&padded, OpenError::NotBase64),
        (&"A".repeat(MAX_TOKEN_LEN + 1), OpenError::TooLong),
    ] {
        assert_eq!(RING.open(text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn the_longest_claims_that_fit_open_and_longer_ones_are_refused() {
    let names = |count: usize| (0..count).map(|n| format!("{n:0>40}"));
    let mut claims = ordinary();
    claims.scope = Scope::new().with_feeds(names(30));
    let token = RING.seal(&claims).unwrap();
    assert!(token.expose().len() <= MAX_TOKEN_LEN && RING.open(token.expose()).is_ok());
    claims.scope = Scope::new().with_feeds(names(64));
    assert_eq!(RING.seal(&claims).unwrap_err(), SealError::TooLong);

    // One of these labels fills the token up to the last character.
    claims.scope = Scope::new().with_feeds(names(33));
    let mut lengths = (1..=64).map(|length| {
        let token = RING.seal(&claims.clone().with_label("x".repeat(length)));
        token.map(|token| (token.expose().len(), RING.open(token.expose()).is_ok()))
    });
    assert!(lengths.any(|length| length == Ok((MAX_TOKEN_LEN, true))));
    assert!(lengths.all(|length| length == Err(SealError::TooLong)));
}

#[test]
fn a_ring_without_good_secrets_is_not_built() {
    let build = |salt: &str, keys: &[&str]| {
        let builder = KeyRing::builder(&salt.into()).legacy(false);
        keys.iter()
            .fold(builder, |builder, key| builder.key((*key).into()))
            .build()
            .unwrap_err()
    };
    assert_eq!(build(SALT, &[]), KeyError::NoKey);
    assert_eq!(build("", &[KEY]), KeyError::NoSalt);
    assert_eq!(
        build(SALT, &[KEY, "short"]),
        KeyError::KeyTooShort { position: 1, min: 16 }
    );
    assert_eq!(build(SALT, &[KEY, OTHER_KEY, KEY]), KeyError::KeyTwice { position: 2 });
    assert_eq!(build(SALT, &[KEY; 17]), KeyError::TooManyKeys { max: 16 });
    let sixteen: Vec<String> = (0..16).map(|number| format!("key number {number:>5}")).collect();
    ring(SALT, &sixteen.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn debug_shows_no_secret() {
    let token = RING.seal(&ordinary()).unwrap();
    let opened = RING.open(token.expose()).unwrap();
    let builder = KeyRing::builder(&SALT.into()).key(KEY.into());
    let (_, derivation) = KeyRing::builder(&SALT.into())
        .key(KEY.into())
        .build_in_two(None)
        .unwrap();
    let shown = format!("{:?} {builder:?} {derivation:?} {token:?} {opened:?}", *RING);
    for part in [
        format!("SealedToken({})", token.id()).as_str(),
        "KeyRing { keys: [SealingKey(9a834059)], .. }",
        "KeyRingBuilder { keys: 1, .. }",
        "LegacyDerivation { .. }",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    for secret in [KEY, SALT, MISP_KEY, token.expose()] {
        assert!(!shown.contains(secret.get(..12).unwrap()), "{shown}");
    }
}

prop_compose! {
    fn any_network()(address in any::<IpAddr>(), prefix in 0..=128_u8) -> IpNet {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        IpNet::new(address, prefix.min(longest)).expect("a prefix that fits").trunc()
    }
}

fn any_list(known: &'static [&'static str]) -> impl Strategy<Value = Allowed> {
    let name = prop_oneof![
        proptest::sample::select(known).prop_map(str::to_owned),
        "[A-Za-z0-9._-]{1,12}"
    ];
    option::of(collection::btree_set(name, 0..8)).prop_map(|names| names.map_or(Allowed::All, Allowed::Only))
}

prop_compose! {
    fn any_scope()(
        feeds in any_list(&["incident", "block", "42"]),
        types in any_list(&["ipv4", "user-agent"]),
        outputs in any_list(&["txt", "cisco"]),
        networks in collection::vec(any_network(), 0..5),
        permissions in collection::vec(proptest::sample::select(Permission::ALL), 0..6),
        max_tlp in proptest::sample::select(&Tlp::ALL[..]),
        reads_feeds in any::<bool>(),
    ) -> Scope {
        let scope = Scope::new().with_networks(networks).with_permissions(permissions);
        let mut scope = scope.with_max_tlp(max_tlp);
        (scope.feeds, scope.types, scope.outputs) = (feeds, types, outputs);
        scope.reads_feeds = reads_feeds;
        scope
    }
}

fn any_site() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9-]{1,20}(\\.[a-z]{1,10}){0,3}",
        any::<IpAddr>().prop_map(|address| address.to_string())
    ]
}

prop_compose! {
    fn any_claims()(
        site in any_site(),
        https in any::<bool>(),
        port in prop_oneof![Just(80), Just(443), any::<u16>()],
        auth_key in prop_oneof!["[A-Za-z0-9]{40}", "[!-~]{1,255}"],
        day in 0..100_000_u32,
        scope in any_scope(),
        label in option::of("[^\\p{Cc}]{1,16}"),
        id in any::<[u8; 8]>(),
    ) -> Claims {
        let protocol = if https { Protocol::Https } else { Protocol::Http };
        let expires = ExpiryDay::days_from(0, day);
        let mut claims = Claims::new(site, protocol, port, auth_key.into(), expires).with_scope(scope);
        (claims.label, claims.id) = (label, TokenId::from_bytes(id));
        claims
    }
}

#[test]
fn random_bytes_come_from_the_given_source_and_opening_needs_none() {
    let sevens: RandomSource = |bytes| {
        bytes.fill(7);
        Ok(())
    };
    let silent: RandomSource = |_| Err(RandomError::new("silent"));
    let ring = |source| {
        KeyRing::builder(&SALT.into())
            .key(KEY.into())
            .legacy(false)
            .random(source)
            .build()
    };
    let token = ring(sevens).unwrap().seal(&ordinary()).unwrap();
    assert_eq!(token.id().to_string(), "07".repeat(8));

    let ring = ring(silent).unwrap();
    assert_eq!(ring.open(token.expose()).unwrap().claims.id, token.id());
    let sealed = ring.seal(&ordinary());
    assert!(matches!(sealed, Err(SealError::Random(error)) if error == RandomError::new("silent")));

    assert_eq!(generate_key_from(sevens).unwrap().expose_secret(), "07".repeat(32));
    assert!(generate_salt_from(silent).is_err());
}

proptest! {
    #[test]
    fn encoded_claims_decode_to_the_same(claims in any_claims()) {
        let bytes = claims.encode().unwrap();
        prop_assert_eq!(Claims::decode(&bytes).unwrap(), claims);
    }

    #[test]
    fn sealed_claims_open_to_the_same(claims in any_claims()) {
        let token = RING.seal(&claims).unwrap();
        prop_assert!(token.expose().len() <= MAX_TOKEN_LEN);
        prop_assert_eq!(RING.open(token.expose()).unwrap().claims, claims.with_id(token.id()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in collection::vec(any::<u8>(), 0..300)) {
        if let Ok(claims) = Claims::decode(&bytes) {
            prop_assert_eq!(Claims::decode(&claims.encode().unwrap()).unwrap(), claims);
        }
    }

    /// Nearly right bytes pass more checks than arbitrary ones.
    #[test]
    fn spoilt_claims_never_panic(claims in any_claims(), position in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = claims.encode().unwrap().to_vec();
        let position = position.index(bytes.len());
        bytes[position] = byte;
        if let Ok(claims) = Claims::decode(&bytes) {
            let again = claims.encode().unwrap();
            prop_assert_eq!(Claims::decode(&again).unwrap(), claims);
        }
    }

    #[test]
    fn arbitrary_texts_never_open(text in prop_oneof!["\\PC{0,300}", "[A-Za-z0-9_=-]{0,300}", "(AQ|gA)[A-Za-z0-9_-]{0,300}"]) {
        prop_assert!(RING.open(&text).is_err());
    }

    #[test]
    fn permissions_are_a_set(permissions in collection::vec(proptest::sample::select(Permission::ALL), 0..12)) {
        let set: Permissions = permissions.iter().copied().collect();
        prop_assert!(Permission::ALL.iter().all(|permission| set.contains(*permission) == permissions.contains(permission)));
        prop_assert_eq!(set.iter().collect::<Permissions>(), set);
    }
}
