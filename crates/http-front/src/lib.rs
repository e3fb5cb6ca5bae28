#![doc = include_str!("../README.md")]

mod access_log;
mod account;
mod answer_frames;
mod body_file;
mod books;
mod certificates;
mod connection;
mod costs;
mod date_line;
mod ending;
mod first_bytes;
mod front;
mod handshake;
mod head_timer;
mod held_body;
mod idle_timeout;
mod known_peer;
mod line_queue;
mod linger;
mod newcomers;
mod open_files;
mod panic_guard;
mod places;
mod proxies;
mod proxy_protocol;
mod ready_answer;
mod refusal;
mod repeated;
mod repeats;
mod repetition;
mod request_bytes;
mod rewound;
mod send_file;
mod service;
mod signal;
mod socket;
mod writable;

pub use access_log::{AccessDetails, AccessLog, AccessLogFormat, AccessLogSettings};
pub use certificates::{
    Certificates, ClientCertificates, TlsFile, TlsFiles, TlsFindings, TlsNote, TlsProblem, TlsReload,
};
pub use client_address::Peer;
pub use front::Front;
pub use known_peer::Connection;
pub use line_queue::LineQueue;
pub use open_files::allow_more_files;
pub use panic_guard::PanicGuard;
pub use places::places;
pub use proxies::Proxies;
pub use ready_answer::{AnswerAgain, ReadyAnswer};
pub use refusal::Refusal;
pub use repeated::Repeated;
pub use service::HttpService;
