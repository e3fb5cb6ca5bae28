//! Bare hyper with ready answers. `cargo xtask bench` measures it beside `cratosd`.
//!
//! `cargo run --release -p cratos-http-front --example bare_hyper -- FOLDER` prints its address and serves until it is
//! killed. `/NAME` is answered with the bytes of the file `NAME` and the headers in `NAME.head`. A request whose
//! `if-none-match` is the entity tag gets 304 with the headers in `NAME.304`. The runtime is that of `cratosd`: tokio
//! with a thread for each core.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Headers that hyper writes itself.
const OF_HYPER: [&str; 2] = ["date", "content-length"];

struct Answer {
    headers: HeaderMap,
    unchanged: HeaderMap,
    body: Bytes,
}

type Answers = HashMap<String, Answer>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "its output is for the program that started it")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("write: bare_hyper FOLDER")?;
    let answers = Arc::new(answers(Path::new(&folder))?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let response = response(&answers, &request);
                async move { Ok::<_, Infallible>(response) }
            });
            // A client that goes away is not an error of the server.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn response(answers: &Answers, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    let name = request.uri().path().trim_start_matches('/');
    let Some(answer) = answers.get(name) else {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let tag = request.headers().get(IF_NONE_MATCH);
    if tag.is_some() && tag == answer.headers.get(ETAG) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = answer.unchanged.clone();
    } else {
        *response.headers_mut() = answer.headers.clone();
        *response.body_mut() = Full::new(answer.body.clone());
    }
    response
}

/// Reads the folder: each file without an extension is a body.
fn answers(folder: &Path) -> Result<Answers, Box<dyn Error>> {
    let mut answers = Answers::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_none() && path.is_file() {
            let answer = Answer {
                headers: headers(&path.with_extension("head"))?,
                unchanged: headers(&path.with_extension("304"))?,
                body: fs::read(&path)?.into(),
            };
            answers.insert(name, answer);
        }
    }
    Ok(answers)
}

/// Reads lines such as `name: value`; a missing file has none.
fn headers(file: &Path) -> Result<HeaderMap, Box<dyn Error>> {
    let mut headers = HeaderMap::new();
    let text = if file.exists() {
        fs::read_to_string(file)?
    } else {
        String::new()
    };
    for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        if !OF_HYPER.contains(&name) {
            headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
    }
    Ok(headers)
}
