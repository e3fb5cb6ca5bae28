//! The sockets: listening, refusing, cutting connections, and the way from bytes to a request and back.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, mpsc as blocking},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::{mpsc, watch},
};

use crate::{
    answer::{Answer, Delivery},
    body::{Cut, Script},
    routes::{self, PageRequest},
    shared::Shared,
};

/// Threads that answer; more than one, so that a slow answer does not hold up the others.
const THREADS: usize = 4;

pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    door: mpsc::UnboundedSender<(Door, blocking::SyncSender<()>)>,
    runtime: Option<Runtime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Closed,
}

impl Server {
    pub(crate) fn start(listen: SocketAddr, shared: Shared) -> io::Result<Self> {
        // Before the runtime is made: where the address is taken, dropping a runtime would panic in a caller that is
        // async.
        let listener = std::net::TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("misp-sim")
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let shared = Arc::new(shared);
        let (door, orders) = mpsc::unbounded_channel();
        runtime.spawn(accept(address, listener, orders, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            door,
            runtime: Some(runtime),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn open(&self) {
        self.order(Door::Open);
    }

    pub(crate) fn close(&self) {
        self.order(Door::Closed);
    }

    /// Waits until the order is carried out; that is on another thread, so waiting is safe also inside a runtime.
    fn order(&self, door: Door) {
        let (done, wait) = blocking::sync_channel(1);
        if self.door.send((door, done)).is_ok() {
            let _gone = wait.recv();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(
    address: SocketAddr,
    listener: TcpListener,
    mut orders: mpsc::UnboundedReceiver<(Door, blocking::SyncSender<()>)>,
    shared: Arc<Shared>,
) {
    let mut listener = Some(listener);
    // Every closing of the door cuts the connections that were open then.
    let (cut, _) = watch::channel(0_u64);
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some((door, done)) = order else { return };
                match door {
                    Door::Closed => {
                        listener = None;
                        cut.send_modify(|times| *times += 1);
                    }
                    Door::Open if listener.is_none() => listener = listen_again(address).await,
                    Door::Open => {}
                }
                let _nobody_waits = done.send(());
            }
            accepted = next(listener.as_ref()) => {
                if let Ok((stream, peer)) = accepted {
                    tokio::spawn(connection(stream, peer.ip(), Arc::clone(&shared), cut.subscribe()));
                }
            }
        }
    }
}

async fn next(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Takes the same port again; the system may hold it for a moment.
async fn listen_again(address: SocketAddr) -> Option<TcpListener> {
    for _ in 0..100 {
        if let Ok(listener) = TcpListener::bind(address).await {
            return Some(listener);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

async fn connection(stream: TcpStream, peer: IpAddr, shared: Arc<Shared>, mut cut: watch::Receiver<u64>) {
    let _best_effort = stream.set_nodelay(true);
    let service = service_fn(move |request| exchange(request, peer, Arc::clone(&shared)));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ended = serving => {}
        _closed = cut.changed() => {}
    }
}

async fn exchange(request: Request<Incoming>, peer: IpAddr, shared: Arc<Shared>) -> Result<Response<Script>, Cut> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    let request = PageRequest::new(head, body, peer);
    let latency = shared.state().latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match routes::respond(&shared, &request) {
        Delivery::Answer(answer) => Ok(answer.into_response()),
        Delivery::Late(answer, wait) => {
            tokio::time::sleep(wait).await;
            Ok(answer.into_response())
        }
        Delivery::Script(answer, script) => Ok(answer.into_scripted(script)),
        Delivery::Never => std::future::pending::<Result<_, Infallible>>()
            .await
            .map_err(|never| match never {}),
        Delivery::Close => Err(Cut),
    }
}

/// Keeps the type of an answer beside the server that sends it.
impl Answer {
    fn into_response(self) -> Response<Script> {
        let whole = Script::whole(self.body.clone());
        self.head(whole)
    }

    fn into_scripted(self, script: Script) -> Response<Script> {
        self.head(script)
    }

    fn head(self, body: Script) -> Response<Script> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
