//! A string that nobody sees by accident.
//!
//! It deserialises and does not serialise, so a command that would hand one to the window does not compile. `Debug` shows
//! nothing; the memory is wiped when it is dropped. Reading it is a call that can be searched for: [`Secret::expose`].

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A secret access key, a session token, a TOTP seed, an MFA code.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over. White space around it is dropped: it comes from pasting.
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        if text.trim().len() == text.len() {
            let mut text = text;
            // Taken over and not copied: what stays behind is empty.
            return Self(std::mem::take(&mut *text));
        }
        Self(text.trim().to_owned())
    }

    /// The text itself. Only for signing, sealing, the keychain and deliveries.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A value with secrets in it as JSON, in memory that is wiped. `None`: it cannot be written as JSON.
pub fn wiped_json(value: &impl Serialize) -> Option<Zeroizing<Vec<u8>>> {
    // Measured first: a buffer that grows would leave copies of secrets behind.
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).ok()?;
    let mut json = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *json, value).ok()?;
    Some(json)
}

/// The same as a line, with its end. Written once: a caller waits for it.
pub fn wiped_line(value: &impl Serialize) -> Option<Zeroizing<Vec<u8>>> {
    let mut line = Wiping::new();
    serde_json::to_writer(&mut line, value).ok()?;
    line.put(b"\n");
    Some(line.0)
}

/// A document with secrets in it, as the text that a tool is given. `None`: it cannot be written as JSON.
pub fn secret_json(value: &impl Serialize) -> Option<Secret> {
    let mut json = Wiping::new();
    serde_json::to_writer(&mut json, value).ok()?;
    match String::from_utf8(std::mem::take(&mut *json.0)) {
        Ok(text) => Some(Secret::new(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            None
        }
    }
}

/// A buffer that is wiped, also where it was too small and another took its place.
struct Wiping(Zeroizing<Vec<u8>>);

impl Wiping {
    /// Credentials with a long session token fit.
    const USUAL: usize = 4096;

    fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(Self::USUAL)))
    }

    fn put(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }
}

impl std::io::Write for Wiping {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Like [`wiped_json`], on many lines, for a text that a person may read.
pub fn wiped_pretty_json(value: &impl Serialize) -> Option<Zeroizing<Vec<u8>>> {
    let mut length = Length(0);
    serde_json::to_writer_pretty(&mut length, value).ok()?;
    let mut json = Zeroizing::new(Vec::with_capacity(length.0 + 1));
    serde_json::to_writer_pretty(&mut *json, value).ok()?;
    json.push(b'\n');
    Some(json)
}

/// Counts what would be written.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_bytes(), other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_with_secrets_is_written_into_one_buffer_of_its_size() {
        let value = vec!["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"; 100];
        let json = wiped_json(&value).unwrap();
        assert_eq!(json.as_slice(), serde_json::to_vec(&value).unwrap());
        assert_eq!(json.capacity(), json.len(), "it never grew");
    }

    #[test]
    fn a_line_and_a_document_are_whole_at_every_length() {
        for length in [0, 1, Wiping::USUAL - 4, Wiping::USUAL - 3, Wiping::USUAL - 2, Wiping::USUAL, 3 * Wiping::USUAL, 100_000] {
            let value = "é\"".repeat(length / 3);
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(wiped_line(&value).unwrap().as_slice(), format!("{json}\n").as_bytes());
            assert_eq!(secret_json(&value).unwrap().expose(), json);
        }
    }

    #[test]
    fn a_text_is_taken_over_where_nothing_is_around_it() {
        let text = "wJalrXUtnFEMI/K7MDENG".to_owned();
        let at = text.as_ptr();
        assert_eq!(Secret::new(text).expose().as_ptr(), at, "no copy");
        assert_eq!(Secret::new(" pasted\n").expose(), "pasted");
    }
}
