//! A Valkey or Redis as shared store, by the crate `redis`; with TLS, and with a user of its ACL.

mod bounded_stream;
mod tls;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::AbortHandle;

use crate::shared::pool::{Answer, Pool, Question, Speak, dial};
use crate::{ItemKey, MAX_ITEM_BYTES, SharedStore, StoreError, StoreFuture};
use bounded_stream::{Allowance, BoundedStream};

/// Removes a value if it equals the given one, in one step.
const DELETE_IF: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";
/// Bytes of an answer beside values: lengths, line ends, the server's words.
const SMALL_ANSWER: usize = 64 * 1024;

/// A Valkey or Redis server, over a few connections that are made when they are needed.
///
/// The user needs `+get +mget +set +del +eval +select` on the keys `~cratos:*`.
#[derive(Debug)]
pub struct Valkey {
    pool: Pool<Server>,
}

/// The address and the login of a Valkey.
#[derive(Clone)]
#[non_exhaustive]
pub struct ValkeyServer {
    /// Host name or address; with TLS the certificate must be for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection uses TLS.
    pub tls: bool,
    /// PEM file with the trusted authorities, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// User of the ACL; without one the password is that of the default user.
    pub user: Option<String>,
    /// Password, if one is needed.
    pub password: Option<SecretString>,
    /// Number of the database.
    pub database: u32,
}

impl ValkeyServer {
    /// Returns a server without TLS, user and password, and database 0.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            tls: false,
            ca_file: None,
            user: None,
            password: None,
            database: 0,
        }
    }
}

impl Valkey {
    /// Returns a store that connects when it is first asked.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] if TLS is wanted and the authorities cannot be read.
    pub fn new(server: ValkeyServer) -> Result<Self, StoreError> {
        let place = format!("valkey at {}:{}", server.host, server.port);
        let tls = server
            .tls
            .then(|| tls::Tls::new(&server.host, server.ca_file.as_deref()));
        let tls = tls.transpose()?;
        Ok(Self {
            pool: Pool::new(Server { server, tls }, place),
        })
    }
}

struct Server {
    server: ValkeyServer,
    tls: Option<tls::Tls>,
}

struct Connection {
    commands: MultiplexedConnection,
    allowance: Allowance,
    driver: AbortHandle,
}

/// The task that moves the bytes ends with its connection, also while it waits.
impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Speak for Server {
    type Connection = Connection;

    async fn connect(&self, moved: &Arc<AtomicU64>) -> Result<Connection, StoreError> {
        let stream = dial(&self.server.host, self.server.port, moved).await?;
        let allowance = Allowance::new(SMALL_ANSWER);
        match &self.tls {
            Some(tls) => self.greet(tls.wrap(stream).await?, allowance).await,
            None => self.greet(stream, allowance).await,
        }
    }

    async fn ask(&self, connection: &mut Connection, question: Question<'_>) -> Result<Answer, StoreError> {
        let values = match question {
            Question::Get(keys) => keys.len(),
            _ => 0,
        };
        connection.allowance.set(SMALL_ANSWER + values * (MAX_ITEM_BYTES + 64));
        let commands = &mut connection.commands;
        let answer = match question {
            Question::Get(keys) => {
                let found: Vec<Option<Bytes>> = command("MGET", keys).query_async(commands).await.map_err(failed)?;
                Answer::Values(found)
            }
            Question::Put(items, life) => {
                let mut pipeline = redis::pipe();
                for (key, value) in items {
                    pipeline.add_command(set(key, value, life)).ignore();
                }
                pipeline.query_async::<()>(commands).await.map_err(failed)?;
                Answer::Done(true)
            }
            Question::Add(key, value, life) => {
                let mut command = set(key, value, life);
                command.arg("NX");
                let done: Option<String> = command.query_async(commands).await.map_err(failed)?;
                Answer::Done(done.is_some())
            }
            Question::Delete(keys) => {
                let _: u64 = command("DEL", keys).query_async(commands).await.map_err(failed)?;
                Answer::Done(true)
            }
            Question::DeleteIf(key, value) => {
                let mut command = redis::cmd("EVAL");
                command.arg(DELETE_IF).arg(1).arg(key.as_str()).arg(value);
                let gone: u64 = command.query_async(commands).await.map_err(failed)?;
                Answer::Done(gone > 0)
            }
        };
        Ok(answer)
    }
}

impl Server {
    async fn greet<S>(&self, stream: S, allowance: Allowance) -> Result<Connection, StoreError>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let mut login = RedisConnectionInfo::default()
            .set_db(self.server.database.into())
            .set_skip_set_lib_name();
        if let Some(user) = &self.server.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.server.password {
            login = login.set_password(password.expose_secret());
        }
        // The caller has its own time limit.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_connection_timeout(None);
        let stream = BoundedStream::new(stream, allowance.clone());
        // The handshake's answers are moved by the second half, so both go on together.
        let (commands, driver) = MultiplexedConnection::new_with_config(&login, stream, config)
            .await
            .map_err(failed)?;
        let driver = tokio::spawn(driver).abort_handle();
        Ok(Connection {
            commands,
            allowance,
            driver,
        })
    }
}

fn command(verb: &str, keys: &[ItemKey]) -> Cmd {
    let mut command = redis::cmd(verb);
    keys.iter().for_each(|key| {
        command.arg(key.as_str());
    });
    command
}

fn set(key: &ItemKey, value: &[u8], life: Duration) -> Cmd {
    let milliseconds = u64::try_from(life.as_millis()).unwrap_or(u64::MAX).max(1);
    let mut command = redis::cmd("SET");
    command.arg(key.as_str()).arg(value).arg("PX").arg(milliseconds);
    command
}

fn failed(error: RedisError) -> StoreError {
    // Of several commands the first failure is returned; the others failed for the same reason.
    let by_server = error.clone().into_server_errors();
    let code = by_server
        .as_ref()
        .and_then(|errors| errors.first())
        .map(|(_, error)| error.code());
    match code.or(error.code()) {
        Some("OOM") => StoreError::Full,
        Some("NOAUTH" | "WRONGPASS" | "NOPERM") => StoreError::Refused,
        _ if error.kind() == redis::ErrorKind::AuthenticationFailed => StoreError::Refused,
        _ if error.is_io_error() || error.is_connection_dropped() => StoreError::Broken(std::io::Error::other(error)),
        // The server's own words, never ours.
        Some(_) => StoreError::answered(error.to_string().as_bytes()),
        None => StoreError::Protocol("not what the command promises"),
    }
}

/// Shows no password.
impl fmt::Debug for ValkeyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValkeyServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl SharedStore for Valkey {
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
