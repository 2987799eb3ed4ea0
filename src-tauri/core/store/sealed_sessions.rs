//! Sessions on disk, sealed with a key from the keychain.
//!
//! So that an MFA session survives a restart. The file is a header (magic, version), a random nonce and the payload under
//! XChaCha20-Poly1305 with the header as associated data; what the payload means is the agent's business. A file that does
//! not open is set aside and reported, never a crash. A keychain that does not answer leaves the file as it is.

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chacha20poly1305::{AeadInPlace, KeyInit, XChaCha20Poly1305, XNonce};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{
    files,
    keychain::{Bytes, Item, Keys},
    set_aside::set_aside,
};
use crate::{
    clock::Clock,
    error::{Code, Error, Result},
    paths::Paths,
};

/// How every file begins; then one byte of version.
const MAGIC: &[u8; 9] = b"STAGEDOOR";
const VERSION: u8 = 1;
const HEADER: usize = MAGIC.len() + 1;
const NONCE: usize = 24;
const TAG: usize = 16;
/// Far above any real payload: what is larger is not ours and is not read into memory.
const LARGEST: u64 = 16 << 20;

/// The sealed file. Clones share the key once it was fetched.
#[derive(Clone, Debug)]
pub struct SealedSessions {
    file: PathBuf,
    keys: Keys,
    clock: Clock,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Fetched once: a keychain that locks later does not stop sessions from being kept.
    key: Mutex<Option<Zeroizing<[u8; 32]>>>,
    /// There is a file that could not be opened because the keychain did not answer.
    unread: AtomicBool,
    /// One writing at a time.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

/// What was found at the start.
#[derive(Default)]
pub struct Loaded {
    /// What was saved last; `None`: nothing, or nothing that opens.
    pub payload: Option<Bytes>,
    /// What was wrong. With a locked or absent keychain the file is untouched and [`SealedSessions::load`] can be tried again.
    pub problem: Option<Error>,
}

impl SealedSessions {
    /// The file in the data folder; touches nothing.
    pub fn new(paths: &Paths, keys: Keys, clock: Clock) -> Self {
        Self { file: paths.data.join("sessions.sealed"), keys, clock, shared: Arc::default() }
    }

    /// Opens what was saved. Without a file it asks the keychain nothing.
    pub async fn load(&self) -> Loaded {
        let problem = match self.read() {
            Ok(None) => return Loaded::default(),
            Ok(Some(sealed)) => match self.open(sealed).await {
                Ok(payload) => {
                    self.shared.unread.store(false, Ordering::Relaxed);
                    return Loaded { payload: Some(payload), problem: None };
                }
                Err(Unopened::Keychain(error)) => {
                    self.shared.unread.store(true, Ordering::Relaxed);
                    Error { message: format!("Earlier sessions stay sealed: {}", error.message), ..error }
                }
                Err(Unopened::Damaged(why)) => self.put_away(why),
            },
            Err(error) => Error::file("read", &self.file, &error),
        };
        Loaded { payload: None, problem: Some(problem) }
    }

    /// Whether there is a file that could not be opened yet because the keychain did not answer.
    pub fn unread(&self) -> bool {
        self.shared.unread.load(Ordering::Relaxed)
    }

    /// Replaces what was saved, atomically, mode 0600.
    pub async fn save(&self, payload: &[u8]) -> Result<()> {
        let key = self.key().await?;
        if self.shared.unread.swap(false, Ordering::Relaxed) && self.file.exists() {
            set_aside(&self.file, self.clock.now()).map_err(|error| Error::file("set aside", &self.file, &error))?;
        }
        let sealed =
            seal(&key, payload).ok_or_else(|| Error::new(Code::File, "Could not seal the sessions", "They are in memory and end with the agent; try again"))?;
        let (turn, file) = (Arc::clone(&self.shared.writing).lock_owned().await, self.file.clone());
        // The turn goes with the writing, so that a caller who leaves lets no older file win.
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            files::write_atomic(&file, &sealed)
        });
        written
            .await
            .unwrap_or_else(|_| Err(Error::new(Code::File, "Could not write the sealed sessions", "They are in memory and end with the agent; try again")))
    }

    /// Deletes what was saved.
    pub async fn remove(&self) -> Result<()> {
        let _turn = self.shared.writing.lock().await;
        self.shared.unread.store(false, Ordering::Relaxed);
        files::remove(&self.file)
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let length = match fs::metadata(&self.file) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Too long to be ours: an empty one is set aside for the same reason.
        if length > LARGEST { Ok(Some(Vec::new())) } else { files::read_plain(&self.file).map(Some) }
    }

    async fn open(&self, sealed: Vec<u8>) -> Result<Bytes, Unopened> {
        let version = sealed.strip_prefix(MAGIC).and_then(|rest| rest.first()).ok_or(Unopened::Damaged("it is not Stagedoor's"))?;
        if *version != VERSION {
            return Err(Unopened::Damaged("another version of Stagedoor wrote it"));
        }
        if sealed.len() < HEADER + NONCE + TAG {
            return Err(Unopened::Damaged("it is cut short"));
        }
        let key = self.key().await.map_err(Unopened::Keychain)?;
        let (header, rest) = sealed.split_at(HEADER);
        let (nonce, body) = rest.split_at(NONCE);
        let mut payload = Zeroizing::new(body.to_vec());
        let cipher = XChaCha20Poly1305::new((&*key).into());
        match cipher.decrypt_in_place(XNonce::from_slice(nonce), header, &mut *payload) {
            Ok(()) => Ok(payload),
            Err(_) => Err(Unopened::Damaged("it was changed, or its key is no longer in the keychain")),
        }
    }

    async fn key(&self) -> Result<Zeroizing<[u8; 32]>> {
        let mut known = self.shared.key.lock().await;
        if let Some(key) = &*known {
            return Ok(key.clone());
        }
        let key = self.keys.key_material(Item::SealKey).await?;
        *known = Some(key.clone());
        Ok(key)
    }

    /// Wipes the key: it is fetched again when something is opened or saved.
    pub async fn forget_key(&self) {
        *self.shared.key.lock().await = None;
    }

    fn put_away(&self, why: &str) -> Error {
        match set_aside(&self.file, self.clock.now()) {
            Ok(aside) => Error::new(
                Code::File,
                format!("The sessions of the last time could not be opened: {why}"),
                format!("Start your profiles again; the file was set aside as {aside} and can be deleted"),
            ),
            Err(error) => Error::file("set aside", &self.file, &error),
        }
    }
}

enum Unopened {
    Keychain(Error),
    Damaged(&'static str),
}

/// Seals a payload into a file's bytes.
pub(super) fn seal(key: &[u8; 32], payload: &[u8]) -> Option<Vec<u8>> {
    let mut header = [0; HEADER + NONCE];
    header[..MAGIC.len()].copy_from_slice(MAGIC);
    header[MAGIC.len()] = VERSION;
    getrandom::fill(&mut header[HEADER..]).ok()?;
    let mut body = Zeroizing::new(Vec::with_capacity(payload.len() + TAG));
    body.extend_from_slice(payload);
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.encrypt_in_place(XNonce::from_slice(&header[HEADER..]), &header[..HEADER], &mut *body).ok()?;
    Some([&header[..], &body[..]].concat())
}

/// Opens what [`seal`] made. `None`: it was changed, or sealed with another key.
pub(super) fn unseal(key: &[u8; 32], sealed: &[u8]) -> Option<Bytes> {
    let (header, rest) = sealed.split_at_checked(HEADER)?;
    let (nonce, body) = rest.split_at_checked(NONCE)?;
    let mut payload = Zeroizing::new(body.to_vec());
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.decrypt_in_place(XNonce::from_slice(nonce), header, &mut *payload).ok().map(|()| payload)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::{paths::Platform, store::keychain::Memory};

    const PAYLOAD: &[u8] = br#"{"sessions":["FwoGZXIvYXdzEXAMPLETOKEN"]}"#;

    struct Case {
        _home: tempfile::TempDir,
        memory: Memory,
        sessions: SealedSessions,
    }

    impl Case {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let root = home.path().to_str().unwrap().to_owned();
            let paths = Paths::from_env(Platform::Linux, |name| (name == "STAGEDOOR_HOME").then(|| root.clone()));
            let memory = Memory::new();
            let sessions = SealedSessions::new(&paths, Keys(Arc::new(memory.clone())), Clock::driven(datetime!(2026-11-23 09:00 UTC)));
            Self { _home: home, memory, sessions }
        }

        /// As after a restart of the agent.
        fn restarted(&self) -> SealedSessions {
            SealedSessions { shared: Arc::default(), ..self.sessions.clone() }
        }

        fn put(&self, bytes: &[u8]) {
            super::super::files::write_atomic(&self.sessions.file, bytes).unwrap();
        }

        fn names(&self) -> Vec<String> {
            let folder = self.sessions.file.parent().unwrap();
            let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    #[tokio::test]
    async fn what_was_saved_is_there_after_a_restart_and_not_in_plain() {
        let case = Case::new();
        case.sessions.save(b"earlier").await.unwrap();
        case.sessions.save(PAYLOAD).await.unwrap();
        let loaded = case.restarted().load().await;
        assert_eq!(loaded.payload.as_deref().map(Vec::as_slice), Some(PAYLOAD));
        assert_eq!(loaded.problem, None);
        let raw = fs::read(&case.sessions.file).unwrap();
        assert!(!raw.windows(8).any(|window| PAYLOAD.windows(8).any(|plain| plain == window)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&case.sessions.file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        case.sessions.remove().await.unwrap();
        case.sessions.remove().await.unwrap();
        assert_eq!(case.names(), [""; 0]);
    }

    #[tokio::test]
    async fn without_a_file_the_keychain_is_not_asked() {
        let case = Case::new();
        case.memory.absent();
        let loaded = case.sessions.load().await;
        assert!(loaded.payload.is_none() && loaded.problem.is_none());
        assert_eq!(case.memory.calls(), 0);
    }

    #[tokio::test]
    async fn a_locked_keychain_leaves_the_file_for_later() {
        let case = Case::new();
        case.sessions.save(PAYLOAD).await.unwrap();
        let sessions = case.restarted();
        for (set_mood, code) in [(Memory::lock as fn(&Memory), Code::KeychainLocked), (Memory::absent, Code::KeychainAbsent)] {
            set_mood(&case.memory);
            let loaded = sessions.load().await;
            assert!(loaded.payload.is_none());
            assert_eq!(loaded.problem.unwrap().code, code);
            assert_eq!(case.names(), ["sessions.sealed"]);
        }
        case.memory.unlock();
        assert!(sessions.load().await.payload.is_some());
    }

    #[tokio::test]
    async fn saving_over_sessions_that_were_never_opened_sets_them_aside() {
        let case = Case::new();
        case.sessions.save(PAYLOAD).await.unwrap();
        let sessions = case.restarted();
        case.memory.lock();
        assert!(sessions.load().await.problem.is_some());
        case.memory.unlock();
        sessions.save(b"new").await.unwrap();
        assert_eq!(case.names(), ["sessions.sealed", "sessions.sealed.set-aside-20261123T090000Z"]);
    }

    #[tokio::test]
    async fn a_keychain_that_locks_later_does_not_stop_saving() {
        let case = Case::new();
        case.sessions.save(b"first").await.unwrap();
        case.memory.lock();
        case.sessions.save(PAYLOAD).await.unwrap();
        assert_eq!(case.restarted().load().await.problem.unwrap().code, Code::KeychainLocked);
    }

    #[tokio::test]
    async fn foreign_files_and_other_versions_and_lost_keys_are_set_aside() {
        let case = Case::new();
        case.sessions.save(PAYLOAD).await.unwrap();
        let good = fs::read(&case.sessions.file).unwrap();
        let mut newer = good.clone();
        newer[MAGIC.len()] = 2;
        for (bytes, word) in [(&b"[default]\naws_secret_access_key = x\n"[..], "not Stagedoor's"), (b"", "not Stagedoor's"), (&newer, "another version")] {
            case.put(bytes);
            let loaded = case.restarted().load().await;
            let problem = loaded.problem.unwrap();
            assert!(problem.message.contains(word) && problem.hint.contains("sessions.sealed.set-aside-20261123T090000Z"), "{problem:?}");
            assert!(loaded.payload.is_none());
            assert_eq!(case.names(), ["sessions.sealed.set-aside-20261123T090000Z"]);
        }
        case.put(&good);
        let other = SealedSessions { keys: Keys(Arc::new(Memory::new())), ..case.restarted() };
        let problem = other.load().await.problem.unwrap();
        assert!(problem.message.contains("its key is no longer in the keychain"), "{problem:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]
        #[test]
        fn damage_is_noticed_and_never_a_payload(cut in any::<prop::sample::Index>(), flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 0..4)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let case = Case::new();
                case.sessions.save(PAYLOAD).await.unwrap();
                let good = fs::read(&case.sessions.file).unwrap();
                let mut bad = good.clone();
                for (at, bit) in &flips {
                    let at = at.index(bad.len());
                    bad[at] ^= 1 << bit;
                }
                if flips.is_empty() {
                    bad.truncate(cut.index(bad.len()));
                }
                if bad == good {
                    return;
                }
                case.put(&bad);
                let loaded = case.restarted().load().await;
                assert!(loaded.payload.is_none());
                assert!(loaded.problem.is_some());
                assert!(!case.sessions.file.exists());
            });
        }
    }
}
