//! Public keys of identity providers, from a certificate or from a JSON Web Key, and what they verify.
//!
//! The arithmetic is `ring`'s. RSA from 1024 bits, because AWS takes certificates of that size; P-256 and P-384.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::{Deserialize, Serialize};
use x509_cert::{
    Certificate,
    der::{Decode, oid::ObjectIdentifier},
};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// What a key of 1024 bits takes up, with its exponent.
const SMALLEST_RSA: usize = 138;

/// How something is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    RsaSha1,
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcSha256,
    EcSha384,
}

impl Algorithm {
    /// By the name that JSON Web Tokens use.
    pub(super) fn of_jwt(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::RsaSha256),
            "RS384" => Some(Self::RsaSha384),
            "RS512" => Some(Self::RsaSha512),
            "ES256" => Some(Self::EcSha256),
            "ES384" => Some(Self::EcSha384),
            _ => None,
        }
    }

    /// By the name that XML Signature uses.
    pub(super) fn of_xml(uri: &str) -> Option<Self> {
        match uri {
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => Some(Self::RsaSha1),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Some(Self::RsaSha256),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Some(Self::RsaSha384),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Some(Self::RsaSha512),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Some(Self::EcSha256),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Some(Self::EcSha384),
            _ => None,
        }
    }

    const fn is_rsa(self) -> bool {
        matches!(self, Self::RsaSha1 | Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512)
    }

    fn rsa(self) -> Option<&'static signature::RsaParameters> {
        match self {
            Self::RsaSha1 => Some(&signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
            Self::RsaSha256 => Some(&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
            Self::RsaSha384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::RsaSha512 => Some(&signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
            Self::EcSha256 | Self::EcSha384 => None,
        }
    }

    fn any(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::RsaSha1 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Self::RsaSha256 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            Self::RsaSha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaSha512 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
            Self::EcSha256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::EcSha384 => &signature::ECDSA_P384_SHA384_FIXED,
        }
    }
}

/// A key that verifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PublicKey {
    /// The bits of a certificate.
    Certified { rsa: bool, bits: Vec<u8> },
    /// Modulus and exponent of a JSON Web Key.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A point of a JSON Web Key; ring knows the curve by the point's length and by the algorithm.
    Point(Vec<u8>),
}

impl PublicKey {
    /// The key that a certificate (DER) is about. Whether the certificate has ended does not matter to AWS.
    pub(super) fn of_certificate(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        let bits = info.subject_public_key.as_bytes()?.to_vec();
        let rsa = info.algorithm.oid == RSA;
        (!rsa || bits.len() >= SMALLEST_RSA).then_some(Self::Certified { rsa, bits })
    }

    /// Whether the signature over the message is this key's.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self {
            // A key is for its own kind of algorithm only.
            Self::Certified { rsa, bits } => *rsa == algorithm.is_rsa() && UnparsedPublicKey::new(algorithm.any(), bits).verify(message, signature).is_ok(),
            Self::Rsa { n, e } => algorithm.rsa().is_some_and(|parameters| RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()),
            Self::Point(point) => !algorithm.is_rsa() && UnparsedPublicKey::new(algorithm.any(), point).verify(message, signature).is_ok(),
        }
    }
}

/// The keys that a provider publishes.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::practice) struct KeySet {
    keys: Vec<Jwk>,
}

/// One of them, as RFC 7517 has it.
#[derive(Clone, Debug, Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The keys that may have signed a token which names this key and this algorithm.
    pub(super) fn for_token(&self, kid: Option<&str>, algorithm: &str) -> Vec<PublicKey> {
        let fits = |key: &&Jwk| {
            // Without a name there must be no choice.
            let named = if kid.is_some() { key.kid.as_deref() == kid } else { self.keys.len() == 1 };
            named && key.usage.as_deref().is_none_or(|usage| usage == "sig") && key.alg.as_deref().is_none_or(|alg| alg == algorithm)
        };
        self.keys.iter().filter(fits).filter_map(Jwk::public).collect()
    }
}

impl Jwk {
    fn public(&self) -> Option<PublicKey> {
        let number = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        match self.kty.as_str() {
            "RSA" => Some(PublicKey::Rsa { n: without_zeros(number(&self.n)?), e: without_zeros(number(&self.e)?) }),
            "EC" => Some(PublicKey::Point([vec![4], number(&self.x)?, number(&self.y)?].concat())),
            _ => None,
        }
    }
}

/// ring wants numbers without leading zeros.
fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}
