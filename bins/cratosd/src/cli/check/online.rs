//! Asks each MISP and the shared cache for an answer.

use std::time::Duration;

use futures_util::future;
use gateway::preflight;
use misp_client::{AuthKey, BaseUrl, Client, Error, ErrorKind};
use secrecy::SecretString;
use site_config::{Loaded, Site};

use super::guarded;
use crate::cli::misp::Endpoint;
use crate::cli::progress::Progress;
use crate::cli::{output, runtime};
use crate::exit::{Exit, Failure, chain};

/// The time-out of each question. A person waits for it; the site's own time-out is for large answers.
const PATIENCE: Duration = Duration::from_secs(15);

/// A text in the form of a MISP key that no MISP has.
const ABSENT_KEY: &str = "0000000000000000000000000000000000000000";

/// Asks all enabled sites at the same time, and the shared cache, and prints one line for each.
pub(super) fn run(loaded: &Loaded, endpoint: Endpoint, key: Option<SecretString>) -> Result<(), Failure> {
    let sites: Vec<_> = loaded.sites.values().filter(|site| site.enabled).collect();
    runtime::block_on(async {
        let progress = Progress::of(format!("asking {} MISP", sites.len()));
        let answers = future::join_all(sites.iter().map(|site| ask_with_tags(site, endpoint, key.as_ref()))).await;
        drop(progress);
        let mut failed = false;
        if let Some(server) = &loaded.core.cache {
            match preflight::probe_shared_cache(server).await {
                Ok(place) => output::print(format!("{place}: takes and gives values\n"))?,
                Err(error) => {
                    failed = true;
                    output::remark(format!("shared cache: {}\n", chain(&error)));
                }
            }
        }
        for (site, answer) in sites.iter().zip(answers) {
            match answer {
                Ok(line) => {
                    output::print(format!("{}: {line}\n", site.name))?;
                    if let Some(key) = &key {
                        say_guarded(loaded, site, endpoint, key).await?;
                    }
                }
                Err(line) => {
                    failed = true;
                    output::remark(format!("{}: {line}\n", site.name));
                }
            }
        }
        if failed {
            Err(Failure::said(Exit::Unavailable))
        } else {
            Ok(())
        }
    })
}

/// Prints what the rules of the guard keep out of feeds of a site today.
async fn say_guarded(loaded: &Loaded, site: &Site, endpoint: Endpoint, key: &SecretString) -> Result<(), Failure> {
    let progress = Progress::of(format!("looking for values that {} must not export", site.name));
    let lines = guarded::lines(site, &loaded.mappings, endpoint, key).await;
    drop(progress);
    for line in lines {
        match line {
            Ok(line) => output::print(format!("{}: {line}\n", site.name))?,
            Err(line) => warn(site, &line),
        }
    }
    Ok(())
}

/// Returns the state of one MISP in words, or its problem.
pub(in crate::cli) async fn ask(site: &Site, endpoint: Endpoint, key: Option<&SecretString>) -> Result<String, String> {
    let client = client(site, endpoint, key)?;
    let version = version(&client, key).await?;
    let model = model_in_words(&client, site, key).await?;
    Ok(format!("{version}{model}"))
}

/// As [`ask`], and looks for the tags of the site.
async fn ask_with_tags(site: &Site, endpoint: Endpoint, key: Option<&SecretString>) -> Result<String, String> {
    let client = client(site, endpoint, key)?;
    let version = version(&client, key).await?;
    let tags = if key.is_some() {
        tags(&client, site).await
    } else {
        String::new()
    };
    let model = model_in_words(&client, site, key).await?;
    let way = if key.is_some() { way(site) } else { "" };
    Ok(format!("{version}{tags}{way}{model}"))
}

/// Returns the part of the line about the way in which a daemon answers the site's feeds.
fn way(site: &Site) -> &'static str {
    if site.mirror {
        ", feeds come from a mirror"
    } else {
        ", feeds come from a question to MISP each (`mirror: False`)"
    }
}

async fn version(client: &Client, key: Option<&SecretString>) -> Result<String, String> {
    match client.version().await {
        Ok(version) => Ok(format!("MISP {}", version.version)),
        Err(error) if key.is_none() && error.kind() == ErrorKind::KeyRefused => {
            Ok("a MISP answers (no key was tried)".to_owned())
        }
        Err(error) => Err(in_words(&error)),
    }
}

/// Checks the decaying model of the site, and returns its part of the line.
async fn model_in_words(client: &Client, site: &Site, key: Option<&SecretString>) -> Result<String, String> {
    match &site.decaying_model {
        Some(name) if key.is_some() => {
            model(client, name).await?;
            Ok(format!(", with the decaying model {name:?}"))
        }
        _ => Ok(String::new()),
    }
}

/// Warns of tags that MISP does not have, and returns the part of the line about usual feeds without a tag yet.
async fn tags(client: &Client, site: &Site) -> String {
    let tags = preflight::feed_tags(site);
    let known = match preflight::KnownTags::ask(client, tags.iter().map(|(_, tag)| tag)).await {
        Ok(known) => known,
        Err(error) => {
            warn(site, &format!("its tags could not be looked at: {}", in_words(&error)));
            return String::new();
        }
    };
    let (custom, usual): (Vec<_>, Vec<_>) = tags.iter().partition(|(feed, _)| feed.is_custom());
    for (feed, tag) in custom.iter().filter(|(_, tag)| known.lacks(tag)) {
        let closest = preflight::suggestion(&known.closest(tag));
        warn(
            site,
            &format!("MISP has no tag `{tag}`, so the feed {feed} is empty; {closest}; correct `custom_feeds`"),
        );
    }
    let missing: Vec<_> = usual.iter().filter(|(_, tag)| known.lacks(tag)).collect();
    if missing.len() == usual.len() {
        for (feed, tag) in &missing {
            let closest = preflight::suggestion(&known.closest(tag));
            warn(
                site,
                &format!("MISP has no tag `{tag}`, so the feed {feed} is empty; {closest}"),
            );
        }
        warn(
            site,
            "MISP has none of the tags of these feeds: correct `tag` in the site file, or create the tags in MISP",
        );
        return String::new();
    }
    let feeds: Vec<_> = missing.iter().map(|(feed, _)| feed.as_str()).collect();
    match feeds.as_slice() {
        [] => String::new(),
        feeds => format!(", which has no tag yet for the feeds {}", feeds.join(", ")),
    }
}

fn warn(site: &Site, what: &str) {
    output::remark(format!("{}: warning: {what}\n", site.name));
}

/// Checks that scores can be reckoned by the model of this name.
async fn model(client: &Client, name: &str) -> Result<(), String> {
    let models = client.decaying_models().await.map_err(|error| in_words(&error))?;
    match feed_engine::scorer_named(&models, name) {
        Ok(_) => Ok(()),
        Err(fault) => Err(format!("decaying_model {name:?}: {}", chain(&fault))),
    }
}

fn in_words(error: &Error) -> String {
    chain(error)
}

fn client(site: &Site, endpoint: Endpoint, key: Option<&SecretString>) -> Result<Client, String> {
    let url = BaseUrl::new(endpoint.proto, site.name.as_str(), endpoint.port()).map_err(|error| error.to_string())?;
    let key = AuthKey::new(key.cloned().unwrap_or_else(|| ABSENT_KEY.into())).map_err(|error| error.to_string())?;
    let mut builder = Client::builder(url, key)
        .user_agent(concat!("cratos/", env!("CARGO_PKG_VERSION")))
        .verify_certificate(site.verify_certificate)
        .timeout(site.timeout.min(PATIENCE));
    if let Some(path) = &site.ca_certificate {
        let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        builder = builder.add_root_certificate(pem);
    }
    builder.build().map_err(|error| in_words(&error))
}
