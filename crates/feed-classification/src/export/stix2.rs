//! `stix2`: a STIX 2.1 bundle of indicators.

use std::io::{self, Write};

use crate::export::name_uuid::NameUuid;
use crate::export::{About, Exporter, FeedInfo, Multiline, QuarantineReason, escape};
use crate::{Indicator, TypeSet};

mod pattern;

use pattern::Pattern;

/// A bundle with the identity "Cratos" and one `indicator` object per value, an object per line, plain ASCII.
///
/// **Patterns** are those of STIX for values that it has an observable for, and the text of rules for `snort`, `yara`
/// and `sigma`. Networks are compared with `ISSUBSET`, since `=` would find the text of the network only.
///
/// **Ids** are UUIDv5 of `TYPE:PATTERN` in the namespace of [`NameUuid`], with the type of the pattern (`stix`, …). So
/// a value has the same id in every feed, on every replica and after every restart, and an address has one id in the
/// feeds `ipv4` and `ip`. STIX asks for UUIDv4 in indicators unless the producer has a reason; this is the reason.
///
/// **Times.** cratosd does not know when a value came into the feed, and STIX demands three times of an indicator:
///
/// - `created` must never change for an id, so it is 1970-01-01, which nobody takes for a fact;
/// - `modified` is the time of the feed's last change. It rises for all objects whenever one value comes or goes:
///   a receiver that keeps the newest version renews what is still listed, which also keeps receivers with an expiry
///   of their own from dropping it;
/// - `valid_from` is the same time. It claims less than may be true and never more: a value that is listed was listed
///   at the last change. The beginning of time would claim that old sightings count, and some receivers would compute
///   an expiry that is past.
///
/// A value that left the feed is no longer in the bundle. No object is marked as revoked.
///
/// There is no marking of TLP, because an exporter does not know it.
///
/// Source: STIX 2.1 (OASIS Standard, 2021-06-10), sections 2.9, 3.2, 4.7, 8 and 9.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stix2;

/// The object that all indicators name as their creator. Its id is the UUIDv5 of `identity:Cratos`.
const IDENTITY: &str = "identity--d155286a-412a-55cf-8301-41386a0b1500";
const CREATED: &str = "1970-01-01T00:00:00.000Z";

impl Exporter for Stix2 {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "stix2",
            "A STIX 2.1 bundle with one indicator object per value, for threat intelligence platforms.",
        )
        .content_type("application/stix+json;version=2.1")
        .extension("json")
        .accepts(TypeSet::RULES.union(pattern::OBSERVABLES))
        .multiline(Multiline::Escaped)
        .titled()
        .dated()
        .consumer("Threat intelligence platforms that read STIX 2.1")
        .limits("A bundle is one JSON object, which a reader has to hold as a whole.")
        .pull("A script or a connector fetches the bundle; it is not a TAXII server. Steps: `docs/recipes/stix2.md`.");
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        Pattern::of(item).is_none().then_some(QuarantineReason::UNREPRESENTABLE)
    }

    fn header(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        let id = NameUuid::of(&["bundle:", feed.kind.as_str(), ":", feed.name]);
        out.write_all(br#"{"type":"bundle","id":"bundle--"#)?;
        out.write_all(id.as_bytes())?;
        write!(
            out,
            "\",\"objects\":[\n{{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"{IDENTITY}\",\"created\":\"{CREATED}\",\
             \"modified\":\"{CREATED}\",\"name\":\"Cratos\",\"identity_class\":\"system\"}}"
        )
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.entry_of(&FeedInfo::new(item.kind, ""), item, out)
    }

    fn entry_of(&self, feed: &FeedInfo<'_>, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Some(pattern) = Pattern::of(item) else {
            return Ok(());
        };
        let id = NameUuid::of(&[pattern.language, ":", &pattern.text]);
        out.write_all(b",\n{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--")?;
        out.write_all(id.as_bytes())?;
        let changed_at = time(feed);
        write!(
            out,
            "\",\"created_by_ref\":\"{IDENTITY}\",\"created\":\"{CREATED}\",\"modified\":\"{changed_at}\",\
             \"valid_from\":\"{changed_at}\",\"indicator_types\":[\"malicious-activity\"],\"name\":"
        )?;
        if TypeSet::RULES.contains(item.kind) {
            write!(out, "\"{} rule\"", item.kind)?;
        } else {
            escape::json_str(item.value, out)?;
        }
        write!(out, ",\"pattern_type\":\"{}\",\"pattern\":", pattern.language)?;
        escape::json_str(&pattern.text, out)?;
        out.write_all(b"}")
    }

    fn footer(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\n]}\n")
    }
}

/// Returns the time of the last change with milliseconds, as STIX writes times.
fn time(feed: &FeedInfo<'_>) -> String {
    let changed_at = feed.changed_at.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{changed_at:.3}")
}

#[cfg(test)]
mod tests {
    use super::{IDENTITY, NameUuid};

    #[test]
    fn the_identity_has_the_id_of_its_name() {
        let id = NameUuid::of(&["identity:Cratos"]);
        assert_eq!(IDENTITY.as_bytes(), [b"identity--", id.as_bytes()].concat());
    }
}
