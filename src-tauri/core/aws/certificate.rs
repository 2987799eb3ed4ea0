//! Why a certificate was refused, and who issued it: looked up in a second handshake that stops there and sends nothing.
//!
//! The SDK's connector says only that a chain was not believed. In companies the issuer's name is what a person needs: it is the
//! inspecting proxy's. What the other side writes into its certificate is shown shortened and without control characters.

use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};
use x509_cert::{Certificate, der::Decode};

use super::{
    proxy::Route,
    trouble::Trouble,
    tunnel::{self, Tunnel},
};

/// A look that takes longer is given up.
const LOOK: std::time::Duration = std::time::Duration::from_secs(5);

/// What is told of somebody else's names, at most.
const LONGEST: usize = 120;

const INSPECTED: &str =
    "If your company inspects traffic, put its CA certificate into the system's trust store, or name its PEM file in ca_bundle or AWS_CA_BUNDLE";

/// What the other side showed.
#[derive(Clone, Debug)]
struct Shown {
    issuer: String,
    from: OffsetDateTime,
    until: OffsetDateTime,
}

/// The sentence for a refused certificate.
pub(super) async fn refused(error: &TlsError, told: &str, host: &str, port: u16, route: &Route) -> Trouble {
    let shown = tokio::time::timeout(LOOK, look(host, port, route)).await.ok().flatten();
    let TlsError::InvalidCertificate(why) = error else {
        return Trouble::certificate(format!("The encryption with {told} could not be set up: {error}"), "Check the proxy and the endpoint_url");
    };
    let issuer = shown.as_ref().map_or_else(String::new, |shown| format!(" (issued by “{}”)", shown.issuer));
    let day = |at: Option<OffsetDateTime>| at.map_or_else(String::new, |at| format!(" on {}", at.date()));
    let (reason, hint) = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            format!("it ended{}{issuer}", day(shown.map(|shown| shown.until))),
            "Check this computer's clock; if it is right, whoever runs that endpoint or proxy must renew the certificate",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            format!("it begins{}{issuer}, so this computer's clock is probably behind", day(shown.map(|shown| shown.from))),
            "Set the clock (switch on automatic time), then try again",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (format!("it is for another name{issuer}"), "Something else answers there: check the network's sign-in page, the proxy and the endpoint_url")
        }
        CertificateError::Revoked => (format!("it was revoked{issuer}"), "Whoever runs that endpoint or proxy must get a new one"),
        CertificateError::UnknownIssuer => (
            shown.map_or_else(
                || "its issuer is not trusted by this computer".to_owned(),
                |shown| format!("it was issued by “{}”, which this computer does not trust", shown.issuer),
            ),
            INSPECTED,
        ),
        // What `openssl req -x509` makes: its own CA, and believed as an issuer only.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") || format!("{other:?}").contains("CaUsedAsEndEntity") => (
            format!("it is a CA's own certificate (self-signed){issuer}, used as a server's"),
            "Make that CA issue the server a certificate of its own (basicConstraints CA:FALSE), and name the CA's in ca_bundle or AWS_CA_BUNDLE",
        ),
        other => (format!("{}{issuer}", tame(&TlsError::InvalidCertificate(other.clone()).to_string())), INSPECTED),
    };
    Trouble::certificate(format!("The certificate of {told} was refused: {reason}"), hint)
}

/// A handshake up to the certificate.
async fn look(host: &str, port: u16, route: &Route) -> Option<Shown> {
    let name = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned()).ok()?;
    let seen = Arc::new(Looker { provider: Arc::new(ring::default_provider()), shown: Mutex::default() });
    let config = ClientConfig::builder_with_provider(Arc::clone(&seen.provider))
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let stream = match route {
        Route::Direct => TcpStream::connect((host.trim_start_matches('[').trim_end_matches(']'), port)).await.ok()?,
        Route::Through(proxy) => match tunnel::through(proxy, host, port).await? {
            Tunnel::Open(stream) => stream,
            Tunnel::Refused(_) | Tunnel::Nonsense => return None,
        },
    };
    // It fails by design: the verifier looks and says no.
    let _refused = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let chain = std::mem::take(&mut *seen.shown.lock().unwrap_or_else(PoisonError::into_inner));
    shown(&chain)
}

/// What of a chain a person needs: the end of it, which would have to be trusted.
fn shown(chain: &[Vec<u8>]) -> Option<Shown> {
    let read: Vec<Certificate> = chain.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let first = read.first()?.tbs_certificate();
    let mut top = first;
    // No longer than the chain: a loop of issuers ends.
    for _ in 0..read.len() {
        let above = read.iter().map(Certificate::tbs_certificate).find(|above| above.subject() == top.issuer() && above.subject() != top.subject());
        let Some(above) = above else { break };
        top = above;
    }
    let at = |time: &x509_cert::time::Time| OffsetDateTime::from(time.to_system_time());
    let validity = first.validity();
    Some(Shown { issuer: tame(&top.issuer().to_string()), from: at(&validity.not_before), until: at(&validity.not_after) })
}

/// Somebody else's text, fit to be shown.
fn tame(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if plain.chars().count() <= LONGEST { plain } else { plain.chars().take(LONGEST).chain(['…']).collect() }
}

/// Looks at the chain and refuses it.
#[derive(Debug)]
struct Looker {
    provider: Arc<CryptoProvider>,
    shown: Mutex<Vec<Vec<u8>>>,
}

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let chain = std::iter::once(end_entity).chain(intermediates).map(|certificate| certificate.to_vec()).collect();
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Err(TlsError::General("only looked at".to_owned()))
    }

    fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("only looked at".to_owned()))
    }

    fn verify_tls13_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("only looked at".to_owned()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
