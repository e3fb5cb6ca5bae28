//! The bytes of `squid`, `haproxy` and `nginx`, loaded by the real programs, which then deny listed requests and no
//! others.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use feed_classification::IndicatorType as Kind;
use feed_classification::export::testkit::{body, chosen, writable};
use tempfile::TempDir;
use test_peers::{Peer, WebServer, free_port, handbook, program};

const DENIED: u16 = 403;
const NOT_FOUND: u16 = 404;

const NAMES: [&str; 5] = [
    "www.evil.example",
    "evil.example",
    "a.b.www.evil.example",
    "xn--bcher-kva.example",
    "_a-b.xn--p1ai",
];
/// Names that look like listed ones.
const OTHER_NAMES: [&str; 4] = ["good.test", "notevil.example", "evil.example.good.test", "b.example"];
/// Networks that overlap, without the whole of a family: what the battery has.
const NETWORKS: [&str; 6] = [
    "10.1.2.3",
    "10.1.0.0/16",
    "10.0.0.0/8",
    "2001:db8::1",
    "2001:db8::/32",
    "203.0.113.77/24",
];
const URLS: [&str; 6] = [
    "http://evil.test/x?y=z",
    "http://EVIL.test:8080/(a)[b]$c^d|e*f+g\\h",
    "http://evil.test/a%20b%2Fc",
    "http://b\u{fc}cher.test/\u{fc}",
    "evil.test/plain",
    "http://192.0.2.1/%22q%22",
];
const OTHER_URLS: [&str; 4] = [
    "http://evil.test/x?y=zz",
    "http://evil.test/",
    "http://evilxtest/plain",
    "http://evil.test/PLAIN",
];

/// A folder that a server without rights may read and write.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    folder
}

/// Returns the lines of the page for operators, with the lists in this folder.
fn recipe(kind: &str, folder: &Path) -> String {
    let lines = handbook::block("docs/recipes/proxies.md", kind);
    lines.replace("/var/lib/cratos-lists", &folder.display().to_string())
}

/// Writes the three lists of an output: hostile ones, or empty ones.
fn write_lists(folder: &Path, output: &str, kinds: &[(Kind, &[&str])], are_full: bool) {
    for (kind, more) in kinds {
        let values = if are_full {
            writable(output, *kind, more)
        } else {
            Vec::new()
        };
        fs::write(folder.join(kind.as_str()), body(output, *kind, &values)).unwrap();
    }
}

fn without_whole_families(values: Vec<String>) -> Vec<String> {
    values.into_iter().filter(|value| !value.ends_with("/0")).collect()
}

/// Sends a request with these header lines and returns the status.
fn status(port: u16, target: &str, headers: &str) -> u16 {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
}

/// The URL as a client sends it: host, port, and path with query.
fn parts(url: &str) -> (String, String, String) {
    let has_scheme = url.split(['/', '?']).next().is_some_and(|start| start.ends_with(':'));
    let absolute = if has_scheme {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let url = url::Url::parse(&absolute).unwrap();
    let host = url.host_str().unwrap().to_owned();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    (host, port, format!("{}{query}", url.path()))
}

mod squid {
    use super::*;

    fn start(program: &Path, folder: &Path) -> (Peer, u16) {
        let port = free_port();
        let here = folder.display();
        let lines = format!(
            "http_port 127.0.0.1:{port}\npid_filename none\naccess_log none\ncache_log {here}/log\ncache deny all\n\
             cache_mem 1 MB\ncoredump_dir {here}\nnetdb_filename none\npinger_enable off\nshutdown_lifetime 0 seconds\n\
             hosts_file {here}/hosts\nvisible_hostname proxy.test\n\
             {}http_access allow all\n",
            recipe("squid", folder)
        );
        fs::write(folder.join("squid.conf"), lines).unwrap();
        let hosts: String = OTHER_NAMES.iter().map(|name| format!("127.0.0.1 {name}\n")).collect();
        let names = hosts + "127.0.0.1 evil.test\n127.0.0.1 evil.example\n";
        fs::write(folder.join("hosts"), names).unwrap();
        let mut command = Command::new(program);
        command.args(["-N", "-f"]).arg(folder.join("squid.conf"));
        command.stderr(File::create(folder.join("stderr")).unwrap());
        (Peer::listening(&mut command, port), port)
    }

    fn ask(port: u16, url: &str) -> u16 {
        status(port, url, "")
    }

    #[test]
    fn listed_requests_are_denied_and_no_others() {
        let Some(program) = program("squid") else { return };
        let folder = folder();
        write_lists(
            folder.path(),
            "squid",
            &[(Kind::Domain, &NAMES), (Kind::Url, &URLS)],
            true,
        );
        let networks = without_whole_families(writable("squid", Kind::Ip, &NETWORKS));
        fs::write(folder.path().join("ip"), body("squid", Kind::Ip, &networks)).unwrap();
        let (_server, port) = start(&program, folder.path());
        let origin = WebServer::start();
        for name in writable("squid", Kind::Domain, &NAMES)
            .iter()
            .map(String::as_str)
            .chain(["other.evil.example"])
        {
            assert_eq!(ask(port, &format!("http://{name}/")), DENIED, "{name}");
        }
        for address in [
            "10.200.0.1",
            "10.1.2.3",
            "203.0.113.1",
            "[2001:db8:ffff::1]",
            "192.0.2.9",
        ] {
            assert_eq!(ask(port, &format!("http://{address}/")), DENIED, "{address}");
        }
        for url in writable("squid", Kind::Url, &URLS)
            .iter()
            .filter(|url| !url.starts_with("https"))
        {
            let (host, port_part, path) = parts(url);
            let sent = format!("http://{host}{port_part}{path}");
            assert_eq!(ask(port, &sent), DENIED, "{url}");
        }
        // The origin holds no body, so a request that passes gives 404.
        for name in OTHER_NAMES {
            assert_eq!(ask(port, &format!("http://{name}:{}/", origin.port())), 404, "{name}");
        }
        for url in OTHER_URLS {
            assert_ne!(ask(port, url), DENIED, "{url}");
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        for word in ["FATAL", "ERROR", "is a sub", "ignored", "Bungled", "bad"] {
            assert!(!log.contains(word), "{log}");
        }
    }

    #[test]
    fn empty_lists_deny_nothing() {
        let Some(program) = program("squid") else { return };
        let folder = folder();
        write_lists(
            folder.path(),
            "squid",
            &[(Kind::Domain, &[]), (Kind::Ip, &[]), (Kind::Url, &[])],
            false,
        );
        let (_server, port) = start(&program, folder.path());
        let origin = WebServer::start();
        assert_eq!(ask(port, &format!("http://evil.example:{}/", origin.port())), 404);
    }

    #[test]
    fn the_whole_of_ipv4_is_read_without_a_warning_and_is_not_ipv6() {
        let Some(program) = program("squid") else { return };
        let folder = folder();
        write_lists(
            folder.path(),
            "squid",
            &[(Kind::Domain, &NAMES), (Kind::Url, &[])],
            true,
        );
        let whole = ["0.0.0.0/0".to_owned(), "10.0.0.0/8".to_owned(), "8000::/1".to_owned()];
        fs::write(folder.path().join("ip"), body("squid", Kind::Ip, &whole)).unwrap();
        let (_server, port) = start(&program, folder.path());
        assert_eq!(ask(port, "http://127.0.0.1:1/"), DENIED);
        assert_ne!(ask(port, "http://[::1]:1/"), DENIED);
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(!log.contains("subnetwork") && !log.contains("ERROR"), "{log}");
    }
}

mod haproxy {
    use super::*;

    fn start(program: &Path, folder: &Path) -> (Peer, u16) {
        let port = free_port();
        // The test has one address and asks as others.
        let frontend = recipe("haproxy", folder).replace("listed src ", "listed req.hdr_ip(x-address) ");
        let text = format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
             frontend f\n  bind 127.0.0.1:{port}\n{frontend}    http-request return status 200\n"
        );
        fs::write(folder.join("conf"), text).unwrap();
        let mut command = Command::new(program);
        command.args(["-db", "-q", "-f"]).arg(folder.join("conf"));
        command.stderr(File::create(folder.join("stderr")).unwrap());
        (Peer::listening(&mut command, port), port)
    }

    fn ask(port: u16, host: &str) -> u16 {
        status(port, "/", &format!("Host: {host}\r\n"))
    }

    fn ask_from(port: u16, address: &str) -> u16 {
        status(port, "/", &format!("Host: good.test\r\nX-Address: {address}\r\n"))
    }

    #[test]
    fn listed_requests_are_denied_and_no_others() {
        let Some(program) = program("haproxy") else { return };
        let folder = folder();
        write_lists(
            folder.path(),
            "haproxy",
            &[(Kind::Domain, &NAMES), (Kind::Url, &URLS)],
            true,
        );
        let networks = without_whole_families(writable("haproxy", Kind::Ip, &NETWORKS));
        fs::write(folder.path().join("ip"), body("haproxy", Kind::Ip, &networks)).unwrap();
        let (_server, port) = start(&program, folder.path());
        let below = ["other.evil.example", "EVIL.example:8080"];
        for name in writable("haproxy", Kind::Domain, &NAMES)
            .iter()
            .map(String::as_str)
            .chain(below)
        {
            assert_eq!(ask(port, name), DENIED, "{name}");
        }
        for name in OTHER_NAMES {
            assert_eq!(ask(port, name), 200, "{name}");
        }
        for address in ["10.200.0.1", "203.0.113.1", "2001:db8:ffff::1", "192.0.2.9"] {
            assert_eq!(ask_from(port, address), DENIED, "{address}");
        }
        for address in ["11.0.0.1", "2001:db9::1"] {
            assert_eq!(ask_from(port, address), 200, "{address}");
        }
        for url in &writable("haproxy", Kind::Url, &URLS) {
            let (host, port_part, path) = parts(url);
            let headers = format!("Host: {host}{port_part}\r\n");
            assert_eq!(status(port, &path, &headers), DENIED, "{url}");
        }
        for url in OTHER_URLS {
            let (host, port_part, path) = parts(url);
            assert_eq!(
                status(port, &path, &format!("Host: {host}{port_part}\r\n")),
                200,
                "{url}"
            );
        }
    }

    /// The converter gives the value of a key, which a rule compares.
    #[test]
    fn a_file_with_values_is_a_map() {
        let Some(program) = program("haproxy") else { return };
        let (folder, port) = (folder(), free_port());
        for (kind, more) in [(Kind::Domain, &NAMES[..]), (Kind::Ip, &NETWORKS), (Kind::Url, &URLS)] {
            let mut values = writable("haproxy", kind, more);
            values.retain(|value| kind != Kind::Ip || !value.ends_with("/0"));
            let (map, _) = chosen("haproxy", &[("result", "listed")], kind, &values);
            fs::write(folder.path().join(kind.as_str()), map).unwrap();
        }
        let text = format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
             frontend f\n  bind 127.0.0.1:{port}\n{}    http-request return status 200\n",
            recipe("haproxy-map", folder.path()).replace("{ src,", "{ req.hdr_ip(x-address),")
        );
        fs::write(folder.path().join("conf"), text).unwrap();
        let mut command = Command::new(program);
        command.args(["-db", "-q", "-f"]).arg(folder.path().join("conf"));
        let _server = Peer::listening(&mut command, port);
        for name in writable("haproxy", Kind::Domain, &NAMES) {
            assert_eq!(ask(port, &name), DENIED, "{name}");
        }
        for url in writable("haproxy", Kind::Url, &URLS) {
            let (host, port_part, path) = parts(&url);
            assert_eq!(
                status(port, &path, &format!("Host: {host}{port_part}\r\n")),
                DENIED,
                "{url}"
            );
        }
        assert_eq!((ask_from(port, "10.1.2.3"), ask_from(port, "11.0.0.1")), (DENIED, 200));
        assert_eq!(ask(port, "good.test"), 200);
    }

    #[test]
    fn empty_lists_deny_nothing_and_a_wide_ipv6_network_denies_no_ipv4_address() {
        let Some(program) = program("haproxy") else { return };
        let folder = folder();
        write_lists(
            folder.path(),
            "haproxy",
            &[(Kind::Domain, &[]), (Kind::Ip, &[]), (Kind::Url, &[])],
            false,
        );
        {
            let (_server, port) = start(&program, folder.path());
            assert_eq!((ask(port, "evil.example"), ask_from(port, "10.1.2.3")), (200, 200));
        }
        fs::write(
            folder.path().join("ip"),
            body("haproxy", Kind::Ip, &["::/0".to_owned(), "2000::/3".to_owned()]),
        )
        .unwrap();
        let (_server, port) = start(&program, folder.path());
        assert_eq!(
            (ask_from(port, "10.1.2.3"), ask_from(port, "2001:db8::1")),
            (200, DENIED)
        );
    }
}

mod nginx {
    use super::*;

    fn start(program: &Path, folder: &Path) -> (Peer, u16) {
        start_with(program, folder, "return 200;")
    }

    /// Starts nginx with the lines of the page for operators, and these at the end of the server.
    fn start_with(program: &Path, folder: &Path, lines: &str) -> (Peer, u16) {
        let port = free_port();
        let here = folder.display();
        let lists = recipe("nginx", folder).replace("geo $listed", "geo $http_x_address $listed");
        let text = format!(
            "daemon off; master_process off; pid {here}/pid; error_log {here}/log;\nevents {{}}\nhttp {{ access_log off;\n\
             client_body_temp_path {here}; proxy_temp_path {here}; fastcgi_temp_path {here}; uwsgi_temp_path {here}; \
             scgi_temp_path {here};\n\
             {lists}server {{ listen 127.0.0.1:{port}; if ($listed_name) {{ return 403; }} if ($listed_address) {{ return 403; }} \
             {lines} }} }}\n"
        );
        fs::write(folder.join("conf"), text).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(folder.join("conf"));
        command.stderr(File::create(folder.join("stderr")).unwrap());
        (Peer::listening(&mut command, port), port)
    }

    fn ask(port: u16, host: &str) -> u16 {
        // nginx takes a missing address for 255.255.255.255, which is listed.
        status(port, "/", &format!("Host: {host}\r\nX-Address: 11.0.0.1\r\n"))
    }

    fn ask_from(port: u16, address: &str) -> u16 {
        status(port, "/", &format!("Host: good.test\r\nX-Address: {address}\r\n"))
    }

    #[test]
    fn listed_requests_are_denied_and_no_others() {
        let Some(program) = program("nginx") else { return };
        let folder = folder();
        write_lists(folder.path(), "nginx", &[(Kind::Domain, &NAMES)], true);
        let networks = without_whole_families(writable("nginx", Kind::Ip, &NETWORKS));
        fs::write(folder.path().join("ip"), body("nginx", Kind::Ip, &networks)).unwrap();
        let (_server, port) = start(&program, folder.path());
        let below = ["other.evil.example", "EVIL.example:8080"];
        for name in writable("nginx", Kind::Domain, &NAMES)
            .iter()
            .map(String::as_str)
            .chain(below)
        {
            assert_eq!(ask(port, name), DENIED, "{name}");
        }
        for name in OTHER_NAMES {
            assert_eq!(ask(port, name), 200, "{name}");
        }
        for address in ["10.200.0.1", "203.0.113.1", "2001:db8:ffff::1", "192.0.2.9"] {
            assert_eq!(ask_from(port, address), DENIED, "{address}");
        }
        for address in ["11.0.0.1", "2001:db9::1"] {
            assert_eq!(ask_from(port, address), 200, "{address}");
        }
        assert_eq!(fs::read_to_string(folder.path().join("stderr")).unwrap(), "");
    }

    #[test]
    fn a_chosen_value_is_that_of_the_variable() {
        let Some(program) = program("nginx") else { return };
        let folder = folder();
        for (kind, value) in [(Kind::Domain, "evil.example"), (Kind::Ip, "10.0.0.0/8")] {
            // For `if` of nginx a value is false if it is empty or 0.
            let (list, _) = chosen("nginx", &[("result", "0")], kind, &[value]);
            fs::write(folder.path().join(kind.as_str()), list).unwrap();
        }
        let (_server, port) = start(&program, folder.path());
        assert_eq!((ask(port, "evil.example"), ask_from(port, "10.1.2.3")), (200, 200));
    }

    #[test]
    fn deny_directives_deny_listed_clients_and_no_others() {
        let Some(program) = program("nginx") else { return };
        for (networks, expected) in [
            (&["127.0.0.0/8", "2001:db8::/32"][..], DENIED),
            (&["10.0.0.0/8", "::/0"], NOT_FOUND),
            (&["0.0.0.0/0"], DENIED),
            (&[], NOT_FOUND),
        ] {
            let folder = folder();
            write_lists(folder.path(), "nginx", &[(Kind::Domain, &[]), (Kind::Ip, &[])], false);
            let (list, _) = chosen("nginx", &[("networks", "deny")], Kind::Ip, networks);
            fs::write(folder.path().join("clients"), list).unwrap();
            let (_server, port) = start_with(&program, folder.path(), &recipe("nginx-deny", folder.path()));
            assert_eq!(
                status(port, "/nothing-here", "Host: good.test\r\nX-Address: 11.0.0.1\r\n"),
                expected,
                "{networks:?}"
            );
        }
    }

    #[test]
    fn empty_lists_deny_nothing_and_whole_families_are_read_without_a_warning() {
        let Some(program) = program("nginx") else { return };
        let folder = folder();
        write_lists(folder.path(), "nginx", &[(Kind::Domain, &[]), (Kind::Ip, &[])], false);
        {
            let (_server, port) = start(&program, folder.path());
            assert_eq!((ask(port, "evil.example"), ask_from(port, "10.1.2.3")), (200, 200));
        }
        let whole = ["0.0.0.0/0".to_owned(), "::/0".to_owned(), "10.0.0.0/8".to_owned()];
        fs::write(folder.path().join("ip"), body("nginx", Kind::Ip, &whole)).unwrap();
        let (_server, port) = start(&program, folder.path());
        assert_eq!((ask_from(port, "10.1.2.3"), ask_from(port, "::1")), (DENIED, DENIED));
        assert_eq!(fs::read_to_string(folder.path().join("stderr")).unwrap(), "");
    }
}
