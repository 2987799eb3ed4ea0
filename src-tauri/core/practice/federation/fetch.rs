//! The keys of an OIDC provider, from the provider itself: its configuration, then the key set that this names.
//!
//! The practice account never leaves the machine. AWS fetches from anywhere over HTTPS; here only loopback addresses are asked,
//! over HTTP too, and every other provider is one that cannot be reached. HTTPS is believed by the thumbprints of the
//! provider. This runs before the call takes the lock on the world, for this one action only.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use ring::digest;
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
        client::{
            WebPkiServerVerifier,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        crypto::{CryptoProvider, ring::default_provider, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime},
        time_provider::TimeProvider,
    },
};
use url::{Host, Url};

use super::{account_of_role, jwt::Token, keys::KeySet, web::issuer};
use crate::{
    clock::Clock,
    practice::{World, ids::hex, params::Params},
};

/// How long both answers may take together.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest of either.
const LARGEST: usize = 256 << 10;

/// What came of fetching.
pub(in crate::practice) enum Fetched {
    /// The key set of the provider with this URL.
    Keys { url: String, keys: KeySet },
    /// Nobody answered, or it is not on this machine.
    Unreachable,
    /// The thumbprint of its certificate is not the provider's.
    Untrusted,
    /// The answer was not what it must be.
    Unusable,
}

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

/// The keys that a request needs: `None` unless it is a web identity's, of a provider that exists.
pub(in crate::practice) async fn fetch(world: &World, params: &Params) -> Option<Fetched> {
    if params.get("Action") != Some("AssumeRoleWithWebIdentity") || params.get("ProviderId").is_some() {
        return None;
    }
    let token = Token::parse(params.get("WebIdentityToken")?)?;
    let account = account_of_role(params.get("RoleArn")?).ok()?;
    let (url, thumbprints) = {
        let state = world.0.state();
        let provider = issuer(&token, state.seen().accounts.get(account).map(|account| &account.providers)).ok()?;
        (provider.url.clone(), provider.thumbprints.clone())
    };
    let source = Provider { thumbprints, clock: world.0.clock.clone() };
    let fetched = tokio::time::timeout(PATIENCE, source.keys(&url)).await.unwrap_or(Err(Fetched::Unreachable));
    Some(fetched.map_or_else(|trouble| trouble, |keys| Fetched::Keys { url, keys }))
}

/// Who is asked.
struct Provider {
    thumbprints: Vec<String>,
    clock: Clock,
}

impl Provider {
    async fn keys(&self, issuer: &str) -> Result<KeySet, Fetched> {
        let configuration = self.get(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))).await?;
        let configuration: Configuration = serde_json::from_slice(&configuration).map_err(|_| Fetched::Unusable)?;
        if configuration.issuer != issuer {
            return Err(Fetched::Unusable);
        }
        serde_json::from_slice(&self.get(&configuration.jwks_uri).await?).map_err(|_| Fetched::Unusable)
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, Fetched> {
        let url = Url::parse(url).map_err(|_| Fetched::Unreachable)?;
        let mut stream = None;
        for address in addresses(&url) {
            stream = TcpStream::connect(address).await.ok();
            if stream.is_some() {
                break;
            }
        }
        let stream = stream.ok_or(Fetched::Unreachable)?;
        if url.scheme() == "http" {
            return exchange(stream, &url).await;
        }
        let name = ServerName::try_from(url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()).map_err(|_| Fetched::Unreachable)?;
        let stream = self.connector()?.connect(name, stream).await.map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
            if matches!(inner, Some(TlsError::InvalidCertificate(_))) { Fetched::Untrusted } else { Fetched::Unreachable }
        })?;
        exchange(stream, &url).await
    }

    fn connector(&self) -> Result<TlsConnector, Fetched> {
        let crypto = Arc::new(default_provider());
        let verifier = Thumbprints { accepted: self.thumbprints.clone(), crypto: crypto.clone() };
        let config = ClientConfig::builder_with_details(crypto, Arc::new(Driven(self.clock.clone()))).with_safe_default_protocol_versions();
        let config = config.map_err(|_| Fetched::Unreachable)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// Where to connect: loopback addresses, never what a name server says.
pub(in crate::practice) fn addresses(url: &Url) -> Vec<SocketAddr> {
    let Some(port) = url.port_or_known_default().filter(|_| matches!(url.scheme(), "http" | "https")) else { return Vec::new() };
    let hosts: Vec<IpAddr> = match url.host() {
        Some(Host::Domain("localhost")) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        Some(Host::Domain(_)) | None => Vec::new(),
    };
    hosts.into_iter().filter(IpAddr::is_loopback).map(|host| SocketAddr::new(host, port)).collect()
}

/// One GET. Redirections are not followed.
async fn exchange(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, url: &Url) -> Result<Vec<u8>, Fetched> {
    let failed = |_| Fetched::Unreachable;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // Dropped with this call, and the connection with it.
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let request = Request::get(path).header(http::header::HOST, host).header(http::header::ACCEPT, "application/json").body(Empty::<Bytes>::new());
    let response = sender.send_request(request.map_err(|_| Fetched::Unreachable)?).await.map_err(failed)?;
    if response.status() != http::StatusCode::OK {
        return Err(Fetched::Unusable);
    }
    let body = Limited::new(response.into_body(), LARGEST).collect().await.map_err(|_| Fetched::Unusable)?;
    Ok(body.to_bytes().to_vec())
}

/// Certificates are as old as the world's clock says.
#[derive(Debug)]
struct Driven(Clock);

impl TimeProvider for Driven {
    fn current_time(&self) -> Option<UnixTime> {
        u64::try_from(self.0.now().unix_timestamp()).ok().map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// Believes a server whose own certificate has an accepted thumbprint, or one that an accepted authority of its chain vouches for.
#[derive(Debug)]
struct Thumbprints {
    accepted: Vec<String>,
    crypto: Arc<CryptoProvider>,
}

impl Thumbprints {
    fn accepts(&self, certificate: &CertificateDer<'_>) -> bool {
        let thumbprint = hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref());
        self.accepted.contains(&thumbprint)
    }
}

impl ServerCertVerifier for Thumbprints {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.accepts(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let mut roots = RootCertStore::empty();
        for authority in intermediates.iter().filter(|certificate| self.accepts(certificate)) {
            roots.add(authority.clone().into_owned())?;
        }
        if roots.is_empty() {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.crypto.clone()).build();
        let verifier = verifier.map_err(|_| TlsError::from(CertificateError::ApplicationVerificationFailure))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.crypto.signature_verification_algorithms)
    }

    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.crypto.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto.signature_verification_algorithms.supported_schemes()
    }
}
