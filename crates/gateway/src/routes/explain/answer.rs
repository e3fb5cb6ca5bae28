//! The answer of an explanation.

use feed_classification::GuardRule;
use feed_engine::{FeedExplanation, HarmlessMark, ReasonedAttribute, RowRule};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Why a value is in a feed or not. Texts are empty where there is nothing to say.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
pub(super) struct Explained<'e> {
    /// The value in the form in which feeds have it; as the caller wrote it if it is not a value of the feed's type.
    value: &'e str,
    /// Whether the feed has the value, as devices get it now.
    listed: bool,
    /// The rule of the guard that keeps the value out of the feed, or cuts it if it is a network.
    #[schemars(extend("enum" = ["", "special_purpose", "wide_prefixes", "public_suffixes", "never_export", "false_positive", "too_many_parts"]))]
    guard: &'static str,
    /// What the output does with a listed value.
    #[schemars(extend("enum" = ["not_listed", "written", "rewritten", "left_out", "truncated", "aggregated", "outdone", "renamed"]))]
    output: &'static str,
    /// The form, the names or the network in which the output has the value, or why it leaves the value out.
    output_detail: &'e str,
    /// Where the answer comes from: the mirror, or a question to MISP about this value.
    #[schemars(extend("enum" = ["mirror", "direct"]))]
    way: &'static str,
    /// Whether the source of the feed knows attributes and rules. Without them the other fields are empty.
    reasons_known: bool,
    /// When MISP last confirmed the attributes; missing for those that MISP named just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    as_of: Option<String>,
    /// Why the text is not a value of the feed's type.
    invalid: String,
    /// Whether an analyst called the value harmless, which takes it out of all feeds. The event may be beyond the
    /// limits of the token, and `harmless_by` empty.
    harmless: bool,
    /// The attributes that call it harmless.
    harmless_by: Vec<Mark<'e>>,
    /// The attributes that name the value, in order of their events; at most a hundred.
    attributes: Vec<AttributeBefore<'e>>,
    /// The number of further attributes.
    more_attributes: usize,
}

/// An attribute that calls a value harmless.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExplainedMark")]
struct Mark<'e> {
    /// The value, or a network that contains it.
    value: &'e str,
    /// The number of the event in MISP.
    event_id: String,
    /// The page of the event in MISP.
    event_url: String,
    /// When the attribute last changed.
    changed_at: String,
}

/// An attribute that names the value, before the rules of the feed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExplainedAttribute")]
struct AttributeBefore<'e> {
    /// Whether every rule lets it pass.
    counts: bool,
    /// The value as the attribute has it, in the form of feeds: a network where the feed writes its addresses out.
    value: &'e str,
    /// MISP's numbers of the attribute; several if attributes of one event do not differ.
    attribute_ids: Vec<String>,
    /// MISP's attribute type.
    attribute_type: &'e str,
    /// When the attribute last changed.
    changed_at: String,
    /// The number of the event in MISP.
    event_id: String,
    /// The UUID of the event.
    event_uuid: String,
    /// The title of the event.
    event_info: &'e str,
    /// The page of the event in MISP.
    event_url: String,
    /// When the event was last published; empty if never.
    published_at: String,
    /// `current` for the attribute as it is now, `last_published` for the one as its event was last published.
    #[schemars(extend("enum" = ["current", "last_published"]))]
    state: &'static str,
    /// The TLP level of attribute and event.
    tlp: &'static str,
    /// The decay score, where the query limits scores and the model covers the attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64")]
    score: Option<f64>,
    /// The warninglists that name the value, as far as their names are known.
    warninglists: &'e [String],
    /// Why the value of the attribute is not valid for the type.
    invalid: String,
    /// Each rule in order, and whether it lets the attribute pass.
    rules: Vec<Judged>,
}

/// A rule before which an attribute stands.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExplainedRule")]
struct Judged {
    /// The rule.
    #[schemars(extend("enum" = RowRule::ALL.iter().map(|rule| rule.as_str()).collect::<Vec<_>>()))]
    rule: &'static str,
    /// Whether it lets the attribute pass.
    passes: bool,
}

impl<'e> Explained<'e> {
    pub(super) fn of(explained: &'e FeedExplanation, address: &str) -> Self {
        let reasons = explained.reasons.as_ref();
        let about = reasons.map(|reasons| &reasons.explanation);
        let marks = about.map_or(&[][..], |about| &about.harmless).iter();
        let attributes = reasons.map_or(&[][..], |reasons| &reasons.attributes).iter();
        let invalid = about.and_then(|about| about.invalid);
        Self {
            value: &explained.value,
            listed: explained.is_listed,
            guard: explained.guard.map_or("", GuardRule::as_str),
            output: explained.output.as_str(),
            output_detail: explained.output.detail(),
            way: explained.way.as_str(),
            reasons_known: reasons.is_some(),
            as_of: reasons.and_then(|reasons| reasons.as_of).map(|at| at.to_string()),
            invalid: invalid.map(|reason| reason.to_string()).unwrap_or_default(),
            harmless: about.is_some_and(|about| about.is_harmless),
            harmless_by: marks.map(|mark| Mark::of(mark, address)).collect(),
            attributes: attributes
                .map(|attribute| AttributeBefore::of(attribute, address))
                .collect(),
            more_attributes: about.map_or(0, |about| about.more_attributes),
        }
    }
}

impl<'e> Mark<'e> {
    fn of(mark: &'e HarmlessMark, address: &str) -> Self {
        Self {
            value: &mark.value,
            event_id: mark.event.id.to_string(),
            event_url: event_url(address, mark.event.id),
            changed_at: moment(mark.timestamp),
        }
    }
}

impl<'e> AttributeBefore<'e> {
    fn of(attribute: &'e ReasonedAttribute, address: &str) -> Self {
        let (about, event) = (&attribute.about, &attribute.about.event);
        let rules = about.rules.iter().map(|(rule, passes)| Judged {
            rule: rule.as_str(),
            passes: *passes,
        });
        Self {
            counts: about.counts(),
            value: &about.value,
            attribute_ids: attribute.ids.iter().map(u64::to_string).collect(),
            attribute_type: &about.attribute_type,
            changed_at: moment(about.timestamp),
            event_id: event.id.to_string(),
            event_uuid: event.uuid.map(|uuid| uuid.to_string()).unwrap_or_default(),
            event_info: &event.info,
            event_url: event_url(address, event.id),
            published_at: moment(event.publish_timestamp),
            state: if about.is_current { "current" } else { "last_published" },
            tlp: about.tlp.map(|level| level.as_str()).unwrap_or_default(),
            score: about.score,
            warninglists: &attribute.warninglists,
            invalid: about.invalid.map(|reason| reason.to_string()).unwrap_or_default(),
            rules: rules.collect(),
        }
    }
}

fn event_url(address: &str, id: u64) -> String {
    format!("{address}/events/view/{id}")
}

/// Returns a time of MISP; nothing for 0, which means never.
fn moment(unix_seconds: i64) -> String {
    let moment = Timestamp::from_second(unix_seconds).ok().filter(|_| unix_seconds > 0);
    moment.map(|moment| moment.to_string()).unwrap_or_default()
}
