//! The daemon: what it says, what it reloads, how it stops.

use std::io::{Read as _, Write as _};

use rustix::process::Signal;

use crate::support::{ENCRYPTION_KEY, Installation, SALT, block_on, client, get, run_with};
use crate::tokens;

const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\n";

#[test]
fn one_line_per_site_and_the_real_address_are_logged() {
    let installation = Installation::new()
        .with_site("misp.example.net", SITE)
        .with_site("off.example.net", "tag: x\nenabled: False\nallowed_ips: [127.0.0.1]\n")
        .with_site("bad.example.net", "tag: x\nenabld: False\nallowed_ips: [127.0.0.1]\n");
    let mut daemon = installation.serve();
    let address = daemon.address();
    assert_ne!(address.port(), 0);
    assert_eq!(get(&format!("http://{address}/healthz"), None).status, 200);
    let log = daemon.stderr();
    let line = |site: &str| {
        let lines: Vec<_> = log
            .lines()
            .filter(|line| line.contains(&format!("site=\"{site}\"")))
            .collect();
        assert_eq!(lines.len(), 1, "{log}");
        lines[0].to_owned()
    };
    assert!(line("misp.example.net").contains("site is served"));
    assert!(line("off.example.net").contains("site is not served: its file says `enabled: False`"));
    assert!(line("bad.example.net").contains("sites/bad.example.net.yaml:2:1: enabld: "));
    assert!(!log.contains('\u{1b}'), "{log}");
    assert!(!log.contains(ENCRYPTION_KEY) && !log.contains(SALT));
    assert_eq!(daemon.stdout(), "");
}

#[test]
fn what_check_would_note_is_logged_at_the_start_and_when_it_changes() {
    let installation = Installation::new().with_site("misp.example.net", "tag: example\n");
    let core = installation.read("config/config.yaml");
    installation.write("config/config.yaml", &format!("{core}reverse_proxy: True\n"));
    let mut daemon = installation.serve();
    daemon.address();
    let log = daemon.stderr();
    for note in [
        "config/config.yaml:4:16: reverse_proxy: believes proxies on this machine only, since none is listed; ",
        "sites/misp.example.net.yaml:1:1: allowed_ips: no network: ",
    ] {
        assert!(
            log.lines().any(|line| line.contains(" WARN ") && line.contains(note)),
            "{note}\n{log}"
        );
    }
    installation.write("sites/second.example.net.yaml", "tag: example\nmispVerifyCert: False\n");
    daemon.wait_for_log("sites/second.example.net.yaml:2:17: mispVerifyCert: ");
}

#[test]
fn the_core_file_says_where_to_listen_unless_the_option_does() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let core = installation.read("config/config.yaml");
    installation.write("config/config.yaml", &format!("{core}listen: \"127.0.0.2:0\"\n"));
    let mut daemon = crate::support::Daemon::start(installation.command(&["serve"]));
    assert_eq!(daemon.address().ip().to_string(), "127.0.0.2");
    let mut daemon = installation.serve();
    assert_eq!(daemon.address().ip().to_string(), "127.0.0.1");
}

#[test]
fn both_signals_stop_it_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let installation = Installation::new().with_site("misp.example.net", SITE);
        let mut daemon = installation.serve();
        let address = daemon.address();
        daemon.signal(signal);
        assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.stderr());
        assert!(daemon.stderr().contains("stopping; running requests may end"));
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}

#[test]
fn sighup_reads_the_files_again() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let mut daemon = installation.serve();
    daemon.address();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("configuration read again and in force");
    installation.write("sites/second.example.net.yaml", SITE);
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("site=\"second.example.net\"");
}

#[test]
fn a_changed_file_is_read_without_a_signal_and_a_bad_one_changes_nothing() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let mut daemon = installation.serve();
    let base = format!("http://{}", daemon.address());
    installation.write(
        "sites/misp.example.net.yaml",
        "tag: example\nnonsense: 1\nallowed_ips: [127.0.0.1]\n",
    );
    let line = daemon.wait_for_log("site is served as it was before: its file cannot be used");
    assert!(line.contains("sites/misp.example.net.yaml:2:1: nonsense: "), "{line}");
    let core = installation.read("config/config.yaml");
    installation.write("config/config.yaml", &format!("{core}nonsense: 1\n"));
    let line = daemon.wait_for_log("configuration not read again: the one before stays in force");
    assert!(line.contains("nonsense: ") && !line.contains(ENCRYPTION_KEY), "{line}");
    assert_eq!(get(&format!("{base}/healthz"), None).status, 200);
}

#[test]
fn a_changed_salt_or_key_says_at_the_reload_that_tokens_stop_working() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let core = installation.read("config/config.yaml");
    let mut daemon = installation.serve();
    daemon.address();
    let other_key: String = ENCRYPTION_KEY.chars().rev().collect();
    installation.write("config/config.yaml", &core.replace(ENCRYPTION_KEY, &other_key));
    daemon.wait_for_log("an encryption key has gone from the core file");
    let other_salt: String = SALT.chars().rev().collect();
    let changed = core.replace(ENCRYPTION_KEY, &other_key).replace(SALT, &other_salt);
    installation.write("config/config.yaml", &changed);
    daemon.wait_for_log("`salt` has changed: no token that was made before works any more");
    installation.write("config/config.yaml", &format!("{changed}accept_legacy_tokens: False\n"));
    daemon.wait_for_log("tokens of Cratos FastAPI do not work any more");
    assert!(!daemon.stderr().contains(&other_key) && !daemon.stderr().contains(&other_salt));
}

#[test]
fn the_log_is_json_when_asked_for() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let mut daemon = crate::support::Daemon::start(installation.command(&[
        "--log-format",
        "json",
        "serve",
        "--listen",
        "127.0.0.1:0",
    ]));
    daemon.address();
    for line in daemon.stderr().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            event["timestamp"].is_string() && event["level"].is_string() && event["message"].is_string(),
            "{line}"
        );
    }
}

#[test]
fn rust_log_sets_what_is_logged() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("RUST_LOG", "error,cratosd::cli::serve=info");
    let mut daemon = crate::support::Daemon::start(command);
    daemon.address();
    let mut command = installation.command(&["check"]);
    command.env("RUST_LOG", "trace");
    let ran = run_with(command, "");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn its_memory_is_dumped_nowhere() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let mut daemon = installation.serve();
    daemon.address();
    // A process that is not dumpable belongs to root in /proc; limits can then only be read by root or not at all.
    if let Ok(limits) = std::fs::read_to_string(format!("/proc/{}/limits", daemon.id())) {
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        assert_eq!(
            line.split_whitespace().skip(4).take(2).collect::<Vec<_>>(),
            ["0", "0"],
            "{line}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_crowd_of_idle_callers_leaves_the_daemon_its_own_files() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let mut daemon = with_few_descriptors(&installation);
    let address = daemon.address();
    let crowd: Vec<_> = (0..140)
        .map(|n| connect_from(if n % 2 == 0 { "127.0.0.2" } else { "127.0.0.3" }, address))
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(300));
    installation.write("sites/second.example.net.yaml", SITE);
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("site=\"second.example.net\"");
    assert!(
        !daemon.stderr().contains("could not be accepted"),
        "{}",
        daemon.stderr()
    );
    drop(crowd);
    assert_eq!(get(&format!("http://{address}/healthz"), None).status, 200);
}

#[test]
#[cfg(target_os = "linux")]
fn one_address_cannot_take_all_places() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let mut daemon = with_few_descriptors(&installation);
    let address = daemon.address();
    let mut crowd: Vec<_> = (0..100).map(|_| connect_from("127.0.0.2", address)).collect();
    // 128 descriptors are 64 places, of which one address gets half: its older connections were closed.
    daemon.wait_for_log("connections without a good token were closed to make room");
    assert_eq!(get(&format!("http://{address}/healthz"), None).status, 200);
    let (mut first, mut status) = (&crowd[0], [0; 12]);
    assert_eq!(first.read(&mut [0]).unwrap_or(0), 0, "it is closed");
    let mut newest = crowd.pop().unwrap();
    newest.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    newest.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

#[test]
#[cfg(target_os = "linux")]
fn a_connection_with_a_good_token_keeps_its_place() {
    let sim = misp_sim::demo().start_now().unwrap();
    let installation = Installation::new().with_site("127.0.0.1", "tag: example\nallowed_ips: [127.0.0.1]\n");
    let token = tokens::minted(installation.path(), &sim, &[]);
    let mut daemon = with_few_descriptors(&installation);
    let address = daemon.address();
    let mut device = connect_from("127.0.0.1", address);
    let mut ask = || {
        write!(
            device,
            "HEAD /v1/feedmapping HTTP/1.1\r\nhost: x\r\ntoken: {token}\r\n\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            device.read_exact(&mut byte).expect("the connection is open");
            head.extend(byte);
        }
        assert!(head.starts_with(b"HTTP/1.1 200"), "{}", head.escape_ascii());
    };
    ask();
    // More than the 64 places, from two addresses; the device has not moved for the longest time.
    let crowd = (0..100).map(|n| connect_from(if n % 2 == 0 { "127.0.0.2" } else { "127.0.0.3" }, address));
    let _crowd: Vec<_> = crowd.collect();
    daemon.wait_for_log("connections without a good token were closed to make room");
    ask();
}

/// Starts a daemon that may open 128 files.
fn with_few_descriptors(installation: &Installation) -> crate::support::Daemon {
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "ulimit -n 128; exec \"$0\" serve --listen 127.0.0.1:0"])
        .arg(env!("CARGO_BIN_EXE_cratosd"))
        .current_dir(installation.path())
        .env_clear();
    crate::support::Daemon::start(command)
}

/// Connects from one of the addresses of the loopback interface.
fn connect_from(source: &str, address: std::net::SocketAddr) -> std::net::TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
        let stream = socket.connect(address).await.unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    })
}

#[test]
fn a_log_that_nobody_reads_holds_up_no_answer() {
    use std::io::{Read as _, Write as _};
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let port = test_peers::free_port();
    let mut command = installation.command(&["serve", "--listen", &format!("127.0.0.1:{port}")]);
    command.env("RUST_LOG", "info").stderr(std::process::Stdio::piped());
    let _daemon = test_peers::Peer::listening(&mut command, port);
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let patience = Some(std::time::Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    stream.set_write_timeout(patience).unwrap();
    // Each answer is a line of the log: a pipe takes 64 KiB, and some thousand lines wait behind it.
    let (rounds, each) = (60, 300);
    let requests = "GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n".repeat(each);
    for round in 0..rounds {
        stream.write_all(requests.as_bytes()).unwrap();
        let (mut answered, mut text) = (0, Vec::new());
        while answered < each {
            let mut piece = [0; 16_384];
            let count = stream.read(&mut piece).unwrap_or(0);
            assert_ne!(count, 0, "round {round}: no answer after {answered}");
            text.extend_from_slice(&piece[..count]);
            answered = text.windows(9).filter(|window| window == b"HTTP/1.1 ").count();
        }
    }
    let metrics = get(&format!("http://127.0.0.1:{port}/metrics"), None).body;
    let lost = metrics
        .lines()
        .find_map(|line| line.strip_prefix("cratos_log_lost_total "));
    assert!(lost.unwrap().parse::<f64>().unwrap() > 0.0, "{metrics}");
}

#[test]
fn each_line_about_a_request_has_the_trace_that_its_caller_names() {
    let installation = Installation::new().with_site("misp.example.net", SITE);
    let mut daemon = installation.serve();
    let url = format!("http://{}/v1/check", daemon.address());
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let header = format!("00-{trace}-00f067aa0ba902b7-01");
    block_on(async {
        let request = client().get(url).header("traceparent", header);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 401);
    });
    for about in ["cratosd::access", "cratosd::refused"] {
        let line = daemon.wait_for_log(about);
        assert!(line.contains(&format!("trace_id={trace}")), "{line}");
    }
}
