//! What is put into the stand-in: organisations, users, tags, warninglists, events and their attributes.
//!
//! These are descriptions, written by hand, read from an event file or generated. [`Store`](crate::Store) turns them into
//! rows with ids and absolute times.

use uuid::Uuid;

/// A point in time: absolute, or counted back from the moment the data are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Unix seconds.
    At(i64),
    /// So many seconds before the clock of the stand-in at load time, so that sample data never get old.
    Ago(u64),
}

impl Moment {
    /// Returns the moment in unix seconds, seen from `now`.
    #[must_use]
    pub fn resolve(self, now: i64) -> i64 {
        match self {
            Self::At(unix) => unix,
            Self::Ago(seconds) => now.saturating_sub(i64::try_from(seconds).unwrap_or(i64::MAX)),
        }
    }

    /// Reads an age such as `10m`, `3d`, `2w` or `3y` (a year is 365 days, a week seven); `None` for anything else.
    #[must_use]
    pub fn from_age(text: &str) -> Option<Self> {
        let number = text.get(..text.len().checked_sub(1)?)?;
        let seconds: u64 = match text.as_bytes().last()? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 7 * 86_400,
            b'y' => 365 * 86_400,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds).map(Self::Ago)
    }
}

/// An organisation that owns events or has users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its UUID, by which `org` filters and organisation feeds name it.
    pub uuid: Uuid,
}

impl Organisation {
    /// Returns an organisation that gets the next free number.
    #[must_use]
    pub fn new(name: impl Into<String>, uuid: Uuid) -> Self {
        Self {
            id: 0,
            name: name.into(),
            uuid,
        }
    }
}

/// A user with one auth key.
#[derive(Clone)]
pub struct User {
    /// The user's number; 0 asks for the next free one.
    pub id: u64,
    /// The e-mail address, which is the login name.
    pub email: String,
    /// The number of the user's organisation.
    pub organisation: u64,
    /// The auth key; MISP knows only those of 40 characters.
    pub key: String,
    /// What the user may do.
    pub role: Role,
    /// Whether the user is disabled; the key is refused then.
    pub disabled: bool,
    /// When the key ends, unix seconds; refused from then on.
    pub key_expires: Option<i64>,
    /// The only addresses the key may be used from; none: from everywhere.
    pub allowed_addresses: Vec<std::net::IpAddr>,
    /// How many searches the role allows in 900 s; none: any number.
    pub rate_limit: Option<u32>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("email", &self.email)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl User {
    /// Returns a read only user of the organisation with that number.
    #[must_use]
    pub fn reader(email: impl Into<String>, organisation: u64, key: impl Into<String>) -> Self {
        Self {
            id: 0,
            email: email.into(),
            organisation,
            key: key.into(),
            role: Role::ReadOnly,
            disabled: false,
            key_expires: None,
            allowed_addresses: Vec::new(),
            rate_limit: None,
        }
    }

    /// Returns a user of the organisation with that number who may add sightings too.
    #[must_use]
    pub fn reporter(email: impl Into<String>, organisation: u64, key: impl Into<String>) -> Self {
        Self {
            role: Role::Reporter,
            ..Self::reader(email, organisation, key)
        }
    }

    /// Returns a site admin: sees every event, works in maintenance mode.
    #[must_use]
    pub fn site_admin(email: impl Into<String>, organisation: u64, key: impl Into<String>) -> Self {
        Self {
            role: Role::SiteAdmin,
            ..Self::reader(email, organisation, key)
        }
    }
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Reads what the organisation may see.
    ReadOnly,
    /// Reads what the organisation may see, and adds sightings.
    Reporter,
    /// Reads everything, also in maintenance mode.
    SiteAdmin,
}

/// A tag that events and attributes may carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its name; MISP compares it byte by byte.
    pub name: String,
    /// Its colour as `#rrggbb`.
    pub colour: String,
    /// Whether it is in answers without `includeAllTags`.
    pub exportable: bool,
    /// What it is worth, where a taxonomy says so.
    pub numerical_value: Option<i64>,
}

impl Tag {
    /// Returns an exportable tag with the next free number and a colour made from the name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let mix = name
            .bytes()
            .fold(0x0033_6699_u32, |mix, byte| mix.rotate_left(5) ^ u32::from(byte));
        Self {
            id: 0,
            colour: format!("#{:06x}", mix & 0x00ff_ffff),
            name,
            exportable: true,
            numerical_value: None,
        }
    }

    /// Sets what it is worth, as a taxonomy does.
    #[must_use]
    pub fn worth(mut self, numerical_value: i64) -> Self {
        self.numerical_value = Some(numerical_value);
        self
    }
}

/// A tag put on an event or an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagUse {
    /// The name of the tag; made when it does not exist.
    pub name: String,
    /// Whether it is attached locally: such a tag does not change the event (fact 60).
    pub local: bool,
}

impl<T: Into<String>> From<T> for TagUse {
    fn from(name: T) -> Self {
        Self {
            name: name.into(),
            local: false,
        }
    }
}

/// How a warninglist compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarninglistKind {
    /// Networks: an address inside one is a hit.
    Cidr,
    /// Host names: the name itself and everything below it; URLs by their host.
    Hostname,
    /// Whole values.
    String,
    /// Parts of values.
    Substring,
}

/// A list of values that are known to be harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warninglist {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What it says about a hit.
    pub description: String,
    /// How it compares.
    pub kind: WarninglistKind,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The attribute types it is for; others are never taken out by it.
    pub attribute_types: Vec<String>,
    /// Its entries.
    pub entries: Vec<String>,
}

impl Warninglist {
    /// Returns an enabled list.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: WarninglistKind, attribute_types: &[&str], entries: &[&str]) -> Self {
        let name = name.into();
        Self {
            id: 0,
            description: format!("Event contains one or more entries of: {name}"),
            name,
            kind,
            enabled: true,
            attribute_types: attribute_types.iter().map(ToString::to_string).collect(),
            entries: entries.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Whether and when an event was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// Never published.
    Draft,
    /// Published; without a moment, at its last change.
    Published(Option<Moment>),
    /// Published at that moment and changed since, so not published now (fact 41).
    Edited(Moment),
    /// Taken back on purpose: the time of publication stays, not before the last change (fact 60).
    Withdrawn(Option<Moment>),
}

/// An event with its attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its UUID; made from the number when absent.
    pub uuid: Option<Uuid>,
    /// Its title.
    pub info: String,
    /// The name of the organisation that made it; the first organisation when absent.
    pub creator: Option<String>,
    /// The name of the organisation that owns it here; the creator when absent.
    pub owner: Option<String>,
    /// Its last change; that of its newest attribute when absent.
    pub changed: Option<Moment>,
    /// Its date, `YYYY-MM-DD`; the day of its last change when absent.
    pub date: Option<String>,
    /// Whether it is published.
    pub publication: Publication,
    /// Who sees it: 0 is its organisation only, 1 everybody on the site; others count as 1.
    pub distribution: u8,
    /// 1 (high) to 4 (undefined).
    pub threat_level: u8,
    /// 0 (initial) to 2 (completed).
    pub analysis: u8,
    /// Its tags, which its attributes inherit.
    pub tags: Vec<TagUse>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Whether it is protected: the event index leaves such events out (fact 61).
    pub protected: bool,
    /// MISP's own count of its attributes, which may have drifted from the truth; the true count when absent.
    pub attribute_count: Option<u64>,
    /// The e-mail address of who made it.
    pub creator_email: String,
}

impl Event {
    /// Returns a published event of the first organisation, with no attributes yet.
    #[must_use]
    pub fn new(info: impl Into<String>) -> Self {
        Self {
            id: 0,
            uuid: None,
            info: info.into(),
            creator: None,
            owner: None,
            changed: None,
            date: None,
            publication: Publication::Published(None),
            distribution: 1,
            threat_level: 2,
            analysis: 1,
            tags: Vec::new(),
            attributes: Vec::new(),
            protected: false,
            attribute_count: None,
            creator_email: "analyst@cert.example.org".to_owned(),
        }
    }

    /// Makes it a protected event.
    #[must_use]
    pub fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    /// Sets MISP's own count of its attributes, which may be wrong.
    #[must_use]
    pub fn attribute_count(mut self, count: u64) -> Self {
        self.attribute_count = Some(count);
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<TagUse>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Sets the name of the organisation that made it.
    #[must_use]
    pub fn creator(mut self, organisation: impl Into<String>) -> Self {
        self.creator = Some(organisation.into());
        self
    }

    /// Sets whether it is published.
    #[must_use]
    pub fn publication(mut self, publication: Publication) -> Self {
        self.publication = publication;
        self
    }

    /// Sets its last change.
    #[must_use]
    pub fn changed(mut self, moment: Moment) -> Self {
        self.changed = Some(moment);
        self
    }

    /// Makes it visible to its own organisation only.
    #[must_use]
    pub fn own_organisation_only(mut self) -> Self {
        self.distribution = 0;
        self
    }
}

/// Where an attribute stands in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InObject {
    /// The number of the object.
    pub id: u64,
    /// What the attribute is there, such as `ip`.
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

/// Returns the category that MISP gives an attribute of this type by itself.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_count_back_from_now() {
        assert_eq!(
            Moment::from_age("3d").map(|m| m.resolve(1_000_000)),
            Some(1_000_000 - 3 * 86_400)
        );
        assert_eq!(Moment::from_age("2w"), Some(Moment::Ago(14 * 86_400)));
    }

    #[test]
    fn what_is_no_age_is_refused() {
        for text in ["", "d", "3", "3 d", "-3d", "3ä", "99999999999999999999y"] {
            assert_eq!(Moment::from_age(text), None, "{text}");
        }
    }
}
