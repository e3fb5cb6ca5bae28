//! A closed-loop load for `cargo xtask bench`: connections that stay open, each with one request at a time.
//!
//! `cargo run --release -p cratos-http-front --example load -- ADDRESS SECONDS CONNECTIONS [CERTIFICATE]` sends the
//! request on its standard input again and again, or several in turn, and prints lines such as `requests 1234`: the
//! answers, the seconds, the time within which half of them and 99 % of them came, and their status. With a certificate
//! it speaks TLS 1.3 with `localhost`. All answers must have the status of the first, and a `content-length` unless
//! they are 304.

use std::error::Error;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

type Failed = Box<dyn Error + Send + Sync>;

/// Bytes that are read at once.
const PIECE: usize = 1 << 18;

/// A longer head is a fault.
const MAX_HEAD: usize = 1 << 16;

struct Plan {
    address: String,
    requests: Vec<String>,
    until: Instant,
    tls: Option<TlsConnector>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, seconds, connections, rest @ ..] = words.as_slice() else {
        return Err("write: load ADDRESS SECONDS CONNECTIONS [CERTIFICATE]".into());
    };
    let mut requests = String::new();
    std::io::stdin().read_to_string(&mut requests)?;
    let began = Instant::now();
    let plan = Arc::new(Plan {
        address: address.clone(),
        requests: requests.split_inclusive("\r\n\r\n").map(str::to_owned).collect(),
        until: began + Duration::from_secs_f64(seconds.parse()?),
        tls: rest.first().map(|file| connector(file)).transpose()?,
    });
    let mut clients = JoinSet::new();
    for _ in 0..connections.parse()? {
        clients.spawn(client(Arc::clone(&plan)));
    }
    let (mut times, mut status) = (Vec::new(), None);
    while let Some(ended) = clients.join_next().await {
        let (more, code) = ended??;
        times.extend(more);
        if *status.get_or_insert(code) != code {
            return Err("the connections were answered with several statuses".into());
        }
    }
    report(times, began.elapsed(), status.unwrap_or_default());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "its output is for the program that started it")]
fn report(mut times: Vec<Duration>, took: Duration, status: u16) {
    times.sort_unstable();
    let within = |share: usize| {
        let time = times.get(times.len() * share / 1000).copied().unwrap_or_default();
        time.as_secs_f64() * 1e3
    };
    println!("requests {}\nseconds {:.6}", times.len(), took.as_secs_f64());
    println!(
        "median_ms {:.4}\np99_ms {:.4}\nstatus {status}",
        within(500),
        within(990)
    );
}

fn connector(certificate: &str) -> Result<TlsConnector, Failed> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate)?)?;
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn client(plan: Arc<Plan>) -> Result<(Vec<Duration>, u16), Failed> {
    let stream = TcpStream::connect(&plan.address).await?;
    stream.set_nodelay(true)?;
    match &plan.tls {
        None => ask(&plan, stream).await,
        Some(tls) => {
            let stream = tls.connect(ServerName::try_from("localhost")?, stream).await?;
            ask(&plan, stream).await
        }
    }
}

/// Asks until the time is over; returns how long each answer took, and the status of all of them.
async fn ask(plan: &Plan, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(Vec<Duration>, u16), Failed> {
    let mut buffer = vec![0; PIECE];
    let (mut times, mut before) = (Vec::new(), None);
    for request in plan.requests.iter().cycle() {
        if Instant::now() >= plan.until && before.is_some() {
            break;
        }
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let answer = answer(&mut stream, &mut buffer, before).await?;
        times.push(began.elapsed());
        if before.replace(answer).unwrap_or(answer).status != answer.status {
            return Err(format!("an answer has the status {}", answer.status).into());
        }
    }
    Ok((times, before.map_or(0, |answer| answer.status)))
}

/// What the head of an answer says, and its length.
#[derive(Clone, Copy)]
struct Head {
    status: u16,
    head_bytes: usize,
    body_bytes: usize,
}

/// Reads an answer. One that begins and ends its head like the one before is not taken apart again.
async fn answer(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    before: Option<Head>,
) -> Result<Head, Failed> {
    let mut held = 0;
    let head = loop {
        let count = stream.read(buffer.get_mut(held..).unwrap_or_default()).await?;
        held += count;
        let text = buffer.get(..held).unwrap_or_default();
        if let Some(head) = before.filter(|head| head.fits(text)).or_else(|| Head::of(text)) {
            break head;
        }
        if count == 0 || held > MAX_HEAD {
            return Err("the connection was closed, or an answer has no head".into());
        }
    };
    let mut missing = (head.head_bytes + head.body_bytes)
        .checked_sub(held)
        .ok_or("more bytes than the answer has")?;
    while missing > 0 {
        let count = stream.read(buffer).await?;
        missing = missing
            .checked_sub(count)
            .filter(|_| count > 0)
            .ok_or("an answer was cut short or is too long")?;
    }
    Ok(head)
}

impl Head {
    fn of(text: &[u8]) -> Option<Self> {
        let end = text.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let lines = String::from_utf8_lossy(text.get(..end)?).to_ascii_lowercase();
        let status = lines.get(9..12)?.parse().ok()?;
        let length = lines.lines().find_map(|line| line.strip_prefix("content-length:"));
        // Without a length any body is more than the answer has.
        let length = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        Some(Self {
            status,
            head_bytes: end,
            body_bytes: if status == 304 { 0 } else { length },
        })
    }

    /// Returns whether the text begins with such a head.
    fn fits(self, text: &[u8]) -> bool {
        let end = text.get(self.head_bytes.saturating_sub(4)..self.head_bytes);
        let status = text.get(9..12).and_then(|code| std::str::from_utf8(code).ok());
        end == Some(b"\r\n\r\n") && status.and_then(|code| code.parse().ok()) == Some(self.status)
    }
}
