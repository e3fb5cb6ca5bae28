//! The link to MISP's ZeroMQ publisher: kept up, and never believed to be alive because it is silent.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use service_kit::Backoff;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::message::{Message, MessageError};
use super::zmtp::Link;

/// MISP says that it is alive after ten quiet seconds; three of those missed and the link is dead.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a connection and its handshake may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The waits before the link is set up again. Any message counts as a success.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));

/// The largest message that is taken, in bytes: MISP sends a whole event in one when it is published, about 1 KB an
/// attribute.
const MAX_MESSAGE_BYTES: u64 = 256 << 20;

/// Where MISP publishes: `tcp://host:port`, where MISP's own default is port 50000.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LiveAddress {
    host: String,
    port: u16,
}

/// What happened on a [`Subscription`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The link is up (again). All messages while it was down are lost: everything may have changed.
    Connected,
    /// The link is down and is being set up again; said once for each loss.
    Lost(LinkError),
    /// A message.
    Message(Message),
    /// A message that cannot be read; the link is good.
    Unreadable(MessageError),
}

/// Why the link to MISP's publisher failed. Holds neither an address nor received bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// It is not the address of a publisher.
    #[error("not a ZeroMQ address; write `tcp://host:port`, such as `tcp://misp.example.net:50000`")]
    BadAddress,
    /// No connection, or it ended, or the other side does not speak ZeroMQ as MISP does.
    #[error("the ZeroMQ link to MISP failed")]
    Failed(#[source] io::Error),
    /// Nothing came for so long that the other side must be gone.
    #[error("MISP's ZeroMQ feed has been silent for {seconds} s, though it should say every 10 s that it is alive")]
    Silent {
        /// The time without a message, in seconds.
        seconds: u64,
    },
    /// The connection or the handshake took too long.
    #[error("MISP's ZeroMQ feed did not answer within {seconds} s")]
    TimedOut {
        /// The time that was waited, in seconds.
        seconds: u64,
    },
}

/// Reads the messages of a MISP; it reconnects for ever.
///
/// ```no_run
/// use misp_client::{Notice, Subscription};
///
/// # async fn follow() -> Result<(), misp_client::LinkError> {
/// let mut subscription = Subscription::new("tcp://misp.example.net:50000".parse()?);
/// loop {
///     match subscription.next().await {
///         Notice::Message(message) => println!("{message:?}"),
///         Notice::Connected => println!("anything may have changed"),
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct Subscription {
    address: LiveAddress,
    silence: Duration,
    state: State,
    failures: u32,
}

enum State {
    Up(Box<Link>),
    /// Down, to be tried again at this moment; whether the loss was said already.
    Down {
        again: Instant,
        said: bool,
    },
}

impl Subscription {
    /// Returns a subscription that connects at the first [`next`](Self::next).
    #[must_use]
    pub fn new(address: LiveAddress) -> Self {
        Self {
            address,
            silence: SILENCE,
            state: State::Down {
                again: Instant::now(),
                said: false,
            },
            failures: 0,
        }
    }

    /// Sets after how much silence the link counts as dead (default 30 s; MISP sends at least every 10 s).
    #[must_use]
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Waits for what happens next. Dropping the wait half way may lose a message; the link is then set up anew.
    pub async fn next(&mut self) -> Notice {
        loop {
            // A wait that is dropped half way leaves it down: half a message may have been read.
            let down = State::Down {
                again: Instant::now(),
                said: false,
            };
            match std::mem::replace(&mut self.state, down) {
                State::Up(mut link) => return self.received(timeout(self.silence, link.message()).await.ok(), link),
                State::Down { again, said } => {
                    self.state = State::Down { again, said };
                    sleep_until(again).await;
                    if let Some(notice) = self.try_again(said).await {
                        return notice;
                    }
                }
            }
        }
    }

    fn received(&mut self, message: Option<io::Result<Vec<u8>>>, link: Box<Link>) -> Notice {
        match message {
            Some(Ok(frame)) => {
                self.failures = 0;
                self.state = State::Up(link);
                Message::parse(&frame).map_or_else(Notice::Unreadable, Notice::Message)
            }
            Some(Err(error)) => self.lost(LinkError::Failed(error)),
            None => {
                let seconds = self.silence.as_secs();
                self.lost(LinkError::Silent { seconds })
            }
        }
    }

    /// Tries once to connect; a failure is said unless the loss was said before.
    async fn try_again(&mut self, said: bool) -> Option<Notice> {
        let address = (self.address.host.as_str(), self.address.port);
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            Link::open(stream, MAX_MESSAGE_BYTES).await
        };
        let error = match timeout(CONNECT, connecting).await {
            Ok(Ok(link)) => {
                self.state = State::Up(Box::new(link));
                return Some(Notice::Connected);
            }
            Ok(Err(error)) => LinkError::Failed(error),
            Err(_) => LinkError::TimedOut {
                seconds: CONNECT.as_secs(),
            },
        };
        let notice = self.lost(error);
        (!said).then_some(notice)
    }

    fn lost(&mut self, error: LinkError) -> Notice {
        self.failures = self.failures.saturating_add(1);
        self.state = State::Down {
            again: Instant::now() + BACKOFF.wait(self.failures),
            said: true,
        };
        Notice::Lost(error)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("address", &self.address)
            .field("is_up", &matches!(self.state, State::Up(_)))
            .finish_non_exhaustive()
    }
}

impl FromStr for LiveAddress {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let (host, port) = text
            .strip_prefix("tcp://")
            .and_then(|rest| rest.rsplit_once(':'))
            .ok_or(LinkError::BadAddress)?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
        match port.parse() {
            Ok(port) if port > 0 && !host.is_empty() && host.bytes().all(is_plain) => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(LinkError::BadAddress),
        }
    }
}

impl fmt::Display for LiveAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "tcp://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "tcp://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in [
            "tcp://misp.example.net:50000",
            "tcp://192.0.2.1:1",
            "tcp://[2001:db8::1]:50000",
        ] {
            assert_eq!(text.parse::<LiveAddress>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "misp.example.net:50000",
            "tcp://x",
            "tcp://:5",
            "tcp://x:0",
            "tcp://x:99999",
            "tcp://a b:1",
            "ipc://x:1",
        ] {
            assert!(text.parse::<LiveAddress>().is_err(), "{text}");
        }
    }
}
