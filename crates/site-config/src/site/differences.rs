//! The differences of a site file.

use config_file::Report;
use feed_classification::{FeedName, IndicatorType};

use super::Site;
use crate::differences::{DEBUG, Written, note_on};

/// Adds the notes about the keys of a site file.
pub(super) fn note_on_site(site: &Site, misp_debug: bool, written: &Written, report: &mut Report) {
    for (key, what) in site_differences(site, misp_debug) {
        note_on(report, written, key, what);
    }
    report.differences.sort_by_key(|note| (note.line, note.column));
}

fn site_differences(site: &Site, misp_debug: bool) -> Vec<(&'static str, String)> {
    let tag = &site.tag;
    let mut notes = vec![
        (
            "tag",
            format!(
                "the feeds incident, alert and hunt hold what has their tag, published or not (Cratos FastAPI asked for unpublished \
                 events only), and /v1/feedmapping names the tag that is searched for block, \
                 `{tag}:incident-classification=block` (there it is misspelt)"
            ),
        ),
        (
            "mispTimeoutSeconds",
            format!(
                "a question to MISP is given up after {} s (Cratos FastAPI never looked at it and waited for ever)",
                site.timeout.as_secs()
            ),
        ),
        (
            "memcached_all_timeout",
            format!(
                "a request without `?cache=` gets an answer up to {} s old (1 s in Cratos FastAPI)",
                site.soft_expiry.as_secs()
            ),
        ),
        (
            "falsepositive_timeout",
            format!(
                "a value that was tagged as a false positive in the last {} leaves every feed (in Cratos FastAPI only the tagged \
                 attribute does)",
                site.falsepositive_timeout
            ),
        ),
        ("list_stats", "has no effect".to_owned()),
    ];
    if site.debug {
        notes.push(("debug", DEBUG.to_owned()));
    }
    if misp_debug {
        notes.push((
            "mispDebug",
            "has no effect; what is sent to MISP is not logged, since the MISP key is in it".to_owned(),
        ));
    }
    notes.extend(undefined_feeds(site).map(|what| ("custom_feeds", what)));
    notes.extend(late_types(site).map(|what| ("ignore_to_ids", what)));
    if !site.denied_token_digests.is_empty() {
        let what =
            "a token stays refused when it is spelled with + for -, too (Cratos FastAPI took that for another token)";
        notes.push(("blacklisted_api_tokens", what.to_owned()));
    }
    notes
}

/// The custom feeds that the file does not define.
fn undefined_feeds(site: &Site) -> Option<String> {
    let names: Vec<&str> = FeedName::ALL
        .iter()
        .filter(|feed| feed.is_custom() && !site.custom_feeds.contains_key(feed))
        .map(|feed| feed.as_str())
        .collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    let names = names.join(", ");
    (!names.is_empty()).then(|| {
        format!("{names} {verb} not defined here and answered with 422 (Cratos FastAPI gave everything there is)")
    })
}

/// Returns the note about indicator types that are not MISP types: Cratos FastAPI compared with MISP types only.
fn late_types(site: &Site) -> Option<String> {
    let is_late = |name: &&String| {
        let kind = name.parse::<IndicatorType>();
        kind.is_ok_and(|kind| !kind.default_attribute_types().contains(&name.as_str()))
    };
    let names: Vec<&str> = site.ignore_to_ids.iter().filter(is_late).map(String::as_str).collect();
    let verb = if names.len() == 1 { "counts" } else { "count" };
    let names = names.join(", ");
    (!names.is_empty()).then(|| {
        format!(
            "{names} {verb} here (never in Cratos FastAPI, which compares with the names of MISP's attribute types)"
        )
    })
}
