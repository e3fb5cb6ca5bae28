//! Attributes that MISP sent, as a mirror keeps them.

use misp_client::{AttributeRow, Tag};
use misp_mirror::EventFacts;

/// Returns what a row says of its event, without the tags.
pub(crate) fn facts(attribute: &AttributeRow<'_>) -> EventFacts {
    let event = &attribute.event;
    EventFacts {
        id: attribute.event_id,
        uuid: event.uuid,
        info: event.info.clone().unwrap_or_default(),
        orgc_uuid: event.orgc_uuid,
        timestamp: event.timestamp.unwrap_or(0),
        published: event.published.unwrap_or(true),
        publish_timestamp: event.publish_timestamp.unwrap_or(0),
        ..EventFacts::default()
    }
}

/// Adds the tags that a row inherits from its event. Rows of one event may differ in them, if its tags change while
/// they are read.
pub(crate) fn add_tags(event: &mut EventFacts, attribute: &AttributeRow<'_>) {
    for tag in attribute.tags.iter().filter(|tag| tag.inherited) {
        if event.tags.iter().any(|known| known.name == tag.name) {
            continue;
        }
        // The event itself has it as its own.
        let mut tag = tag.clone();
        tag.inherited = false;
        event.tags.push(tag);
    }
}

/// Returns the tags of the attribute itself.
pub(crate) fn own_tags(attribute: &AttributeRow<'_>) -> Vec<Tag> {
    attribute.tags.iter().filter(|tag| !tag.inherited).cloned().collect()
}

#[cfg(test)]
mod tests {
    use misp_client::Attribute;

    use super::*;

    #[test]
    fn a_row_gives_what_it_says_of_its_event() {
        let mut attribute = Attribute::new(1, "domain", "a.example");
        attribute.event_id = 7;
        attribute.event.info = Some("Phishing".to_owned());
        attribute.event.timestamp = Some(1_000);
        attribute.event.published = Some(false);
        attribute.event.publish_timestamp = Some(900);
        let facts = facts(&attribute.into());
        assert_eq!((facts.id, facts.info.as_str(), facts.published), (7, "Phishing", false));
        assert_eq!((facts.timestamp, facts.publish_timestamp), (1_000, 900));
    }
}
