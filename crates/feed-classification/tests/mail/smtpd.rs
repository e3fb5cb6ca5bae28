//! A running Postfix with a configuration, a queue and a port of its own.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use test_peers::{Peer, free_port, handbook};

/// The services that answer a client until it has named the sender of a message.
const SERVICES: &str = "smtpd inet n - n - - smtpd\n\
    rewrite unix - - n - - trivial-rewrite\n\
    anvil unix - - n - 1 anvil\n\
    postlog unix-dgram n - n - 1 postlogd\n";

/// A running Postfix.
pub(crate) struct Smtpd {
    _server: Peer,
    port: u16,
    folder: PathBuf,
}

impl Smtpd {
    /// Starts Postfix with the lines of the page for operators and the tables in `folder`: `cratos-ip`,
    /// `cratos-domain` and `cratos-email-address`. Returns `None` and prints the reason if this process is not root's:
    /// only root can start Postfix.
    pub(crate) fn start(postmap: &Path, folder: &Path) -> Option<Self> {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            eprintln!("skipped: only root can start Postfix");
            return None;
        }
        let port = free_port();
        let here = folder.display();
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        for name in ["queue/pid", "queue/private", "queue/public", "data"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let owned = ["queue/private", "queue/public", "data"].map(|name| folder.join(name));
        assert!(
            Command::new("chown")
                .arg("postfix")
                .args(owned)
                .status()
                .unwrap()
                .success()
        );
        let recipe = handbook::block("docs/recipes/mail.md", "postfix");
        let recipe = recipe.replace("/etc/postfix/", &format!("{here}/"));
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {here}/queue\ndata_directory = {here}/data\n\
             daemon_directory = {}\nmail_owner = postfix\nsetgid_group = postdrop\ninet_protocols = ipv4\n\
             inet_interfaces = 127.0.0.1\nmyhostname = mx.test\nalias_maps =\nlocal_recipient_maps =\nsmtpd_delay_reject = no\n\
             smtpd_peername_lookup = no\nsmtpd_authorized_xclient_hosts = 127.0.0.1\nmaillog_file = {here}/log\n\
             maillog_file_prefixes = {here}\n{recipe}",
            setting(postmap, "daemon_directory")
        );
        fs::write(folder.join("main.cf"), main).unwrap();
        let services = SERVICES.replacen("smtpd", &format!("127.0.0.1:{port}"), 1);
        fs::write(folder.join("master.cf"), services).unwrap();
        let mut command = Command::new(Path::new(&setting(postmap, "daemon_directory")).join("master"));
        command.arg("-c").arg(folder).arg("-d");
        command.stderr(fs::File::create(folder.join("stderr")).unwrap());
        Some(Self {
            _server: Peer::listening(&mut command, port),
            port,
            folder: folder.to_owned(),
        })
    }

    /// Returns the code of the answer to a client of this address that names this sender.
    pub(crate) fn answer(&self, client: &str, sender: &str) -> u16 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut code = || {
            let mut answer = lines.by_ref().map(Result::unwrap);
            let last = answer.find(|line| line.as_bytes().get(3) != Some(&b'-'));
            last.and_then(|line| line.get(..3)?.parse().ok())
                .unwrap_or_else(|| panic!("no answer: {}", self.log()))
        };
        assert_eq!(code(), 220);
        for command in [format!("XCLIENT ADDR={client}"), "EHLO client.test".to_owned()] {
            write!(stream, "{command}\r\n").unwrap();
            let code = code();
            if code >= 400 {
                return code;
            }
        }
        write!(stream, "MAIL FROM:<{sender}>\r\n").unwrap();
        code()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// Returns the value of a setting of the installed Postfix.
fn setting(postmap: &Path, name: &str) -> String {
    let output = Command::new(postmap.with_file_name("postconf"))
        .args(["-h", name])
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}
