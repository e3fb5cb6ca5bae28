//! `cratosd mirror`: the mirror of a MISP in a running daemon.

mod site_state;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::token::input;
use super::{output, runtime};
use crate::exit::{Failure, chain};
use site_state::{Forgotten, Resync, SiteState};

/// The variable that holds a token itself.
const VARIABLE: &str = "CRATOS_TOKEN";

/// The daemon answers from memory.
const PATIENCE: Duration = Duration::from_secs(30);

/// No answer of the daemon is longer: the longest has 500 feeds with examples of their values.
const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show how far the mirror is, how late, and how large
    Status(Options),
    /// Have the mirror read every event of MISP again
    Resync(Options),
    /// Delete the mirror and its files; the next request begins another one
    Forget(Options),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The daemon is asked with a token that has the permission `operate`:
  cratosd token mint --site misp.example.net --auth-key-file k --expires 1y --only operate

Exit code 69 means that the daemon does not answer, or that it has nothing to act on: no mirror for
this token, for example.")]
pub(super) struct Options {
    /// The address of the daemon
    #[arg(
        long,
        env = "CRATOS_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    url: String,

    /// File with the token; without it, the environment variable CRATOS_TOKEN counts
    #[arg(long, env = "CRATOS_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    runtime::block_on(async {
        match command {
            Command::Status(options) => {
                let state: SiteState = options.ask(Method::GET, "/v1/site").await?;
                output::print(state.text())
            }
            Command::Resync(options) => {
                let answer: Resync = options.ask(Method::POST, "/v1/site/resync").await?;
                if !answer.started {
                    return Err(Failure::unavailable(format!(
                        "nothing is read again: {}",
                        answer.reason
                    )));
                }
                output::print("The mirror reads every event again; `cratosd mirror status` shows its questions.\n")
            }
            Command::Forget(options) => {
                let answer: Forgotten = options.ask(Method::POST, "/v1/site/forget").await?;
                if !answer.forgotten {
                    return Err(Failure::unavailable(
                        "the daemon has no mirror for this site and MISP key".to_owned(),
                    ));
                }
                output::print("The mirror and its files are deleted; the next request begins another one.\n")
            }
        }
    })
}

impl Options {
    /// Returns the answer of the daemon.
    ///
    /// # Errors
    /// Usage errors for a bad address or a missing token, and unavailability with the daemon's own words.
    pub(super) async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, Failure> {
        let token = self.token()?;
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        // The token is for this daemon only: not for the target of a redirect, and in clear text not for a proxy.
        let client = Client::builder().timeout(PATIENCE).redirect(Policy::none());
        let client = if url.starts_with("https://") {
            client
        } else {
            client.no_proxy()
        };
        let client = client
            .build()
            .map_err(|error| Failure::failed(format!("no connection can be made: {}", chain(&error))))?;
        let request = client.request(method, url).header("token", token.trim()).build();
        let request = request.map_err(|error| Failure::usage(format!("--url: {}", chain(&error.without_url()))))?;
        let answer = client.execute(request).await.map_err(|error| self.away(error))?;
        let status = answer.status();
        let body = read(answer).await.map_err(|error| self.away(error))?;
        if status == StatusCode::OK
            && let Ok(answer) = serde_json::from_slice(&body)
        {
            return Ok(answer);
        }
        Err(self.refused(status, &body))
    }

    fn token(&self) -> Result<Zeroizing<String>, Failure> {
        if let Some(path) = &self.token_file {
            return input::from_file(path);
        }
        let token = std::env::var(VARIABLE).ok().filter(|token| !token.trim().is_empty());
        token.map(Zeroizing::new).ok_or_else(|| {
            Failure::usage(format!(
                "no token: name a file with --token-file, or set {VARIABLE}; it needs the permission `operate`"
            ))
        })
    }

    fn away(&self, error: reqwest::Error) -> Failure {
        Failure::unavailable(format!("{}: {}", self.url, chain(&error.without_url())))
    }

    /// Returns the failure for an answer without the wanted content, with the daemon's own words.
    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
        let detail = detail.unwrap_or("is a cratosd with a mirror there?");
        Failure::unavailable(format!("{}: the answer is {status}: {detail}", self.url))
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > MAX_ANSWER_BYTES {
            return Ok(Vec::new());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
