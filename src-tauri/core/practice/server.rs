//! HTTP/1.1 on loopback and nowhere else: reads a request to its end, routes it, writes the answer.
//!
//! A request whose `Host` is not this machine is refused, so that a web page cannot reach the practice account by giving
//! 127.0.0.1 a name of its own. Bodies are limited.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::PoisonError,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming as Body},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use time::UtcOffset;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};

use super::{
    World,
    envelope::{self, Answer},
    exchange,
    fault::{Fault, Outcome},
    federation,
    incoming::Incoming,
    params::Params,
    signin,
    table::Api,
};
use crate::error::{Code, Error, Result};

/// The largest body that is read.
const LARGEST: usize = 1 << 20;
/// The largest that is read only to be thrown away.
const LARGEST_DISCARDED: usize = 64 << 20;

/// `Mon, 23 Nov 2026 09:00:00 GMT`
pub(super) const HTTP_DATE: &[time::format_description::BorrowedFormatItem<'_>] =
    time::macros::format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A world that answers on a port of this machine, until it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    /// Dropped, it ends the task.
    running: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens on 127.0.0.1; port 0 takes any that is free.
    pub async fn start(world: World, port: u16) -> Result<Self> {
        let failed = |source: std::io::Error| {
            Error::new(Code::Agent, format!("The practice account could not listen on port {port}: {source}"), "Choose another port, or 0 for any that is free")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (running, stopped) = oneshot::channel();
        Ok(Self { address, running: Some(running), task: tokio::spawn(listen(world, listener, stopped)) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `http://127.0.0.1:PORT/federation`
    pub fn signin_endpoint(&self) -> String {
        format!("{}/federation", self.endpoint())
    }

    /// Ends all connections and gives the port back. Nothing changes in the world through it once this returns.
    pub async fn stop(mut self) {
        self.running = None;
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(world: World, listener: TcpListener, mut stopped: oneshot::Receiver<()>) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = &mut stopped => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors: wait for one to come back.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let _unimportant = stream.set_nodelay(true);
        let world = world.clone();
        connections.spawn(async move {
            let service = service_fn(|request| answer(&world, request, peer.ip()));
            // Idle connections stay: SDKs keep them in a pool.
            let _closed = http1::Builder::new().header_read_timeout(None).serve_connection(TokioIo::new(stream), service).await;
        });
    }
    drop(listener);
    // An answer that another thread is working out comes to its end first.
    connections.shutdown().await;
}

async fn answer(world: &World, request: Request<Body>, peer: IpAddr) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let incoming = Incoming::new(&parts, peer);
    let response = if incoming.is_for_loopback() {
        match read(body).await {
            Ok(body) => {
                let mut incoming = Incoming { body, ..incoming };
                let params = incoming.params();
                if let Ok(params) = &params {
                    incoming.keys = federation::fetch(world, params).await;
                }
                route(world, &incoming, params)
            }
            Err(fault) => dated(world, refusal(fault)),
        }
    } else {
        dated(world, not_for_loopback())
    };
    let latency = *world.0.latency.lock().unwrap_or_else(PoisonError::into_inner);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    Ok(response.map(Full::new))
}

impl World {
    /// Answers a request without a network: what tests and fuzzing ask.
    #[doc(hidden)]
    pub fn answer(&self, request: Request<Vec<u8>>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let incoming = Incoming { body, ..Incoming::new(&parts, IpAddr::V4(Ipv4Addr::LOCALHOST)) };
        let params = incoming.params();
        route(self, &incoming, params)
    }
}

/// Everything but the network.
fn route(world: &World, incoming: &Incoming, params: Outcome<Params>) -> Response<Bytes> {
    let response = if !incoming.is_for_loopback() {
        not_for_loopback()
    } else if incoming.path.trim_end_matches('/') == "/federation" {
        signin::answer(&world.0, incoming, params)
    } else if matches!(incoming.method.as_str(), "GET" | "HEAD" | "POST" | "PUT" | "DELETE") {
        respond(exchange::answer(&world.0, incoming, params))
    } else {
        refusal(Fault::new("MethodNotAllowed", "The specified method is not allowed against this resource."))
    };
    dated(world, response)
}

fn not_for_loopback() -> Response<Bytes> {
    refusal(Fault::new("InvalidHost", "The practice account answers only to 127.0.0.1 and localhost."))
}

/// With the world's own time: the SDKs correct their clocks by it.
fn dated(world: &World, mut response: Response<Bytes>) -> Response<Bytes> {
    let date = world.0.clock.now().to_offset(UtcOffset::UTC).format(HTTP_DATE).unwrap_or_default();
    if let Ok(date) = http::HeaderValue::from_str(&date) {
        response.headers_mut().insert(http::header::DATE, date);
    }
    response
}

/// The body, unless it is too large or breaks off. What is too large is read to its end and thrown away: a client that still
/// writes does not read the answer.
async fn read(mut body: Body) -> Outcome<Vec<u8>> {
    let too_large = || Fault::new("RequestEntityTooLarge", "Request entity too large.");
    let (mut bytes, mut seen) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Fault::new("IncompleteBody", "The request body terminated unexpectedly."))?;
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen > LARGEST_DISCARDED {
            return Err(too_large());
        }
        if seen <= LARGEST {
            bytes.extend_from_slice(&data);
        }
    }
    if seen <= LARGEST { Ok(bytes) } else { Err(too_large()) }
}

fn refusal(fault: Fault) -> Response<Bytes> {
    respond(envelope::refusal(Api::Sts, fault, "00000000-0000-4000-a000-000000000000"))
}

fn respond(answer: Answer) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(answer.content_type));
    for (name, value) in answer.headers {
        if let Ok(value) = http::HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}
