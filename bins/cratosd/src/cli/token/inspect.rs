//! `cratosd token inspect`: the limits and the end of a token.

use clap::Args;
use site_config::Loaded;
use token_crypto::{MAX_TOKEN_LEN, OpenedToken, description};

use crate::cli::files::{self, ConfigFiles};
use crate::cli::output;
use crate::cli::token::input::{self, Token};
use crate::cli::token::today;
use crate::exit::Failure;

/// A little more than the longest token with a line end, so that a longer one is refused and not cut.
const LIMIT: u64 = MAX_TOKEN_LEN as u64 + 3;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The token; `-` or nothing reads it from standard input, where no other process sees it
    #[arg(env = "CRATOS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<Token>,

    #[command(flatten)]
    files: ConfigFiles,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let token = match options.token.as_ref().and_then(Token::text) {
        Some(token) => token,
        None => input::from_standard_input("inspect", LIMIT)?,
    };
    let loaded = options.files.load()?;
    let opened = files::key_ring(&loaded.core)?.open(token.trim()).map_err(|error| {
        Failure::failed(format!(
            "the token does not open with the secrets of this configuration: {error}"
        ))
    })?;
    let mut text = description::of(&opened);
    if let Some(site) = loaded.site(&opened.claims.site) {
        text += &description::untagged(&opened, site.default_tlp);
    }
    text += &description::line("here", &state(&opened, &loaded));
    output::print(text)
}

/// Returns whether the token works with this configuration, or the reason why not.
fn state(opened: &OpenedToken, loaded: &Loaded) -> String {
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
