//! Bare hyper and a port of nginx, asked for the answers of cratosd.

use std::path::{Path, PathBuf};

use super::answers::Answers;
use super::cases::Case;
use super::server::{Column, Server, head};
use crate::bench::static_servers::{BareHyper, Nginx};

pub(super) struct Neighbour {
    column: Column,
    process: u32,
    address: String,
    token: String,
    certificate: Option<PathBuf>,
}

impl Neighbour {
    /// Returns one server for each column.
    pub(super) fn of(bare: &BareHyper, nginx: Option<&Nginx>, answers: &Answers) -> Vec<Self> {
        let token = answers.token().to_owned();
        let bare = Self {
            column: Column::BareHyper,
            process: bare.process().id(),
            address: bare.address().to_owned(),
            token: token.clone(),
            certificate: None,
        };
        let ports = nginx.into_iter().flat_map(|nginx| {
            let ports = nginx.ports().iter();
            ports.map(|port| (nginx.process().id(), port))
        });
        let ports = ports.map(|(process, port)| Self {
            column: if port.is_logged {
                Column::NginxWithLog
            } else {
                Column::Nginx
            },
            process,
            address: port.address(),
            token: token.clone(),
            certificate: port.certificate.clone(),
        });
        std::iter::once(bare).chain(ports).collect()
    }
}

impl Server for Neighbour {
    fn column(&self) -> Column {
        self.column
    }

    fn process(&self) -> u32 {
        self.process
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    fn head(&self, case: &Case) -> anyhow::Result<String> {
        Ok(head(&format!("/{}", case.file), &self.token))
    }
}
