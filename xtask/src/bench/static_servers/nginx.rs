//! nginx with the answers of cratosd as files, if it is installed.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::answers::Answers;
use super::cases::Case;
use super::certificate::Certificate;
use super::server::{Column, Server, head};
use crate::bench::process::Process;
use crate::cargo;

/// Debian has it where the path of a user does not lead.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// Headers that nginx writes itself.
const OF_NGINX: [&str; 7] = [
    "accept-ranges",
    "connection",
    "content-length",
    "content-type",
    "date",
    "etag",
    "last-modified",
];

/// The fields of cratosd's access log, as far as nginx knows them.
const LOG_FORMAT: &str = "'$remote_addr - \"$server_name\" [$time_local] \"$request\" $status $body_bytes_sent \
                          \"$http_referer\" \"$http_user_agent\" $request_time $request_id \"-\" \"-\"'";

/// The longest start.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Nginx {
    process: Process,
    token: String,
    ports: Vec<(Column, u16, Option<PathBuf>)>,
}

/// One of its ports.
pub(super) struct Port<'n> {
    nginx: &'n Nginx,
    column: Column,
    address: String,
    certificate: Option<&'n Path>,
}

impl Nginx {
    /// Starts it with two ports, one of them with an access log, and two more with TLS.
    pub(super) fn start(
        folder: &Path,
        answers: &Answers,
        certificate: Option<&Certificate>,
    ) -> anyhow::Result<Option<Self>> {
        let is_here = |program: &&str| cargo::is_here(Command::new(program).arg("-v"));
        let Some(program) = PROGRAMS.into_iter().find(is_here) else {
            eprintln!("nginx is not installed: nothing is measured beside it");
            return Ok(None);
        };
        let mut ports = Vec::new();
        for certificate in [None, certificate.map(Certificate::certificate)] {
            if certificate.is_some() || ports.is_empty() {
                ports.push((Column::Nginx, free_port()?, certificate.clone()));
                ports.push((Column::NginxWithLog, free_port()?, certificate));
            }
        }
        let file = folder.join("nginx.conf");
        let key = certificate.map(Certificate::key);
        std::fs::write(&file, configuration(folder, answers, &ports, key.as_deref()))?;
        let mut command = Command::new(program);
        command.arg("-e").arg(folder.join("error.log"));
        command.arg("-p").arg(folder).arg("-c").arg(file);
        let nginx = Self {
            process: Process::start(&mut command)?,
            token: answers.token().to_owned(),
            ports,
        };
        nginx.wait_until_it_listens()?;
        Ok(Some(nginx))
    }

    pub(super) fn ports(&self) -> Vec<Port<'_>> {
        self.ports
            .iter()
            .map(|(column, port, certificate)| Port {
                nginx: self,
                column: *column,
                address: format!("127.0.0.1:{port}"),
                certificate: certificate.as_deref(),
            })
            .collect()
    }

    fn wait_until_it_listens(&self) -> anyhow::Result<()> {
        let (_, port, _) = self.ports.last().context("no port")?;
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", *port)).is_err() {
            if began.elapsed() > PATIENCE {
                bail!("nginx does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It ends its workers; a killed one would leave them behind.
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if id.is_some_and(|id| kill_process(id, Signal::TERM).is_ok()) {
            let _ = self.process.child().wait();
        }
    }
}

impl Server for Port<'_> {
    fn column(&self) -> Column {
        self.column
    }

    fn process(&self) -> u32 {
        self.nginx.process.id()
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn certificate(&self) -> Option<&Path> {
        self.certificate
    }

    fn head(&self, case: &Case) -> anyhow::Result<String> {
        Ok(head(&format!("/{}", case.file), &self.nginx.token))
    }
}

/// Another program may take the port before nginx does; then nginx does not start, and the bench says so.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Returns the configuration: what Debian's has for static files, and connections that stay open.
fn configuration(
    folder: &Path,
    answers: &Answers,
    ports: &[(Column, u16, Option<PathBuf>)],
    key: Option<&Path>,
) -> String {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let at = folder.display();
    let locations: String = answers.heads().map(|(file, headers)| location(file, headers)).collect();
    let servers: String = ports
        .iter()
        .map(|(column, port, certificate)| server(folder, *column, *port, certificate.as_deref().zip(key), &locations))
        .collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("{what}_temp_path {at}/nginx-{what};\n"))
        .collect();
    format!(
        "daemon off;\nworker_processes {workers};\npid {at}/nginx.pid;\nerror_log {at}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{\n{temporary}sendfile on;\ntcp_nopush on;\ntcp_nodelay on;\n\
         server_tokens off;\nkeepalive_requests 1000000000;\nkeepalive_timeout 1h;\nlog_format like_cratosd {LOG_FORMAT};\n\
         root {};\n{servers}}}\n",
        answers.folder().display()
    )
}

fn server(folder: &Path, column: Column, port: u16, tls: Option<(&Path, &Path)>, locations: &str) -> String {
    let at = folder.display();
    let log = if column == Column::NginxWithLog {
        format!("{at}/access.log like_cratosd buffer=64k flush=1s")
    } else {
        "off".to_owned()
    };
    let (ssl, files) = tls.map_or(("", String::new()), |(certificate, key)| {
        let (certificate, key) = (certificate.display(), key.display());
        let files = format!("ssl_certificate {certificate};\nssl_certificate_key {key};\nssl_protocols TLSv1.3;\n");
        (" ssl", files)
    });
    format!(
        "server {{\nlisten 127.0.0.1:{port}{ssl};\nserver_name localhost;\naccess_log {log};\n{files}{locations}}}\n"
    )
}

/// Returns a file with the headers that nginx does not write itself.
fn location(file: &str, headers: &[(String, String)]) -> String {
    let value_of = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map_or("text/plain", |(_, value)| value)
    };
    let further: String = headers
        .iter()
        .filter(|(name, _)| !OF_NGINX.contains(&name.as_str()))
        .map(|(name, value)| format!("add_header {name} {} always;\n", quoted(value)))
        .collect();
    let kind = quoted(value_of("content-type"));
    format!("location = /{file} {{\ntypes {{ }}\ndefault_type {kind};\n{further}}}\n")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_the_headers_that_nginx_does_not_write_itself() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = [
            header("content-type", "text/plain; charset=utf-8"),
            header("etag", "\"abc\""),
            header("vary", "a \"quoted\" word"),
        ];
        let text = location("small", &headers);
        assert!(text.contains("default_type \"text/plain; charset=utf-8\";"), "{text}");
        assert!(
            text.contains("add_header vary \"a \\\"quoted\\\" word\" always;"),
            "{text}"
        );
        assert!(!text.contains("etag"), "{text}");
    }
}
