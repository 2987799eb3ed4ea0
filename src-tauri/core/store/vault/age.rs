//! The file format: age, version 1, encrypted to a passphrase (age-encryption.org/v1).
//!
//! A header leads from the passphrase, through scrypt, to the file key; the payload is sealed in chunks under a key that is
//! derived from the file key and a nonce. While a vault is open its [`Lock`] (header and file key) is kept and the passphrase is
//! not: a rewrite draws a new nonce, and with it a new payload key, and costs no scrypt. Only passphrases are understood here.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, Key, KeyInit, Nonce};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::{model::secret::Secret, store::keychain::Bytes};

/// How every file of the format begins.
const INTRO: &str = "age-encryption.org/v1\n";
/// What comes before the salt when a passphrase is hashed.
const LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
/// The work factor that new vaults get, as a power of two: 256 MiB and about a second.
pub const WORK: u8 = 18;
/// The most work that a file can ask for: 1 GiB. One that asks for more would stop the machine.
const MOST_WORK: u8 = 20;
const FILE_KEY: usize = 16;
const SALT: usize = 16;
const NONCE: usize = 16;
const TAG: usize = 16;
const CHUNK: usize = 64 * 1024;
/// A header of ours has 150 bytes.
const LONGEST_HEADER: usize = 1024;

/// The file key of a vault, and the header that leads the passphrase to it.
pub(super) struct Lock {
    header: Vec<u8>,
    key: Zeroizing<[u8; FILE_KEY]>,
}

/// Why a file does not open.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// The passphrase is another one.
    Passphrase,
    /// It asks for more work than [`MOST_WORK`].
    TooCostly,
    /// It is no age file that a passphrase opens; why.
    Foreign(&'static str),
    /// It was one, and was changed or cut; why.
    Damaged(&'static str),
}

/// The parts of a header.
struct Header<'a> {
    salt: [u8; SALT],
    work: u8,
    wrapped: Vec<u8>,
    /// What the checksum is over.
    covered: &'a [u8],
    checksum: Vec<u8>,
    length: usize,
}

impl Lock {
    /// A new file key under a passphrase. `None`: the system gave no random bytes. Takes about a second.
    pub(super) fn make(passphrase: &Secret, work: u8) -> Option<Self> {
        let (mut key, mut salt) = (Zeroizing::new([0; FILE_KEY]), [0; SALT]);
        getrandom::fill(&mut *key).ok()?;
        getrandom::fill(&mut salt).ok()?;
        let cipher = stretched(passphrase, &salt, work)?;
        let mut wrapped = key.to_vec();
        let tag = cipher.encrypt_in_place_detached(&Nonce::default(), b"", &mut wrapped).ok()?;
        wrapped.extend_from_slice(&tag);
        let mut header = format!("{INTRO}-> scrypt {} {work}\n{}\n---", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(&wrapped)).into_bytes();
        let checksum = hmac::sign(&header_key(&key)?, &header);
        header.extend_from_slice(format!(" {}\n", STANDARD_NO_PAD.encode(checksum)).as_bytes());
        Some(Self { header, key })
    }

    /// The lock of a file, by its passphrase. Takes as long as the file's work factor says.
    pub(super) fn pick(file: &[u8], passphrase: &Secret) -> Result<Self, Shut> {
        let header = Header::read(file)?;
        let cipher = stretched(passphrase, &header.salt, header.work).ok_or(Shut::TooCostly)?;
        let (body, tag) = header.wrapped.split_at_checked(FILE_KEY).filter(|(_, tag)| tag.len() == TAG).ok_or(Shut::Damaged("its header is cut"))?;
        let mut key = Zeroizing::new([0; FILE_KEY]);
        key.copy_from_slice(body);
        cipher.decrypt_in_place_detached(&Nonce::default(), b"", &mut *key, tag.into()).map_err(|_| Shut::Passphrase)?;
        let right = hmac::verify(&header_key(&key).ok_or(Shut::TooCostly)?, header.covered, &header.checksum).is_ok();
        if right { Ok(Self { header: file[..header.length].to_vec(), key }) } else { Err(Shut::Damaged("its header was changed")) }
    }

    /// A whole file with this content.
    pub(super) fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let cipher = self.payload(&nonce)?;
        let mut file = Vec::with_capacity(self.header.len() + NONCE + plain.len() + (plain.len() / CHUNK + 1) * TAG);
        file.extend_from_slice(&self.header);
        file.extend_from_slice(&nonce);
        // A text without a byte is one empty chunk.
        let chunks = plain.len().div_ceil(CHUNK).max(1);
        for count in 0..chunks {
            let chunk = &plain[count * CHUNK..plain.len().min((count + 1) * CHUNK)];
            let start = file.len();
            file.extend_from_slice(chunk);
            let tag = cipher.encrypt_in_place_detached(&chunk_nonce(count, count + 1 == chunks), b"", &mut file[start..]).ok()?;
            file.extend_from_slice(&tag);
        }
        Some(file)
    }

    /// The content of a file that has this lock.
    pub(super) fn open(&self, file: &[u8]) -> Result<Bytes, Shut> {
        let payload = file.strip_prefix(self.header.as_slice()).ok_or(Shut::Foreign("it has another passphrase"))?;
        let (nonce, sealed) = payload.split_at_checked(NONCE).ok_or(Shut::Damaged("it is cut short"))?;
        let cipher = self.payload(nonce).ok_or(Shut::Damaged("it is cut short"))?;
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        let chunks = sealed.len().div_ceil(CHUNK + TAG).max(1);
        for count in 0..chunks {
            let chunk = &sealed[count * (CHUNK + TAG)..sealed.len().min((count + 1) * (CHUNK + TAG))];
            let body = chunk.len().checked_sub(TAG).ok_or(Shut::Damaged("it is cut short"))?;
            if body == 0 && count > 0 {
                return Err(Shut::Damaged("it ends with nothing"));
            }
            let start = plain.len();
            plain.extend_from_slice(&chunk[..body]);
            cipher
                .decrypt_in_place_detached(&chunk_nonce(count, count + 1 == chunks), b"", &mut plain[start..], chunk[body..].into())
                .map_err(|_| Shut::Damaged("its content was changed or cut"))?;
        }
        Ok(plain)
    }

    fn payload(&self, nonce: &[u8]) -> Option<ChaCha20Poly1305> {
        derived(&self.key, nonce, b"payload").map(|key| ChaCha20Poly1305::new(Key::from_slice(&*key)))
    }
}

/// Whether a file may be a whole one, as far as can be seen without its passphrase.
pub(super) fn looks_right(file: &[u8]) -> Result<(), Shut> {
    let header = Header::read(file)?;
    if file.len() - header.length < NONCE + TAG { Err(Shut::Damaged("it is cut short")) } else { Ok(()) }
}

impl<'a> Header<'a> {
    fn read(file: &'a [u8]) -> Result<Self, Shut> {
        if file.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") {
            return Err(Shut::Foreign("it is age's text form; write it again without --armor"));
        }
        let head = &file[..file.len().min(LONGEST_HEADER)];
        if !head.starts_with(INTRO.as_bytes()) {
            return Err(Shut::Foreign("it is no age file"));
        }
        let damaged = || Shut::Damaged("its header cannot be read");
        let mut at = INTRO.len();
        let mut line = || {
            let end = head[at..].iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
            let text = std::str::from_utf8(&head[at..at + end]).map_err(|_| damaged())?;
            at += end + 1;
            Ok::<_, Shut>((text, at))
        };
        let (stanza, _) = line()?;
        let mut words = stanza.strip_prefix("-> ").ok_or_else(damaged)?.split(' ');
        if words.next() != Some("scrypt") {
            return Err(Shut::Foreign("it is encrypted to a key, not to a passphrase"));
        }
        let (Some(salt), Some(work), None) = (words.next(), words.next(), words.next()) else { return Err(damaged()) };
        let salt = decoded(salt)?.try_into().map_err(|_| damaged())?;
        let (wrapped, wrapped_end) = line()?;
        let (last, length) = line()?;
        let checksum = last.strip_prefix("--- ").ok_or_else(damaged)?;
        let written = work.starts_with(|first: char| first.is_ascii_digit() && first != '0') && work.bytes().all(|byte| byte.is_ascii_digit());
        let work = work.parse::<u8>().ok().filter(|_| written).ok_or_else(damaged)?;
        if work > MOST_WORK {
            return Err(Shut::TooCostly);
        }
        let (wrapped, checksum) = (decoded(wrapped)?, decoded(checksum)?);
        Ok(Self { salt, work, wrapped, covered: &file[..wrapped_end + 3], checksum, length })
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, Shut> {
    STANDARD_NO_PAD.decode(text).map_err(|_| Shut::Damaged("its header cannot be read"))
}

/// The passphrase, made slow to guess.
fn stretched(passphrase: &Secret, salt: &[u8], work: u8) -> Option<ChaCha20Poly1305> {
    let salt = [LABEL, salt].concat();
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.expose().as_bytes(), &salt, &scrypt::Params::new(work, 8, 1).ok()?, &mut *key).ok()?;
    Some(ChaCha20Poly1305::new(Key::from_slice(&*key)))
}

/// HKDF-SHA-256 of the file key.
fn derived(key: &[u8; FILE_KEY], salt: &[u8], what: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key).expand(&[what], hkdf::HKDF_SHA256).ok()?.fill(&mut *out).ok()?;
    Some(out)
}

fn header_key(key: &[u8; FILE_KEY]) -> Option<hmac::Key> {
    derived(key, b"", b"header").map(|key| hmac::Key::new(hmac::HMAC_SHA256, &*key))
}

/// Eleven bytes that count, and one that says which chunk is the last.
fn chunk_nonce(count: usize, last: bool) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[3..11].copy_from_slice(&(count as u64).to_be_bytes());
    nonce[11] = u8::from(last);
    nonce
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORK_IN_TESTS: u8 = 4;

    fn lock(passphrase: &str) -> Lock {
        Lock::make(&Secret::new(passphrase), WORK_IN_TESTS).unwrap()
    }

    #[test]
    fn lengths_around_a_chunk_come_back() {
        let lock = lock("correct horse");
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7] {
            let plain: Vec<u8> = (0..=250).cycle().take(length).collect();
            let file = lock.seal(&plain).unwrap();
            assert_eq!(Lock::pick(&file, &Secret::new("correct horse")).unwrap().open(&file).unwrap().as_slice(), plain, "{length}");
        }
    }

    #[test]
    fn two_files_of_one_lock_share_the_header_and_nothing_else() {
        let lock = lock("correct horse");
        let (one, two) = (lock.seal(b"the same").unwrap(), lock.seal(b"the same").unwrap());
        let header = lock.header.len();
        assert_eq!(one[..header], two[..header]);
        assert_ne!(one[header..header + NONCE], two[header..header + NONCE]);
        assert_ne!(one[header + NONCE..], two[header + NONCE..]);
    }

    #[test]
    fn each_way_of_not_opening_is_told_apart() {
        let file = lock("correct horse").seal(b"{}").unwrap();
        let pick = |file: &[u8], passphrase: &str| Lock::pick(file, &Secret::new(passphrase)).and_then(|lock| lock.open(file).map(|_| ())).unwrap_err();
        assert_eq!(pick(&file, "wrong horse"), Shut::Passphrase);
        assert!(matches!(pick(b"[default]\n", "x"), Shut::Foreign(_)));
        assert!(matches!(pick(b"-----BEGIN AGE ENCRYPTED FILE-----\n", "x"), Shut::Foreign(why) if why.contains("armor")));
        let text = String::from_utf8_lossy(&file).into_owned();
        assert!(matches!(pick(text.replacen("scrypt", "X25519", 1).as_bytes(), "x"), Shut::Foreign(why) if why.contains("not to a passphrase")));
        let again = |work: &str| {
            let (before, after) = (file.iter().position(|byte| *byte == b' ').unwrap(), INTRO.len());
            assert!(before > 0 && after > 0);
            let head = format!(" {WORK_IN_TESTS}\n");
            let at = file.windows(head.len()).position(|window| window == head.as_bytes()).unwrap();
            [&file[..at], format!(" {work}\n").as_bytes(), &file[at + head.len()..]].concat()
        };
        for bomb in ["21", "30", "63"] {
            assert_eq!(pick(&again(bomb), "correct horse"), Shut::TooCostly, "{bomb}");
        }
        for odd in ["0", "04", "-4", "+4", "300", "", "4 4", "x"] {
            assert!(matches!(pick(&again(odd), "correct horse"), Shut::Damaged(_)), "{odd}");
        }
        assert!(matches!(pick(&file[..file.len() - 1], "correct horse"), Shut::Damaged(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]
        #[test]
        fn whatever_is_changed_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8_u8, cut in any::<bool>()) {
            let file = lock("correct horse").seal(br#"{"stagedoor_vault":1,"items":[]}"#).unwrap();
            let mut bad = file.clone();
            let at = at.index(bad.len());
            if cut { bad.truncate(at) } else { bad[at] ^= 1 << bit }
            // A work factor that was changed may cost more than a test has.
            let work = file.windows(3).position(|window| window == b" 4\n").unwrap();
            prop_assume!(cut || at != work + 1);
            let opened = Lock::pick(&bad, &Secret::new("correct horse")).and_then(|lock| lock.open(&bad));
            prop_assert!(opened.is_err());
        }
    }
}
