//! Session tokens: everything about a session, sealed, so that the practice account keeps none and a restart ends none.
//!
//! XChaCha20-Poly1305 under a key derived from the world's seed. A token is good for one access key ID only; the secret that
//! goes with that ID is derived too. Sign-in tokens are sealed the same way under another key.

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::Aead};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{
    federation::Origin,
    ids::{Draw, Seed},
};
use crate::model::{params::SessionTag, secret::wiped_json};

/// Which operation made a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SessionKind {
    /// GetSessionToken, of a user or of root.
    Token,
    /// AssumeRole.
    Role,
    /// GetFederationToken.
    Federated,
}

/// What a session token holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) kind: SessionKind,
    pub(super) access_key_id: String,
    pub(super) account: String,
    /// The unique ID of the user or role; the account's number for root.
    pub(super) of: String,
    /// The role session name, or the federated user's name.
    pub(super) name: String,
    #[serde(with = "time::serde::timestamp")]
    pub(super) issued: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    pub(super) expires: OffsetDateTime,
    /// When an MFA code was given, for GetSessionToken.
    #[serde(with = "time::serde::timestamp::option")]
    pub(super) mfa_at: Option<OffsetDateTime>,
    /// Session policies, as text.
    pub(super) policies: Vec<String>,
    /// ARNs of managed session policies.
    pub(super) managed: Vec<String>,
    pub(super) tags: Vec<SessionTag>,
    pub(super) transitive: Vec<String>,
    pub(super) source_identity: Option<String>,
    /// Assumed with temporary credentials.
    pub(super) chained: bool,
    /// The identity provider that vouched for it.
    pub(super) origin: Option<Origin>,
    /// Makes the token as long as somebody asked for.
    pub(super) padding: String,
}

/// What a sign-in token holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SignIn {
    pub(super) arn: String,
    pub(super) account: String,
    #[serde(with = "time::serde::timestamp")]
    pub(super) link_expires: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    pub(super) session_expires: OffsetDateTime,
}

/// Seals values of one kind.
pub(super) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(super) fn new(seed: &Seed, label: &str) -> Self {
        Self(XChaCha20Poly1305::new(&seed.derive(label).into()))
    }

    pub(super) fn seal(&self, value: &impl Serialize, draw: &mut Draw) -> Option<String> {
        self.seal_bytes(value, draw).map(|bytes| STANDARD.encode(bytes))
    }

    pub(super) fn seal_bytes(&self, value: &impl Serialize, draw: &mut Draw) -> Option<Vec<u8>> {
        let nonce: [u8; 24] = draw.bytes();
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), wiped_json(value)?.as_slice()).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    pub(super) fn open<T: DeserializeOwned>(&self, text: &str) -> Option<T> {
        self.open_bytes(&STANDARD.decode(text).ok()?)
    }

    pub(super) fn open_bytes<T: DeserializeOwned>(&self, bytes: &[u8]) -> Option<T> {
        let (nonce, sealed) = bytes.split_at_checked(24)?;
        let json = Zeroizing::new(self.0.decrypt(XNonce::from_slice(nonce), sealed).ok()?);
        serde_json::from_slice(&json).ok()
    }
}
