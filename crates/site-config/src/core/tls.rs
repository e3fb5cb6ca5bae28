//! The keys `tls.*`: which files, and who must show a certificate. The files are not read here, since only a server
//! needs them.

use std::path::PathBuf;

use config_file::{Place, Scalar, Section, Wrong, text_file, value};

use super::CORE;

/// The keys `tls.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// The certificate of the server, and after it those that lead to its authority.
    pub certificate: NamedFile,
    /// The private key of that certificate.
    pub key: NamedFile,
    /// The authorities of the callers' certificates; callers are asked for none without it.
    pub client_ca: Option<NamedFile>,
    /// Whether callers need a certificate, if there is a `client_ca`.
    pub client_certificates: ClientCertificates,
}

/// A file that the core file names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedFile {
    /// Where it is; the file says it relative to its own directory.
    pub path: PathBuf,
    /// Line and column of that path in the core file.
    pub place: (u32, u32),
}

/// The key `tls.client_certificates`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// cratosd serves no caller without one.
    Required,
    /// Callers without one are served as well. One of another authority is refused all the same.
    Optional,
}

pub(super) fn read(section: &mut Section<'_>) -> Option<Tls> {
    let node = section.take("tls")?;
    let at = node.place;
    let mut inner = Section::new(CORE, "tls.", node, section.report)?;
    let (certificate, key) = (required(&mut inner, at, "certificate"), required(&mut inner, at, "key"));
    let has_client_ca = inner.has("client_ca");
    let client_ca = file(&mut inner, "client_ca");
    let clients_at = inner.place_of("client_certificates");
    let is_written = inner.has("client_certificates");
    let before = inner.report.problems.len();
    let client_certificates = inner.value_or_default("client_certificates", client_certificates);
    if is_written && !has_client_ca && inner.report.problems.len() == before {
        let wrong = Wrong::new(
            "stands without `client_ca`",
            "name the authorities whose certificates callers show, or remove the line",
        );
        inner.wrong(clients_at, "client_certificates", wrong);
    }
    inner.finish();
    Some(Tls {
        certificate: certificate?,
        key: key?,
        client_ca,
        client_certificates,
    })
}

fn required(section: &mut Section<'_>, at: Place, name: &'static str) -> Option<NamedFile> {
    if !section.has(name) {
        let wrong = Wrong::new("is missing", "name a PEM file; `tls` needs `certificate` and `key`");
        section.wrong(at, name, wrong);
    }
    file(section, name)
}

fn file(section: &mut Section<'_>, name: &'static str) -> Option<NamedFile> {
    let place = section.place_of(name);
    let path = section.value(name, value::some_text)?;
    Some(NamedFile {
        path: text_file::beside(section.report.file(), &path),
        place: (place.line, place.column),
    })
}

fn client_certificates(scalar: &Scalar) -> Result<ClientCertificates, Wrong> {
    match value::some_text(scalar)?.as_str() {
        "required" => Ok(ClientCertificates::Required),
        "optional" => Ok(ClientCertificates::Optional),
        _ => {
            let what = format!("{} is neither `required` nor `optional`", value::shown(scalar));
            Err(Wrong::new(what, "write one of the two"))
        }
    }
}
