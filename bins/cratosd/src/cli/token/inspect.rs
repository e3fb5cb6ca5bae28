//! `cratosd token inspect`: what a token allows and when it ends.

use std::io::{self, IsTerminal as _, Read as _};

use clap::Args;
use site_config::Loaded;
use token_crypto::{MAX_TOKEN_LEN, Opened};
use zeroize::Zeroizing;

use crate::cli::files::{self, ConfigFiles};
use crate::cli::output;
use crate::cli::token::{description, today};
use crate::exit::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The token; `-` or nothing reads it from standard input, where no other process sees it
    #[arg(env = "CRATOS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<Token>,

    #[command(flatten)]
    files: ConfigFiles,
}

/// A token that was typed; `Debug` does not show it.
#[derive(Clone)]
struct Token(Zeroizing<String>);

impl std::str::FromStr for Token {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token([hidden])")
    }
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let token = match &options.token {
        Some(token) if *token.0 != "-" => token.0.clone(),
        _ => from_standard_input()?,
    };
    let loaded = options.files.load()?;
    let opened = files::key_ring(&loaded.core)?.open(token.trim()).map_err(|error| {
        Failure::failed(format!(
            "the token does not open with the secrets of this configuration: {error}"
        ))
    })?;
    let text = description::of(&opened) + &description::line("here", &state(&opened, &loaded));
    output::print(text)
}

fn from_standard_input() -> Result<Zeroizing<String>, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage(
            "no token: type it behind `inspect`, or pipe it into standard input",
        ));
    }
    let mut token = Zeroizing::new(String::new());
    // One byte more than the longest with a line end, so that what is too long is told to be so.
    let limit = u64::try_from(MAX_TOKEN_LEN).unwrap_or(u64::MAX).saturating_add(3);
    stdin
        .take(limit)
        .read_to_string(&mut token)
        .map_err(|error| Failure::usage(format!("no token can be read from standard input: {error}")))?;
    Ok(token)
}

/// Says whether the token works with this configuration, and if not, why.
fn state(opened: &Opened, loaded: &Loaded) -> String {
    let claims = &opened.claims;
    let known = claims
        .site
        .parse()
        .ok()
        .and_then(|name| loaded.sites.get::<site_config::SiteName>(&name));
    match known {
        _ if claims.expires.has_ended(today()) => "has expired".to_owned(),
        None => "refused: its site has no usable file in the sites directory".to_owned(),
        Some(site) if !site.enabled => "refused: its site is switched off".to_owned(),
        Some(site) if site.denied_token_digests.contains(opened.fingerprint()) => {
            "refused: it stands in blacklisted_api_tokens".to_owned()
        }
        Some(_) => "works".to_owned(),
    }
}
