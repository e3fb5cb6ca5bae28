//! The daemon on its sockets: the gateway's service behind an HTTP front.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::{Method, Response};
use http_front::{AccessLog, Certificates, Front, HttpService, PanicGuard, Peer};
use hyper::body::Incoming;
use hyper::service::service_fn;
use site_config::Problem;
use tokio::net::TcpListener;

use crate::background::Background;
use crate::body::RequestBody;
use crate::reject::Reject;
use crate::reply::{Body, Reply};
use crate::tls::CertificateWatch;
use crate::{App, access_log, front_metrics, proxies, service, tls};

/// Returns how many connections are served at a time.
pub(crate) fn connections() -> usize {
    http_front::places()
}

/// An app with what its sockets need: certificates, proxies and the access log.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    front: Front,
    certificates: Option<Certificates>,
    access_log: Option<AccessLog>,
}

impl Server {
    /// Reads the certificate files that the core file names. Certificates that are out of date are used and logged.
    ///
    /// # Errors
    /// All problems of certificate files that cannot be used.
    pub fn new(app: Arc<App>) -> Result<Self, Vec<Problem>> {
        let certificates = tls::open(app.config())?;
        let here = Arc::downgrade(&app);
        let front = Front::new()
            .proxies(move || proxies::of(&here))
            .on_refusal(proxies::report);
        let front = match &certificates {
            Some(certificates) => front.tls(certificates.clone()),
            None => front,
        };
        Ok(Self {
            app,
            front,
            certificates,
            access_log: None,
        })
    }

    /// Writes the access log from now on, where the core file names one.
    ///
    /// # Errors
    /// When the system gives no thread for it.
    pub fn with_access_log(mut self) -> io::Result<Self> {
        let log = AccessLog::start(access_log::settings(&self.app.config().current().core.access_log))?;
        self.front = self.front.access_log(log.clone());
        self.access_log = Some(log);
        Ok(self)
    }

    /// Opens the file of the access log again, as the configuration in force says: for example, logrotate may have moved it.
    pub fn reopen_access_log(&self) {
        if let Some(log) = &self.access_log {
            log.reopen(access_log::settings(&self.app.config().current().core.access_log));
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

    /// Returns the app that answers.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Serves on `listener` until `shutdown` is done, then finishes the answers that have begun.
    ///
    /// # Errors
    /// When the listener cannot be used at all.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let app = &self.app;
        front_metrics::register(app, &self.front, self.certificates.as_ref(), self.access_log.as_ref());
        let _certificates = CertificateWatch::start(self.certificates.as_ref(), app.config());
        let background = Background::begin(app);
        let shutdown = async {
            shutdown.await;
            app.streams().end_all();
        };
        let service = handler(Arc::clone(app), self.access_log.is_some());
        self.front.serve(listener, service, shutdown).await?;
        // After the last answer: a report that was answered with 202 must not be lost.
        background.end().await;
        Ok(())
    }
}

/// Serves an app on one listener, without access log.
///
/// # Errors
/// When the certificate files or the listener cannot be used.
pub async fn serve(app: Arc<App>, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let server = Server::new(app).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        io::Error::new(io::ErrorKind::InvalidInput, lines.join("; "))
    })?;
    server.serve(listener, shutdown).await
}

fn handler(app: Arc<App>, has_log: bool) -> impl HttpService {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let app = Arc::clone(&app);
        async move {
            // The front always gives the peer.
            let peer = request.extensions().get::<Peer>();
            let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
            let mut response = service::respond(&app, request.map(RequestBody::new), peer).await;
            if has_log {
                access_log::add_details(&mut response);
            }
            Ok::<_, Infallible>(response)
        }
    });
    PanicGuard::new(service, panic_answer)
}

/// Returns the answer to a request whose handler panicked.
fn panic_answer(method: &Method) -> Response<Body> {
    Reply::from(Reject::Internal).into_response(method == Method::HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_500_with_a_problem_document() {
        let response = panic_answer(&Method::GET);
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}
