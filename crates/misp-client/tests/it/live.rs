//! The ZeroMQ feed: every recorded message, and the link to a real libzmq publisher.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use misp_client::{Action, LinkError, Message, Notice, Subscription};
use test_peers::{Peer, free_port, python_with};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::recording::folder;

fn recordings() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder().join("zmq"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn messages(number: &str) -> Vec<Message> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let files = recordings();
    let file = files
        .iter()
        .find(|path| name(path).starts_with(&format!("zmq-{number}-")));
    let text = fs::read(file.unwrap()).unwrap();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| Message::parse(line).unwrap()).collect()
}

fn told(number: &str) -> Vec<Message> {
    messages(number)
        .into_iter()
        .filter(|message| *message != Message::Audit)
        .collect()
}

#[test]
fn every_recorded_message_is_known() {
    let mut count = 0;
    for path in recordings() {
        for line in fs::read(&path)
            .unwrap()
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let message = Message::parse(line).unwrap();
            assert!(!matches!(message, Message::Other { .. }), "{}", path.display());
            let known = match &message {
                Message::Attribute { action, .. } | Message::Event { action, .. } | Message::Object { action, .. } => {
                    *action != Action::Other
                }
                _ => true,
            };
            assert!(known, "{}", path.display());
            count += 1;
        }
    }
    assert!(count > 80, "{count}");
}

#[test]
fn a_publication_names_the_types_of_the_whole_event() {
    let told = told("02");
    let [Message::Published(event)] = told.as_slice() else {
        panic!()
    };
    assert_eq!(event.id, Some(77));
    // As it was before: a reason to ask, not an answer.
    assert!(!event.published);
    assert_eq!(event.attribute_types.iter().collect::<Vec<_>>(), ["domain", "ip-dst"]);
}

#[test]
fn a_changed_attribute_is_told_with_its_value_type_and_own_tags() {
    let tagged = told("10");
    let Message::Attribute { action, attribute } = &tagged[1] else {
        panic!()
    };
    assert_eq!(*action, Action::Edit);
    assert_eq!((attribute.id, attribute.event_id), (24224, 77));
    assert_eq!(
        (attribute.kind.as_str(), attribute.value.as_str()),
        ("ip-dst", "192.0.2.149")
    );
    assert!(attribute.has_tag("example:incident-classification=block"));
}

#[test]
fn both_ways_of_deleting_an_attribute_are_told_apart() {
    let actions = |number: &str| -> Vec<Action> {
        told(number)
            .iter()
            .filter_map(|message| match message {
                Message::Attribute { action, .. } => Some(*action),
                _ => None,
            })
            .collect()
    };
    assert_eq!(actions("22"), [Action::SoftDelete]);
    assert_eq!(actions("24"), [Action::Delete]);
}

#[test]
fn people_are_not_kept() {
    let all: Vec<Message> = ["01", "19", "30"].iter().flat_map(|number| messages(number)).collect();
    assert!(all.contains(&Message::User) && all.contains(&Message::Audit));
    assert!(!format!("{all:?}").contains('@'));
}

fn publisher(port: u16, files: &[PathBuf]) -> Option<Peer> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/publisher.py");
    let mut command = Command::new(python_with(&["zmq"])?);
    command.arg(script).arg(port.to_string()).args(files);
    Some(Peer::start(&mut command))
}

fn subscription(port: u16) -> Subscription {
    Subscription::new(format!("tcp://127.0.0.1:{port}").parse().unwrap())
}

#[tokio::test]
async fn what_real_libzmq_publishes_arrives_whole_and_in_order() {
    let (port, files) = (free_port(), recordings());
    let Some(_publisher) = publisher(port, &files) else {
        return;
    };
    let mut subscription = subscription(port).silence(Duration::from_secs(60));
    let expected: usize = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap().lines().count())
        .sum();
    let mut arrived = Vec::new();
    while arrived.len() < expected {
        match subscription.next().await {
            Notice::Message(message) => arrived.push(message),
            // Not listening yet.
            Notice::Lost(LinkError::Failed(_)) if arrived.is_empty() => {}
            Notice::Connected => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(
        matches!(arrived.last(), Some(Message::Alive { .. })),
        "{:?}",
        arrived.last()
    );
}

#[tokio::test]
async fn a_publisher_that_dies_and_comes_back_is_found_again() {
    let (port, files) = (free_port(), recordings());
    let Some(first) = publisher(port, &files[..1]) else {
        return;
    };
    let mut subscription = subscription(port).silence(Duration::from_secs(60));
    wait_for_a_message(&mut subscription).await;
    drop(first);
    while !matches!(subscription.next().await, Notice::Lost(_)) {}
    let _second = publisher(port, &files[..1]);
    assert!(matches!(subscription.next().await, Notice::Connected));
    wait_for_a_message(&mut subscription).await;
}

#[tokio::test]
async fn silence_is_a_dead_link_and_said_once() {
    let port = free_port();
    let Some(_publisher) = publisher(port, &[]) else { return };
    // Its heartbeats are answered all the while: a publisher without MISP behind it is dead too.
    let mut subscription = subscription(port).silence(Duration::from_millis(700));
    loop {
        match subscription.next().await {
            Notice::Lost(LinkError::Silent { .. }) => break,
            Notice::Lost(LinkError::Failed(_)) | Notice::Connected => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(subscription.next().await, Notice::Connected));
}

async fn wait_for_a_message(subscription: &mut Subscription) {
    while !matches!(subscription.next().await, Notice::Message(_)) {}
}

/// Answers every connection with these bytes.
async fn answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(bytes).await.unwrap();
            tokio::spawn(async move {
                let mut rest = Vec::new();
                let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
            });
        }
    });
    port
}

/// The first bytes of a publisher of this version.
fn greeting(major: u8) -> Vec<u8> {
    let mut greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f".to_vec();
    greeting.extend([major, 0]);
    greeting.extend(b"NULL");
    greeting.resize(64, 0);
    greeting
}

#[tokio::test]
async fn a_frame_that_claims_terabytes_ends_the_link_and_not_the_process() {
    let ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB";
    let frame = b"\x02\0\x40\0\0\0\0\0\0abc";
    let port = answering([&greeting(3)[..], ready, frame].concat().leak()).await;
    let mut subscription = subscription(port);
    assert!(matches!(subscription.next().await, Notice::Connected));
    let Notice::Lost(LinkError::Failed(error)) = subscription.next().await else {
        panic!()
    };
    assert_eq!(error.to_string(), "a message is larger than is taken");
}

#[tokio::test]
async fn whoever_does_not_speak_zeromq_is_no_publisher() {
    let http = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\npadding to 64 bytes..";
    let old = greeting(1);
    for (bytes, why) in [
        (&http[..], "does not speak ZeroMQ"),
        (&*old.leak(), "older than ZMTP 3.0"),
    ] {
        let mut subscription = subscription(answering(bytes).await);
        let Notice::Lost(LinkError::Failed(error)) = subscription.next().await else {
            panic!()
        };
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_whole_context() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut subscription = subscription(listener.local_addr().unwrap().port());
    let context = [b'c'; 300];
    let answered = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB";
        let ping = b"\x06\0\0\0\0\0\0\x01\x33\x04PING\0\0";
        let sent = [&greeting(3)[..], ready, ping, &context].concat();
        stream.write_all(&sent).await.unwrap();
        let pong = [&b"\x06\0\0\0\0\0\0\x01\x31\x04PONG"[..], &context].concat();
        let mut heard = Vec::new();
        while !heard.ends_with(&pong) {
            let read = tokio::io::AsyncReadExt::read_buf(&mut stream, &mut heard)
                .await
                .unwrap();
            assert_ne!(read, 0, "{}", heard.escape_ascii());
        }
    };
    tokio::select! {
        () = answered => {}
        () = async { assert!(matches!(subscription.next().await, Notice::Connected)); panic!("{:?}", subscription.next().await) } => {}
    }
}
