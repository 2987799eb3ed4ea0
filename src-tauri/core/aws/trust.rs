//! Whose certificates are believed: the system's trust store, and on top of it the file that `AWS_CA_BUNDLE` or `ca_bundle` names.
//!
//! As in botocore the variable wins over the profile. A file adds to the system's store, because a company that names its own CA
//! for one tool rarely wants to lose all others. What cannot be read as a certificate in the system's store is passed over.

use std::{path::PathBuf, time::SystemTime};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use base64::{Engine, prelude::BASE64_STANDARD};
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::{environment::Environment, trouble::Trouble};

/// A file of certificates, and the setting that names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Bundle {
    pub(super) setting: String,
    pub(super) path: PathBuf,
}

/// Changes whenever the file does.
pub(super) type Stamp = Option<(SystemTime, u64)>;

impl Bundle {
    /// The one that counts for a profile.
    pub(super) fn of(environment: &Environment, profile: &str, setting: Option<&str>) -> Option<Self> {
        let (setting, path) = match (environment.get("AWS_CA_BUNDLE"), setting) {
            (Some(path), _) => ("AWS_CA_BUNDLE".to_owned(), path),
            (None, Some(path)) => (format!("ca_bundle of {profile}"), path),
            (None, None) => return None,
        };
        Some(Self { setting, path: PathBuf::from(path) })
    }

    /// How the file is now.
    pub(super) fn stamp(&self) -> Stamp {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Trouble> {
        let path = self.path.display().to_string();
        let wrong = |why: &str| Trouble::bundle(&self.setting, &path, why);
        let text = crate::store::files::read_plain(&self.path).map_err(|error| wrong(&error.to_string()))?;
        let found: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|_| wrong("it is not PEM"))?;
        if found.is_empty() {
            return Err(wrong("there is no certificate in it"));
        }
        match found.iter().position(|certificate| RootCertStore::empty().add(certificate.clone()).is_err()) {
            Some(broken) => Err(wrong(&format!("certificate {} of {} in it is damaged", broken + 1, found.len()))),
            None => Ok(found),
        }
    }
}

/// The system's store as it is now, and the bundle.
pub(super) fn load(bundle: Option<&Bundle>) -> Result<TlsContext, Trouble> {
    let own = bundle.map(Bundle::certificates).transpose()?.unwrap_or_default();
    let mut roots = RootCertStore::empty();
    let mut pem = String::new();
    for certificate in own.into_iter().chain(rustls_native_certs::load_native_certs().certs) {
        if roots.add(certificate.clone()).is_ok() {
            pem.push_str(&in_pem(&certificate));
        }
    }
    Ok(context(TrustStore::empty().with_pem_certificate(pem)))
}

/// Nobody is believed: for what goes in the clear to this machine.
pub(super) fn nobody() -> TlsContext {
    context(TrustStore::empty())
}

fn context(store: TrustStore) -> TlsContext {
    TlsContext::builder().with_trust_store(store).build().unwrap_or_default()
}

fn in_pem(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut encoded = BASE64_STANDARD.encode(certificate);
    while !encoded.is_empty() {
        let rest = encoded.split_off(encoded.len().min(64));
        text.push_str(&encoded);
        text.push('\n');
        encoded = rest;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
