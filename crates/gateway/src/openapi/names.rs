//! Schemas of names from closed lists: feeds, types, ages, levels, permissions.
//!
//! The lists belong to crates that know nothing of JSON Schema, and some have no struct that could derive it. A struct
//! that is described takes one of these types with `#[schemars(with = "…")]`.

use std::borrow::Cow;
use std::marker::PhantomData;

use feed_classification::{Age, FeedName, IndicatorType, Tlp};
use feed_engine::{Relation, Unscored};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use token_crypto::{Permission, Protocol};

/// A closed list of names.
pub(crate) trait Names {
    /// The names, in the order in which the document shows them.
    fn names() -> Vec<&'static str>;
}

/// One name of the list.
pub(crate) struct OneOf<T>(PhantomData<T>);

/// One name of the list, or the empty text for none: answers for adapters that cannot read `null`.
pub(crate) struct OneOfOrEmpty<T>(PhantomData<T>);

/// The text `all`, or a list of names.
pub(crate) struct AllOrSome<T>(PhantomData<T>);

/// A name, or a list with one name or more.
pub(crate) struct OneOrMore<T>(PhantomData<T>);

/// The permissions that can be given to a token.
pub(crate) struct OfferedPermission;

/// The permissions that a token can have instead of reading feeds.
pub(crate) struct Purpose;

macro_rules! names {
    ($($list:ty => $names:expr;)*) => {
        $(impl Names for $list {
            fn names() -> Vec<&'static str> {
                $names.to_vec()
            }
        })*
    };
}

names! {
    FeedName => Self::NAMES;
    IndicatorType => Self::NAMES;
    Age => Self::NAMES;
    Tlp => Self::ALL.map(Self::as_str);
    Unscored => Self::ALL.map(Self::as_str);
    Relation => [Self::Exact, Self::Host, Self::Network, Self::Parent].map(Self::as_str);
    Protocol => ["https", "http"];
    sightings::Kind => [Self::Hit, Self::FalsePositive].map(Self::as_str);
    OfferedPermission => Permission::OFFERED.iter().map(|permission| permission.as_str()).collect::<Vec<_>>();
    Purpose => Permission::PURPOSES.iter().map(|permission| permission.as_str()).collect::<Vec<_>>();
}

macro_rules! schema {
    ($($shape:ident => $schema:expr;)*) => {
        $(impl<T: Names> JsonSchema for $shape<T> {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($shape).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let schema: fn(Vec<&'static str>) -> Schema = $schema;
                schema(T::names())
            }
        })*
    };
}

schema! {
    OneOf => |names| json_schema!({ "type": "string", "enum": names });
    OneOfOrEmpty => |mut names| {
        names.insert(0, "");
        json_schema!({ "type": "string", "enum": names })
    };
    AllOrSome => |names| json_schema!({ "oneOf": [
        { "type": "string", "const": "all" },
        { "type": "array", "items": { "type": "string", "enum": names } },
    ] });
    OneOrMore => |names| json_schema!({ "oneOf": [
        { "type": "string", "enum": names },
        { "type": "array", "minItems": 1, "items": { "type": "string", "enum": names } },
    ] });
}
