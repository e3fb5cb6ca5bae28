//! Fields that MISP sends in more than one shape: numbers as text, booleans as numbers, nulls, things left out.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use uuid::Uuid;

/// A whole number, or nothing usable as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Int(Option<i64>);

impl Int {
    pub(crate) fn signed(self) -> Option<i64> {
        self.0
    }

    pub(crate) fn unsigned(self) -> Option<u64> {
        self.0.and_then(|n| u64::try_from(n).ok())
    }
}

/// A number that may have a fraction, or nothing usable as one; never infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Decimal(Option<f64>);

impl Decimal {
    pub(crate) fn known(self) -> Option<f64> {
        self.0
    }
}

/// A yes or no, or nothing usable as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flag(Option<bool>);

impl Flag {
    pub(crate) fn or(self, absent: bool) -> bool {
        self.0.unwrap_or(absent)
    }

    pub(crate) fn known(self) -> Option<bool> {
        self.0
    }
}

/// A text; a whole number counts as the text of its digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(Option<String>);

impl Text {
    pub(crate) fn into_option(self) -> Option<String> {
        self.0
    }

    /// Returns the unix second of a time such as `2026-11-21T18:36:16.123456+00:00`; 0, which is long ago, for a text
    /// that is not a time, and `None` for no text.
    pub(crate) fn into_time(self) -> Option<i64> {
        self.0.filter(|text| !text.is_empty()).map(|text| seconds(&text))
    }
}

/// Rounds down, as MISP does when it computes with it.
pub(crate) fn seconds(text: &str) -> i64 {
    text.parse()
        .map_or(0, |at: jiff::Timestamp| at.as_millisecond().div_euclid(1000))
}

/// A UUID, or nothing usable as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Id(Option<Uuid>);

impl Id {
    pub(crate) fn known(self) -> Option<Uuid> {
        self.0
    }
}

/// Takes the rest of a list or an object that has no business here.
macro_rules! skip_nested {
    () => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

struct IntVisitor;

impl<'de> Visitor<'de> for IntVisitor {
    type Value = Int;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E>(self, n: i64) -> Result<Int, E> {
        Ok(Int(Some(n)))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Int, E> {
        Ok(Int(i64::try_from(n).ok()))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Int, E> {
        // Exact below 2^53, and far above any id or time.
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
        Ok(Int((n.fract() == 0.0 && n.abs() < 9e15).then_some(n as i64)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Int, E> {
        Ok(Int(text.trim_ascii().parse().ok()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Int, E> {
        Ok(Int(None))
    }

    skip_nested!();
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntVisitor)
    }
}

struct DecimalVisitor;

impl<'de> Visitor<'de> for DecimalVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "exact below 2^53, and far above any weight or value"
    )]
    fn visit_i64<E>(self, n: i64) -> Result<Decimal, E> {
        Ok(Decimal(Some(n as f64)))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "exact below 2^53, and far above any weight or value"
    )]
    fn visit_u64<E>(self, n: u64) -> Result<Decimal, E> {
        Ok(Decimal(Some(n as f64)))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Decimal, E> {
        Ok(Decimal(Some(n).filter(|n| n.is_finite())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Decimal, E> {
        let number = text.trim_ascii().parse().ok();
        Ok(Decimal(number.filter(|n: &f64| n.is_finite())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Decimal, E> {
        Ok(Decimal(None))
    }

    skip_nested!();
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DecimalVisitor)
    }
}

struct FlagVisitor;

impl<'de> Visitor<'de> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean")
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Flag, E> {
        Ok(Flag(Some(yes)))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Flag, E> {
        Ok(Flag(match n {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Flag, E> {
        Ok(Flag(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Flag, E> {
        Ok(Flag(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Flag, E> {
        Ok(Flag(match text {
            "1" => Some(true),
            "0" => Some(false),
            _ if text.eq_ignore_ascii_case("true") => Some(true),
            _ if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }))
    }

    skip_nested!();
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text(Some(text)))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Text, E> {
        Ok(Text(Some(n.to_string())))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Text, E> {
        Ok(Text(Some(n.to_string())))
    }

    /// A fraction may have been written in another way than it would be here, so its text is not known.
    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text(None))
    }

    skip_nested!();
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a UUID")
    }

    fn visit_str<E>(self, text: &str) -> Result<Id, E> {
        Ok(Id(Uuid::try_parse(text).ok()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Id, E> {
        Ok(Id(None))
    }

    skip_nested!();
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

/// Reads a list; null is an empty one. Anything else is an error, since a list of tags that is not understood may hide
/// one.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads an object; null, and the empty list that PHP makes of an empty object, count as one without fields.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    struct ObjectVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ObjectVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E>(self) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
            match seq.next_element::<IgnoredAny>()? {
                None => Ok(T::default()),
                Some(_) => Err(A::Error::custom("a list where an object was expected")),
            }
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(serde::de::value::MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

/// Reads a number that is not negative; 0 for anything else.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Int::deserialize(deserializer).map(|number| number.unsigned().unwrap_or(0))
}

/// Reads a number that is not negative and may be missing.
pub(crate) fn some_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Int::deserialize(deserializer).map(Int::unsigned)
}

/// Reads a number of 0 to 255 that may be missing.
pub(crate) fn some_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let number = Int::deserialize(deserializer)?.unsigned();
    Ok(number.and_then(|number| u8::try_from(number).ok()))
}

/// Reads a unix second; 0 for anything else.
pub(crate) fn unix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Int::deserialize(deserializer).map(|number| number.signed().unwrap_or(0))
}

/// Reads a yes or no; no for anything else.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Flag::deserialize(deserializer).map(|flag| flag.or(false))
}

/// Reads a text; empty for anything else.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Text::deserialize(deserializer).map(|text| text.into_option().unwrap_or_default())
}

/// Reads a UUID that may be missing.
pub(crate) fn some_uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uuid>, D::Error> {
    Id::deserialize(deserializer).map(Id::known)
}

/// Reads a time such as `2026-11-21T18:36:16.123456+00:00` as unix seconds.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Text::deserialize(deserializer).map(Text::into_time)
}

/// Writes unix seconds as a time that MISP reads.
pub(crate) fn write_time<S: Serializer>(time: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match time.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()) {
        Some(at) => serializer.collect_str(&at.strftime("%Y-%m-%dT%H:%M:%S+00:00")),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_to_the_second_and_nonsense_is_long_ago() {
        for (text, unix) in [
            ("2025-02-01T00:00:00.000000+00:00", 1_738_368_000),
            ("2026-11-21T18:36:16.123456+00:00", 1_795_286_176),
            ("2026-11-21T19:36:16.999999+01:00", 1_795_286_176),
            ("yesterday", 0),
            ("2026-13-40T99:00:00Z", 0),
        ] {
            assert_eq!(seconds(text), unix, "{text}");
        }
    }

    fn read<T: for<'de> Deserialize<'de>>(json: &str) -> T {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_come_as_numbers_and_as_text() {
        for json in ["5", "\"5\"", "\" 5 \"", "5.0"] {
            assert_eq!(read::<Int>(json).unsigned(), Some(5), "{json}");
        }
        for json in [
            "null",
            "\"\"",
            "\"five\"",
            "true",
            "[5]",
            "{\"a\":5}",
            "1e300",
            "9e15",
            "18446744073709551615",
            "5.5",
        ] {
            assert_eq!(read::<Int>(json).signed(), None, "{json}");
        }
        assert_eq!(read::<Int>("-1").unsigned(), None);
    }

    #[test]
    fn numbers_with_a_fraction_come_as_numbers_and_as_text() {
        for json in ["0.25", "\"0.25\"", "\" 25e-2 \""] {
            assert_eq!(read::<Decimal>(json).known(), Some(0.25), "{json}");
        }
        assert_eq!(read::<Decimal>("-3").known(), Some(-3.0));
        for json in ["null", "\"\"", "\"inf\"", "\"NaN\"", "\"1e999\"", "true", "[1]", "{}"] {
            assert_eq!(read::<Decimal>(json).known(), None, "{json}");
        }
    }

    #[test]
    fn an_empty_list_is_an_object_without_fields_and_another_list_says_what_is_wrong() {
        type Names = std::collections::BTreeMap<String, u32>;
        let object = |json: &str| object::<_, Names>(&mut serde_json::Deserializer::from_str(json));
        assert_eq!(object("{\"a\":5}").unwrap(), Names::from([("a".to_owned(), 5)]));
        for json in ["[]", "null"] {
            assert_eq!(object(json).unwrap(), Names::new(), "{json}");
        }
        let error = object("[5]").unwrap_err().to_string();
        assert!(error.starts_with("a list where an object was expected"), "{error}");
    }

    #[test]
    fn booleans_come_as_booleans_numbers_and_text() {
        for json in ["true", "1", "\"1\"", "\"true\"", "\"TRUE\""] {
            assert_eq!(read::<Flag>(json).known(), Some(true), "{json}");
        }
        for json in ["false", "0", "\"0\"", "\"false\""] {
            assert_eq!(read::<Flag>(json).known(), Some(false), "{json}");
        }
        for json in ["null", "2", "-1", "0.5", "\"\"", "[]", "{}"] {
            assert_eq!(read::<Flag>(json).known(), None, "{json}");
        }
    }

    #[test]
    fn what_is_no_uuid_is_none() {
        let uuid = read::<Id>("\"4f872dc7-b84f-4dd9-a742-d71339de23c8\"").known().unwrap();
        assert_eq!(uuid.to_string(), "4f872dc7-b84f-4dd9-a742-d71339de23c8");
        for json in ["null", "\"\"", "\"-\"", "7", "-7", "0.5", "true", "[]", "{}"] {
            assert_eq!(read::<Id>(json).known(), None, "{json}");
        }
    }

    #[test]
    fn text_may_be_a_whole_number_but_not_a_fraction() {
        assert_eq!(read::<Text>("\"a\\u00fc\\n\"").into_option().as_deref(), Some("aü\n"));
        assert_eq!(read::<Text>("64500").into_option().as_deref(), Some("64500"));
        for json in ["null", "1.10", "true", "[\"a\"]", "{}"] {
            assert_eq!(read::<Text>(json).into_option(), None, "{json}");
        }
    }
}
