//! Devices that poll: for feeds, for look-ups, and for the difference since they last asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use super::shared::Shared;
use super::site::FEED;
use crate::bench::connection::{Answer, Connection};

const FEEDS: [&str; 8] = [
    FEED,
    "/v1/feed/block/type/ipv4/age/1y/output/txt",
    "/v1/feed/block/type/url/age/1y/output/txt",
    "/v1/feed/block/type/file-sha256/age/1y/output/txt",
    "/v1/feed/alert/type/domain/age/1y/output/txt",
    "/v1/feed/alert/type/ipv4/age/1m/output/nftables",
    "/v1/feed/hunt/type/domain/age/1y/output/suricata",
    "/v1/feed/any/type/ipv4/age/1y/output/json",
];

const CHANGES: &str = "/v1/changes/feed/block/type/domain/age/1y";

/// Between two questions of a device.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection that is opened again after the daemon has said that it closes it.
struct Device<'a> {
    shared: &'a Shared<'a>,
    connection: Option<Connection>,
}

impl<'a> Device<'a> {
    fn new(shared: &'a Shared<'a>) -> Self {
        Self {
            shared,
            connection: None,
        }
    }

    /// Asks once. Whatever is no whole answer is a lost request.
    fn ask(&mut self, what: &'static str, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let token = self.shared.site.token();
        let headers = [&[("token", token.as_str())][..], headers].concat();
        let asked = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.shared.site.open(),
        };
        let answered = asked.and_then(|mut connection| {
            let answer = connection.ask("GET", path, &headers, "")?;
            if !matches!(answer.status, 200 | 304 | 503 | 504) {
                bail!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
            }
            Ok((connection, answer))
        });
        std::thread::sleep(PAUSE);
        match answered {
            Ok((connection, answer)) => {
                self.shared.tally.answered(what, answer.status);
                if answer.header("connection") != Some("close") {
                    self.connection = Some(connection);
                }
                Some(answer)
            }
            Err(error) => {
                self.shared.tally.lost(&format!("{what} {path}"), &error);
                None
            }
        }
    }
}

/// Asks for every feed in turn, as a firewall with the entity tags of its lists.
pub(super) fn poll_feeds(shared: &Shared<'_>) {
    let (mut device, mut tags) = (Device::new(shared), BTreeMap::new());
    for path in FEEDS.into_iter().cycle() {
        if shared.is_over() {
            return;
        }
        let known = tags.get(path).map(|tag: &String| ("if-none-match", tag.as_str()));
        if let Some(answer) = device.ask("feed", path, known.as_slice())
            && let Some(tag) = answer.header("etag")
        {
            tags.insert(path, tag.to_owned());
        }
    }
}

/// Looks values up, some of which are listed.
pub(super) fn look_up(shared: &Shared<'_>) {
    let mut device = Device::new(shared);
    for number in 0.. {
        if shared.is_over() {
            return;
        }
        device.ask("look-up", &format!("/v1/lookup/bulk{}.example.com", number % 500), &[]);
    }
}

/// Follows a feed by its differences, and compares the result with the feed at the end.
pub(super) fn poll_changes(shared: &Shared<'_>) {
    let (mut device, mut values, mut state) = (Device::new(shared), BTreeSet::new(), String::new());
    loop {
        let is_last = shared.is_over();
        let path = format!("{CHANGES}?since={state}");
        if let Some(answer) = device.ask("changes", &path, &[]).filter(|answer| answer.status == 200) {
            match answer.json().and_then(|changes| apply(&mut values, &changes)) {
                Ok(new_state) => state = new_state,
                Err(error) => shared.tally.lost("changes", &error),
            }
        }
        if is_last {
            break;
        }
    }
    if let Err(error) = shared.assert_current("changes", &values) {
        shared.tally.lost("changes", &error);
    }
}

/// Applies a difference and returns the state that it leads to.
fn apply(values: &mut BTreeSet<String>, changes: &Value) -> anyhow::Result<String> {
    let list = |name: &str| {
        let list = changes[name].as_array().into_iter().flatten();
        list.filter_map(|value| value.as_str().map(str::to_owned))
    };
    if changes["complete"] == true {
        values.clear();
    }
    values.extend(list("added"));
    for value in list("removed") {
        if !values.remove(&value) {
            bail!("{value} goes that never came");
        }
    }
    match changes["etag"].as_str() {
        Some(state) => Ok(state.to_owned()),
        None => bail!("no etag in {changes}"),
    }
}
