//! A real resolver that fetches its zone from the daemon.

use std::fs::{self, File};
use std::process::Command;

use test_peers::dns::{NXDOMAIN, response_code, upstream};
use test_peers::{Peer, free_port, handbook, program, until};
use token_crypto::Scope;

use crate::story::{FEED, SITE, sim};
use crate::support::Installation;
use crate::tokens;

/// With the lines of the page for operators, and a token that allows nothing else.
#[test]
fn unbound_fetches_the_zone_with_the_token_in_the_path_and_enforces_it() {
    let Some(unbound) = program("unbound") else { return };
    let (installation, sim) = (Installation::new().with_site("127.0.0.1", SITE), sim());
    let mut daemon = installation.serve();
    let scope = Scope::new().with_outputs(["rpz"]);
    let (address, token) = (daemon.address(), tokens::sealed(&sim, scope));
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display().to_string();
    let lines = handbook::block("docs/recipes/resolvers.md", "unbound-rpz")
        .replace("https://cratos.example.net", &format!("http://{address}"))
        .replace("TOKEN", &token)
        .replace("/var/lib/unbound", &here);
    assert!(lines.contains(&FEED.replace("txt", "rpz")), "{lines}");
    let (port, upstream) = (free_port(), upstream());
    let configuration = format!(
        "server:\n interface: 127.0.0.1\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n directory: \"{here}\"\n \
         pidfile: \"\"\n use-syslog: no\n do-not-query-localhost: no\nremote-control:\n control-enable: no\n\
         forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@{upstream}\n{lines}"
    );
    fs::write(folder.path().join("conf"), configuration).unwrap();
    let mut command = Command::new(unbound);
    command.args(["-d", "-c"]).arg(folder.path().join("conf"));
    command.stderr(File::create(folder.path().join("log")).unwrap());
    let _server = Peer::listening(&mut command, port);
    until("the zone is in force", || {
        response_code(port, "a.evil.example") == NXDOMAIN
    });
    assert_eq!(response_code(port, "www.a.evil.example"), NXDOMAIN);
    assert_eq!(response_code(port, "evil.example"), 0);
}
