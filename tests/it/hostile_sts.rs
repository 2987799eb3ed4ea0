//! An STS on this machine that misbehaves as it is told: over TLS with a certificate of any kind, or in the clear.
//!
//! It counts how many requests are under way, remembers what it gave, and answers AssumeRole by a clock of its own. Beside it stands a
//! proxy that can refuse.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use stagedoor_core::clock::Clock;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum How {
    /// Credentials for an hour.
    Gives,
    /// Of a hundred requests so many are told to slow down; the rest get credentials.
    Throttles(u64),
    /// Nobody ever answers.
    Silent,
    /// The connection is reset.
    Resets,
    /// This status and body, without a date.
    Says(u16, &'static str),
    /// The head promises more than comes.
    BreaksOff,
    /// The next request gets this status and body, and those after it credentials.
    SaysOnce(u16, &'static str),
    /// Credentials, but for the last so many bytes of the body.
    Cuts(usize),
    /// This, byte for byte.
    Raw(String),
    /// A refusal that repeats the head of the request and its MFA code.
    Echoes,
    /// A body without end.
    Endless,
}

/// The server. Ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Sts {
    pub(crate) port: u16,
    how: Arc<Mutex<How>>,
    clock: Clock,
    flying: Arc<AtomicUsize>,
    /// The most requests that were under way at once.
    pub(crate) most: Arc<AtomicUsize>,
    pub(crate) given: Arc<AtomicUsize>,
    pub(crate) throttled: Arc<AtomicUsize>,
    /// How many requests came.
    pub(crate) asked: Arc<AtomicUsize>,
    /// How many bytes of an endless body went out.
    pub(crate) sent: Arc<AtomicUsize>,
    random: Arc<Mutex<u64>>,
}

impl Sts {
    /// With `tls`, or in the clear.
    pub(crate) async fn start(clock: Clock, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let how = Arc::new(Mutex::new(How::Gives));
        let random = Arc::new(Mutex::new(0x9e37_79b9_7f4a_7c15));
        let sts = Self {
            port,
            how,
            clock,
            flying: Arc::default(),
            most: Arc::default(),
            given: Arc::default(),
            throttled: Arc::default(),
            asked: Arc::default(),
            sent: Arc::default(),
            random,
        };
        let serving = sts.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sts, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    if matches!(sts.how(), How::Resets) {
                        stream.set_zero_linger().ok()?;
                        return None;
                    }
                    match tls {
                        Some(tls) => sts.serve(tls.accept(stream).await.ok()?).await,
                        None => sts.serve(stream).await,
                    }
                });
            }
        });
        sts
    }

    pub(crate) fn becomes(&self, how: How) {
        *self.how.lock().unwrap() = how;
    }

    /// How many requests were answered.
    pub(crate) fn answered(&self) -> usize {
        self.given.load(Ordering::SeqCst) + self.throttled.load(Ordering::SeqCst)
    }

    fn how(&self) -> How {
        self.how.lock().unwrap().clone()
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        loop {
            let head = message(&mut stream).await?;
            self.asked.fetch_add(1, Ordering::SeqCst);
            let now = self.flying.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            // Others get the chance to be under way at the same time.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            let how = self.how();
            let answer = match how {
                How::Throttles(percent) if self.unlucky(percent) => {
                    self.throttled.fetch_add(1, Ordering::SeqCst);
                    self.page(400, &refusal("Throttling", "Rate exceeded"), true)
                }
                How::Gives | How::Throttles(_) => self.gives(),
                How::Says(status, body) => self.page(status, body, false),
                How::SaysOnce(status, body) => {
                    self.becomes(How::Gives);
                    self.page(status, body, false)
                }
                How::Cuts(bytes) => self.page(200, &self.body()[..self.body().len() - bytes], false),
                How::Raw(ref answer) => answer.clone(),
                How::Echoes => self.page(403, &refusal("AccessDenied", &format!("You&#27;[31m said {}", head.replace("\r\n", "&#13;&#10;"))), false),
                How::Endless => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.ok()?;
                    let chunk = format!("10000\r\n{}\r\n", "A".repeat(0x10000));
                    loop {
                        stream.write_all(chunk.as_bytes()).await.ok()?;
                        self.sent.fetch_add(0x10000, Ordering::SeqCst);
                    }
                }
                How::BreaksOff => "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 5000\r\n\r\n<AssumeRoleResponse>".to_owned(),
                How::Silent | How::Resets => {
                    self.flying.fetch_sub(1, Ordering::SeqCst);
                    std::future::pending().await
                }
            };
            self.flying.fetch_sub(1, Ordering::SeqCst);
            stream.write_all(answer.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
            if matches!(how, How::BreaksOff | How::Raw(_)) {
                return None;
            }
        }
    }

    /// A random number that is the same in each run.
    fn unlucky(&self, percent: u64) -> bool {
        let mut state = self.random.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state % 100 < percent
    }

    fn gives(&self) -> String {
        self.page(200, &self.body(), true)
    }

    fn body(&self) -> String {
        let number = self.given.fetch_add(1, Ordering::SeqCst);
        let end = (self.clock.now() + time::Duration::HOUR).format(&time::format_description::well_known::Rfc3339).unwrap();
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>ASIA{number:016}</AccessKeyId><SecretAccessKey>s{number}</SecretAccessKey><SessionToken>t{number}</SessionToken>\
             <Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
    }

    fn page(&self, status: u16, body: &str, dated: bool) -> String {
        let format = time::macros::format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
        let date = if dated { format!("date: {}\r\n", self.clock.now().format(format).unwrap()) } else { String::new() };
        format!("HTTP/1.1 {status} X\r\n{date}content-type: text/xml\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }
}

/// A refusal in AWS's form.
pub(crate) fn refusal(code: &str, message: &str) -> String {
    format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>")
}

async fn head_and_body(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    message(stream).await.map(|head| head.to_ascii_lowercase())
}

/// The head of a request, as it came; its body is read too.
async fn message(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length =
        head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(head)
}

/// A certification authority that nobody knows.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// As a file of certificates has it.
    pub(crate) fn pem(&self) -> String {
        format!("# a comment\n-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(&self.certificate))
    }

    /// A server's side of TLS, for a name and some years.
    pub(crate) fn server(&self, name: &str, years: (i32, i32)) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(years.0, 1, 1), rcgen::date_time_ymd(years.1, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
        let chain = vec![certificate.der().clone(), self.certificate.clone().into()];
        let config = config.with_no_client_auth().with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into()).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A server whose certificate is its own CA, as `openssl req -x509` makes it, and that certificate as a file has it.
pub(crate) fn self_signed(name: &str) -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
    let own = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], own).unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(certificate.der()));
    (TlsAcceptor::from(Arc::new(config)), pem)
}

/// A proxy that leads every name to one port of this machine, or refuses with a status. Gives its port and what it was asked.
pub(crate) async fn proxy(to: u16, login: Option<&'static str>, refuses: Option<u16>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let noting = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let noting = Arc::clone(&noting);
            tokio::spawn(async move {
                let head = head_and_body(&mut stream).await?;
                noting.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
                let allowed = login.is_none_or(|login| head.contains(&format!("basic {}", BASE64_STANDARD.encode(login).to_ascii_lowercase())));
                if let Some(status) = refuses.or((!allowed).then_some(407)) {
                    return stream.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.ok();
                }
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.ok()?;
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
                tokio::io::copy_bidirectional(&mut stream, &mut server).await.ok().map(|_| ())
            });
        }
    });
    (port, asked)
}

/// Far beyond what anything here needs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
