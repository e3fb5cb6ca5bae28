//! The three pages: the form, the new token, and the refusal. Their looks are in `templates/`.

use std::net::IpAddr;

use askama::Template;
use feed_classification::{FeedName, IndicatorType};
use ipnet::IpNet;
use token_crypto::{Allowed, ExpiryDay, Permission, Scope, Tlp};

use super::entries::Unreadable;
use super::examples;
use super::input::{DAYS, Input, LISTS};
use super::mistakes::Mistakes;
use crate::app::App;
use crate::configuration::Snapshot;
use crate::reject::Reject;
use crate::reply::Reply;
use crate::routes::generate_token::minting::MintedToken;
use crate::routes::generate_token::sender::Unwelcome;

/// The form, empty or filled in.
#[derive(Template)]
#[template(path = "token_form.html")]
pub(super) struct FormPage<'a> {
    /// The sites to choose from. If the list is empty, the page has a text field.
    sites: Vec<SiteChoice>,
    input: &'a Input,
    mistakes: &'a Mistakes,
    spans: Vec<Span>,
    has_date: bool,
    tomorrow: String,
    lists: Vec<List>,
    levels: Vec<Choice>,
    purposes: Vec<Choice>,
    permissions: Vec<Choice>,
    client: IpAddr,
}

struct SiteChoice {
    name: String,
    company: String,
    is_chosen: bool,
}

/// A number of days to choose.
struct Span {
    days: u32,
    ends: String,
    is_chosen: bool,
}

/// A list of the scope: everything, or the ticked names.
struct List {
    name: &'static str,
    title: &'static str,
    all: &'static str,
    is_limited: bool,
    choices: Vec<Choice>,
    wrong: Option<String>,
}

struct Choice {
    name: &'static str,
    summary: &'static str,
    is_ticked: bool,
}

impl<'a> FormPage<'a> {
    pub(super) fn new(
        app: &App,
        snapshot: &Snapshot,
        client: IpAddr,
        input: &'a Input,
        mistakes: &'a Mistakes,
    ) -> Self {
        let now = jiff::Timestamp::now().as_second();
        let outputs = app.engine().registry().iter().map(|exporter| exporter.about());
        let choices: [Vec<(&str, &str)>; 3] = [
            FeedName::ALL
                .iter()
                .map(|feed| (feed.as_str(), feed.summary()))
                .collect(),
            IndicatorType::ALL
                .iter()
                .map(|kind| (kind.as_str(), kind.summary()))
                .collect(),
            outputs.map(|about| (about.name, about.summary)).collect(),
        ];
        let words = [
            ("Feeds", "All feeds"),
            ("Indicator types", "All types"),
            ("Outputs", "All outputs"),
        ];
        let lists = LISTS.into_iter().zip(words).zip(choices).zip(&input.picks);
        let lists = lists.map(|(((name, (title, all)), choices), pick)| List {
            name,
            title,
            all,
            is_limited: pick.is_limited(),
            choices: Choice::of(choices, &pick.ticked),
            wrong: mistakes.of(name),
        });
        let permissions = Permission::OFFERED
            .iter()
            .map(|permission| (permission.as_str(), permission.summary()));
        Self {
            sites: sites(snapshot, client, input),
            input,
            mistakes,
            spans: DAYS.into_iter().map(|days| Span::new(days, now, input)).collect(),
            has_date: input.expires_in == "date" || (input.expires_in.is_empty() && !input.expire.is_empty()),
            tomorrow: ExpiryDay::days_from(now, 1).to_string(),
            lists: lists.collect(),
            levels: levels(input),
            purposes: purposes(input),
            permissions: Choice::of(permissions, &input.permissions),
            client,
        }
    }

    pub(super) fn reply(&self, status: http::StatusCode) -> Result<Reply, Reject> {
        Ok(page(self)?.status(status))
    }

    fn wrong(&self, field: &str) -> Option<String> {
        self.mistakes.of(field)
    }
}

/// Returns the TLP levels to choose from. The most closed one is the first choice: with it the token has no limit.
fn levels(input: &Input) -> Vec<Choice> {
    let chosen = if input.max_tlp.is_empty() {
        Tlp::Red.as_str()
    } else {
        input.max_tlp.as_str()
    };
    let levels = Tlp::ALL.into_iter().rev();
    let levels = levels.map(|level| (level.as_str(), level.summary()));
    Choice::of(levels, &[chosen.to_owned()])
}

/// The purposes of a token that reads no feeds.
fn purposes(input: &Input) -> Vec<Choice> {
    let purposes = Permission::PURPOSES.iter();
    let purposes = purposes.map(|purpose| (purpose.as_str(), purpose.summary()));
    Choice::of(purposes, std::slice::from_ref(&input.only))
}

/// Returns the sites for a caller at an address that may use all of them, and on this machine.
///
/// Other callers that `token_minting.allowed_ips` lets in may be customers, who must not see the names of other
/// customers' MISPs here.
fn sites(snapshot: &Snapshot, client: IpAddr, input: &Input) -> Vec<SiteChoice> {
    let loaded = &snapshot.loaded;
    if !may_use_every_site(client, &loaded.core.allways_allowed_ips) {
        return Vec::new();
    }
    let enabled: Vec<_> = loaded.sites.values().filter(|site| site.enabled).collect();
    let is_only = enabled.len() == 1;
    let choices = enabled.into_iter().map(|site| SiteChoice {
        name: site.name.to_string(),
        company: site.company.clone(),
        is_chosen: is_only || site.name.as_str() == input.domain,
    });
    choices.collect()
}

fn may_use_every_site(client: IpAddr, allways_allowed: &[IpNet]) -> bool {
    client.is_loopback() || allways_allowed.iter().any(|network| network.contains(&client))
}

impl Span {
    fn new(days: u32, now: i64, input: &Input) -> Self {
        Self {
            days,
            ends: ExpiryDay::days_from(now, days).to_string(),
            is_chosen: input.expires_in == days.to_string(),
        }
    }
}

impl Choice {
    fn of(choices: impl IntoIterator<Item = (&'static str, &'static str)>, ticked: &[String]) -> Vec<Self> {
        let choices = choices.into_iter().map(|(name, summary)| Self {
            name,
            summary,
            is_ticked: ticked.iter().any(|ticked| ticked == name),
        });
        choices.collect()
    }
}

/// The token, once.
#[derive(Template)]
#[template(path = "token_made.html")]
pub(super) struct MadePage<'a> {
    token: &'a str,
    sha256: String,
    misp: &'a str,
    site: &'a str,
    ends: String,
    label: Option<&'a str>,
    limits: Vec<(&'static str, String)>,
    /// Lines for a shell, or none if the token opens nothing that exists.
    commands: Vec<String>,
    /// The caller's address, if the token does not work from it.
    outside: Option<IpAddr>,
}

impl<'a> MadePage<'a> {
    pub(super) fn new(app: &App, snapshot: &Snapshot, client: IpAddr, minted: &'a MintedToken, base: &str) -> Self {
        let claims = &minted.claims;
        let site = snapshot.loaded.site(&claims.site);
        let paths = site.map(|site| examples::paths(&claims.scope, site, app.engine().registry()));
        let command = |path: String| format!("printf 'token: %s\\n' \"$TOKEN\" | curl -fsSN -H @- '{base}{path}'");
        Self {
            token: minted.token.expose(),
            sha256: minted.token.fingerprint(),
            misp: &minted.misp,
            site: &claims.site,
            ends: claims.expires.to_string(),
            label: claims.label.as_deref(),
            limits: limits(&claims.scope),
            commands: paths.unwrap_or_default().into_iter().map(command).collect(),
            outside: Some(client).filter(|client| !claims.scope.permits_address(*client)),
        }
    }

    pub(super) fn reply(&self) -> Result<Reply, Reject> {
        page(self)
    }
}

/// Returns the limits of a scope in words.
fn limits(scope: &Scope) -> Vec<(&'static str, String)> {
    let names = |allowed: &Allowed| match allowed {
        Allowed::All => "all".to_owned(),
        Allowed::Only(names) => joined(names.iter().map(String::as_str), "none"),
    };
    let networks: Vec<String> = scope.networks.iter().map(ToString::to_string).collect();
    vec![
        ("Feeds", names(&scope.feeds)),
        ("Indicator types", names(&scope.types)),
        ("Outputs", names(&scope.outputs)),
        (
            "TLP levels",
            match scope.max_tlp {
                Tlp::Red => "all".to_owned(),
                level => format!("{level} and more open"),
            },
        ),
        (
            "Networks",
            joined(
                networks.iter().map(String::as_str),
                "wherever the MISP instance may be used from",
            ),
        ),
        (
            "Permissions",
            if scope.reads_feeds {
                joined(scope.permissions.iter().map(Permission::as_str), "reading feeds only")
            } else {
                let names = joined(scope.permissions.iter().map(Permission::as_str), "nothing");
                format!("{names}; it reads no feeds")
            },
        ),
    ]
}

fn joined<'n>(names: impl Iterator<Item = &'n str>, none: &str) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        none.to_owned()
    } else {
        names.join(", ")
    }
}

/// A page that says why no token was made.
#[derive(Template)]
#[template(path = "token_refused.html")]
pub(super) struct RefusedPage {
    title: &'static str,
    text: String,
    may_try_again: bool,
}

impl RefusedPage {
    /// For a request that makes no token, whatever is in it.
    pub(super) fn unwelcome(unwelcome: &Unwelcome) -> Self {
        let (title, text, may_try_again) = match unwelcome {
            Unwelcome::Address(client) => (
                "Tokens cannot be made from your address",
                format!(
                    "Your address, as it is seen here, is {client}. It is not among those that may have tokens made \
                     (token_minting.allowed_ips in config.yaml). Ask whoever runs this server for a token, or to add your address."
                ),
                false,
            ),
            Unwelcome::Name(_) => ("This server is not known by that name", unwelcome.words(), false),
            Unwelcome::OtherPage => (
                "This form was sent from another page",
                "To be on the safe side nothing was done. If it was you who sent it, open the form here and send it again.".to_owned(),
                true,
            ),
            Unwelcome::PlainText => return Self::unread(Unreadable::NoForm.words()),
        };
        Self {
            title,
            text,
            may_try_again,
        }
    }

    /// For a body that was not read.
    pub(super) fn unread(words: &str) -> Self {
        Self {
            title: "The form could not be read",
            text: format!("{words} No token was made."),
            may_try_again: true,
        }
    }

    pub(super) fn reply(&self) -> Result<Reply, Reject> {
        page(self)
    }
}

fn page(template: &impl Template) -> Result<Reply, Reject> {
    let html = template.render();
    html.map(Reply::page)
        .map_err(|error| Reject::internal("a page cannot be written", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_named_to_the_operators_own_addresses_only() {
        let allways = ["10.1.0.0/16".parse().unwrap()];
        let named = |client: &str| may_use_every_site(client.parse().unwrap(), &allways);
        assert!(named("127.0.0.1") && named("::1") && named("10.1.2.3"));
        assert!(!named("10.2.0.1") && !named("2001:db8::1"));
    }

    #[test]
    fn what_a_token_may_is_said_in_words() {
        let words = |scope: &Scope| limits(scope).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(words(&Scope::unrestricted())[5], "clear_cache");
        let lookups = Scope::new().only([Permission::Lookup]);
        assert_eq!(words(&lookups)[5], "lookup; it reads no feeds");
        let narrow = Scope::new()
            .with_feeds(["block", "alert"])
            .with_max_tlp(Tlp::Amber)
            .with_networks(["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(
            words(&narrow),
            [
                "alert, block",
                "all",
                "all",
                "amber and more open",
                "10.0.0.0/8",
                "reading feeds only"
            ]
        );
    }
}
