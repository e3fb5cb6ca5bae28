//! The ten calls of the README, run against the stand-in for MISP.

use std::time::Duration;

use futures_util::TryStreamExt;
use misp_client::{
    Attribute, AttributeEdit, AttributeSearch, Error, Event, EventSearch, NewAttribute, NewEvent, SightingAnswer,
    SightingKind, SightingReport,
};
use misp_sim::Sim;

use crate::sim::builder;

#[tokio::test]
async fn ten_most_used_calls_work_as_the_readme_shows_them() -> Result<(), Error> {
    let sim = Sim::builder().start().await.unwrap();
    let misp = builder(&sim, Sim::PUBLISHER_KEY).build()?;

    let wave = NewEvent::new("Phishing wave")
        .tag("tlp:green")
        .attribute(NewAttribute::new("md5", "0cc1"));
    let event = misp.add_event(&wave).await?;
    let new = NewAttribute::new("domain", "bad.example.com").to_ids(true);
    let attribute = misp.add_attribute(event.id, &new).await?;
    let edited = misp
        .edit_attribute(attribute.id, &AttributeEdit::new().comment("sinkholed"))
        .await?;
    assert_eq!(edited.comment, "sinkholed");
    misp.tag(attribute.uuid.unwrap(), "example:seen").await?;
    misp.publish_event(event.id).await?;
    let report = SightingReport::new(["bad.example.com"], SightingKind::Hit)?.source("proxy 7")?;
    assert_eq!(misp.add_sightings(&report).await?, SightingAnswer::Added);

    let by_value = AttributeSearch::of_values(["bad.example.com"])?.include_context(true);
    let found: Vec<Attribute> = misp.search(by_value).try_collect().await?;
    assert_eq!(
        (found.len(), found[0].event_id, found[0].event.published),
        (1, event.id, Some(true))
    );
    let recent = AttributeSearch::new(["domain", "url"])?
        .to_ids(true)
        .changed_within(Duration::from_secs(86_400));
    assert_eq!(misp.search(recent).try_collect::<Vec<_>>().await?.len(), 1);
    let whole = misp.event(event.id).await?;
    assert!(whole.attributes.iter().any(|row| row.has_tag("example:seen")));
    let green = EventSearch::new().with_tag("tlp:green")?.published(true);
    let events: Vec<Event> = misp.events(green).try_collect().await?;
    assert_eq!(events, [whole]);
    Ok(())
}
