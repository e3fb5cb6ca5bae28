//! The small pages: version, own user, statistics, decaying models.

use std::collections::BTreeMap;

use http::StatusCode;

use crate::{
    answer::Answer,
    json::{Node, object},
    model::{DecayingModel, Role, User},
    shared::Shared,
    store::Store,
};

/// `/servers/getVersion`; a site admin also sees the UUID of the instance.
pub(super) fn version(user: &User) -> Answer {
    let admin = user.role == Role::SiteAdmin;
    let sights = user.role != Role::ReadOnly;
    let uuid = if admin {
        "c99506a6-1255-4b71-afa5-7b8ba48c3b1b"
    } else {
        "-"
    };
    let page = object([
        ("version", "2.5.1".into()),
        ("pymisp_recommended_version", "2.5.1".into()),
        ("perm_sync", admin.into()),
        ("perm_sighting", sights.into()),
        ("perm_galaxy_editor", admin.into()),
        ("perm_analyst_data", admin.into()),
        ("uuid", uuid.into()),
        ("request_encoding", Node::List(vec!["gzip".into()])),
        ("filter_sightings", true.into()),
    ]);
    Answer::json(page.pretty(true))
}

/// `/users/view/me`.
pub(super) fn me(shared: &Shared, user: &User, stringify: bool) -> Answer {
    let store = shared.read();
    let organisation = store.organisation(user.organisation);
    let page = object([
        ("User", own_user(&store, user)),
        ("Role", role(user)),
        ("UserSetting", Node::List(Vec::new())),
        (
            "Organisation",
            object([
                ("id", user.organisation.into()),
                (
                    "name",
                    organisation.map_or("", |organisation| &organisation.name).into(),
                ),
                ("date_created", "2026-01-01 00:00:00".into()),
                ("date_modified", "2026-01-01 00:00:00".into()),
                ("description", "".into()),
                ("type", "".into()),
                ("nationality", "".into()),
                ("sector", "".into()),
                ("created_by", 1.into()),
                (
                    "uuid",
                    organisation.map_or(Node::Null, |organisation| Node::Text(organisation.uuid.to_string())),
                ),
                ("contacts", Node::Null),
                ("local", true.into()),
                ("restricted_to_domain", Node::Null),
                ("landingpage", Node::Null),
            ]),
        ),
    ]);
    Answer::json(page.pretty(stringify))
}

fn own_user(store: &Store, user: &User) -> Node {
    let changed = store.user_changes.get(&user.id);
    let changed = changed
        .and_then(|unix| u64::try_from(*unix).ok())
        .unwrap_or(1_767_225_600);
    object([
        ("id", user.id.into()),
        ("password", "*****".into()),
        ("org_id", user.organisation.into()),
        ("email", user.email.as_str().into()),
        ("autoalert", false.into()),
        ("invited_by", 1.into()),
        ("gpgkey", "".into()),
        ("certif_public", "".into()),
        ("nids_sid", 4_000_000.into()),
        ("termsaccepted", true.into()),
        ("newsread", 0.into()),
        ("role_id", (if user.role == Role::SiteAdmin { 1 } else { 6 }).into()),
        ("change_pw", false.into()),
        ("contactalert", false.into()),
        ("disabled", user.disabled.into()),
        ("expiration", Node::Null),
        ("current_login", 0.into()),
        ("last_login", 0.into()),
        ("force_logout", false.into()),
        ("date_created", 1_767_225_600.into()),
        ("date_modified", changed.into()),
        ("sub", Node::Null),
        ("external_auth_required", false.into()),
        ("external_auth_key", "".into()),
        ("last_api_access", 1_767_225_600.into()),
        ("notification_daily", false.into()),
        ("notification_weekly", false.into()),
        ("notification_monthly", false.into()),
        ("totp", "*****".into()),
        ("hotp_counter", Node::Null),
        ("last_pw_change", 1_767_225_600.into()),
        ("totp_is_set", 0.into()),
    ])
}

/// Returns a user as it stands in the list of users: without what only the user itself sees.
pub(super) fn user_record(store: &Store, user: &User) -> Node {
    let name = store.organisation(user.organisation).map_or("", |known| &known.name);
    object([
        ("User", own_user(store, user)),
        (
            "Role",
            object([("id", 6.into()), ("name", role_name(user.role).into())]),
        ),
        (
            "Organisation",
            object([("id", user.organisation.into()), ("name", name.into())]),
        ),
    ])
}

/// Rights that a site admin has and a reader has not, in the order in which MISP writes them before and after
/// `default_role`.
const RIGHTS: &[&str] = &[
    "perm_add",
    "perm_modify",
    "perm_modify_org",
    "perm_publish",
    "perm_delegate",
    "perm_sync",
    "perm_admin",
    "perm_audit",
    "perm_auth",
    "perm_site_admin",
    "perm_regexp_access",
    "perm_tagger",
    "perm_template",
    "perm_sharing_group",
    "perm_tag_editor",
    "perm_sighting",
    "perm_object_template",
];
const LATER_RIGHTS: &[&str] = &[
    "perm_galaxy_editor",
    "perm_warninglist",
    "perm_view_feed_correlations",
    "perm_analyst_data",
];

fn role_name(role: Role) -> &'static str {
    match role {
        Role::ReadOnly => "Read Only",
        Role::Reporter => "Sightings",
        Role::Publisher => "Publisher",
        Role::SiteAdmin => "admin",
    }
}

fn role(user: &User) -> Node {
    let admin = user.role == Role::SiteAdmin;
    let sights = matches!(user.role, Role::Reporter | Role::Publisher);
    let publishes = user.role == Role::Publisher;
    // Readers may use keys and see their own audit log, nothing else.
    let right = |name: &&str| {
        let writes = matches!(
            *name,
            "perm_add" | "perm_modify" | "perm_modify_org" | "perm_publish" | "perm_tagger"
        );
        let has = matches!(*name, "perm_audit" | "perm_auth")
            || (sights && *name == "perm_sighting")
            || (publishes && writes);
        ((*name).to_owned(), Node::Bool(admin || has))
    };
    let entry = |key: &str, value: Node| (key.to_owned(), value);
    let mut entries = vec![
        entry("id", (if admin { 1 } else { 6 }).into()),
        entry("name", role_name(user.role).into()),
        entry("created", "2026-01-01 00:00:00".into()),
        entry("modified", "2026-01-01 00:00:00".into()),
    ];
    entries.extend(RIGHTS.iter().map(right));
    entries.extend([
        entry("default_role", false.into()),
        entry("memory_limit", "".into()),
        entry("max_execution_time", "".into()),
        entry("restricted_to_site_admin", false.into()),
        entry("perm_publish_zmq", admin.into()),
        entry("perm_publish_kafka", admin.into()),
        entry("perm_decaying", admin.into()),
        entry("enforce_rate_limit", user.rate_limit.is_some().into()),
        entry(
            "rate_limit_count",
            u64::from(user.rate_limit.unwrap_or_default()).into(),
        ),
    ]);
    entries.extend(LATER_RIGHTS.iter().map(right));
    entries.extend([
        entry("perm_skip_otp", false.into()),
        entry("permission", (if admin { "3" } else { "0" }).into()),
        entry(
            "permission_description",
            (if admin { "publish" } else { "read_only" }).into(),
        ),
    ]);
    Node::Object(entries)
}

/// `/attributes/attributeStatistics[/type|/category[/true]]`: counts everything on the site, deleted and hidden ones
/// too (fact 46).
pub(super) fn statistics(store: &Store, rest: &[&str]) -> Answer {
    let by_category = rest.first() == Some(&"category");
    let percent = rest.get(1).is_some_and(|word| matches!(*word, "true" | "1"));
    let mut counts: BTreeMap<(String, &str), u64> = BTreeMap::new();
    let mut total = 0_u64;
    for row in store.attributes.iter().filter(|row| !row.gone) {
        let name = store.names.name(if by_category { row.category } else { row.kind });
        *counts.entry((name.to_lowercase(), name)).or_default() += 1;
        total += 1;
    }
    let shown = |count: u64| {
        if percent {
            Node::Text(share(count, total))
        } else {
            Node::Text(count.to_string())
        }
    };
    let page = counts
        .into_iter()
        .map(|((_, name), count)| (name.to_owned(), shown(count)))
        .collect();
    Answer::json(Node::Object(page).pretty(true))
}

/// Returns a share as `12.345%`, rounded to three places, without zeros at the end.
fn share(count: u64, total: u64) -> String {
    let thousandths = (count * 200_000 + total) / (2 * total.max(1));
    let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `/decayingModel/index`, those that are switched off too.
pub(super) fn decaying_models(store: &Store, stringify: bool) -> Answer {
    let one = |model| decaying_page(model, false);
    Answer::json(Node::List(store.decaying_models.iter().map(one).collect()).pretty(stringify))
}

/// `/decayingModel/view/ID`.
pub(super) fn decaying_model(store: &Store, id: &str, stringify: bool, url: &str) -> Answer {
    match store.decaying_models.iter().find(|model| id.parse() == Ok(model.id)) {
        Some(model) => Answer::json(decaying_page(model, true).pretty(stringify)),
        None => Answer::error(
            StatusCode::NOT_FOUND,
            "No Decaying Model with the provided ID exists, or you are not authorised to see it",
            url,
        ),
    }
}

fn decaying_page(model: &DecayingModel, says_editable: bool) -> Node {
    object([
        ("DecayingModel", model.page(says_editable)),
        ("DecayingModelMapping", Node::List(Vec::new())),
    ])
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_written_as_misp_does() {
        for (count, want) in [(31, "0.128%"), (17, "0.07%"), (6_388, "26.372%"), (1, "0.004%")] {
            assert_eq!(share(count, 24_223), want);
        }
    }
}
