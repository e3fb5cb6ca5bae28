//! `cratosd token convert`: makes new tokens from old ones, with the same MISP key.

use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret as _;
use site_config::{Loaded, SiteName};
use token_crypto::{Claims, ExpiryDay, KeyRing, OpenedToken, SealedToken, description, token_sha256};
use zeroize::Zeroizing;

use crate::cli::check::online;
use crate::cli::files::{self, ConfigFiles};
use crate::cli::misp::Endpoint;
use crate::cli::progress::Progress;
use crate::cli::token::input::{self, Token};
use crate::cli::token::scope_options::ScopeOptions;
use crate::cli::token::{mint, seal, today};
use crate::cli::{names, output, runtime};
use crate::exit::{Exit, Failure};

#[derive(Debug, Args)]
#[command(after_help = "\
Site, MISP key, expiry, label and scope stay unless an option changes them. Each of --feed, --type,
--output, --max-tlp, --allow-ip, --only and --permission replaces that part of the scope; with the
first of them an unscoped token loses the permission to clear the cache.

Write several tokens one per line, each with a label after it if the new token shall have one:
  TOKEN fw1
The new tokens are printed in the same order, each with a tab and its label. Empty lines and lines
that begin with # are ignored. If one token cannot be converted, none is printed.

The old tokens work until they expire or are listed in blacklisted_api_tokens.")]
pub(in crate::cli) struct Options {
    /// The token; `-` or nothing reads one or more from standard input, where no other process sees them
    #[arg(env = "CRATOS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<Token>,

    /// File that holds the tokens, one per line
    #[arg(
        long,
        env = "CRATOS_TOKEN_FILE",
        hide_env_values = true,
        value_name = "FILE",
        conflicts_with = "token"
    )]
    token_file: Option<PathBuf>,

    /// Day on which the new token stops working, at 00:00 UTC; without --prolong not after the old one's
    #[arg(long, env = "CRATOS_EXPIRES", hide_env_values = true, value_name = "YYYY-MM-DD", value_parser = names::expiry)]
    expires: Option<ExpiryDay>,

    /// Allow a later day, and tokens that have expired
    #[arg(long, env = "CRATOS_PROLONG", hide_env_values = true, requires = "expires", value_parser = clap::builder::FalseyValueParser::new())]
    prolong: bool,

    #[command(flatten)]
    scope: ScopeOptions,

    /// Name for the log, for a token without a label on its line
    #[arg(long, env = "CRATOS_LABEL", hide_env_values = true, value_name = "TEXT")]
    label: Option<String>,

    /// Also ask each MISP whether it accepts the key of the token
    #[arg(long, env = "CRATOS_ONLINE", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    online: bool,

    #[command(flatten)]
    files: ConfigFiles,
}

/// One line of the input.
struct Line<'t> {
    number: usize,
    token: &'t str,
    label: Option<&'t str>,
}

/// An old token and the new one.
struct Converted<'t> {
    line: Line<'t>,
    old: OpenedToken,
    new: OpenedToken,
    sealed: SealedToken,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let text = text(options)?;
    let lines = lines(&text);
    if lines.is_empty() {
        return Err(Failure::usage("no token: the input has only empty lines"));
    }
    let is_alone = lines.len() == 1;
    let loaded = options.files.load()?;
    let ring = files::key_ring(&loaded.core)?;
    let mut converted = Vec::with_capacity(lines.len());
    let mut failures = Vec::new();
    for line in lines {
        let number = line.number;
        match convert(options, &loaded, &ring, line) {
            Ok(token) => converted.push(token),
            Err(failure) => failures.push((number, failure)),
        }
    }
    refuse_all(failures, is_alone)?;
    if options.online {
        ask(&converted, &loaded, is_alone)?;
    }
    for (index, token) in converted.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        output::remark(format!("{gap}{}", description_of(token)));
    }
    output::print(&*printed(&converted))
}

fn text(options: &Options) -> Result<Zeroizing<String>, Failure> {
    if let Some(path) = &options.token_file {
        return input::from_file(path);
    }
    match options.token.as_ref().and_then(Token::text) {
        Some(token) => Ok(token),
        None => input::many_from_standard_input("convert"),
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let numbered = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
    let written = numbered.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    written
        .map(|(line, number)| match line.split_once(char::is_whitespace) {
            Some((token, label)) => Line {
                number,
                token,
                label: Some(label.trim()),
            },
            None => Line {
                number,
                token: line,
                label: None,
            },
        })
        .collect()
}

fn convert<'t>(options: &Options, loaded: &Loaded, ring: &KeyRing, line: Line<'t>) -> Result<Converted<'t>, Failure> {
    let old = ring.open(line.token).map_err(|error| {
        Failure::failed(format!(
            "the token does not open with the secrets of this configuration: {error}"
        ))
    })?;
    let claims = &old.claims;
    let name: SiteName = claims
        .site
        .parse()
        .map_err(|_| Failure::failed("the token names a site that no file can be called after"))?;
    let site = files::site(loaded, &name)?;
    let denied = [&token_sha256(line.token), old.fingerprint()];
    if denied.iter().any(|digest| site.denied_token_digests.contains(*digest)) {
        return Err(Failure::failed(
            "the token stands in blacklisted_api_tokens: what is revoked is not made new",
        ));
    }
    options.scope.refuse_undefined(site)?;
    options.scope.warn_of_outsiders(&loaded.core, site);
    let expires = expires(options, claims.expires)?;
    let mut fresh = Claims::new(
        site.name.as_str(),
        claims.protocol,
        claims.port,
        claims.auth_key.clone(),
        expires,
    )
    .with_scope(options.scope.rescope(&claims.scope));
    let label = line.label.or(options.label.as_deref()).or(claims.label.as_deref());
    if let Some(label) = label {
        fresh = fresh.with_label(label);
    }
    let sealed = seal(ring, &fresh)?;
    // The description comes from the token itself, so it is true for the device.
    let new = ring
        .open(sealed.expose())
        .map_err(|error| Failure::failed(format!("the new token does not open: {error}")))?;
    Ok(Converted { line, old, new, sealed })
}

/// Returns the day on which the new token ends.
fn expires(options: &Options, old: ExpiryDay) -> Result<ExpiryDay, Failure> {
    if let Some(new) = options.expires {
        mint::refuse_the_past(new)?;
    }
    let new = options.expires.unwrap_or(old);
    if options.prolong {
        return Ok(new);
    }
    if old.has_ended(today()) {
        return Err(Failure::failed(format!(
            "the token has expired on {old}: say with --prolong and --expires if it shall work again"
        )));
    }
    if new > old {
        return Err(Failure::usage(format!(
            "the token ends on {old}, before {new}: say with --prolong if the new one shall work longer"
        )));
    }
    Ok(new)
}

/// Fails with everything that is wrong with any token, so that a long list is repaired once.
fn refuse_all(mut failures: Vec<(usize, Failure)>, is_alone: bool) -> Result<(), Failure> {
    if is_alone && let Some((_, failure)) = failures.pop() {
        return Err(failure);
    }
    let Some((_, first)) = failures.first() else {
        return Ok(());
    };
    let exit = first.exit();
    for (number, failure) in &failures {
        for text in failure.lines() {
            let text = text.strip_prefix("error: ").unwrap_or(text);
            output::remark(format!("line {number}: {text}\n"));
        }
    }
    output::remark("error: no token was converted, since these cannot be\n");
    Err(Failure::said(exit))
}

/// Asks the MISP of each token with its key, each key once and one after the other: a list of tokens must not look like
/// an attack.
fn ask(converted: &[Converted<'_>], loaded: &Loaded, is_alone: bool) -> Result<(), Failure> {
    runtime::block_on(async {
        let progress = Progress::of(format!("asking MISP about {} keys", converted.len()));
        let mut refused = Vec::new();
        for (index, token) in converted.iter().enumerate() {
            let claims = &token.new.claims;
            if converted
                .iter()
                .take(index)
                .any(|earlier| is_same_key(&earlier.new.claims, claims))
            {
                continue;
            }
            let Some(site) = loaded.site(&claims.site) else {
                continue;
            };
            let endpoint = Endpoint::new(claims.protocol, claims.port);
            if let Err(why) = online::ask(site, endpoint, Some(&claims.auth_key)).await {
                let line = if is_alone {
                    String::new()
                } else {
                    format!("line {}: ", token.line.number)
                };
                refused.push(format!("{line}{}: {why}\n", claims.site));
            }
        }
        drop(progress);
        if refused.is_empty() {
            return Ok(());
        }
        refused.iter().for_each(output::remark);
        Err(Failure::said(Exit::Unavailable))
    })
}

fn is_same_key(a: &Claims, b: &Claims) -> bool {
    (&a.site, a.protocol, a.port) == (&b.site, b.protocol, b.port)
        && a.auth_key.expose_secret() == b.auth_key.expose_secret()
}

/// Returns the lines of the new token with their old values, and the digests that revoke either token.
fn description_of(token: &Converted<'_>) -> String {
    let old = description::parts(&token.old);
    let mut text = String::new();
    for ((name, new), (_, old)) in description::parts(&token.new).into_iter().zip(old) {
        let value = if old == new { new } else { format!("{new} (was {old})") };
        text.push_str(&description::line(name, &value));
    }
    let digests = [
        ("sha256", format!("{} (of the new token)", token.new.fingerprint())),
        (
            "old sha256",
            format!(
                "{} (for blacklisted_api_tokens, once the device has the new token)",
                token.old.fingerprint()
            ),
        ),
    ];
    text.extend(digests.iter().map(|(name, value)| description::line(name, value)));
    text
}

fn printed(converted: &[Converted<'_>]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for token in converted {
        text.push_str(token.sealed.expose());
        if let Some(label) = token.line.label {
            text.push('\t');
            text.push_str(label);
        }
        text.push('\n');
    }
    text
}
