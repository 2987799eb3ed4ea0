//! MFA codes and the seeds that make them (TOTP, RFC 6238: SHA-1, 30 s, six digits, as AWS uses it).
//!
//! Not here: the rule that a code is used once; the agent keeps that, because only it knows what was used.

use time::OffsetDateTime;
use totp_rs::{Algorithm, Builder};
use zeroize::Zeroizing;

use super::secret::Secret;
use crate::error::{Code, Error, Result};

/// The seconds for which one code is valid.
pub const STEP_SECONDS: i64 = 30;

/// Six digits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct MfaCode(Secret);

impl MfaCode {
    /// Parses six digits; spaces as authenticator apps show them are dropped.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect::<String>());
        if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(Secret::new(digits.as_str())))
        } else {
            Err(Error::new(Code::InvalidValue, "That is no MFA code", "An MFA code has six digits"))
        }
    }

    /// The six digits.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TryFrom<String> for MfaCode {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

/// The shared secret of a virtual MFA device.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct TotpSeed(Secret);

impl TryFrom<String> for TotpSeed {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        let text = Zeroizing::new(text);
        Self::parse(&text)
    }
}

impl TotpSeed {
    /// Parses the base32 seed that AWS shows, or a whole `otpauth://` URL from a QR code.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let seed = match url::Url::parse(text) {
            Ok(url) if url.scheme() == "otpauth" => url.query_pairs().find(|(key, _)| key == "secret").map_or(Secret::new(""), |(_, value)| Secret::new(value)),
            _ => Secret::new(text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_ascii_uppercase()),
        };
        let decoded = totp_rs::Secret::try_from_base32(seed.expose().trim_end_matches('='));
        if seed.expose().len() >= 16 && decoded.is_ok() {
            Ok(Self(seed))
        } else {
            Err(Error::new(
                Code::InvalidValue,
                "That is no MFA seed",
                "Expected the base32 “secret configuration key” that AWS shows beside the QR code: letters A to Z and digits 2 to 7",
            ))
        }
    }

    /// The base32 text, for the keychain and for showing it as a QR code.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The step that `at` lies in.
    pub const fn step(at: OffsetDateTime) -> i64 {
        at.unix_timestamp().div_euclid(STEP_SECONDS)
    }

    /// The code of a step.
    pub fn code(&self, step: i64) -> MfaCode {
        let seed = totp_rs::Secret::try_from_base32(self.0.expose().trim_end_matches('=')).unwrap_or_else(|_| totp_rs::Secret::from(&[][..]));
        let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(0).with_step_duration(30).with_secret(seed).build_noncompliant();
        let at = u64::try_from(step.saturating_mul(STEP_SECONDS)).unwrap_or_default();
        MfaCode(Secret::new(totp.generate(at).to_string()))
    }
}
