//! Random edits of every kind, and edits while an event is read.

use std::collections::BTreeMap;
use std::time::Duration;

use misp_sim::{Attribute, RandomEdits};

use crate::site::{ALERT, BLOCK, Picture, Rows, Site, event, picture, published_block, sim, sim_picture};

/// The rows and tags that count as published, by event.
type Published = BTreeMap<u64, (Rows, Vec<String>)>;

/// Notes what the last publication of each event is after an edit.
fn note_publications(site: &Site, model: &mut Published) {
    let states: Vec<(u64, bool, Picture)> = site.sim.with_store(|store| {
        let events = store.events();
        events
            .map(|event| {
                let is_withdrawn = !event.published() && event.timestamp() <= event.publish_timestamp();
                (event.id(), is_withdrawn, sim_picture(event))
            })
            .collect()
    });
    model.retain(|id, _| states.iter().any(|(known, _, _)| known == id));
    for (id, is_withdrawn, picture) in states {
        if picture.published {
            model.insert(id, (picture.rows, picture.tags));
        } else if is_withdrawn {
            model.remove(&id);
        }
    }
}

fn published(site: &Site) -> Published {
    let blocks = site
        .reported
        .iter()
        .filter_map(|(id, record)| Some((*id, published_block(record)?)));
    blocks
        .map(|(id, block)| {
            let picture = picture(block);
            (id, (picture.rows, picture.tags))
        })
        .collect()
}

async fn follow_random_edits(seed: u64, edits: usize) {
    let sim = sim(|mut sim| {
        for number in 0..12 {
            let more = Attribute::new("ip-dst", format!("192.0.2.{number}")).tag(BLOCK);
            sim = sim.event(event(&format!("event-{number}")).attribute(more));
        }
        sim
    });
    // Everything is noticed within two looks.
    let mut site = Site::load_with(sim, |mirror| mirror.trace_interval(Duration::from_secs(30))).await;
    let mut model = Published::new();
    note_publications(&site, &mut model);
    let mut source = RandomEdits::new(seed, &[BLOCK, ALERT]).without_moves();
    site.look().await;
    site.look().await;
    for number in 0..edits {
        let edit = site.sim.with_store(|store| source.draw(store));
        site.sim.edit(|store| store.apply(&edit)).unwrap();
        note_publications(&site, &mut model);
        site.look().await;
        site.look().await;
        site.look().await;
        assert_eq!(site.here(), site.there(), "seed {seed}, edit {number}: {edit:?}");
        assert_eq!(published(&site), model, "seed {seed}, edit {number}: {edit:?}");
    }
    site.assert_same();
    assert_eq!(site.mirror.status().repaired, 0, "without the slow round");
}

#[tokio::test]
async fn mirror_equals_misp_and_its_last_publications_after_each_random_edit() {
    for seed in [1, 2] {
        follow_random_edits(seed, 150).await;
    }
}

#[tokio::test]
async fn edits_while_an_event_is_read_never_mix_two_of_its_states() {
    let mut site = Site::load(sim(|sim| {
        sim.event(event("one").attribute(Attribute::new("url", "http://0.example.com/")))
    }))
    .await;
    site.look().await;
    let (first, second) = (
        site.attribute("one.example.com"),
        site.attribute("http://0.example.com/"),
    );
    let mut edits = 0;
    let clock = site.sim.clock().clone();
    site.sim.on_request(move |request, store| {
        if edits < 4 && request.path.ends_with("restSearch") {
            edits += 1;
            clock.advance(1);
            store.set_value(first, &format!("{edits}.example.com")).unwrap();
            store
                .set_value(second, &format!("http://{edits}.example.com/"))
                .unwrap();
        }
    });
    for _ in 0..3 {
        site.look().await;
        let rows = &site.reported.values().next().unwrap().current.rows;
        let both = |number: u32| [format!("{number}.example.com"), format!("http://{number}.example.com/")];
        let values: Vec<String> = rows.iter().map(|row| row.value.clone()).collect();
        let is_one_state = (1..=4).any(|number| values == both(number));
        assert!(is_one_state || values[1] == "http://0.example.com/", "{values:?}");
    }
    site.assert_same();
}
