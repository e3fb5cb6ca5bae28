//! Hello world behind TLS and the PROXY protocol: `cargo run --example hello own.pem own.key`.

use std::convert::Infallible;

use http_body_util::Full;
use http_front::{AccessLog, AccessLogSettings, Certificates, Front, Peer, Proxies, TlsFiles};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(certificate), Some(key)) = (args.next(), args.next()) else {
        return Err("write: hello CERTIFICATE KEY".into());
    };
    let hello = service_fn(|request: Request<Incoming>| async move {
        let client = request.extensions().get::<Peer>().map(|peer| peer.0);
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!("hello {client:?}\n"))))
    });
    let proxies = Proxies::new(["127.0.0.0/8".parse()?]).proxy_protocol(true);
    let front = Front::new()
        .tls(Certificates::open(TlsFiles::new(certificate, key))?)
        .proxies(move || proxies.clone())
        .access_log(AccessLog::start(AccessLogSettings::to("access.log"))?);
    let listener = TcpListener::bind("127.0.0.1:8443").await?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    front.serve(listener, hello, shutdown).await?;
    Ok(())
}
