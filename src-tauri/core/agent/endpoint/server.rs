//! The container endpoint's connections: one request each, few at a time, none for long.
//!
//! Whoever sends nothing, or slowly, or too much, is cut off, and when all seats are taken, the one who has been idle longest loses
//! his: so a thousand silent connections keep nobody out. Only who has shown a token keeps his seat until he is answered.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{AbortHandle, JoinSet},
};

use super::{Gate, Refusal};
use crate::{
    deliver::{self, Handed},
    error::{Code, Error, Result},
    model::{profile::ProfileName, secret::Secret},
};

/// The SDKs wait for two seconds: an answer is there before, or a refusal.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_millis(1500);

/// How long the head of a request may take. A program that is here writes it at once.
const HEAD_WITHIN: Duration = Duration::from_secs(2);

/// How long a connection may last in all, whatever the other side does.
const ALL_WITHIN: Duration = Duration::from_secs(5);

/// The longest head that is read.
const LONGEST_HEAD: usize = 8192;

/// The most headers that are read. The SDKs send five.
const MOST_HEADERS: usize = 40;

/// How many connections there are at once.
const SEATS: usize = 64;

/// Who sits where, the longest first.
#[derive(Debug, Default)]
pub(super) struct Seats {
    tasks: JoinSet<()>,
    taken: VecDeque<(AbortHandle, Arc<AtomicBool>)>,
}

impl Seats {
    /// Gives a seat to a connection, if need be that of the longest idle one; `false` where all are being answered.
    /// `served` gets a flag that it raises when it may not be disturbed any more.
    pub(super) fn give<F: Future<Output = ()> + Send + 'static>(&mut self, served: impl FnOnce(Arc<AtomicBool>) -> F) -> bool {
        while self.tasks.try_join_next().is_some() {}
        self.taken.retain(|(task, _)| !task.is_finished());
        if self.taken.len() >= SEATS {
            let Some(idle) = self.taken.iter().position(|(_, busy)| !busy.load(Ordering::Relaxed)) else { return false };
            if let Some((task, _)) = self.taken.remove(idle) {
                task.abort();
            }
        }
        let busy = Arc::new(AtomicBool::new(false));
        let task = self.tasks.spawn(served(Arc::clone(&busy)));
        self.taken.push_back((task, busy));
        true
    }
}

/// A document on its way out, wiped when it was written.
struct Document(Secret);

impl AsRef<[u8]> for Document {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// Answers one request of a connection: with what `give` gives to whom the gate admits, and else with a refusal.
pub async fn converse<S, F>(stream: S, gate: &Gate, busy: &AtomicBool, give: impl Fn(ProfileName) -> F, refused: impl Fn(&str, &Refusal))
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Result<Handed>>,
{
    let answer = |request: Request<Incoming>| {
        let admitted = gate.admits(&request);
        if admitted.is_ok() {
            busy.store(true, Ordering::Relaxed);
        }
        let (give, refused) = (&give, &refused);
        async move {
            let profile = match admitted {
                Ok(profile) => profile,
                Err(refusal) => {
                    refused(request.uri().path(), &refusal);
                    return Ok(refuse(&refusal));
                }
            };
            let given = tokio::time::timeout(ANSWER_WITHIN, give(profile.clone())).await.unwrap_or_else(|_| Err(late(&profile)));
            Ok::<_, Infallible>(match given.map(|handed| deliver::container(&handed)) {
                Ok(Some(document)) => respond(200, Bytes::from_owner(Document(document))),
                Ok(None) => refuse(&no_token(&profile)),
                Err(error) => refuse(&told(&error)),
            })
        }
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .keep_alive(false)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    let _ = tokio::time::timeout(ALL_WITHIN, connection).await;
}

/// An error of the agent as an SDK can show it. What may pass, by itself or by a person, is 503, after which the SDKs ask again.
fn told(error: &Error) -> Refusal {
    let status = match error.code {
        Code::AwsUnreachable | Code::AwsBusy | Code::ClockWrong | Code::Agent | Code::File | Code::KeychainAbsent => 503,
        _ if error.exit_code() == 3 => 503,
        Code::MissingProfile => 404,
        _ => 403,
    };
    let code = serde_json::to_value(error.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
    Refusal { status, code, message: format!("{}. {}", error.message, error.hint) }
}

pub(super) fn late(profile: &ProfileName) -> Error {
    Error::new(
        Code::AwsUnreachable,
        format!("The credentials of {profile} were not there in time"),
        "Ask again in a moment; if it stays so, check the network, VPN and proxy",
    )
}

fn no_token(profile: &ProfileName) -> Refusal {
    let message = format!("{profile} has no session token, and a container endpoint cannot hand out a key without one");
    Refusal { status: 403, code: "not_supported".to_owned(), message }
}

fn refuse(refusal: &Refusal) -> Response<Full<Bytes>> {
    let mut response = respond(refusal.status, Bytes::from(deliver::container_refusal(&refusal.code, &refusal.message)));
    if refusal.status == 405 {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

fn respond(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
