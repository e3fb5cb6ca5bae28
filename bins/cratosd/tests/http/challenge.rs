//! Clients that send their password only after a challenge, for example `wget`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use test_peers::program;

use crate::support::{Daemon, FEED};

const PYTHON: &str = "\
import sys, urllib.request
passwords = urllib.request.HTTPPasswordMgr()
passwords.add_password('cratos', sys.argv[1], 'cratos', sys.argv[2])
opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
sys.stdout.write(opener.open(sys.argv[1]).read().decode())
";

/// Runs an installed program on a thread for blocking calls, so that the daemon's threads can serve its requests.
async fn run(program: PathBuf, arguments: Vec<String>) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY");
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_wait_to_be_asked_get_their_feed() {
    let daemon = Daemon::start().await;
    let token = daemon.token();
    let url = format!("http://{}{FEED}", daemon.addr);
    let arguments = |program: &Path| -> Vec<String> {
        let user = format!("cratos:{token}");
        let arguments: Vec<&str> = match program.file_name().and_then(|name| name.to_str()) {
            Some("wget") => vec![
                "-q",
                "-O",
                "-",
                "--no-proxy",
                "--user",
                "cratos",
                "--password",
                &token,
                &url,
            ],
            Some("curl") => vec!["-fsS", "--noproxy", "*", "--anyauth", "-u", &user, &url],
            _ => vec!["-c", PYTHON, &url, &token],
        };
        arguments.into_iter().map(str::to_owned).collect()
    };
    for program in ["wget", "curl", "python3"].into_iter().filter_map(program) {
        let name = program.display().to_string();
        let output = run(program.clone(), arguments(&program)).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "198.51.100.7", "{name}");
    }
}
