//! Which MISP a command is about.

use clap::Args;
use site_config::SiteName;
use token_crypto::Protocol;

/// A site and how it is reached.
#[derive(Debug, Args)]
pub(super) struct MispAddress {
    /// Name or address of the MISP, as its file in the sites directory is called
    #[arg(long, env = "CRATOS_SITE", hide_env_values = true, value_name = "FQDN")]
    pub(super) site: SiteName,

    #[command(flatten)]
    pub(super) reached: Reached,
}

/// How a MISP is reached.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Reached {
    /// `https`, or `http` for a MISP behind a TLS proxy on this host
    #[arg(
        long,
        env = "CRATOS_PROTO",
        hide_env_values = true,
        value_name = "PROTO",
        default_value = "https"
    )]
    pub(super) proto: Protocol,

    /// Port that MISP listens on [default: 443, or 80 with http]
    #[arg(long, env = "CRATOS_PORT", hide_env_values = true, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
}

impl Reached {
    /// Returns the way that a token names.
    pub(super) fn new(proto: Protocol, port: u16) -> Self {
        Self {
            proto,
            port: Some(port),
        }
    }

    /// Returns the port that was given, else that of the protocol.
    pub(super) fn port(self) -> u16 {
        self.port.unwrap_or(self.proto.default_port())
    }
}
