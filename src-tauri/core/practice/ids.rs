//! Everything that is made up: unique IDs, access keys, seeds, the account's number.
//!
//! Two sources: what must be the same after a restart is derived from the world's seed and a label; the rest is drawn. Shapes
//! and alphabets are AWS's: `AIDA` and 17 characters, `AKIA` and 16 that hold the account's number, secrets of 40.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::model::{access_key::AccessKeyId, secret::Secret};

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What is derived from the seed.
#[derive(Clone)]
pub(super) struct Seed([u8; 32]);

impl Seed {
    pub(super) const fn new(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// 32 bytes that only this seed and this label give.
    pub(super) fn derive(&self, label: &str) -> [u8; 32] {
        Sha256::new().chain_update(b"stagedoor practice\0").chain_update(self.0).chain_update(label.as_bytes()).finalize().into()
    }

    /// A stream of bytes that only this label gives.
    pub(super) fn stream(&self, label: &str) -> Draw {
        Draw { key: self.derive(label), counter: 0 }
    }

    /// 12 digits, never beginning with 0.
    pub(super) fn account(&self, label: &str) -> String {
        let bytes = self.derive(label);
        let number = bytes.iter().take(7).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        (100_000_000_000 + number % 900_000_000_000).to_string()
    }

    /// The secret of temporary credentials: it is not kept anywhere.
    pub(super) fn session_secret(&self, access_key_id: &str) -> Secret {
        Secret::new(STANDARD.encode(self.stream(&format!("session secret {access_key_id}")).bytes::<30>()))
    }
}

/// Random bytes: a hash over a key and a counter.
pub(super) struct Draw {
    key: [u8; 32],
    counter: u64,
}

impl Draw {
    /// Different at every start.
    pub(super) fn fresh(seed: &Seed, now: OffsetDateTime) -> Self {
        let mut noise = [0; 32];
        if getrandom::fill(&mut noise).is_err() {
            noise[..16].copy_from_slice(&now.unix_timestamp_nanos().to_le_bytes());
        }
        let key = Sha256::new().chain_update(seed.derive("draw")).chain_update(noise).finalize().into();
        Self { key, counter: 0 }
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for chunk in out.chunks_mut(32) {
            self.counter += 1;
            let block = Sha256::new().chain_update(self.key).chain_update(self.counter.to_le_bytes()).finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        out
    }

    /// `AIDA…`, `AROA…`: 21 characters.
    pub(super) fn unique_id(&mut self, prefix: &str) -> String {
        let tail: String = self.bytes::<17>().iter().map(|byte| char::from(BASE32[usize::from(byte % 32)])).collect();
        format!("{prefix}{tail}")
    }

    /// `AKIA…`, `ASIA…`: 20 characters; the first of them after the prefix hold the account's number, as AWS's do.
    pub(super) fn access_key_id(&mut self, prefix: &str, account: &str) -> String {
        let number = account.parse::<u64>().unwrap_or_default();
        let noise: [u8; 5] = self.bytes();
        let head = 1 << 47 | number << 7 | u64::from(noise[0] & 0x7f);
        let mut bytes = [0; 10];
        bytes[..6].copy_from_slice(&head.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&noise[1..]);
        format!("{prefix}{}", base32(&bytes))
    }

    /// 40 characters.
    pub(super) fn secret(&mut self) -> Secret {
        Secret::new(STANDARD.encode(self.bytes::<30>()))
    }

    /// 64 characters of base32, as AWS's virtual devices have.
    pub(super) fn totp_seed(&mut self) -> String {
        base32(&self.bytes::<40>())
    }

    /// A request's ID.
    pub(super) fn uuid(&mut self) -> String {
        let hex = hex(&self.bytes::<16>());
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}

/// A UUID that the same parts always have.
pub(super) fn uuid_of(parts: &[&str]) -> String {
    let hex = hex(&Sha256::digest(parts.join("\n"))[..16]);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The account that an access key ID names.
pub(super) fn account_of(id: &AccessKeyId) -> Option<String> {
    let mut number = 0_u64;
    for byte in id.as_str().get(4..14)?.bytes() {
        let digit = BASE32.iter().position(|own| *own == byte)?;
        number = number << 5 | u64::try_from(digit).ok()?;
    }
    // Fifty bits were read; the first 48 are the head, of which the last seven are noise.
    let account = (number >> 2 & 0x7fff_ffff_ff80) >> 7;
    Some(format!("{account:012}"))
}

/// Lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(super) fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(BASE32[(buffer >> bits & 31) as usize]));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(char::from(BASE32[(buffer << (5 - bits) & 31) as usize]));
    }
    out
}
