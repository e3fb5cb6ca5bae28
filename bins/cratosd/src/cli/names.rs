//! Reads the names of feeds, types, ages, outputs and permissions. The error for a wrong name lists all right ones.

use std::net::IpAddr;

use clap::builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use feed_classification::{Age, FeedName, IndicatorType, Tlp};
use feed_engine::Unscored;
use ipnet::IpNet;
use jiff::civil::Date;
use token_crypto::{ExpiryDay, Permission};

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

/// Reads a permission that can be the only purpose of a token.
pub(super) fn purpose() -> impl TypedValueParser<Value = Permission> {
    permission_of(Permission::PURPOSES)
}

fn permission_of(names: &'static [Permission]) -> impl TypedValueParser<Value = Permission> {
    let explained = |permission: &Permission| PossibleValue::new(permission.as_str()).help(permission.summary());
    PossibleValuesParser::new(names.iter().map(explained)).try_map(|name| name.parse::<Permission>())
}

pub(super) fn unscored() -> impl TypedValueParser<Value = Unscored> {
    let known = |name: String| Unscored::ALL.into_iter().find(|unscored| unscored.as_str() == name);
    PossibleValuesParser::new(Unscored::ALL.map(Unscored::as_str)).map(move |name| known(name).unwrap_or_default())
}

pub(super) fn tlp() -> impl TypedValueParser<Value = Tlp> {
    PossibleValuesParser::new(Tlp::ALL.map(Tlp::as_str)).try_map(|name| name.parse::<Tlp>())
}

/// Reads the name of an output: any text here, and [`with_outputs`] sets which names exist in this program.
pub(super) fn output() -> impl TypedValueParser<Value = String> {
    NonEmptyStringValueParser::new()
}

/// Returns the command line with these names for every argument `output`.
pub(super) fn with_outputs(command: clap::Command, names: &[&'static str]) -> clap::Command {
    command
        .mut_args(|arg| {
            if arg.get_id() == "output" {
                arg.value_parser(PossibleValuesParser::new(names))
            } else {
                arg
            }
        })
        .mut_subcommands(|command| with_outputs(command, names))
}

/// Reads the day on which a token ends: a date such as `2027-12-31`, or a time from today on such as `90d`, in the
/// units of ages.
pub(super) fn expiry(text: &str) -> Result<ExpiryDay, String> {
    expiry_from(text, jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date())
}

fn expiry_from(text: &str, today: Date) -> Result<ExpiryDay, String> {
    let shape = "neither a day written as YYYY-MM-DD nor a time from today on such as 90d, 12w, 6m or 1y (days, weeks, months, years)";
    let Some(unit) = text.chars().last().filter(char::is_ascii_alphabetic) else {
        return text.parse::<ExpiryDay>().map_err(|_| shape.to_owned());
    };
    let number = text
        .strip_suffix(unit)
        .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let number: i64 = number.and_then(|number| number.parse().ok()).ok_or(shape)?;
    let span = match unit {
        'd' => jiff::Span::new().try_days(number),
        'w' => jiff::Span::new().try_weeks(number),
        'm' => jiff::Span::new().try_months(number),
        'y' => jiff::Span::new().try_years(number),
        _ => return Err(shape.to_owned()),
    };
    let day = span
        .and_then(|span| today.checked_add(span))
        .map_err(|_| "ends after the year 9999")?;
    let parts = (u8::try_from(day.month()), u8::try_from(day.day()));
    let (Ok(month), Ok(of_month)) = parts else {
        return Err(shape.to_owned());
    };
    ExpiryDay::new(i32::from(day.year()), month, of_month).map_err(|error| error.to_string())
}

/// Reads a network, or one address as a network of that address only.
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
    fn an_expiry_is_a_day_or_a_time_from_today_on() {
        let today = jiff::civil::date(2026, 11, 30);
        let day = |text: &str| expiry_from(text, today).map(|day| day.to_string());
        for (text, expected) in [
            ("2027-12-31", "2027-12-31"),
            ("90d", "2027-02-28"),
            ("12w", "2027-02-22"),
            ("3m", "2027-02-28"),
            ("1y", "2027-11-30"),
            ("0d", "2026-11-30"),
        ] {
            assert_eq!(day(text).unwrap(), expected, "{text}");
        }
        for wrong in [
            "",
            "d",
            "12h",
            "-1d",
            "1.5y",
            "90 d",
            "90D",
            "31-12-2027",
            "2027-02-30",
            "1yy",
            "dæ",
        ] {
            assert!(day(wrong).unwrap_err().starts_with("neither a day"), "{wrong}");
        }
        for far in ["9000y", "99999999999999999d", "4000000d"] {
            assert!(day(far).is_err(), "{far}");
        }
    }

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
