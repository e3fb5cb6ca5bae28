//! The MISP of a command.

use clap::Args;
use site_config::SiteName;
use token_crypto::Protocol;

/// A site, with the protocol and port of its MISP.
#[derive(Debug, Args)]
pub(super) struct MispAddress {
    /// Name or address of the MISP, which is also the name of its file in the sites directory
    #[arg(long, env = "CRATOS_SITE", hide_env_values = true, value_name = "FQDN")]
    pub(super) site: SiteName,

    #[command(flatten)]
    pub(super) endpoint: Endpoint,
}

/// The protocol and port of a MISP.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Endpoint {
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

impl Endpoint {
    /// Returns the protocol and port in a token.
    pub(super) fn new(proto: Protocol, port: u16) -> Self {
        Self {
            proto,
            port: Some(port),
        }
    }

    /// Returns the port of the command line, or else that of the protocol.
    pub(super) fn port(self) -> u16 {
        self.port.unwrap_or(self.proto.default_port())
    }
}
