//! nginx, if it is installed.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::certificate::Certificate;
use super::files::{Files, Header};
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

/// Connections that each worker takes, where not thousands are needed: their number costs memory.
pub(in crate::bench) const FEW_CONNECTIONS: usize = 1_024;

/// The name of the file.
const CONFIGURATION: &str = "nginx.conf";

/// How often a start is looked at.
const LOOK: Duration = Duration::from_micros(200);

pub(in crate::bench) struct Nginx {
    process: Process,
    ports: Vec<Port>,
}

/// One of its ports.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Port {
    number: u16,
    /// Whether it writes an access log.
    pub(in crate::bench) is_logged: bool,
    /// The certificate with which it speaks TLS.
    pub(in crate::bench) certificate: Option<PathBuf>,
}

impl Port {
    pub(in crate::bench) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}

impl Nginx {
    /// Starts it with two ports, one of them with an access log, and two more with TLS. Returns it when it listens;
    /// nothing if it is not installed.
    pub(in crate::bench) fn start(
        folder: &Path,
        files: &Files,
        certificate: Option<&Certificate>,
        connections: usize,
    ) -> anyhow::Result<Option<Self>> {
        let prepared = PreparedNginx::new(folder, files, certificate, connections)?;
        prepared.as_ref().map(PreparedNginx::start).transpose()
    }

    pub(in crate::bench) fn process(&self) -> &Process {
        &self.process
    }

    pub(in crate::bench) fn ports(&self) -> &[Port] {
        &self.ports
    }

    fn wait_until_it_listens(&self) -> anyhow::Result<()> {
        let port = self.ports.last().context("no port")?;
        let began = Instant::now();
        while TcpStream::connect(port.address()).is_err() {
            if began.elapsed() > PATIENCE {
                bail!("nginx does not listen");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// nginx with its configuration written, to be started once or several times.
pub(in crate::bench) struct PreparedNginx {
    program: &'static str,
    folder: PathBuf,
    ports: Vec<Port>,
}

impl PreparedNginx {
    /// Writes the configuration; returns nothing if nginx is not installed.
    pub(in crate::bench) fn new(
        folder: &Path,
        files: &Files,
        certificate: Option<&Certificate>,
        connections: usize,
    ) -> anyhow::Result<Option<Self>> {
        let is_here = |program: &&str| cargo::is_here(Command::new(program).arg("-v"));
        let Some(program) = PROGRAMS.into_iter().find(is_here) else {
            eprintln!("nginx is not installed: nothing is measured beside it");
            return Ok(None);
        };
        let tls = certificate.map(|certificate| Some(certificate.certificate()));
        let mut ports = Vec::new();
        for certificate in std::iter::once(None).chain(tls) {
            for is_logged in [false, true] {
                ports.push(Port {
                    number: free_port()?,
                    is_logged,
                    certificate: certificate.clone(),
                });
            }
        }
        let key = certificate.map(Certificate::key);
        let text = configuration(folder, files, &ports, key.as_deref(), connections);
        std::fs::write(folder.join(CONFIGURATION), text)?;
        Ok(Some(Self {
            program,
            folder: folder.to_owned(),
            ports,
        }))
    }

    /// Starts it, and returns it when it listens.
    pub(in crate::bench) fn start(&self) -> anyhow::Result<Nginx> {
        let mut command = Command::new(self.program);
        command.arg("-e").arg(self.folder.join("error.log"));
        command
            .arg("-p")
            .arg(&self.folder)
            .arg("-c")
            .arg(self.folder.join(CONFIGURATION));
        let nginx = Nginx {
            process: Process::start(&mut command)?,
            ports: self.ports.clone(),
        };
        nginx.wait_until_it_listens()?;
        Ok(nginx)
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

/// Another program may take the port before nginx does; then nginx does not start, and the bench says so.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Returns the configuration: what Debian's has for static files, and connections that stay open.
fn configuration(folder: &Path, files: &Files, ports: &[Port], key: Option<&Path>, connections: usize) -> String {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let at = folder.display();
    let locations: String = files.heads().map(|(file, headers)| location(file, headers)).collect();
    let servers: String = ports.iter().map(|port| server(folder, port, key, &locations)).collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("{what}_temp_path {at}/nginx-{what};\n"))
        .collect();
    format!(
        "daemon off;\nworker_processes {workers};\nworker_rlimit_nofile {};\npid {at}/nginx.pid;\n\
         error_log {at}/error.log;\nevents {{ worker_connections {connections}; }}\nhttp {{\n{temporary}sendfile on;\n\
         tcp_nopush on;\ntcp_nodelay on;\nserver_tokens off;\nkeepalive_requests 1000000000;\nkeepalive_timeout 1h;\n\
         log_format like_cratosd {LOG_FORMAT};\nroot {};\n{servers}}}\n",
        2 * connections,
        files.path().display()
    )
}

fn server(folder: &Path, port: &Port, key: Option<&Path>, locations: &str) -> String {
    let at = folder.display();
    let log = if port.is_logged {
        format!("{at}/access.log like_cratosd buffer=64k flush=1s")
    } else {
        "off".to_owned()
    };
    let tls = port.certificate.as_deref().zip(key);
    let (ssl, files) = tls.map_or(("", String::new()), |(certificate, key)| {
        let (certificate, key) = (certificate.display(), key.display());
        let files = format!("ssl_certificate {certificate};\nssl_certificate_key {key};\nssl_protocols TLSv1.3;\n");
        (" ssl", files)
    });
    format!(
        "server {{\nlisten {}{ssl};\nserver_name localhost;\naccess_log {log};\n{files}{locations}}}\n",
        port.address()
    )
}

/// Returns a file with the headers that nginx does not write itself.
fn location(file: &str, headers: &[Header]) -> String {
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
