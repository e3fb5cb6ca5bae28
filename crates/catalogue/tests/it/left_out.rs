//! Values that a feed leaves out, by name.

use catalogue::feed_classification::{DropReason, IndicatorType, Tlp};
use catalogue::misp_client::Tag;
use catalogue::misp_mirror::LastPublished;
use catalogue::{Catalogue, Classes, Harmless, OmissionReason, Publication, Question};

use crate::world::{HARMLESS, batch_of, event};

#[test]
fn omissions_are_named_with_their_reasons_up_to_a_number() {
    let catalogue = Catalogue::new(Classes::defaults());
    let mut first = event(
        1,
        &[
            ("domain", "good.example"),
            ("domain", "evil.example"),
            ("domain", "*.example"),
        ],
    );
    first.current.rows[0].tags = [Tag::own(HARMLESS)].into();
    let mut second = event(2, &[("domain", "early.example"), ("domain", "evil.example")]);
    second.last_published = LastPublished::Nothing;
    for record in [first, second] {
        catalogue.apply(&batch_of(record)).unwrap();
    }
    let mut question = Question::new(IndicatorType::Domain);
    question.publication = Publication::AsLastPublished { edited_from: 0 };
    question.harmless = Some(Harmless {
        tag: HARMLESS.to_owned(),
        since: 0,
    });
    question.named_omissions = 3;
    let answer = catalogue.snapshot().answer(&question).unwrap();
    assert!(answer.values.iter().eq(["evil.example"]));
    let named = answer
        .omissions
        .iter()
        .map(|omission| (omission.value.as_str(), omission.reason, omission.event));
    assert!(named.eq([
        ("*.example", OmissionReason::Invalid(DropReason::Wildcard), Some(1)),
        ("early.example", OmissionReason::Unpublished, Some(2)),
        ("evil.example", OmissionReason::Unpublished, Some(2)),
    ]));
    assert_eq!(answer.more_omissions, 1);
    question.named_omissions = 0;
    let answer = catalogue.snapshot().answer(&question).unwrap();
    assert!(answer.omissions.is_empty() && answer.more_omissions == 0);
}

#[test]
fn attributes_beyond_the_limits_are_counted_apart() {
    let catalogue = Catalogue::new(Classes::defaults());
    let mut record = event(
        1,
        &[
            ("domain", "a.example"),
            ("domain", "*.example"),
            ("domain", "b.example"),
        ],
    );
    record.current.rows[2].tags = [Tag::own("tlp:clear")].into();
    catalogue.apply(&batch_of(record)).unwrap();
    let mut question = Question::new(IndicatorType::Domain);
    (question.max_tlp, question.default_tlp) = (Tlp::Green, Tlp::Amber);
    let answer = catalogue.snapshot().answer(&question).unwrap();
    assert!(answer.values.iter().eq(["b.example"]) && answer.dropped.is_empty());
    assert_eq!(answer.beyond_limits, 2);
}
