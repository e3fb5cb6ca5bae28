//! MISP's ZeroMQ publisher: the half of ZMTP 3.0 (RFC 23 of ZeroMQ, mechanism NULL) that a PUB socket needs.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;

/// Signature, version 3.0, the name of the mechanism; the rest is filler.
const GREETING_START: &[u8] = b"\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL";
const GREETING_LENGTH: usize = 64;

const READY: &[u8] = b"\x05READY\x0bSocket-Type\0\0\0\x03PUB";

/// The flag of a frame that is a command.
const COMMAND: u8 = 4;

/// What MISP's publisher sends on a quiet site, and how often. Without it a subscriber takes the link for lost.
const KEEP_ALIVE: &str = "misp_json_self {\"status\":\"alive\"}";
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(10);

/// The longest time that a daemon needs to connect.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Publisher {
    port: u16,
    subscribers: Arc<Mutex<Vec<TcpStream>>>,
}

impl Publisher {
    /// Listens on a free port of 127.0.0.1.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let publisher = Self {
            port: listener.local_addr()?.port(),
            subscribers: Arc::default(),
        };
        let subscribers = Arc::clone(&publisher.subscribers);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if shake_hands(&mut stream).is_ok() {
                    lock(&subscribers).push(stream);
                }
            }
        });
        let subscribers = Arc::clone(&publisher.subscribers);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(KEEP_ALIVE_EVERY);
                send(&subscribers, KEEP_ALIVE);
            }
        });
        Ok(publisher)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the daemon has subscribed.
    pub(super) fn wait_for_subscriber(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while !self.publish(KEEP_ALIVE) {
            if began.elapsed() > PATIENCE {
                bail!("the daemon does not subscribe to {}", self.port);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Sends one message of less than 256 bytes; returns whether anyone got it.
    pub(super) fn publish(&self, message: &str) -> bool {
        send(&self.subscribers, message)
    }
}

fn send(subscribers: &Mutex<Vec<TcpStream>>, message: &str) -> bool {
    let length = u8::try_from(message.len()).unwrap_or(u8::MAX);
    let frame = [&[0, length], message.as_bytes()].concat();
    let mut subscribers = lock(subscribers);
    subscribers.retain_mut(|stream| stream.write_all(&frame).is_ok());
    !subscribers.is_empty()
}

/// Greets, and reads up to the subscription, which is the first frame that is not a command.
fn shake_hands(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut greeting = [0; GREETING_LENGTH];
    for (byte, known) in greeting.iter_mut().zip(GREETING_START) {
        *byte = *known;
    }
    stream.write_all(&greeting)?;
    stream.read_exact(&mut greeting)?;
    let length = u8::try_from(READY.len()).unwrap_or_default();
    stream.write_all(&[&[COMMAND, length], READY].concat())?;
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head)?;
        let [flags, length] = head;
        stream.read_exact(&mut vec![0; length.into()])?;
        if flags & COMMAND == 0 {
            return Ok(());
        }
    }
}

fn lock(subscribers: &Mutex<Vec<TcpStream>>) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
    subscribers.lock().unwrap_or_else(PoisonError::into_inner)
}
