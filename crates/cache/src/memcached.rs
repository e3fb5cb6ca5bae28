//! A memcached as shared store: the text protocol, or with a user the binary protocol and SASL PLAIN.
//!
//! Of the two only the binary one can authenticate on every server that is built with SASL. Commands for several items
//! are written in one go and their answers read afterwards.

mod binary;
pub(crate) mod reader;
mod text;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::shared::pool::{Answer, CountingStream, Pool, Question, Speak, dial};
use crate::{ItemKey, SharedStore, StoreError, StoreFuture};

/// Beyond thirty days memcached takes a life for a date.
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A memcached server, over a few connections that are made when they are needed.
#[derive(Debug)]
pub struct Memcached {
    pool: Pool<Server>,
}

/// The address and the login of a memcached.
#[derive(Clone)]
pub struct MemcachedServer {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User and password for SASL PLAIN; without them the store speaks the text protocol.
    pub login: Option<(String, SecretString)>,
}

impl Memcached {
    /// Returns a store that connects when it is first asked.
    #[must_use]
    pub fn new(server: MemcachedServer) -> Self {
        let place = format!("memcached at {}:{}", server.host, server.port);
        Self {
            pool: Pool::new(Server(server), place),
        }
    }
}

struct Server(MemcachedServer);

struct Connection {
    stream: BufReader<CountingStream<TcpStream>>,
    is_binary: bool,
}

impl Speak for Server {
    type Connection = Connection;

    async fn connect(&self, moved: &Arc<AtomicU64>) -> Result<Connection, StoreError> {
        let stream = BufReader::with_capacity(64 * 1024, dial(&self.0.host, self.0.port, moved).await?);
        let mut connection = Connection {
            stream,
            is_binary: self.0.login.is_some(),
        };
        if let Some((user, password)) = &self.0.login {
            let command = binary::plain(user, password.expose_secret());
            connection.write(&command).await?;
            binary::read_login(&mut connection.stream).await?;
        }
        Ok(connection)
    }

    async fn ask(&self, connection: &mut Connection, question: Question<'_>) -> Result<Answer, StoreError> {
        let answer = if connection.is_binary {
            binary_answer(connection, question).await
        } else {
            text_answer(connection, question).await
        };
        // After an error in the middle answers may be left over; a connection is used again only after the last answer.
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(refused)) => Err(refused),
            Err(broken) => Err(broken),
        }
    }
}

impl Connection {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.stream.write_all(bytes).await.map_err(StoreError::Broken)
    }
}

/// An answer read to the end: the result, or the error of the server.
type Said<T> = Result<T, StoreError>;

async fn text_answer(connection: &mut Connection, question: Question<'_>) -> Result<Said<Answer>, StoreError> {
    match question {
        Question::Get(keys) => {
            connection.write(&text::get(keys)).await?;
            let values = text::read_values(&mut connection.stream, keys).await?;
            Ok(Ok(Answer::Values(
                values.into_iter().map(|value| value.map(|found| found.bytes)).collect(),
            )))
        }
        Question::Put(items, life) => {
            for (key, value) in items {
                connection
                    .write(&text::store("set", key, value.len(), seconds(life)))
                    .await?;
                connection.write(value).await?;
                connection.write(b"\r\n").await?;
            }
            let mut said = Ok(Answer::Done(true));
            for _ in items {
                said = said.and(text::read_done(&mut connection.stream).await?.map(Answer::Done));
            }
            Ok(said)
        }
        Question::Add(key, value, life) => {
            let head = text::store("add", key, value.len(), seconds(life));
            connection.write(&[&head, value, b"\r\n"].concat()).await?;
            Ok(text::read_done(&mut connection.stream).await?.map(Answer::Done))
        }
        Question::Delete(keys) => {
            connection.write(&text::delete(keys)).await?;
            for _ in keys {
                if let Err(error) = text::read_done(&mut connection.stream).await? {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(Answer::Done(true)))
        }
        Question::DeleteIf(key, value) => {
            let keys = std::slice::from_ref(key);
            connection.write(&text::gets(key)).await?;
            let found = text::read_values(&mut connection.stream, keys).await?;
            let Some(Some(found)) = found.into_iter().next() else {
                return Ok(Ok(Answer::Done(false)));
            };
            if found.bytes != value {
                return Ok(Ok(Answer::Done(false)));
            }
            connection.write(&text::end_if(key, found.version)).await?;
            Ok(text::read_done(&mut connection.stream).await?.map(Answer::Done))
        }
    }
}

async fn binary_answer(connection: &mut Connection, question: Question<'_>) -> Result<Said<Answer>, StoreError> {
    match question {
        Question::Get(keys) => {
            connection.write(&binary::get(keys)).await?;
            let values = binary::read_values(&mut connection.stream, keys.len()).await?;
            Ok(values.map(Answer::Values))
        }
        Question::Put(items, life) => {
            for (key, value) in items {
                connection.write(&binary::set(key, value.len(), seconds(life))).await?;
                connection.write(value).await?;
            }
            let mut said = Ok(Answer::Done(true));
            for _ in items {
                let reply = binary::read_reply(&mut connection.stream).await?;
                said = said.and(reply.done().map(Answer::Done));
            }
            Ok(said)
        }
        Question::Add(key, value, life) => {
            let head = binary::add(key, value.len(), seconds(life));
            connection.write(&[&head, value].concat()).await?;
            Ok(binary::read_reply(&mut connection.stream)
                .await?
                .done()
                .map(Answer::Done))
        }
        Question::Delete(keys) => {
            let commands: Vec<u8> = keys.iter().flat_map(|key| binary::delete(key, 0)).collect();
            connection.write(&commands).await?;
            let mut said = Ok(Answer::Done(true));
            for _ in keys {
                let reply = binary::read_reply(&mut connection.stream).await?;
                said = said.and_then(|yes| reply.done().map(|_| yes));
            }
            Ok(said)
        }
        Question::DeleteIf(key, value) => {
            connection.write(&binary::get_one(key)).await?;
            let found = binary::read_reply(&mut connection.stream).await?;
            if !found.is_ok() || found.value() != value {
                return Ok(found.done().map(|_| Answer::Done(false)));
            }
            connection.write(&binary::delete(key, found.version)).await?;
            Ok(binary::read_reply(&mut connection.stream)
                .await?
                .done()
                .map(Answer::Done))
        }
    }
}

/// Reads bytes with each reader of answers.
#[cfg(any(test, feature = "testkit"))]
pub(crate) fn read_foreign(bytes: &[u8]) {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    let keys = [ItemKey::made("a".to_owned()), ItemKey::made("b".to_owned())];
    let reading = pin!(async {
        // Errors are expected; the test looks for a panic.
        let _ = text::read_values(&mut &*bytes, &keys).await;
        let _ = text::read_done(&mut &*bytes).await;
        let _ = binary::read_values(&mut &*bytes, keys.len()).await;
        let _ = binary::read_login(&mut &*bytes).await;
    });
    // Bytes in memory are ready at once.
    let polled = reading.poll(&mut Context::from_waker(Waker::noop()));
    debug_assert!(matches!(polled, Poll::Ready(())));
}

fn seconds(life: Duration) -> u32 {
    // Zero would mean for ever.
    let whole = life.min(LONGEST_LIFE).as_secs().max(1);
    u32::try_from(whole).unwrap_or(u32::MAX)
}

/// Shows no password.
impl fmt::Debug for MemcachedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("has_login", &self.login.is_some())
            .finish()
    }
}

impl SharedStore for Memcached {
    fn place(&self) -> &str {
        self.pool.place()
    }

    fn get<'a>(&'a self, keys: &'a [ItemKey]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        self.pool.get(keys)
    }

    fn put<'a>(&'a self, items: &'a [(ItemKey, Bytes)], life: Duration) -> StoreFuture<'a, ()> {
        self.pool.put(items, life)
    }

    fn add<'a>(&'a self, key: &'a ItemKey, value: &'a [u8], life: Duration) -> StoreFuture<'a, bool> {
        self.pool.add(key, value, life)
    }

    fn delete<'a>(&'a self, keys: &'a [ItemKey]) -> StoreFuture<'a, ()> {
        self.pool.delete(keys)
    }

    fn delete_if<'a>(&'a self, key: &'a ItemKey, value: &'a [u8]) -> StoreFuture<'a, bool> {
        self.pool.delete_if(key, value)
    }

    fn moved_bytes(&self) -> u64 {
        self.pool.moved_bytes()
    }

    fn disconnect(&self) {
        self.pool.disconnect();
    }
}
