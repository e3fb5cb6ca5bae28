//! Reads the names of feeds, types, ages, outputs and permissions; a wrong one is answered with all the right ones.

use std::net::IpAddr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use feed_classification::{Age, FeedName, IndicatorType, Registry, Tlp};
use feed_engine::Unscored;
use ipnet::IpNet;
use token_crypto::{ExpiryDay, Permission, TlpLevel};

pub(super) fn feed() -> impl TypedValueParser<Value = FeedName> {
    PossibleValuesParser::new(FeedName::NAMES).try_map(|name| name.parse::<FeedName>())
}

pub(super) fn indicator_type() -> impl TypedValueParser<Value = IndicatorType> {
    PossibleValuesParser::new(IndicatorType::NAMES).try_map(|name| name.parse::<IndicatorType>())
}

pub(super) fn age() -> impl TypedValueParser<Value = Age> {
    PossibleValuesParser::new(Age::NAMES).try_map(|name| name.parse::<Age>())
}

pub(super) fn permission() -> impl TypedValueParser<Value = Permission> {
    permission_of(Permission::OFFERED)
}

/// A permission that is a purpose by itself.
pub(super) fn purpose() -> impl TypedValueParser<Value = Permission> {
    permission_of(Permission::PURPOSES)
}

fn permission_of(names: &'static [Permission]) -> impl TypedValueParser<Value = Permission> {
    PossibleValuesParser::new(names.iter().map(|permission| permission.as_str()))
        .try_map(|name| name.parse::<Permission>())
}

pub(super) fn unscored() -> impl TypedValueParser<Value = Unscored> {
    let known = |name: String| Unscored::ALL.into_iter().find(|unscored| unscored.as_str() == name);
    PossibleValuesParser::new(Unscored::ALL.map(Unscored::as_str)).map(move |name| known(name).unwrap_or_default())
}

pub(super) fn tlp() -> impl TypedValueParser<Value = Tlp> {
    PossibleValuesParser::new(Tlp::ALL.map(Tlp::as_str)).try_map(|name| name.parse::<Tlp>())
}

pub(super) fn tlp_level() -> impl TypedValueParser<Value = TlpLevel> {
    PossibleValuesParser::new(TlpLevel::ALL.map(TlpLevel::as_str)).try_map(|name| name.parse::<TlpLevel>())
}

/// Names of exporters; they keep their text, since exporters have no type of their own.
pub(super) fn output() -> PossibleValuesParser {
    PossibleValuesParser::new(Registry::builtin().names().map(str::to_owned).collect::<Vec<_>>())
}

/// Reads the day on which a token ends.
pub(super) fn expiry(text: &str) -> Result<ExpiryDay, String> {
    text.parse::<ExpiryDay>().map_err(|error| error.to_string())
}

/// Reads a network, or one address as the network of its own.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text
            .parse::<IpNet>()
            .map_err(|_| "neither an address nor a network such as 192.0.2.0/24 or 2001:db8::/32".to_owned())?,
    };
    if network.addr() != network.network() {
        return Err(format!("has host bits: write {}", network.trunc()));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_whole_ones() {
        assert_eq!(network("192.0.2.0/24").unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(network("192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
        assert_eq!(network("2001:db8::1").unwrap().to_string(), "2001:db8::1/128");
        assert_eq!(
            network("192.0.2.7/24").unwrap_err(),
            "has host bits: write 192.0.2.0/24"
        );
        for wrong in ["", "192.0.2.0/33", "example.net", "192.0.2.0-192.0.2.9"] {
            assert!(network(wrong).unwrap_err().starts_with("neither"), "{wrong}");
        }
    }
}
