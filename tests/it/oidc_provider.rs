//! An OIDC provider for tests: an HTTP or HTTPS server on this machine, and tokens over a key that is for tests only.
//!
//! What it answers can be changed while it runs.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, Mutex};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::Full;
use hyper::{Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ring::{digest, signature};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring::default_provider, pki_types::PrivateKeyDer},
};

use crate::saml_provider::{der, rsa};

const KEY: &str = include_str!("../vectors/identity-provider/test-key.pem");

/// What the provider answers, by path.
type Pages = Arc<Mutex<Vec<(String, String)>>>;

/// An identity provider that listens on 127.0.0.1.
pub(crate) struct Idp {
    pub(crate) url: String,
    pages: Pages,
    pub(crate) task: JoinHandle<()>,
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Idp {
    pub(crate) async fn start() -> Self {
        Self::serving(None).await
    }

    /// With certificates: over HTTPS.
    pub(crate) async fn serving(certificates: Option<&[&str]>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("{}://127.0.0.1:{port}", if certificates.is_some() { "https" } else { "http" });
        let acceptor = certificates.map(|pems| {
            let chain = pems.iter().map(|pem| der(pem).into()).collect();
            let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
            let key = PrivateKeyDer::try_from(der(KEY)).unwrap();
            TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
        });
        let pages: Pages = Arc::default();
        let served = pages.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (served, acceptor) = (served.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, served).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, served).await;
                            }
                        }
                    }
                });
            }
        });
        let idp = Self { url, pages, task };
        let (n, e) = modulus();
        idp.keys(&json!({ "keys": [{ "kty": "RSA", "kid": "one", "use": "sig", "alg": "RS256", "n": n, "e": e }] }));
        idp
    }

    pub(crate) fn keys(&self, keys: &Value) {
        let configuration = json!({ "issuer": self.url, "jwks_uri": format!("{}/keys", self.url) });
        self.answers(&[("/.well-known/openid-configuration", &configuration.to_string()), ("/keys", &keys.to_string())]);
    }

    pub(crate) fn answers(&self, pages: &[(&str, &str)]) {
        *self.pages.lock().unwrap() = pages.iter().map(|(path, body)| ((*path).to_owned(), (*body).to_owned())).collect();
    }

    pub(crate) fn claims(&self) -> Value {
        json!({ "iss": self.url, "sub": "carol", "aud": "an-app", "iat": 1_795_424_390, "exp": 1_795_424_700 })
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, pages: Pages) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let page = pages.lock().unwrap().iter().find(|(path, _)| path == request.uri().path()).map(|(_, body)| body.clone());
        let mut response = Response::new(Full::new(Bytes::from(page.clone().unwrap_or_default())));
        if page.is_none() {
            *response.status_mut() = hyper::StatusCode::NOT_FOUND;
        }
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let _closed = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The test key's modulus and exponent.
pub(crate) fn modulus() -> (String, String) {
    let key = signature::RsaKeyPair::from_pkcs8(&der(KEY)).unwrap();
    let parts = signature::RsaPublicKeyComponents::<Vec<u8>>::from(key.public());
    (URL_SAFE_NO_PAD.encode(parts.n), URL_SAFE_NO_PAD.encode(parts.e))
}

pub(crate) fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

pub(crate) fn token(claims: &Value) -> String {
    token_with(&json!({ "alg": "RS256", "kid": "one" }), claims)
}

pub(crate) fn token_with(header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(rsa(message.as_bytes(), &signature::RSA_PKCS1_SHA256)))
}

pub(crate) fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

pub(crate) fn thumbprint(pem: &str) -> String {
    format!("{:?}", digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der(pem))).split_once(':').unwrap().1.to_owned()
}
