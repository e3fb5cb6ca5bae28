//! An attribute, and its place in an object.

use uuid::Uuid;

use super::{Moment, TagUse};

/// Where an attribute stands in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InObject {
    /// The number of the object.
    pub id: u64,
    /// The role of the attribute there, such as `ip`.
    pub relation: String,
    /// Who sees the object.
    pub distribution: u8,
}

/// One value of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its UUID; made from the number when absent.
    pub uuid: Option<Uuid>,
    /// Its MISP type, such as `ip-dst|port`.
    pub kind: String,
    /// Its category; the usual one of the type when absent.
    pub category: Option<String>,
    /// Its value; composites with `|`.
    pub value: String,
    /// Whether it is meant for detection.
    pub to_ids: bool,
    /// Its last change; that of the event when absent.
    pub changed: Option<Moment>,
    /// Whether it is soft deleted.
    pub deleted: bool,
    /// Its comment.
    pub comment: String,
    /// Who sees it: 5 is as the event, 0 the own organisation only; others count as 5.
    pub distribution: u8,
    /// When it was first seen, ISO 8601.
    pub first_seen: Option<String>,
    /// When it was last seen, ISO 8601.
    pub last_seen: Option<String>,
    /// Its place in an object.
    pub object: Option<InObject>,
    /// Its own tags.
    pub tags: Vec<TagUse>,
}

impl Attribute {
    /// Returns an attribute for detection (`to_ids` on) that is as old as its event.
    #[must_use]
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            id: 0,
            uuid: None,
            kind: kind.into(),
            category: None,
            value: value.into(),
            to_ids: true,
            changed: None,
            deleted: false,
            comment: String::new(),
            distribution: 5,
            first_seen: None,
            last_seen: None,
            object: None,
            tags: Vec::new(),
        }
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<TagUse>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Sets whether it is meant for detection.
    #[must_use]
    pub fn to_ids(mut self, to_ids: bool) -> Self {
        self.to_ids = to_ids;
        self
    }

    /// Sets its last change.
    #[must_use]
    pub fn changed(mut self, moment: Moment) -> Self {
        self.changed = Some(moment);
        self
    }

    /// Soft deletes it.
    #[must_use]
    pub fn deleted(mut self) -> Self {
        self.deleted = true;
        self
    }

    /// Sets when it was last seen, ISO 8601.
    #[must_use]
    pub fn last_seen(mut self, time: impl Into<String>) -> Self {
        self.last_seen = Some(time.into());
        self
    }

    /// Sets its comment.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }
}

/// Returns the default category of an attribute of this type.
#[must_use]
pub(crate) fn usual_category(kind: &str) -> &'static str {
    match kind {
        "email-subject" | "email-attachment" | "filename" | "vulnerability" | "email" | "email-src" | "email-dst" => {
            "Payload delivery"
        }
        "md5" | "sha1" | "sha256" | "sha512" | "imphash" | "ssdeep" | "tlsh" | "sigma" => "Payload delivery",
        "yara" => "Payload installation",
        "mutex" => "Artifacts dropped",
        "btc" | "xmr" | "dash" | "iban" => "Financial fraud",
        "comment" | "text" | "other" => "Other",
        kind if kind.starts_with("filename|") => "Payload delivery",
        kind if kind.starts_with("regkey") => "Persistence mechanism",
        _ => "Network activity",
    }
}
