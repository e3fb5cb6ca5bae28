//! `cratosd serve` with a token for each of the stand-ins.

use std::path::Path;

use anyhow::Context as _;

use super::cases::{CASES, Case};
use super::server::{Column, Server, head};
use crate::bench::connection::{Answer, Connection};
use crate::bench::installation::Installation;
use crate::bench::misp::Misp;
use crate::bench::process::Process;
use crate::bench::static_servers::Certificate;

/// How it runs.
pub(super) enum Kind<'c> {
    /// With its log and its access log, as `cratosd init` writes the configuration.
    Logged,
    WithoutLogs,
    /// As `Logged`, with TLS.
    Tls(&'c Certificate),
}

/// The lines about single requests.
const NO_REQUESTS: &str = "info,cratosd::access=off,cratosd::audit=off";

pub(super) struct Cratosd {
    process: Process,
    address: String,
    tokens: Vec<String>,
    column: Column,
    certificate: Option<std::path::PathBuf>,
    _installation: Installation,
}

impl Cratosd {
    /// Starts it, and asks for each answer once if it does not speak TLS.
    pub(super) fn start(program: &Path, misps: &[Misp], kind: Kind<'_>) -> anyhow::Result<Self> {
        let scope = ["--feed", "block", "--permission", "lookup", "--label", "fw1"];
        let first = misps.first().context("no stand-in")?;
        let installation = Installation::new(program, first, &scope)?;
        let tokens = misps.iter().map(|misp| installation.mint(misp.port, &scope));
        let tokens = tokens.collect::<anyhow::Result<Vec<_>>>()?;
        let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
        let (mut column, mut certificate) = (Column::Cratosd, None);
        match kind {
            Kind::Logged => (),
            Kind::WithoutLogs => {
                column = Column::WithoutLogs;
                command.env("RUST_LOG", NO_REQUESTS);
                installation.change("config/config.yaml", |text| {
                    text.replace("\naccess_log: ", "\n# access_log: ")
                })?;
            }
            Kind::Tls(files) => {
                certificate = Some(files.certificate());
                installation.change("config/config.yaml", |text| text + &files.as_configuration())?;
            }
        }
        let (process, address) = Installation::serve(&mut command)?;
        let daemon = Self {
            process,
            address,
            tokens,
            column,
            certificate,
            _installation: installation,
        };
        if !daemon.is_tls() {
            for case in CASES.iter().filter(|case| !case.is_tls) {
                daemon.ask(case, "")?;
            }
        }
        Ok(daemon)
    }

    pub(super) fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// Asks once with these further header lines.
    pub(super) fn ask(&self, case: &Case, further: &str) -> anyhow::Result<Answer> {
        let request = format!("{}{further}\r\n", self.head(case)?);
        let answer = Connection::open(&self.address)?.send(&request)?;
        anyhow::ensure!(matches!(answer.status, 200 | 304), "{}: {}", case.name, answer.status);
        Ok(answer)
    }
}

impl Server for Cratosd {
    fn column(&self) -> Column {
        self.column
    }

    fn process(&self) -> u32 {
        self.process.id()
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    fn head(&self, case: &Case) -> anyhow::Result<String> {
        Ok(head(case.target, self.tokens.get(case.size).context("no token")?))
    }
}
