//! A small web server for programs that fetch lists.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The most time that a client may take for a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A web server on 127.0.0.1 that answers GET and HEAD with the bodies that it holds, and 404 otherwise. It ends with
/// the test program.
#[derive(Clone, Debug)]
pub struct WebServer {
    address: SocketAddr,
    bodies: Arc<Mutex<BTreeMap<String, String>>>,
}

impl WebServer {
    /// Starts one without any body.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.unwrap_or_else(|error| panic!("there is no free port: {error}"));
        let address = listener.local_addr();
        let server = Self {
            address: address.unwrap_or_else(|error| panic!("a listener has no address: {error}")),
            bodies: Arc::default(),
        };
        let answering = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let answering = answering.clone();
                // A client that goes away misses its answer, which is its test's failure.
                thread::spawn(move || answering.answer(&stream));
            }
        });
        server
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets the body at a path such as `/list.txt`.
    pub fn set(&self, path: &str, body: &str) {
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.insert(path.to_owned(), body.to_owned());
    }

    fn answer(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut lines = BufReader::new(stream).lines();
        let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let body = bodies.get(path).cloned();
        drop(bodies);
        let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
        let body = body.unwrap_or_default();
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )?;
        if method != "HEAD" {
            stream.write_all(body.as_bytes())?;
        }
        Ok(())
    }
}
