//! The mistakes in a form, in sentences that the page shows beside the fields.

use crate::invalid::Invalid;
use crate::reject::Reject;

/// One mistake.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The name of the field, or the empty text for a mistake of the whole form.
    pub(super) field: &'static str,
    pub(super) text: String,
}

/// All mistakes, in the order of the page.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<Mistake>);

/// Each field in the order of the page, and the element that a link to it leads to.
const PLACES: [(&str, &str); 13] = [
    ("", "form"),
    ("domain", "domain"),
    ("proto", "proto"),
    ("port", "port"),
    ("auth", "auth"),
    ("expire", "expires-30"),
    ("feeds", "feeds-all"),
    ("types", "types-all"),
    ("outputs", "outputs-all"),
    ("max_tlp", "max_tlp"),
    ("networks", "networks"),
    ("only", "only"),
    ("label", "label"),
];

impl Mistake {
    /// Returns the id of the element that a link to the mistake leads to.
    pub(super) fn anchor(&self) -> &'static str {
        let place = PLACES.iter().find(|(field, _)| *field == self.field);
        place.map_or("form", |(_, anchor)| anchor)
    }
}

impl Mistakes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }

    /// Returns the sentences about one field.
    pub(super) fn of(&self, field: &str) -> Option<String> {
        let texts: Vec<&str> = self
            .iter()
            .filter(|mistake| mistake.field == field)
            .map(|mistake| mistake.text.as_str())
            .collect();
        (!texts.is_empty()).then(|| texts.join(" "))
    }

    /// Adds a mistake that the form itself has found.
    pub(super) fn push(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.push(Mistake {
            field,
            text: text.into(),
        });
        let place = |mistake: &Mistake| PLACES.iter().position(|(field, _)| *field == mistake.field);
        self.0.sort_by_key(place);
    }

    /// Adds the mistakes that the checks of an order have found.
    /// `key_length` is the number of characters in the MISP key.
    pub(super) fn add(&mut self, wrong: &[Invalid], key_length: usize) {
        for invalid in wrong {
            let field = PLACES.iter().find(|(field, _)| Some(*field) == invalid.field());
            self.push(field.map_or("", |(field, _)| field), sentence(invalid, key_length));
        }
    }

    /// Adds the reason why a form without mistakes makes no token, for example a MISP that does not answer.
    pub(super) fn add_trouble(&mut self, reject: &Reject) {
        let text = match reject {
            Reject::TooOften { retry_after } => {
                let seconds = retry_after.as_secs().max(1);
                format!("Too many tokens were asked for from your address. Try again in {seconds} seconds.")
            }
            Reject::Unavailable { .. } | Reject::TimedOut { .. } => {
                format!(
                    "The key could not be checked, so no token was made: {}. Try again later.",
                    reject.words()
                )
            }
            _ => "Something went wrong here, and no token was made. The log of the server says what.".to_owned(),
        };
        self.push("", text);
    }
}

fn sentence(invalid: &Invalid, key_length: usize) -> String {
    let written = invalid.written().unwrap_or_default();
    match (invalid.field().unwrap_or_default(), invalid.kind()) {
        ("domain", "missing") => "Say which MISP instance the token is for.".to_owned(),
        ("proto", _) => "Choose https or http.".to_owned(),
        ("port", "missing") => "Enter the port of the MISP instance, such as 443.".to_owned(),
        ("port", "value_error") if invalid.reason().contains("MISP instance") => whole(invalid.reason()),
        ("port", _) => "A port is a whole number from 1 to 65535.".to_owned(),
        ("auth", "missing") => "Enter the MISP key.".to_owned(),
        ("auth", "value_error") if invalid.reason().starts_with("a MISP key is") => {
            format!("{} This one has {key_length} characters.", whole(invalid.reason()))
        }
        ("expire", "missing") => "Choose how long the token shall work, or write a date.".to_owned(),
        ("expire", "date_from_datetime_parsing") => {
            format!("“{written}” is no day. Write it as year, month and day: 2027-12-31.")
        }
        ("max_tlp", _) => "Choose one of the TLP levels.".to_owned(),
        ("only", _) => "Choose one of the purposes.".to_owned(),
        ("networks", "enum") => {
            format!("“{written}” is neither an address nor a network.")
        }
        (_, "enum") => format!("There is no “{written}”."),
        _ => whole(invalid.reason()),
    }
}

/// Makes a sentence of a fragment.
fn whole(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let mut text: String = first.chain(letters).collect();
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::input::Input;
    use super::*;
    use crate::routes::generate_token::order::Order;
    use feed_classification::Registry;

    fn mistakes(entries: &[(&str, &str)]) -> Vec<String> {
        let entries = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let input = Input::read(entries.collect());
        let now = "2026-11-25T12:00:00Z".parse().unwrap();
        let mut mistakes = Mistakes::default();
        let fields = input.fields(now, &mut mistakes);
        let wrong = Order::of(&fields, &Registry::builtin(), now).err().unwrap_or_default();
        mistakes.add(&wrong, input.key_length());
        mistakes
            .iter()
            .map(|mistake| format!("{} → {}: {}", mistake.field, mistake.anchor(), mistake.text))
            .collect()
    }

    #[test]
    fn an_empty_form_is_told_what_it_needs() {
        insta::assert_snapshot!(mistakes(&[]).join("\n"), @r"
        domain → domain: Say which MISP instance the token is for.
        proto → proto: Choose https or http.
        port → port: Enter the port of the MISP instance, such as 443.
        auth → auth: Enter the MISP key.
        expire → expires-30: Choose how long the token shall work, or write a date.
        ");
    }

    #[test]
    fn every_wrong_field_has_a_sentence_in_the_order_of_the_page() {
        let wrong = mistakes(&[
            ("label", "a\nb\u{7}"),
            ("networks", "10.0.0.0/33 intranet"),
            ("domain", "misp/x"),
            ("proto", "ftp"),
            ("port", "0"),
            ("auth", "short"),
            ("expires_in", "date"),
            ("expire", "31.12.2027"),
            ("feeds_which", "some"),
            ("types_which", "some"),
            ("types", "ipv5"),
            ("outputs_which", "all"),
            ("outputs", "txt"),
            ("permissions", "root"),
        ]);
        insta::assert_snapshot!(wrong.join("\n"), @r"
         → form: There is no “root”.
        domain → domain: Neither a host name nor an address.
        proto → proto: Choose https or http.
        port → port: A port is a whole number from 1 to 65535.
        auth → auth: A MISP key is 40 to 72 letters and digits. This one has 5 characters.
        expire → expires-30: “31.12.2027” is no day. Write it as year, month and day: 2027-12-31.
        feeds → feeds-all: Tick at least one of the feeds, or choose all.
        types → types-all: There is no “ipv5”.
        outputs → outputs-all: You chose all outputs and ticked some: choose “only these”, or untick them.
        networks → networks: “10.0.0.0/33” is neither an address nor a network.
        networks → networks: “intranet” is neither an address nor a network.
        label → label: A label is 1 to 64 bytes of text without control characters.
        ");
    }
}
