//! The daemon that is attacked.

use std::net::SocketAddrV4;

use anyhow::Context as _;

use crate::bench::installation::Installation;
use crate::bench::misp::Misp;
use crate::bench::process::Process;
use crate::bench::programs::Programs;

/// The feed that the good client polls and the slow readers ask for.
pub(super) const FEED: &str = "/v1/feed/block/type/domain/age/1w/output/txt";

pub(super) struct Target {
    pub(super) address: SocketAddrV4,
    pub(super) token: String,
    process: Process,
    _installation: Installation,
}

impl Target {
    pub(super) fn start(programs: &Programs, misp: &Misp) -> anyhow::Result<Self> {
        let installation = Installation::new(&programs.cratosd(), misp, &["--permission", "stream"])?;
        let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
        let (process, address) = Installation::serve(&mut command)?;
        Ok(Self {
            address: address.parse().context("the daemon's address")?,
            token: installation.token.clone(),
            process,
            _installation: installation,
        })
    }

    pub(super) fn resident_megabytes(&self) -> anyhow::Result<f64> {
        Ok(self.process.resident_bytes()? as f64 / 1e6)
    }

    /// Makes the present memory the peak.
    pub(super) fn forget_peak(&self) -> anyhow::Result<()> {
        self.process.forget_peak()
    }

    pub(super) fn peak_megabytes(&self) -> anyhow::Result<f64> {
        Ok(self.process.peak_resident_bytes()? as f64 / 1e6)
    }

    pub(super) fn processor_seconds(&self) -> anyhow::Result<f64> {
        self.process.processor_seconds()
    }
}
