//! `cratosd feed held` and `cratosd feed accept`: smaller sets of feeds that a running daemon holds back.

use std::fmt::Write as _;

use clap::error::{Error, ErrorKind};
use clap::{ArgMatches, Args, FromArgMatches, Subcommand};
use reqwest::Method;
use serde::Deserialize;

use super::{feed, mirror, output, runtime};
use crate::Program;
use crate::exit::Failure;

/// `cratosd feed` with the choice of a feed, or with a command about a running daemon.
#[derive(Debug)]
pub(super) enum FeedCommand {
    Write(Box<feed::Options>),
    Daemon(DaemonCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum DaemonCommand {
    /// List the feeds of a running daemon whose smaller set is held back
    Held(mirror::Options),
    /// Have a running daemon serve the smaller set of a feed that it holds back
    Accept(Accept),
}

#[derive(Debug, Args)]
pub(super) struct Accept {
    /// The feed as the log and `cratosd feed held` name it, for example block/ipv4/1w, or the path of its URL
    #[arg(value_name = "FEED")]
    feed: String,

    #[command(flatten)]
    daemon: mirror::Options,
}

impl Args for FeedCommand {
    fn augment_args(command: clap::Command) -> clap::Command {
        DaemonCommand::augment_subcommands(feed::Options::augment_args(command))
            .subcommand_negates_reqs(true)
            .subcommand_required(false)
            .arg_required_else_help(false)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FeedCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        if matches.subcommand().is_some() {
            return DaemonCommand::from_arg_matches(matches).map(Self::Daemon);
        }
        feed::Options::from_arg_matches(matches).map(|options| Self::Write(Box::new(options)))
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), Error> {
        Err(Error::new(ErrorKind::InvalidSubcommand))
    }
}

#[derive(Deserialize)]
struct HeldFeeds {
    feeds: Vec<HeldFeed>,
}

#[derive(Deserialize)]
struct HeldFeed {
    feed: String,
    since: String,
    from: u64,
    to: u64,
    agreed: u32,
    needed: u32,
    examples: Vec<String>,
}

#[derive(Deserialize)]
struct Accepted {
    accepted: bool,
    reason: String,
    from: u64,
    to: u64,
}

pub(super) fn run(program: &Program, command: &FeedCommand) -> Result<(), Failure> {
    match command {
        FeedCommand::Write(options) => feed::run(program, options),
        FeedCommand::Daemon(DaemonCommand::Held(options)) => runtime::block_on(async {
            let held: HeldFeeds = options.ask(Method::GET, "/v1/site/held").await?;
            output::print(held.text())
        }),
        FeedCommand::Daemon(DaemonCommand::Accept(accept)) => runtime::block_on(async {
            let path = path(&accept.feed)?;
            let answer: Accepted = accept.daemon.ask(Method::POST, &path).await?;
            if !answer.accepted {
                return Err(Failure::unavailable(format!("{}: {}", accept.feed, answer.reason)));
            }
            let (from, to) = (answer.from, answer.to);
            output::print(format!(
                "{} is served with {to} values in the place of {from}.\n",
                accept.feed
            ))
        }),
    }
}

impl HeldFeeds {
    fn text(&self) -> String {
        if self.feeds.is_empty() {
            return "No feed is held back.\n".to_owned();
        }
        let mut text = String::new();
        for held in &self.feeds {
            let HeldFeed {
                feed,
                since,
                from,
                to,
                agreed,
                needed,
                ..
            } = held;
            // Writing into a String cannot fail.
            let _ = writeln!(
                text,
                "{feed}: {from} values are served, MISP gives {to} since {since}; {agreed} of {needed} refreshes agree"
            );
            for example in &held.examples {
                let _ = writeln!(text, "  would go: {}", example.escape_debug());
            }
        }
        text
    }
}

/// Returns the path that accepts this feed.
fn path(feed: &str) -> Result<String, Failure> {
    let (name, limits) = feed.split_once('?').map_or((feed, ""), |(name, limits)| (name, limits));
    let question = if limits.is_empty() { "" } else { "?" };
    let parts: Vec<&str> = name.trim_matches('/').split('/').collect();
    let (word, feed, kind, age) = match parts.as_slice() {
        [feed, kind, age] if feed.len() == 36 => ("uuid", feed, kind, age),
        [feed, kind, age] => ("feed", feed, kind, age),
        ["v1", word @ ("feed" | "uuid"), feed, "type", kind, "age", age, ..] => (*word, feed, kind, age),
        ["v1", "vendor", _, "feed", feed, "type", kind, "age", age] => ("feed", feed, kind, age),
        _ => {
            return Err(Failure::usage(format!(
                "`{name}` names no feed: write FEED/TYPE/AGE, for example block/ipv4/1w, or the path of its URL"
            )));
        }
    };
    Ok(format!(
        "/v1/{word}/{feed}/type/{kind}/age/{age}/accept{question}{limits}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_can_be_named_as_the_log_does_or_by_its_url() {
        for (feed, expected) in [
            ("block/ipv4/1w", "/v1/feed/block/type/ipv4/age/1w/accept"),
            (
                "block/ipv4/1w?max_tlp=amber",
                "/v1/feed/block/type/ipv4/age/1w/accept?max_tlp=amber",
            ),
            (
                "/v1/feed/block/type/ipv4/age/1w/output/txt",
                "/v1/feed/block/type/ipv4/age/1w/accept",
            ),
            (
                "/v1/vendor/pan/feed/block/type/ipv4/age/1w",
                "/v1/feed/block/type/ipv4/age/1w/accept",
            ),
            (
                "5a1f4ad5-1f64-4f3b-9c25-0d9d6f4a7c11/ipv4/1w",
                "/v1/uuid/5a1f4ad5-1f64-4f3b-9c25-0d9d6f4a7c11/type/ipv4/age/1w/accept",
            ),
        ] {
            assert_eq!(path(feed).ok().as_deref(), Some(expected));
        }
        assert!(path("block/ipv4").is_err() && path("").is_err());
    }
}
