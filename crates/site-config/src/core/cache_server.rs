//! The cache that several daemons share: `cache.*`, or the keys `memcached_*` of Cratos FastAPI.

use std::path::PathBuf;

use config_file::{Place, Section, Wrong, text_file, value};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::CORE;

/// The server of the shared cache, and the credentials for it. `Debug` shows no password.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CacheServer {
    /// Its protocol.
    pub kind: CacheKind,
    /// Whether TLS is spoken. Never with memcached.
    pub tls: bool,
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User; none where the server knows none.
    pub user: Option<String>,
    /// Password; none where the server wants none.
    pub password: Option<SecretString>,
    /// Number of the database. Always 0 with memcached.
    pub database: u32,
    /// PEM file with the authorities that are believed instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// The protocol of a shared cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheKind {
    /// memcached.
    Memcached,
    /// Valkey or Redis.
    Valkey,
}

impl CacheServer {
    /// Returns whether the other one is the same server, with the same user and password.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let password = |server: &Self| {
            let password = server.password.as_ref().map(|password| password.expose_secret());
            Zeroizing::new(password.map(str::to_owned))
        };
        let rest = |server: &Self| {
            (
                (server.kind, server.tls, server.host.clone(), server.port),
                (server.user.clone(), server.database, server.ca_file.clone()),
            )
        };
        rest(self) == rest(other) && *password(self) == *password(other)
    }

    fn new(kind: CacheKind, host: String, port: u16) -> Self {
        Self {
            kind,
            tls: false,
            host,
            port,
            user: None,
            password: None,
            database: 0,
            ca_file: None,
        }
    }
}

/// Reads the server that is named; `cache.url` wins.
pub(super) fn read(section: &mut Section<'_>) -> Option<CacheServer> {
    let place = section.place_of("memcached_host");
    let has_memcached = section.has("memcached_host");
    let memcached = memcached(section);
    let has_url = section.has("cache");
    let by_url = section.take("cache").and_then(|node| {
        let mut inner = Section::new(CORE, "cache.", node, section.report)?;
        let server = by_url(&mut inner);
        inner.finish();
        server
    });
    if has_url && has_memcached {
        section.note(
            place,
            "memcached_host",
            "has no effect: the cache of `cache.url` is used",
        );
    }
    if has_url { by_url } else { memcached }
}

/// Cratos FastAPI does not start without `memcached_host`; here a file without it wants no memcached.
fn memcached(section: &mut Section<'_>) -> Option<CacheServer> {
    if !section.has("memcached_host") {
        for key in ["memcached_port", "memcached_user", "memcached_pass"] {
            if section.has(key) {
                section.note(section.place_of(key), key, "has no effect without `memcached_host`");
            }
        }
    }
    let port = section.value_or_default("memcached_port", |scalar| value::number(scalar, 1, u16::MAX.into()));
    let user = section.value_or_default("memcached_user", value::text);
    let password = section.secret("memcached_pass", |text| Ok(SecretString::from(text)));
    let host = section.value("memcached_host", value::some_text)?;
    let port = u16::try_from(port).unwrap_or(u16::MAX);
    let mut server = CacheServer::new(CacheKind::Memcached, host, port);
    if !user.is_empty() {
        server.user = Some(user);
        server.password = Some(password.unwrap_or_default());
    }
    Some(server)
}

fn by_url(section: &mut Section<'_>) -> Option<CacheServer> {
    let place = section.place_of("url");
    if !section.has("url") {
        section.wrong(place, "url", Wrong::new("is missing", URL));
    }
    let mut server = None;
    // It may hold a password, so it is read as the secret that it is.
    section.value("url", |scalar| {
        server = Some(read_url(value::secret_text(scalar)?)?);
        Ok(())
    });
    let (password_place, has_password_file) = (section.place_of("password_file"), section.has("password_file"));
    let password_file = section.value("password_file", value::some_text);
    let (ca_place, ca_file) = (section.place_of("ca_file"), section.value("ca_file", value::some_text));
    let mut server = server?;
    if has_password_file && server.password.is_some() {
        let wrong = Wrong::new("stands beside a password in `url`", "keep one of the two");
        section.wrong(password_place, "password_file", wrong);
    } else if let Some(path) = password_file {
        let path = text_file::beside(section.report.file(), &path);
        server.password = Some(from_file(section, password_place, &path)?);
    }
    if server.kind == CacheKind::Memcached && server.user.is_some() != server.password.is_some() {
        let wrong = Wrong::new(
            "names a user or a password, but not both",
            "write `memcached://user:password@host`",
        );
        section.wrong(place, "url", wrong);
    }
    if let Some(path) = ca_file {
        if !server.tls {
            section.note(
                ca_place,
                "ca_file",
                "has no effect without TLS: `url` does not begin with rediss://",
            );
        }
        server.ca_file = Some(text_file::beside(section.report.file(), &path));
    }
    Some(server)
}

/// Reads a password from a file of its own; line breaks at its end do not count.
fn from_file(section: &mut Section<'_>, place: Place, path: &std::path::Path) -> Option<SecretString> {
    if let Some(who) = text_file::readable_by_everybody(path) {
        section.note(place, "password_file", format!("{}: {who}", path.display()));
    }
    match text_file::read_text(path) {
        Ok(text) => Some(SecretString::from(text.trim_end_matches(['\r', '\n']))),
        Err((_, wrong)) => {
            let what = format!("{}: {}", path.display(), wrong.what);
            section.wrong(place, "password_file", Wrong::new(what, wrong.instead));
            None
        }
    }
}

const URL: &str = "write redis://host:6379, rediss://host:6379 (TLS) or memcached://host:11211, where needed with user:password@ \
                   before the host";

/// Reads `redis://user:password@host:port/database`, and never shows any of it.
fn read_url(text: &str) -> Result<CacheServer, Wrong> {
    let wrong = |what: &str| Wrong::new(what, URL);
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("is no URL"))?;
    let (kind, tls, usual_port) = match scheme {
        "redis" => (CacheKind::Valkey, false, 6379),
        "rediss" => (CacheKind::Valkey, true, 6379),
        "memcached" => (CacheKind::Memcached, false, 11211),
        _ => return Err(wrong("begins with another scheme than those of a cache")),
    };
    // A password with a slash, a question mark or an at sign has to be written with percent signs, as in every URL.
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, place) = match authority.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, authority),
    };
    let (host, port) = host_and_port(place).ok_or_else(|| wrong("has no host, or a port that is no number"))?;
    let mut server = CacheServer::new(kind, host, port.unwrap_or(usual_port));
    server.tls = tls;
    if let Some(login) = login {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let decoded = |text: &str| decoded(text).ok_or_else(|| wrong("has a percent sign that stands for nothing"));
        server.user = Some(decoded(user)?.to_string()).filter(|user| !user.is_empty());
        server.password = (!password.is_empty())
            .then(|| decoded(password).map(|password| SecretString::from(password.as_str())))
            .transpose()?;
    }
    server.database = match (kind, path) {
        (_, "") => 0,
        (CacheKind::Valkey, number) => number
            .parse()
            .map_err(|_| wrong("has something behind the host that is no number of a database"))?,
        (CacheKind::Memcached, _) => return Err(wrong("has something behind the host")),
    };
    Ok(server)
}

/// Reads `host`, `host:port` or `[address]:port`.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (
            host,
            if after.is_empty() {
                None
            } else {
                Some(after.strip_prefix(':')?)
            },
        )
    } else {
        let (host, port) = text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port)));
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if host.is_empty() || !host.bytes().all(fits) {
            return None;
        }
        (host, port)
    };
    let port = port.map(|port| port.parse().ok().filter(|port| *port != 0));
    match port {
        Some(None) => None,
        port => Some((host.to_owned(), port.flatten())),
    }
}

/// Reads percent signs with two digits as the bytes that they stand for.
fn decoded(text: &str) -> Option<Zeroizing<String>> {
    // With its final capacity, so that no copy stays behind in memory.
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            u8::try_from(high * 16 + low).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        match read_url(url) {
            Ok(s) => format!(
                "{:?} tls={} {} {} {:?} {:?} {}",
                s.kind,
                s.tls,
                s.host,
                s.port,
                s.user,
                s.password.as_ref().map(|password| password.expose_secret()),
                s.database
            ),
            Err(wrong) => wrong.what,
        }
    }

    #[test]
    fn a_url_names_server_user_password_and_database() {
        for (url, meant) in [
            (
                "redis://cache.example",
                "Valkey tls=false cache.example 6379 None None 0",
            ),
            ("redis://10.0.0.7:7000/3", "Valkey tls=false 10.0.0.7 7000 None None 3"),
            (
                "redis://[2001:db8::1]:7000",
                "Valkey tls=false 2001:db8::1 7000 None None 0",
            ),
            (
                "rediss://feeds:p%40ss%2F:@c/",
                "Valkey tls=true c 6379 Some(\"feeds\") Some(\"p@ss/:\") 0",
            ),
            ("redis://:word@c", "Valkey tls=false c 6379 None Some(\"word\") 0"),
            ("redis://feeds@c", "Valkey tls=false c 6379 Some(\"feeds\") None 0"),
            (
                "memcached://u:p@c",
                "Memcached tls=false c 11211 Some(\"u\") Some(\"p\") 0",
            ),
        ] {
            assert_eq!(shown(url), meant, "{url}");
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused_without_showing_it() {
        for url in [
            "",
            "hunter2",
            "http://hunter2@c",
            "redis://",
            "redis://:hunter2@",
            "redis://u:hunter2@c:0",
            "redis://u:hunter2@c:65536",
            "redis://u:hunter2@c:70:70",
            "redis://u:hunter2%4@c",
            "redis://u:hunter2%ff@c",
            "redis://u:hunter2@c/one",
            "redis://u:hunter2@[::1",
            "redis://u:hunter2@c d",
            "memcached://u:hunter2@c/1",
        ] {
            let wrong = read_url(url).expect_err(url);
            assert!(!format!("{}{}", wrong.what, wrong.instead).contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn a_server_is_the_same_with_the_same_password_only() {
        let read = |url| read_url(url).unwrap();
        assert!(read("redis://u:p@c").is_same(&read("redis://u:p@c:6379/0")));
        for other in [
            "redis://u:q@c",
            "redis://u@c",
            "rediss://u:p@c",
            "redis://u:p@d",
            "redis://u:p@c/1",
        ] {
            assert!(!read("redis://u:p@c").is_same(&read(other)), "{other}");
        }
    }
}
