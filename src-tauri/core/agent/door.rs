//! A door on loopback that leads once to a console link.
//!
//! A browser is opened with a URL as its argument, and every program of the user can read the arguments of a process. The
//! sign-in link is a secret, so the argument is this door: a random path that answers one request, within a minute, with a
//! redirect. If somebody else was first, the person sees a door that is closed, and knows.

use std::{convert::Infallible, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Bytes, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    error::{Code, Error, Result},
    model::secret::Secret,
};

/// How long a door stays open.
const OPEN_FOR: Duration = Duration::from_mins(1);

/// Opens a door to `link` and says where it is.
pub(super) async fn open(link: Secret) -> Result<String> {
    let failed = |why: String| {
        Error::new(Code::Agent, format!("Could not open the way to the browser: {why}"), "Copy the link instead: stagedoor console PROFILE --print")
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| failed(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
    let mut random = [0; 24];
    getrandom::fill(&mut random).map_err(|error| failed(error.to_string()))?;
    let path = format!("/{}", URL_SAFE_NO_PAD.encode(random));
    let url = format!("http://{address}{path}");
    tokio::spawn(async move {
        let _ = tokio::time::timeout(OPEN_FOR, stand(listener, path, address.to_string(), link)).await;
    });
    Ok(url)
}

/// Answers until the right one came.
async fn stand(listener: TcpListener, path: String, host: String, link: Secret) {
    let used = watch::Sender::new(false);
    loop {
        let mut gone = used.subscribe();
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = gone.wait_for(|used| *used) => return,
        };
        let Ok((stream, _)) = stream else { continue };
        let (used, path, host, link) = (used.clone(), path.clone(), host.clone(), link.clone());
        let served = async move {
            let answer = |request: Request<Incoming>| {
                let right = request.method() == Method::GET
                    && subtle::ConstantTimeEq::ct_eq(request.uri().path().as_bytes(), path.as_bytes()).into()
                    && request.headers().get(header::HOST).is_some_and(|value| value.as_bytes() == host.as_bytes());
                let first = right && !used.send_replace(right);
                let response = if first { redirect(&link) } else { closed() };
                async move { Ok::<_, Infallible>(response) }
            };
            let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        };
        // The answer is written before the door is taken away.
        tokio::spawn(served);
    }
}

fn redirect(link: &Secret) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    if let Ok(location) = header::HeaderValue::from_str(link.expose()) {
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(header::LOCATION, location);
    }
    polite(response)
}

fn closed() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"This door is closed. Open the console again from Stagedoor.\n")));
    *response.status_mut() = StatusCode::GONE;
    polite(response)
}

fn polite(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    async fn ask(url: &str, method: &str, host: Option<&str>) -> Option<String> {
        let (host_port, path) = url.strip_prefix("http://")?.split_once('/')?;
        let mut stream = TcpStream::connect(host_port).await.ok()?;
        let text = format!("{method} /{path} HTTP/1.1\r\nHost: {}\r\n\r\n", host.unwrap_or(host_port));
        stream.write_all(text.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }

    #[tokio::test]
    async fn leads_once_and_only_from_here() {
        let url = open(Secret::new("https://signin.example/federation?SigninToken=t")).await.expect("opens");
        assert!(!url.contains("SigninToken"), "the argument of the browser holds no secret");
        for (method, host) in [("POST", None), ("GET", Some("evil.example"))] {
            assert!(ask(&url, method, host).await.expect("answers").starts_with("HTTP/1.1 410"));
        }
        assert!(ask(&format!("{url}x"), "GET", None).await.expect("answers").starts_with("HTTP/1.1 410"));
        let right = ask(&url, "GET", None).await.expect("answers");
        assert!(right.starts_with("HTTP/1.1 302") && right.contains("location: https://signin.example/federation?SigninToken=t"), "{right}");
        assert!(ask(&url, "GET", None).await.is_none_or(|again| !again.contains("SigninToken")));
    }
}
