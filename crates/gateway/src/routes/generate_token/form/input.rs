//! The texts and ticks of a form, kept unchanged so that the page can show them again.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use token_crypto::ExpiryDay;
use zeroize::Zeroize as _;

use super::entries::Entries;
use super::mistakes::Mistakes;
use crate::routes::generate_token::fields::Values;

/// The numbers of days to choose from, and the first choice.
pub(super) const DAYS: [u32; 3] = [30, 90, 365];
const FIRST_DAYS: &str = "90";

/// The three lists of a scope, in the order of the page.
pub(super) const LISTS: [&str; 3] = ["feeds", "types", "outputs"];

/// The fields of the form. Fields of Cratos FastAPI have the same names here.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) domain: String,
    pub(super) proto: String,
    pub(super) port: String,
    /// The MISP key, which is never shown again.
    auth: SecretString,
    /// A number of [`DAYS`], or `date`; empty in a form that does not know it.
    pub(super) expires_in: String,
    pub(super) expire: String,
    /// One for each of [`LISTS`].
    pub(super) picks: [Pick; 3],
    /// The name of a TLP level; empty in a form that does not know it.
    pub(super) max_tlp: String,
    pub(super) networks: String,
    /// The name of the one purpose; empty for a token that reads feeds, and in a form that does not know it.
    pub(super) only: String,
    pub(super) permissions: Vec<String>,
    pub(super) label: String,
}

/// A choice between all names and some.
#[derive(Debug, Default)]
pub(super) struct Pick {
    /// `all` or `some`; empty in a form that does not know it.
    which: String,
    pub(super) ticked: Vec<String>,
}

impl Default for Input {
    /// Returns the form as the page first shows it.
    fn default() -> Self {
        Self {
            proto: "https".to_owned(),
            port: "443".to_owned(),
            expires_in: FIRST_DAYS.to_owned(),
            ..Self::read(Entries::new())
        }
    }
}

impl Pick {
    /// Returns whether the choice is limited to the ticked names.
    pub(super) fn is_limited(&self) -> bool {
        self.which == "some" || (self.which.is_empty() && !self.ticked.is_empty())
    }
}

impl Input {
    /// Reads the known fields of a form. Of two values for one field the last counts, as in a query.
    pub(super) fn read(entries: Entries) -> Self {
        let mut input = Self {
            domain: String::new(),
            proto: String::new(),
            port: String::new(),
            auth: SecretString::default(),
            expires_in: String::new(),
            expire: String::new(),
            picks: Default::default(),
            max_tlp: String::new(),
            networks: String::new(),
            only: String::new(),
            permissions: Vec::new(),
            label: String::new(),
        };
        for (name, value) in entries {
            input.take(&name, value);
        }
        input
    }

    fn take(&mut self, name: &str, mut value: String) {
        if let Some(place) = LISTS.iter().position(|list| *list == name)
            && let Some(pick) = self.picks.get_mut(place)
        {
            pick.ticked.push(value);
            return;
        }
        if let Some(list) = name.strip_suffix("_which")
            && let Some(place) = LISTS.iter().position(|known| *known == list)
            && let Some(pick) = self.picks.get_mut(place)
        {
            pick.which = value;
            return;
        }
        let text = || value.trim().to_owned();
        match name {
            "domain" => self.domain = text(),
            "proto" => self.proto = text(),
            "port" => self.port = text(),
            "auth" => {
                self.auth = SecretString::from(value.trim());
                value.zeroize();
            }
            "expires_in" => self.expires_in = text(),
            "expire" => self.expire = text(),
            "max_tlp" => self.max_tlp = text(),
            "networks" => self.networks = value,
            "only" => self.only = text(),
            "permissions" => self.permissions.push(value),
            "label" => self.label = text(),
            _ => {}
        }
    }

    /// Returns how many characters the MISP key has.
    pub(super) fn key_length(&self) -> usize {
        self.auth.expose_secret().chars().count()
    }

    /// Returns the fields as the JSON route takes them. Mistakes that only a form can have are added to `mistakes`.
    ///
    /// A form with the choices of a scope makes a token with a scope, which has the ticked permissions only. A form
    /// without them is that of Cratos FastAPI, and makes a token without limits as it does there.
    pub(super) fn fields(&self, now: jiff::Timestamp, mistakes: &mut Mistakes) -> Values {
        let mut fields = Map::new();
        let mut set = |name: &str, text: &str| {
            if !text.is_empty() {
                fields.insert(name.to_owned(), Value::from(text));
            }
        };
        set("domain", &self.domain);
        set("proto", &self.proto);
        set("port", &self.port);
        set("auth", self.auth.expose_secret());
        set("label", &self.label);
        set("max_tlp", &self.max_tlp);
        set("only", &self.only);
        if let Some(day) = self.day(now, mistakes) {
            set("expire", &day);
        }
        let mut has_scope = !self.max_tlp.is_empty() || !self.only.is_empty();
        for (list, pick) in LISTS.into_iter().zip(&self.picks) {
            if let Some(value) = pick.value(list, mistakes) {
                fields.insert(list.to_owned(), value);
                has_scope = true;
            }
        }
        let networks: Vec<&str> = words(&self.networks).collect();
        if !networks.is_empty() {
            fields.insert("networks".to_owned(), networks.into());
        }
        if has_scope || !self.permissions.is_empty() {
            fields.insert("permissions".to_owned(), self.permissions.clone().into());
        }
        fields.into()
    }

    /// Returns the day as a date. A number of days and another date together are a mistake.
    fn day(&self, now: jiff::Timestamp, mistakes: &mut Mistakes) -> Option<String> {
        if matches!(self.expires_in.as_str(), "" | "date") {
            return Some(self.expire.clone());
        }
        let Some(days) = DAYS.into_iter().find(|days| days.to_string() == self.expires_in) else {
            mistakes.push("expire", "Choose how long the token shall work.");
            // Any valid day, since the mistake is noted already.
            return Some(ExpiryDay::days_from(now.as_second(), 1).to_string());
        };
        let day = ExpiryDay::days_from(now.as_second(), days).to_string();
        if !self.expire.is_empty() && self.expire != day {
            let text = format!("You chose {days} days and also wrote a date: choose one of them, or empty the date.");
            mistakes.push("expire", text);
        }
        Some(day)
    }
}

impl Pick {
    fn value(&self, list: &'static str, mistakes: &mut Mistakes) -> Option<Value> {
        match (self.which.as_str(), self.ticked.is_empty()) {
            ("", true) => None,
            ("" | "some", false) => Some(self.ticked.clone().into()),
            ("all", true) => Some("all".into()),
            ("all", false) => {
                // Read as all, this would make a wider token than the ticks mean.
                mistakes.push(
                    list,
                    format!("You chose all {list} and ticked some: choose “only these”, or untick them."),
                );
                None
            }
            ("some", true) => {
                mistakes.push(list, format!("Tick at least one of the {list}, or choose all."));
                None
            }
            _ => {
                mistakes.push(list, format!("Choose all {list} or some."));
                None
            }
        }
    }
}

/// Networks can be written one per line, or with commas between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|mark: char| mark.is_whitespace() || matches!(mark, ',' | ';'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn fields(entries: &[(&str, &str)]) -> (Value, Vec<String>) {
        let entries = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut mistakes = Mistakes::default();
        let input = Input::read(entries.collect());
        let fields = input.fields("2026-11-25T12:00:00Z".parse().unwrap(), &mut mistakes);
        let wrong = mistakes.iter().map(|mistake| mistake.field.to_owned()).collect();
        (Value::Object(Map::clone(&fields)), wrong)
    }

    #[test]
    fn the_form_of_the_reference_makes_a_token_without_a_scope() {
        let (fields, wrong) = fields(&[
            ("port", "443"),
            ("proto", "https"),
            ("domain", " misp.example.net "),
            ("expire", "2027-12-31"),
        ]);
        assert_eq!(
            fields,
            json!({ "port": "443", "proto": "https", "domain": "misp.example.net", "expire": "2027-12-31" })
        );
        assert!(wrong.is_empty());
    }

    #[test]
    fn the_choices_of_the_page_become_a_scope() {
        let (fields, wrong) = fields(&[
            ("expires_in", "30"),
            ("feeds_which", "some"),
            ("feeds", "block"),
            ("feeds", "42"),
            ("types_which", "all"),
            ("outputs_which", "all"),
            ("max_tlp", "amber"),
            ("networks", "10.0.0.0/8, 192.0.2.1\r\n\r\n2001:db8::/32"),
        ]);
        assert_eq!(
            fields,
            json!({
                "expire": "2026-12-25", "feeds": ["block", "42"], "types": "all", "outputs": "all", "max_tlp": "amber",
                "networks": ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"], "permissions": [],
            })
        );
        assert!(wrong.is_empty());
    }

    #[test]
    fn a_purpose_is_a_scope_by_itself() {
        let (fields, wrong) = fields(&[("expires_in", "30"), ("only", "lookup"), ("permissions", "context")]);
        let expected = json!({ "expire": "2026-12-25", "only": "lookup", "permissions": ["context"] });
        assert_eq!((fields, wrong), (expected, Vec::new()));
    }

    #[test]
    fn answers_that_contradict_each_other_are_asked_for_again() {
        for (entries, field) in [
            (vec![("expires_in", "30"), ("expire", "2027-12-31")], "expire"),
            (vec![("expires_in", "31")], "expire"),
            (vec![("feeds_which", "all"), ("feeds", "block")], "feeds"),
            (vec![("types_which", "some")], "types"),
            (vec![("outputs_which", "x")], "outputs"),
        ] {
            assert_eq!(fields(&entries).1, [field], "{entries:?}");
        }
    }

    #[test]
    fn the_key_is_kept_out_of_what_is_printed() {
        let input = Input::read(vec![("auth".to_owned(), " VeryPrivateKey ".to_owned())]);
        assert_eq!(input.key_length(), 14);
        assert!(!format!("{input:?}").contains("Private"));
    }

    proptest! {
        #[test]
        fn nothing_typed_makes_it_panic(entries in prop::collection::vec(("(feeds|types_which|expires_in|expire|networks|.{0,5})", ".{0,20}"), 0..8)) {
            let _ = Input::read(entries).fields("2026-11-25T12:00:00Z".parse().unwrap(), &mut Mistakes::default());
        }
    }
}
