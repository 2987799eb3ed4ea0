//! A tap on the line to AWS: passes requests on byte for byte, notes their parameters, and can misbehave.
//!
//! It stands between the agent and the practice account, which therefore judges the very bytes that were sent. It can fall silent,
//! answer late, or answer with somebody else's page.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::agent_home::{Notes, Seen};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// It is passed on.
    Through,
    /// Nobody ever answers.
    Silent,
    /// It is passed on as soon as this says so.
    Held(tokio::sync::watch::Receiver<bool>),
    /// The connection ends at once, as where there is no network.
    Cut,
    /// The answer takes this long.
    Slow(Duration),
    /// Somebody else answers: status, content type, body.
    Page(u16, &'static str, &'static str),
}

/// The tap. Ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Tap {
    endpoint: String,
    line: Arc<Mutex<Line>>,
    notes: Notes,
    secrets: Arc<Mutex<Vec<String>>>,
    end: Arc<Mutex<Option<End>>>,
}

/// Where somebody's process will end.
struct End {
    /// So many requests pass first.
    left: usize,
    /// The request gets through, and only its answer is lost.
    after: bool,
    reached: tokio::sync::oneshot::Sender<()>,
    /// It goes on as soon as this says so, where it goes on at all.
    open: Option<tokio::sync::watch::Receiver<bool>>,
}

impl End {
    async fn reached(self) {
        let _ = self.reached.send(());
        match self.open {
            Some(mut open) => drop(open.wait_for(|open| *open).await),
            None => std::future::pending().await,
        }
    }
}

impl Tap {
    /// Listens on a port of its own and passes on to `endpoint`.
    pub(crate) async fn before(endpoint: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let tap = Self { endpoint: own, line: Arc::new(Mutex::new(Line::Through)), notes: Notes::default(), secrets: Arc::default(), end: Arc::default() };
        let (serving, upstream) = (tap.clone(), endpoint.trim_start_matches("http://").to_owned());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tap, upstream) = (serving.clone(), upstream.clone());
                tokio::spawn(async move { tap.serve(stream, &upstream).await });
            }
        });
        tap
    }

    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    pub(crate) fn becomes(&self, line: Line) {
        *self.line.lock().unwrap() = line;
    }

    /// The requests for an action, oldest first.
    pub(crate) fn seen(&self, action: &str) -> Vec<Seen> {
        self.notes.lock().unwrap().iter().filter(|seen| seen.get("Action") == Some(action)).cloned().collect()
    }

    /// Every secret that AWS gave so far.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap().clone()
    }

    /// How many requests there were.
    pub(crate) fn total(&self) -> usize {
        self.notes.lock().unwrap().len()
    }

    /// Holds everything from the request of this number on, counted from now, and tells when it is reached: before it is passed on, or
    /// after AWS answered it.
    pub(crate) fn ends_at(&self, number: usize, after: bool) -> tokio::sync::oneshot::Receiver<()> {
        let (reached, told) = tokio::sync::oneshot::channel();
        *self.end.lock().unwrap() = Some(End { left: number, after, reached, open: None });
        told
    }

    /// The same, and the request goes on when it is let go: told when it is reached, and what lets it go.
    pub(crate) fn waits_at(&self, number: usize, after: bool) -> (tokio::sync::oneshot::Receiver<()>, tokio::sync::watch::Sender<bool>) {
        let ((reached, told), (go, open)) = (tokio::sync::oneshot::channel(), tokio::sync::watch::channel(false));
        *self.end.lock().unwrap() = Some(End { left: number, after, reached, open: Some(open) });
        (told, go)
    }

    /// Nothing is held any more.
    pub(crate) fn ends_nowhere(&self) {
        *self.end.lock().unwrap() = None;
    }

    /// Whether the end is reached with this request, and at which side of it.
    fn at_end(&self) -> Option<End> {
        let mut end = self.end.lock().unwrap();
        if end.as_ref()?.left == 0 {
            return end.take();
        }
        end.as_mut()?.left -= 1;
        None
    }

    /// `None`: the connection is over.
    async fn serve(&self, mut stream: TcpStream, upstream: &str) -> Option<()> {
        loop {
            let (head, body) = message(&mut stream).await?;
            self.note(&head, &body);
            let mut end = self.at_end();
            if let Some(end) = end.take_if(|end| !end.after) {
                end.reached().await;
            }
            let line = self.line.lock().unwrap().clone();
            match line {
                Line::Through => {}
                Line::Slow(by) => tokio::time::sleep(by).await,
                Line::Held(mut open) => drop(open.wait_for(|open| *open).await),
                Line::Silent => std::future::pending().await,
                Line::Cut => return None,
                Line::Page(status, kind, page) => {
                    let answer = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{page}", page.len());
                    stream.write_all(answer.as_bytes()).await.ok()?;
                    continue;
                }
            }
            let mut server = TcpStream::connect(upstream).await.ok()?;
            server.write_all(&[head, body].concat()).await.ok()?;
            let (head, body) = message(&mut server).await?;
            if let Some(end) = end {
                end.reached().await;
            }
            let text = String::from_utf8_lossy(&body);
            for (begin, end) in [("<SecretAccessKey>", "<"), ("<SessionToken>", "<"), ("\"SigninToken\":\"", "\"")] {
                let secret = text.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
                self.secrets.lock().unwrap().extend(secret.map(|(secret, _)| secret.to_owned()));
            }
            stream.write_all(&[head, body].concat()).await.ok()?;
        }
    }

    fn note(&self, head: &[u8], body: &[u8]) {
        let head = String::from_utf8_lossy(head);
        let query = head.split_whitespace().nth(1).and_then(|path| path.split_once('?')).map(|(_, query)| query.to_owned()).unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes()).chain(url::form_urlencoded::parse(body));
        self.notes.lock().unwrap().push(Seen(pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect()));
    }
}

/// One request or response with a `content-length`: head and body.
async fn message(stream: &mut (impl AsyncRead + Unpin)) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}
