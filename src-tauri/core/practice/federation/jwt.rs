//! JSON Web Tokens in their compact form: header, claims, signature.
//!
//! Parsing and verifying are apart, because the issuer's keys can only be fetched once it is known who the issuer is.
//! Nothing of a token counts before its signature does.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::keys::{Algorithm, KeySet};

/// A token whose signature has not been looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    algorithm: String,
    kid: Option<String>,
    message: &'a str,
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

impl<'a> Token<'a> {
    /// Three parts of base64url, the first two JSON objects.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let object = |part: &str| serde_json::from_slice::<Map<String, Value>>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let header = object(header)?;
        // A header that must be understood and is not: RFC 7515 says to refuse.
        if header.contains_key("crit") {
            return None;
        }
        let text = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { algorithm: text("alg")?, kid: text("kid"), message, signature: URL_SAFE_NO_PAD.decode(signature).ok()?, claims: object(claims)? })
    }

    /// What it says, believed by nobody yet.
    pub(super) fn unverified(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Whether it is signed in a way that can be verified at all: `none` and shared secrets are not.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::of_jwt(&self.algorithm)
    }

    /// Whether one of the keys that it may name has signed it. `None`: there is no such key.
    pub(super) fn verifies(&self, keys: &KeySet) -> Option<bool> {
        let algorithm = self.algorithm()?;
        let keys = keys.for_token(self.kid.as_deref(), &self.algorithm);
        (!keys.is_empty()).then(|| keys.iter().any(|key| key.verifies(algorithm, self.message.as_bytes(), &self.signature)))
    }
}
