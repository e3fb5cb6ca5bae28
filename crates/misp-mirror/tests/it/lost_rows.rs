//! A MISP whose events are there and whose attributes are gone.

use misp_sim::{Attribute, Fault};

use crate::site::{Site, event, sim};

async fn three_events() -> Site {
    let three_rows = |name: &str| {
        event(name)
            .attribute(Attribute::new("ip-dst", "192.0.2.1"))
            .attribute(Attribute::new("url", format!("http://{name}.example.com/")))
    };
    let sim = sim(|sim| {
        sim.event(three_rows("one"))
            .event(three_rows("two"))
            .event(three_rows("three"))
    });
    let mut site = Site::load(sim).await;
    site.look().await;
    site
}

fn edit_and_publish(site: &Site, name: &str) -> u64 {
    let id = site.event(name);
    site.sim.edit(|store| {
        store.set_info(id, &format!("{name}, edited")).unwrap();
        store.publish(id).unwrap();
    });
    id
}

#[tokio::test]
async fn rows_that_are_gone_at_once_are_believed_the_third_time() {
    let mut site = three_events().await;
    let one = edit_and_publish(&site, "one");
    site.sim.set_fault(Fault::NoRows);
    for _ in 0..2 {
        site.look().await;
        assert_eq!(site.published(one).len(), 3, "they are kept");
        assert_eq!(site.mirror.status().troubled_events, 1);
    }
    assert_eq!(site.here()[&one].info, "one, edited", "the event itself is believed");
    site.look().await;
    assert!(site.published(one).is_empty());
    assert_eq!(site.mirror.status().troubled_events, 0);
    site.sim.clear_fault();
    site.mirror.resync();
    site.look().await;
    site.assert_same();
}

#[tokio::test]
async fn rows_that_come_back_were_never_gone_also_over_a_restart() {
    let mut site = three_events().await;
    let one = edit_and_publish(&site, "one");
    site.sim.set_fault(Fault::NoRows);
    site.look().await;
    site.restart();
    site.until_complete().await;
    assert_eq!(site.published(one).len(), 3);
    let row = site.attribute("one.example.com");
    site.sim.edit(|store| store.set_value(row, "new.example.com")).unwrap();
    site.look().await;
    assert_eq!(site.published(one).len(), 3);
    site.sim.clear_fault();
    site.look().await;
    site.assert_same();
    assert_eq!(site.mirror.status().troubled_events, 0);
}

#[tokio::test]
async fn event_that_was_withdrawn_drops_at_once_whatever_its_rows_are() {
    let mut site = three_events().await;
    let one = site.event("one");
    site.sim.edit(|store| store.unpublish(one)).unwrap();
    site.sim.set_fault(Fault::NoRows);
    site.look().await;
    assert!(site.published(one).is_empty());
}

#[tokio::test]
async fn rows_that_were_deleted_go_at_once() {
    let mut site = three_events().await;
    let one = site.event("one");
    site.sim.edit(|store| {
        // MISP still counts one attribute, of a type that the mirror does not have.
        store.add_attribute(one, Attribute::new("comment", "kept")).unwrap();
        store.publish(one).unwrap();
    });
    site.look().await;
    for value in ["one.example.com", "192.0.2.1", "http://one.example.com/"] {
        let row = site.sim.with_store(|store| {
            let rows = store.event(one).unwrap().attributes();
            rows.filter(|row| row.value() == value).map(|row| row.id()).next()
        });
        site.sim.edit(|store| store.soft_delete(row.unwrap())).unwrap();
    }
    site.sim.edit(|store| store.publish(one)).unwrap();
    site.look().await;
    assert!(site.published(one).is_empty());
    site.assert_same();
}
