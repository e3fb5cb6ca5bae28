//! The daemon on its sockets: the gateway's service behind an HTTP front.

use std::future::Future;
use std::io;
use std::sync::{Arc, Once};

use feed_engine::{FeedEngine, MispSource};
use gateway::{Gateway, GatewayBuilder, GatewayError};
use http_front::{AccessLog, Certificates, Front, HttpService};
use hyper::body::Incoming;
use hyper::service::service_fn;
use site_config::{ConfigStore, Problem};
use tokio::net::TcpListener;

use crate::telemetry::AnswerLogger;
use crate::tls::CertificateWatch;
use crate::{access_log, front_metrics, proxies, repeats, tls};

/// Returns the gateway of a daemon. At most three quarters of the connections are streams, so that devices that poll
/// always get one.
///
/// # Errors
/// As [`GatewayBuilder::build`](gateway::GatewayBuilder::build).
pub fn gateway(config: ConfigStore, engine: FeedEngine, misp: Arc<MispSource>) -> Result<Gateway, GatewayError> {
    gateway_builder(config, engine, misp).build()
}

/// Returns the settings of such a gateway, to be changed before it is made. A connection with a good token is not
/// closed to make room for others.
pub fn gateway_builder(config: ConfigStore, engine: FeedEngine, misp: Arc<MispSource>) -> GatewayBuilder {
    Gateway::builder(config, engine)
        .misp(misp)
        .streams(http_front::places() / 4 * 3)
        .answer_log(Arc::new(AnswerLogger))
        .on_good_token(|extensions| {
            if let Some(connection) = extensions.get::<http_front::Connection>() {
                connection.vouch();
            }
        })
}

/// A gateway with the certificates, the proxies and the access log for its sockets.
#[derive(Debug)]
pub struct Server {
    gateway: Gateway,
    /// Watches of files hold it weakly, so that they end with the server.
    config: Arc<ConfigStore>,
    front: Front,
    certificates: Option<Certificates>,
    access_log: Option<AccessLog>,
    /// Each listener serves the same numbers.
    metrics: Once,
}

impl Server {
    /// Reads the certificate files that the core file names. Certificates that are out of date are used and logged.
    ///
    /// # Errors
    /// All problems of certificate files that cannot be used.
    pub fn new(gateway: Gateway) -> Result<Self, Vec<Problem>> {
        let config = Arc::new(gateway.config().clone());
        let certificates = tls::open(&config)?;
        let in_force = gateway.in_force();
        let front = Front::new()
            .proxies(move || proxies::of(&in_force()))
            .on_refusal(proxies::report);
        let front = match &certificates {
            Some(certificates) => front.tls(certificates.clone()),
            None => front,
        };
        Ok(Self {
            gateway,
            config,
            front,
            certificates,
            access_log: None,
            metrics: Once::new(),
        })
    }

    /// Writes the access log from now on, where the core file names one.
    ///
    /// # Errors
    /// When the system gives no thread for it.
    pub fn with_access_log(mut self) -> io::Result<Self> {
        let log = AccessLog::start(access_log::settings(&self.config.current().core.access_log))?;
        let log = log.details(access_log::details);
        self.front = self.front.access_log(log.clone());
        self.access_log = Some(log);
        Ok(self)
    }

    /// Opens the file of the access log again, as the configuration in force says: for example, logrotate may have
    /// moved it.
    pub fn reopen_access_log(&self) {
        if let Some(log) = &self.access_log {
            log.reopen(access_log::settings(&self.config.current().core.access_log));
        }
    }

    /// Waits until the access log is written, for two seconds at most. Blocks.
    pub fn flush_access_log(&self) {
        if let Some(log) = &self.access_log {
            log.flush();
        }
    }

    /// Returns the scheme of this server's URLs, `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.certificates.is_some() { "https" } else { "http" }
    }

    /// Returns the gateway that answers.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Serves on `listener` until `shutdown` is done, then finishes the answers that have begun.
    ///
    /// # Errors
    /// When the listener cannot be used at all.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let gateway = &self.gateway;
        self.metrics.call_once(|| {
            front_metrics::register(
                gateway,
                &self.front,
                self.certificates.as_ref(),
                self.access_log.as_ref(),
            );
        });
        let _certificates = CertificateWatch::start(self.certificates.as_ref(), &self.config);
        let background = gateway.start();
        let shutdown = async {
            shutdown.await;
            gateway.end_streams();
        };
        let service = handler(gateway.clone());
        self.front.serve(listener, service, shutdown).await?;
        // After the last answer: a report that was answered with 202 must not be lost.
        background.end().await;
        Ok(())
    }
}

/// Serves a gateway on one listener, without access log.
///
/// # Errors
/// When the certificate files or the listener cannot be used.
pub async fn serve(gateway: Gateway, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let server = Server::new(gateway).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        io::Error::new(io::ErrorKind::InvalidInput, lines.join("; "))
    })?;
    server.serve(listener, shutdown).await
}

fn handler(gateway: Gateway) -> impl HttpService {
    service_fn(move |request: http::Request<Incoming>| {
        repeats::note(&gateway, &request);
        gateway.answering(request)
    })
}
